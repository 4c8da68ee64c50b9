"""Measure the log: durable appends of ready entries, and of acts that are signed first.

Run ``python bench/ledger.py``; ``--folder`` names the disk to measure, since that is what is
measured.  Every append goes all the way: staging bundle, signature with both keys, commit in
SQLite, tiles, with a sync of the disk between all of them.  Beside it runs what a program does
that only wants its bytes kept: an append to one file and one sync per batch.  Results go to
``bench/LEDGER.md`` with ``--write``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import tables
from hisn.acts.statement import Header, Statement
from hisn.acts.write import sign_statement
from hisn.core.keys import PublicKey
from hisn.core.signers import DualSigner, Signer, dual_from_seed
from hisn.storage.blobs import FileBlobs
from hisn.storage.disk import RealDisk
from hisn.storage.register import SqliteRegister
from hisn.storage.system import SystemClock
from hisn.tlog.append import LogWriter
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.sign import LogSigner

TIME = "2026-11-03T20:00:00.000000Z"
ORIGIN = "bench.example/log"
BATCHES = (1, 16, 256, 1_000, 4_096, 10_000)
ENTRY_BYTES = 200
BAR_PER_S = 20_000
BAR_BATCH = 1_000
ACT_BATCHES = (1, 16, 256)
PARTS = ("sync", "files", "register", "signatures")


class Stopwatch:
    """Add up where the time goes."""

    def __init__(self) -> None:
        self.spent_s = defaultdict[str, float](float)
        self.calls = Counter[str]()

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure one call."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spent_s[part] += time.perf_counter() - began
            self.calls[part] += 1


class TimedDisk(RealDisk):
    """Measure the calls of files: syncs apart from all others that write."""

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch

    def sync_many(self, handles: Sequence[int]) -> None:
        """Sync, and measure it."""
        with self._watch.of("sync"):
            super().sync_many(handles)
        self._watch.calls["handles"] += len(handles)

    def create(self, folder: int) -> tuple[int, str]:
        """Create a file, and measure it."""
        with self._watch.of("files"):
            return super().create(folder)

    def write(self, file: int, data: memoryview) -> int:
        """Write, and measure it."""
        with self._watch.of("files"):
            return super().write(file, data)

    def link(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Link, and measure it."""
        with self._watch.of("files"):
            super().link(folder, old, new_folder, new)

    def unlink(self, folder: int, name: str) -> None:
        """Unlink, and measure it."""
        with self._watch.of("files"):
            super().unlink(folder, name)


class TimedRegister(SqliteRegister):
    """Measure the commit."""

    def __init__(self, path: Path, watch: Stopwatch) -> None:
        super().__init__(path)
        self._watch = watch

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Swap, and measure it."""
        with self._watch.of("register"):
            super().swap(name, old, new)


class TimedSigner:
    """Measure the signatures."""

    def __init__(self, signer: Signer, watch: Stopwatch) -> None:
        self._signer = signer
        self._watch = watch

    @property
    def public(self) -> PublicKey:
        """Return the public key."""
        return self._signer.public

    def sign(self, message: bytes) -> bytes:
        """Sign, and measure it."""
        with self._watch.of("signatures"):
            return self._signer.sign(message)


@dataclass
class Series:
    """Hold the times of appends of one batch size, in seconds."""

    batch: int
    times_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def per_s(self) -> float:
        """Return entries per second over the whole series."""
        return self.batch * len(self.times_s) / sum(self.times_s)

    def percentile_ms(self, percent: int) -> float:
        """Return that percentile of an append's time, in milliseconds."""
        return quantiles(self.times_s, n=100, method="inclusive")[percent - 1] * 1000


