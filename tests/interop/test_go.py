"""Exchange everything that is signed with Go's packages and transparency-dev's modules: `interop/run`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.needs("go"), pytest.mark.needs("bash")]
CANNOT_BE_HAD = 75


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the Go program stays between the tests."""
    return tmp_path_factory.mktemp("interop")


def run(repository: Path, work: Path, piece: str) -> list[str]:
    """Run one piece and return what was checked; skip if the modules cannot be had."""
    # Go keeps what it has built in the user's cache, and everything else in the test's own folder.
    kept = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    done = subprocess.run(
        [repository / "interop" / "run", "-w", work, piece],
        env=kept | {"HISN_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode == CANNOT_BE_HAD:
        pytest.skip(f"the Go modules cannot be had: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stdout + done.stderr[-4_000:]
    return [line for line in done.stdout.splitlines() if line.startswith("ok ")]


def test_go_verifies_what_we_sign_and_we_what_go_signs(repository: Path, work: Path) -> None:
    checked = run(repository, work, "exchange")
    parts = (
        "notes",
        "Ed25519 and ML-DSA-44",
        "of consistency",
        "subtrees",
        "of logging",
        "policies",
        "entry",
    )
    for part in parts:
        assert sum(line.endswith(part) for line in checked) == 2, (part, checked)
    assert any(
        "our vectors: 48 checkpoints, 26 cosignatures, 6 subtrees, 63 proofs" in each for each in checked
    )


def test_transparency_devs_witness_cosigns_our_checkpoints(repository: Path, work: Path) -> None:
    # Once for each of our log's two keys: theirs knows one key of a log.
    assert len(run(repository, work, "witness")) == 2


def test_transparency_devs_client_moves_our_witness(repository: Path, work: Path) -> None:
    assert any("moved our witness over 7 checkpoints" in line for line in run(repository, work, "feed"))


@pytest.mark.full
def test_transparency_devs_own_command_cosigns_our_checkpoints(repository: Path, work: Path) -> None:
    # Its database alone takes half a minute to build.
    assert run(repository, work, "omniwitness")
