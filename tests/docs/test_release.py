"""What is released is built from one command, and comes out the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
KINDS = {".whl", ".gz", ".pyz", ".html", ".json", ".txt", ""}


def build(folder: Path, *options: str) -> dict[str, bytes]:
    command = [sys.executable, str(REPOSITORY / "tools" / "dist.py"), *options, str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=REPOSITORY)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.full
def test_a_release_is_the_same_bytes_twice(tmp_path: Path) -> None:
    first, second = build(tmp_path / "one"), build(tmp_path / "two")
    assert {Path(name).suffix for name in first} == KINDS
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


def test_the_verifiers_are_the_same_bytes_twice(tmp_path: Path) -> None:
    first = build(tmp_path / "one", "--verifier")
    assert set(first) == {"hisn-verify.pyz", "verify.html", "SHA256SUMS"}
    assert build(tmp_path / "two", "--verifier") == first


def test_the_one_file_verifier_runs_alone(tmp_path: Path) -> None:
    build(tmp_path / "dist", "--verifier")
    pack = REPOSITORY / "vectors" / "evpack" / "good-both.evpack"
    command = [sys.executable, "-I", str(tmp_path / "dist" / "hisn-verify.pyz"), str(pack)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VALID. No step fails" in done.stdout
    assert "NOT PROVEN" in done.stdout
