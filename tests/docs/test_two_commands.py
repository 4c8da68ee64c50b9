"""Do what the first page says, as a stranger: clone, and type the first command."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def plain_environment(home: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HISN_", "PYTEST_", "VIRTUAL_"))
    }
    return kept | {"HISN_HOME": str(home)}


@pytest.mark.full
@pytest.mark.needs("git", "make")
def test_a_stranger_gets_findings_with_one_command(tmp_path: Path) -> None:
    clone = tmp_path / "hisn"
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
    environment = plain_environment(tmp_path / "home")
    done = subprocess.run(
        ["make", "demo"], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"finding", done.stdout, re.IGNORECASE)
    again = subprocess.run(
        ["make", "venv"], cwd=clone, env=environment, capture_output=True, text=True, check=True
    )
    assert "Installing" not in again.stdout, "the environment is made once"


@pytest.mark.needs("make")
def test_help_names_every_target_that_readers_use() -> None:
    said = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target in ("venv", "demo", "test", "test-full", "soak", "lint", "bench", "lock", "fmt", "clean"):
        assert re.search(rf"make {target} +\S", said), target
