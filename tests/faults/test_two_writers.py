"""Several processes append to one log at once, over one real SQLite file: all win in turn, nothing forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.faults.appender import ORIGIN, open_log, signer

from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.fsck import fsck
from hisn.tlog.staging import LogNames, staged_size

REPOSITORY = Path(__file__).resolve().parents[2]
RIVAL = Path(__file__).with_name("rival.py")
NAMES = LogNames(ORIGIN)


def new_node(folder: Path) -> None:
    (folder / "state").mkdir(parents=True)
    register = SqliteRegister(folder / "state" / "commit.db")
    LogWriter.create(signer(), FileBlobs(folder), register)
    register.close()


def start(folder: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(RIVAL), str(folder), name, str(rounds)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def promises(said: str) -> list[tuple[int, list[bytes]]]:
    """Return the promises of one writer: first index and entries. A last line that was cut is none."""
    found = []
    for line in said.split("\n")[:-1]:
        first, name, number, count = line.split()
        found.append((int(first), [f"{name} {number} {each}".encode() for each in range(int(count))]))
    return found


def check(folder: Path, promised: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Check the whole log against what its writers were promised; return its entries."""
    writer = open_log(folder, signer())
    assert writer.refusal is None
    held = list(writer.entries(0, writer.head().checkpoint.size))
    for first, entries in promised:
        assert held[first : first + len(entries)] == entries
    blobs = FileBlobs(folder)
    report = fsck(
        lambda name: blobs.get(NAMES.folder + name),
        writer.keys,
        checkpoint=writer.head().raw,
        names=[name.removeprefix(NAMES.folder) for name in blobs.list(NAMES.folder)],
    )
    report.require_sound()
    # Another process may be about to commit a bundle that begins at this size: it stays until the next append.
    assert {staged_size(name) for name in blobs.list(NAMES.staging)} <= {len(held)}
    return held


def test_three_processes_lose_nothing_to_each_other(tmp_path: Path) -> None:
    new_node(tmp_path / "node")
    rivals = [start(tmp_path / "node", name, rounds=12) for name in ("a", "b", "c")]
    promised = [each for rival in rivals for each in promises(rival.communicate()[0])]
    assert [rival.returncode for rival in rivals] == [0, 0, 0]
    assert len(promised) > 30
    held = check(tmp_path / "node", promised)
    assert len(held) == sum(len(entries) for _, entries in promised), "nothing stands there twice"


@pytest.mark.parametrize("delay_s", [0.5, 0.8])
def test_a_writer_killed_beside_another_leaves_the_other_going(tmp_path: Path, delay_s: float) -> None:
    new_node(tmp_path / "node")
    victim, survivor = start(tmp_path / "node", "a", rounds=500), start(tmp_path / "node", "b", rounds=25)
    time.sleep(delay_s)
    victim.send_signal(signal.SIGKILL)
    promised = [each for rival in (victim, survivor) for each in promises(rival.communicate()[0])]
    assert (victim.returncode, survivor.returncode) == (-signal.SIGKILL, 0)
    check(tmp_path / "node", promised)
    open_log(tmp_path / "node", signer()).append([b"the next one"])
    open_log(tmp_path / "node", signer())
    assert not list(FileBlobs(tmp_path / "node").list(NAMES.staging)), "what the victim left is gone"
