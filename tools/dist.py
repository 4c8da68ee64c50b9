"""Build what is released, the same bytes each time: ``python tools/dist.py [--verifier] [FOLDER]``.

Wheel and source archive, the verifier as one file, the page that verifies in a browser, the bill
of materials of what the lock file pins, the list of its licences, and the digests of all of them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from hisn import __version__
from hisn.app.verifier_app import build_verifier
from hisn.app.verify_page import build_page

REPOSITORY = Path(__file__).resolve().parents[1]
LOCK = REPOSITORY / "requirements.lock"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_NOT_HERE = "not installed on the machine that built this list (another platform)"
_EPOCH = "1577836800"
"""2020-01-01: archives carry this time, whenever they are built."""


def main(arguments: list[str]) -> int:
    """Write the files and their digests; with ``--verifier``, the two verifiers alone."""
    places = [each for each in arguments if not each.startswith("-")]
    folder = Path(places[0]) if places else REPOSITORY / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hisn-verify.pyz").write_bytes(build_verifier())
    (folder / "verify.html").write_bytes(build_page())
    if "--verifier" not in arguments:
        _write_release(folder)
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    sums = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (folder / "SHA256SUMS").write_text(sums, "ascii")
    sys.stdout.write(sums)
    return 0


def _write_release(folder: Path) -> None:
    os.environ["SOURCE_DATE_EPOCH"] = _EPOCH
    for builder in (WheelBuilder, SdistBuilder):
        list(builder(str(REPOSITORY)).build(directory=str(folder), versions=["standard"]))
    (folder / f"hisn-{__version__}.cdx.json").write_bytes(bill_of_materials())
    (folder / "LICENCES.txt").write_text(licences(), "utf-8")


def bill_of_materials() -> bytes:
    """Return the CycloneDX document of the locked dependencies, without serial number and time."""
    program = Path(sys.executable).with_name("cyclonedx-py")
    command = [str(program), "requirements", str(LOCK), "--pyproject", str(REPOSITORY / "pyproject.toml")]
    options = ["--output-reproducible", "--short-PURLs", "--of", "JSON"]
    done = subprocess.run([*command, *options], capture_output=True, check=True)
    return done.stdout


def licences() -> str:
    """Return name, version and licence of every locked dependency, one a line."""
    lines = ["Hisn is under the Apache License 2.0.  It uses, unchanged and not included:", ""]
    for name, version in sorted(_PINNED.findall(LOCK.read_text("utf-8"))):
        lines.append(f"{name} {version}: {_licence(name)}")
    return "\n".join([*lines, ""])


def _licence(name: str) -> str:
    try:
        found = importlib.metadata.metadata(name).json
    except importlib.metadata.PackageNotFoundError:
        return _NOT_HERE
    classified = [
        each.rpartition(" :: ")[2] for each in found.get("classifier", ()) if each.startswith("License ::")
    ]
    first_line = str(found.get("license", "")).strip().split("\n")[0]
    return (
        str(found.get("license_expression", "")) or "; ".join(classified) or first_line or "see its project"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
