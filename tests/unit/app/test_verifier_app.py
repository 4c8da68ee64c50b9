"""The verifier is small, alone, and one file; the same sources give the same bytes."""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from hisn.app.verifier_app import build_verifier, foreign_imports, verifier_modules
from vectors import make_evpack

FOLDER = Path(make_evpack.__file__).parent / "evpack"
MAX_LINES = 4_000
# No disk, network, clock or chance; `argparse` and `sys` are for its command line.
FOREIGN = {
    *("__future__", "argparse", "base64", "collections", "contextlib", "dataclasses", "datetime", "enum"),
    *("functools", "hashlib", "itertools", "json", "re", "struct", "sys", "typing", "unicodedata", "zlib"),
    "cryptography",
}
SOURCE = Path(make_evpack.__file__).parents[1] / "src"


def forbidden() -> set[str]:
    """Return what the contract in pyproject.toml forbids; `lint-imports` checks it, chains included."""
    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text("utf-8"))
    (contract,) = [
        each
        for each in project["tool"]["importlinter"]["contracts"]
        if each["name"].startswith("The verifier")
    ]
    return set(contract["forbidden_modules"])


def all_modules() -> dict[str, Path]:
    paths = {path: path.relative_to(SOURCE).with_suffix("").parts for path in (SOURCE / "hisn").rglob("*.py")}
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in paths.items()}


def test_every_module_is_of_the_verifier_or_forbidden_to_it() -> None:
    needed = set(verifier_modules())
    left_out = {name for name in set(all_modules()) - needed if not any_of(name, forbidden())}
    assert left_out == set(), "the verifier does not import these: forbid them in pyproject.toml"
    assert {name for name in needed if any_of(name, forbidden())} == set()


def any_of(name: str, modules: set[str]) -> bool:
    return any(f"{name}.".startswith(f"{module}.") for module in modules)


def test_the_verifier_imports_what_it_needs_and_nothing_else() -> None:
    assert foreign_imports(verifier_modules()) - FOREIGN == set()
    packages = foreign_imports(all_modules()) - set(sys.stdlib_module_names)
    assert packages - {"cryptography"} - forbidden() == set()


def test_what_is_imported_when_it_runs_is_what_was_counted() -> None:
    program = (
        "import sys, hisn.verify.__main__; print(*sorted(n for n in sys.modules if n.startswith('hisn')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - set(verifier_modules()) == set()


def test_the_verifier_can_be_read_in_a_day() -> None:
    # As `wc -l` counts: code, comments, docstrings and blank lines.
    assert sum(path.read_bytes().count(b"\n") for path in verifier_modules().values()) < MAX_LINES


def test_the_same_sources_give_the_same_bytes() -> None:
    assert build_verifier() == build_verifier()


def test_the_file_holds_the_modules_as_they_are() -> None:
    archive = zipfile.ZipFile(io.BytesIO(build_verifier()))
    assert archive.testzip() is None
    names = set(archive.namelist()) - {"__main__.py"}
    modules = verifier_modules()
    assert len(names) == len(modules)
    for path in modules.values():
        (name,) = [name for name in names if path.as_posix().endswith("/" + name)]
        assert archive.read(name) == path.read_bytes()


@pytest.mark.parametrize(("name", "code"), [("good-witnessed", 0), ("good-nobody", 5), ("bad-two-values", 4)])
def test_the_file_verifies_on_its_own(name: str, code: int, tmp_path: Path) -> None:
    program = tmp_path / "hisn-verify.pyz"
    program.write_bytes(build_verifier())
    # -I and another folder: nothing of this checkout can help it.
    done = subprocess.run(
        [sys.executable, "-I", program, FOLDER / f"{name}.evpack"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert "NOT PROVEN" in done.stdout


def test_the_file_says_what_it_lacks_where_cryptography_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "hisn-verify.pyz"
    program.write_bytes(build_verifier())
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, "x"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode != 0
    assert "cryptography" in done.stderr
    assert "Traceback" not in done.stderr