def run(series: Series, work: Callable[[int], object], seconds: float) -> Series:
    """Do some work again and again for so many seconds, at least eight times."""
    work(-1)  # folders are made and databases opened once
    series.watch.spent_s.clear()
    series.watch.calls.clear()
    ends = time.perf_counter() + seconds
    cpu_began = time.process_time()
    while len(series.times_s) < 8 or time.perf_counter() < ends:
        began = time.perf_counter()
        work(len(series.times_s))
        series.times_s.append(time.perf_counter() - began)
    series.cpu_s = time.process_time() - cpu_began
    return series


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Give a fresh folder on the disk that is measured."""
    with tempfile.TemporaryDirectory(prefix="hisn-bench-", dir=folder) as name:
        place = Path(name)
        (place / "state").mkdir()
        yield place


def new_log(place: Path, watch: Stopwatch) -> LogWriter:
    """Make a log whose parts are measured."""
    keys = dual_from_seed(bytes(32))
    timed = DualSigner(TimedSigner(keys.ed25519, watch), TimedSigner(keys.mldsa, watch))
    signer = LogSigner(ORIGIN, timed, SystemClock())
    register = TimedRegister(place / "state" / "commit.db", watch)
    return LogWriter.create(signer, FileBlobs(place, TimedDisk(watch)), register)


def measure_log(folder: Path, batch: int, seconds: float) -> Series:
    """Append ready entries."""
    series = Series(batch)
    entries = [os.urandom(ENTRY_BYTES) for _ in range(batch)]
    with scratch(folder) as place:
        writer = new_log(place, series.watch)
        return run(series, lambda _: writer.append(entries), seconds)


def measure_plain(folder: Path, batch: int, seconds: float) -> Series:
    """Append the same entries to one file, with one sync per batch."""
    series = Series(batch)
    entries = [os.urandom(ENTRY_BYTES) for _ in range(batch)]
    with scratch(folder) as place, (place / "plain").open("ab", buffering=0) as file:

        def append(_: int) -> None:
            file.write(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries))
            os.fsync(file.fileno())

        return run(series, append, seconds)


def measure_acts(folder: Path, batch: int, seconds: float) -> Series:
    """Sign acts with both keys, each naming the one before it, and append them."""
    series = Series(batch)
    author = dual_from_seed(b"\x01" * 32)
    last: list[bytes] = []

    def act() -> bytes:
        seq, prev = len(last), last[-1] if last else None
        header = Header(actor=ORIGIN, origin=ORIGIN, seq=seq, prev=prev, seen=(), claimed_time=TIME)
        with series.watch.of("acts"):
            leaf = sign_statement(Statement("observation", header, {"what": "x", "digest": "0" * 64}), author)
        last.append(leaf_hash(leaf))
        return leaf

    with scratch(folder) as place:
        writer = new_log(place, series.watch)
        return run(series, lambda _: writer.append([act() for _ in range(batch)]), seconds)


def row(series: Series) -> list[str]:
    """Return one line of a table of appends."""
    return [
        f"{series.batch:,}",
        f"{series.per_s:,.0f}",
        f"{median(series.times_s) * 1000:.2f}",
        f"{series.percentile_ms(95):.2f}",
        f"{series.cpu_s / len(series.times_s) * 1000:.2f}",
        f"{len(series.times_s):,}",
    ]


def share_row(series: Series) -> list[str]:
    """Return where the time of an append went, in milliseconds, and how many files and syncs it took."""
    count = len(series.times_s)
    spent = series.watch.spent_s
    rest = sum(series.times_s) - sum(spent[part] for part in PARTS)
    return [
        f"{series.batch:,}",
        *(f"{spent[part] / count * 1000:.2f}" for part in PARTS),
        f"{rest / count * 1000:.2f}",
        f"{series.watch.calls['handles'] / count:.0f}",
    ]


def measure_all(report: tables.Report, folder: Path, seconds: float) -> None:
    """Measure all sections."""
    head = ("batch", "entries/s", "median ms", "p95 ms", "CPU ms", "appends")
    report.add(f"## Durable appends of ready entries of {ENTRY_BYTES} bytes")
    ours = [measure_log(folder, batch, seconds) for batch in BATCHES]
    report.table(head, map(row, ours))
    for series in ours:
        if series.batch >= BAR_BATCH:
            report.bar(f"entries/s in batches of {series.batch:,}", series.per_s, BAR_PER_S, "entries/s")
    report.add("## Where the time of one append goes, in milliseconds")
    report.add(
        "*sync*: bundle, tiles and folders reach the disk. *files*: they are made, written and named. "
        "*register*: the commit in SQLite with its sync. *signatures*: Ed25519 and ML-DSA-44. *rest*: "
        "hashing, tiles, the proof of both from the bytes written, and the check of the signatures."
    )
    report.table(("batch", *PARTS, "rest", "syncs"), map(share_row, ours))
    report.add("## The same entries appended to one file, one sync per batch")
    report.add("No tree, no signature, no proof, and a torn end after a crash: the floor of this disk.")
    report.table(head, (row(measure_plain(folder, batch, seconds)) for batch in BATCHES))
    report.add("## Acts, signed with both keys and appended")
    acts = [measure_acts(folder, batch, seconds) for batch in ACT_BATCHES]
    report.table(
        ("batch", "acts/s", "median ms", "p95 ms", "CPU ms", "appends", "signing one, ms"),
        (
            [*row(series), f"{series.watch.spent_s['acts'] / series.watch.calls['acts'] * 1000:.2f}"]
            for series in acts
        ),
    )


def main() -> int:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, default=tables.REPOSITORY, help="a folder on the disk to measure"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each line (5)")
    parser.add_argument("--write", action="store_true", help="write bench/LEDGER.md")
    chosen = parser.parse_args()
    report = tables.Report()
    report.add("# What an append to the log costs")
    report.add(
        f"{datetime.now(UTC):%Y-%m-%d}, commit {tables.commit()}, {tables.hardware()}. One process, one "
        "thread. Entries per second are those of the whole series, syncs included."
    )
    measure_all(report, chosen.folder, chosen.seconds)
    report.close()
    if chosen.write:
        (tables.REPOSITORY / "bench" / "LEDGER.md").write_text(report.text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
