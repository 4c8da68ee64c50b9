"""The verifier is small, alone, and one file; the same sources give the same bytes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hisn.app.verifier_app import build_verifier, foreign_imports, verifier_modules
from vectors import make_evpack

FOLDER = Path(make_evpack.__file__).parent / "evpack"
MAX_LINES = 4_000
ALLOWED = re.compile(
    r"hisn(?:\.(?:errors|core|tlog|acts|evidence|unit|verify))?"
    r"|hisn\.core\.(?:canon|keys|proof_limits|instant|display)"
    r"|hisn\.tlog\.(?:path|note|checkpoint|stamp|proof)"
    r"|hisn\.evidence\.(?:disclosure|pack)"
    r"|hisn\.unit\.(?:roster|rosterdoc|quorum)"
    r"|hisn\.acts\.(?:envelope|kinds|statement)"
    r"|hisn\.verify\.[a-z_]+"
)
FOREIGN = {"cryptography", *sys.stdlib_module_names}
NO_PLACE = {"os", "socket", "ssl", "http", "urllib", "subprocess", "ctypes", "pickle", "importlib", "random"}


def test_the_verifier_imports_what_it_needs_and_nothing_else() -> None:
    modules = verifier_modules()
    assert [name for name in modules if not ALLOWED.fullmatch(name)] == []
    assert foreign_imports(modules) - FOREIGN == set()
    assert foreign_imports(modules) & NO_PLACE == set()


def test_what_is_imported_when_it_runs_is_what_was_counted() -> None:
    program = (
        "import sys, hisn.verify.__main__; print(*sorted(n for n in sys.modules if n.startswith('hisn')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - set(verifier_modules()) == set()


def test_the_verifier_can_be_read_in_a_day() -> None:
    # Code, comments and docstrings: all that there is to read.
    lines = [line for path in verifier_modules().values() for line in path.read_bytes().split(b"\n")]
    assert sum(bool(line.strip()) for line in lines) < MAX_LINES


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
