"""Let every system call of one append fail, and let the process be killed at every one of them.

After each fault the folder is opened again and checked file by file: nothing that was
acknowledged is lost, nothing is signed twice, and the log goes on.  (tessera's own test does the same.)
The normal set takes a sample; ``--full`` takes every call.

A call that strace lets fail is not made: "failed, and not persisted".  The other half, "failed,
but persisted", is played by the crash simulator and in `tests/unit/tlog/test_append.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.faults.appender import NEW, NO_QUORUM, ORIGIN, open_log, signer

from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.fsck import fsck
from hisn.tlog.staging import LogNames

pytestmark = [
    pytest.mark.needs("strace"),
    pytest.mark.skipif(sys.platform != "linux", reason="system calls are injected on Linux only"),
]
NAMES = LogNames(ORIGIN)
OLD = [b"old %d" % number for number in range(254)]  # the append fills a tile and begins the next
SAMPLE = 31  # every so many calls in the normal set; prime, so that no pattern of an append is missed
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(", re.MULTILINE)
# It does not return, and the C library tries it until it does.
_LAST = {"exit_group"}


@dataclass
class Bench:
    """Hold the process that forks appenders, and the folders they start from."""

    process: subprocess.Popen[str]
    folder: Path
    templates: dict[str, Path] = field(default_factory=dict)

    def run(self, scenario: str, *options: str) -> tuple[bool, str, Path]:
        """Run one append under strace; return whether it was acknowledged, the trace and the folder."""
        place = self.folder / "node"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.templates[scenario], place)
        assert self.process.stdin
        self.process.stdin.write(f"{scenario} {place}\n")
        self.process.stdin.flush()
        pid = self._line("PID")
        trace = self.folder / "trace"
        tracer = subprocess.Popen(
            ["strace", "-f", "-o", trace, *options, "-p", pid], stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr
        said = tracer.stderr.readline()
        if "attached" not in said:
            os.kill(int(pid), signal.SIGKILL)
            self._line("END")
            tracer.wait()
            pytest.skip(f"processes may not be traced here: {said.strip()}")
        os.kill(int(pid), signal.SIGCONT)
        self.said: list[str] = []
        self._line("END")
        tracer.communicate()
        return any(line.startswith("ACK") for line in self.said), trace.read_text(), place

    def _line(self, word: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()[1]
            self.said.append(line)
        raise AssertionError("the appender ended")

    said: list[str] = field(default_factory=list)


class Dying(FileBlobs):
    """Die after the commit, before the first tile is written."""

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        listed = list(items)
        if listed[0][0].startswith(NAMES.folder):
            raise KeyboardInterrupt
        super().put_many(listed)


def make_templates(folder: Path) -> dict[str, Path]:
    """Make a log to append to, and the same one as a crash right after a commit has left it."""
    place, committed = folder / "append", folder / "start"
    (place / "state").mkdir(parents=True)
    register = SqliteRegister(place / "state" / "commit.db")
    writer = LogWriter.create(signer(), FileBlobs(place), register)
    writer.append(OLD[:200])
    writer.publish(writer.head().raw, NO_QUORUM)
    with pytest.raises(KeyboardInterrupt):
        LogWriter.open(signer(), Dying(place), register).append(OLD[200:])
    register.close()
    shutil.copytree(place, committed)
    open_log(place, signer())
    return {"append": place, "start": committed}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("faults")
    program = Path(__file__).with_name("appender.py")
    with subprocess.Popen(
        [sys.executable, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the C library has its say when a futex fails
        text=True,
    ) as process:
        yield Bench(process, folder, make_templates(folder))
        assert process.stdin
        process.stdin.close()


def check(place: Path, *, is_acknowledged: bool) -> bool:
    """Open the log after a fault and look at all of it; tell whether the append is in it."""
    writer = open_log(place, signer())
    assert writer.refusal is None
    head = writer.head().checkpoint
    held = list(writer.entries(0, head.size))
    assert held in ([*OLD], [*OLD, *NEW]), "an append is there whole, or not at all"
    is_there = len(held) > len(OLD)
    assert is_there or not is_acknowledged, "an acknowledged append is lost"
    assert writer.append([b"next"]).first_index == len(held)
    writer.publish(writer.head().raw, NO_QUORUM)
    blobs = FileBlobs(place)
    report = fsck(
        lambda name: blobs.get(NAMES.folder + name),
        writer.keys,
        names=[name.removeprefix(NAMES.folder) for name in blobs.list(NAMES.folder)],
    )
    assert report.require_sound().size == len(held) + 1
    open_log(place, signer())
    assert not list(blobs.list(NAMES.staging))
    return is_there


def calls_of(bench: Bench, scenario: str) -> list[tuple[str, int]]:
    """Return every call of an append that nothing disturbs: its name, and the how many-th of that name."""
    is_acknowledged, trace, place = bench.run(scenario)
    assert is_acknowledged
    assert check(place, is_acknowledged=True)
    count = Counter[str]()
    calls = []
    for name in _CALL.findall(trace):
        if name not in _LAST:
            count[name] += 1
            calls.append((name, count[name]))
    return calls


@pytest.mark.parametrize("scenario", ["append", "start"])
@pytest.mark.parametrize("fault", ["error=EIO", "signal=KILL"])
def test_a_fault_at_any_system_call_loses_nothing(
    bench: Bench, scenario: str, fault: str, request: pytest.FixtureRequest
) -> None:
    calls = calls_of(bench, scenario)
    assert {"fsync", "linkat", "openat", "unlinkat"} <= {name for name, _ in calls}
    assert sum(name in {"fsync", "fdatasync"} for name, _ in calls) > 8
    step = 1 if request.config.option.full else SAMPLE
    seen = Counter[str]()
    for name, number in calls[::step]:
        is_acknowledged, _, place = bench.run(scenario, "-e", f"inject={name}:{fault}:when={number}")
        is_there = check(place, is_acknowledged=is_acknowledged)
        seen["acknowledged" if is_acknowledged else "kept unanswered" if is_there else "undone"] += 1
    print(f"{scenario}, {fault}: {seen.total()} of {len(calls)} calls: {dict(seen)}")
    assert seen["undone"]
    assert seen["acknowledged"] or seen["kept unanswered"]
