"""Show that a test that was not run cannot be overlooked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

def test_runs(): pass

@pytest.mark.full
def test_long(): pass

@pytest.mark.soak
def test_very_long(): pass

@pytest.mark.needs("no-such-program")
def test_with_a_program(): pass

@pytest.mark.corpus
def test_with_data(): pass
"""


def pytest_in(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    shutil.copyfile(Path(__file__).with_name("conftest.py"), folder / "conftest.py")
    (folder / "test_cases.py").write_text(CASES)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  full\n  soak\n  corpus\n  needs(program)\n")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HISN_", "PYTEST_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env=inherited | {"HISN_CORPUS": str(folder / "nowhere")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_what_is_left_out_is_counted_with_its_reason(tmp_path: Path, workers: tuple[str, ...]) -> None:
    code, said = pytest_in(tmp_path, *workers)
    assert code == 0, said
    assert "skipped: 2" in said
    assert "1 needs the program no-such-program" in said
    assert "1 the public test data is not there" in said
    assert "marked full, not in this run: 1" in said
    assert "marked soak, not in this run: 1" in said
    closing = said.strip().splitlines()[-1]
    assert "1 passed, 2 skipped, 2 deselected" in closing


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_skip_fails_where_none_is_allowed(tmp_path: Path, way: str) -> None:
    options, environment = (("--no-skips",), {}) if way == "option" else ((), {"HISN_NO_SKIPS": "1"})
    code, said = pytest_in(tmp_path, *options, **environment)
    assert code == 1, said
    assert "1 passed, 2 deselected, 2 errors" in said.strip().splitlines()[-1]


def test_the_full_set_has_the_long_tests_and_not_the_very_long(tmp_path: Path) -> None:
    code, said = pytest_in(tmp_path, "--full")
    assert code == 0, said
    assert "2 passed, 2 skipped, 1 deselected" in said.strip().splitlines()[-1]
