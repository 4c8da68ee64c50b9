"""Measure what sealing costs: hashing alone, encryption, and `hisn guard` with and without it.

Run ``python bench/seal.py``.  The native hasher is measured where ``python -m hisn.evidence.native``
has built it.  Every run of the command is a process of its own, with a node made beforehand; the
best of the runs counts, since noise of the machine only ever adds.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import datasets
import subject
import tables
from hisn.events.batch import Chunk
from hisn.events.declare import Declarations
from hisn.events.open import discover, read
from hisn.evidence.batch import Mode, OpenBatch, seal_chunk
from hisn.evidence.disclosure import open_leaf
from hisn.evidence.native.hasher import NativeHasher
from hisn.evidence.native.library import find_library, load_library
from hisn.evidence.pure import PureHasher
from hisn.evidence.raw import RawEncryptor
from hisn.evidence.rows import Hasher, slot_plan
from hisn.tlog.merkle import leaf_hash, verify_inclusion
from measure import BenchError, MiB, Run, Series, run_once
from peers import DataSet
from subject import Way

CORPUS = Path(os.environ.get("HISN_CORPUS") or tables.REPOSITORY.parent / "shared" / "data")
KEY = bytes(range(32))
MODES: tuple[Mode, ...] = ("whole", "fields")
ALLOWED = frozenset({0, 1, 3})
BARS = {"whole": 10.0, "fields": 100.0}
RAW_BYTES = 256 * MiB


@dataclass(frozen=True, slots=True)
class Bench:
    """Hold what all sections need."""

    report: tables.Report
    scratch: Path
    data: DataSet
    runs: int
    processes: int


def chunks_of(folder: Path) -> list[Chunk]:
    """Read everything, as `hisn guard` reads it."""
    tasks = discover((str(folder),), Declarations()).tasks
    return [item for task in tasks for item in read(task) if isinstance(item, Chunk)]


def hashers() -> list[Hasher]:
    """Return the pure hasher, and the native one where it is built."""
    path = find_library()
    return [PureHasher(), *([NativeHasher(load_library(path))] if path else [])]


def best_cpu_s(work: Callable[[], object], runs: int) -> float:
    """Return the processor seconds of the fastest run."""
    taken = []
    for _ in range(runs):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def hashing(bench: Bench, chunks: Sequence[Chunk]) -> None:
    """Seal chunks that are in memory, in one process."""
    events = sum(chunk.records for chunk in chunks)
    blocks = [block for chunk in chunks for block in chunk.blocks]
    fields = sum(len(block.numbers) * len(slot_plan(block.layout).names) for block in blocks)
    raw_bytes = sum(len(raw) for block in blocks for raw in block.raws)
    bench.report.add(
        f"## Hashing alone\n\n{events:,} events with {fields:,} fields and {raw_bytes / MiB:,.0f} MiB of "
        "records, read before; processor time of one process."
    )
    rows = []
    for hasher in hashers():
        for mode in MODES:
            cpu_s = best_cpu_s(lambda m=mode, h=hasher: _seal_all(chunks, m, h), bench.runs)  # type: ignore[misc]
            digests = fields if mode == "fields" else events
            figures = f"{cpu_s:.2f}", f"{events / cpu_s:,.0f}", f"{digests / cpu_s:,.0f}"
            rows.append([f"{mode}, {hasher.name}", *figures])
    bench.report.table(("mode, hasher", "CPU s", "events/s", "digests/s"), rows)
    _profile(bench, chunks, hashers()[-1])


def _seal_all(chunks: Sequence[Chunk], mode: Mode, hasher: Hasher) -> None:
    for chunk in chunks:
        seal_chunk(chunk, KEY, mode, hasher)


def _profile(bench: Bench, chunks: Sequence[Chunk], hasher: Hasher) -> None:
    """Show where the time goes."""
    with cProfile.Profile() as profile:
        _seal_all(chunks, "fields", hasher)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    own = {f"{Path(file).name}:{name}": taken for (file, _, name), (_, _, taken, *_) in stats.items()}
    total = sum(own.values())
    longest = sorted(own.items(), key=lambda item: -item[1])[:6]
    names = [(name.removeprefix("~:").replace("|", "/"), f"{taken / total:.0%}") for name, taken in longest]
    bench.report.table((f"where the time of `fields`, {hasher.name}, goes", "share"), names)


def encryption(bench: Bench) -> None:
    """Encrypt raw bytes, with the digest of the blob and the commitment to the bytes."""
    part = os.urandom(MiB)

    def encrypt() -> None:
        for _ in RawEncryptor(KEY).encrypt(part for _ in range(RAW_BYTES // MiB)):
            pass

    cpu_s = best_cpu_s(encrypt, bench.runs)
    speed = f"{RAW_BYTES / MiB / cpu_s:,.0f} MiB/s"
    bench.report.add(f"Encrypting raw bytes, with the digest of the blob and the commitment: {speed}.")


def opening(bench: Bench, chunk: Chunk) -> None:
    """Open one field of one event of one batch, as a verifier does."""
    batch = OpenBatch(chunk, KEY, "fields")
    index = batch.sealed.count // 2
    names = open_leaf(batch.fields(index, []).presented).names
    shown = batch.fields(index, names[-1:])

    count = 200

    def verify() -> None:
        for _ in range(count):
            opened = open_leaf(shown.presented)
            verify_inclusion(leaf_hash(opened.leaf), index, batch.sealed.count, shown.path, batch.sealed.root)

    verify_s = best_cpu_s(verify, bench.runs) / count
    bench.report.add(
        f"One field of an event with {len(names)} fields, in a batch of {batch.sealed.count:,}: "
        f"verified in {verify_s * 1e3:.2f} ms."
    )
    bench.report.bar("one disclosure verified", verify_s * 1e3, 5, "ms", is_ceiling=True)


def commands(bench: Bench) -> None:
    """Judge the set without sealing and with it."""
    way = Way(rules=None, processes=bench.processes, home=bench.scratch / "home")
    _make_node(way, bench.scratch)
    plain = subject.judge(way, bench.data, bench.runs)
    rows = [_row("without sealing", plain, plain, bench.data)]
    for mode in MODES:
        for name in [hasher.name for hasher in hashers()]:
            sealed = Series(tuple(_sealed(bench, way, mode, name) for _ in range(bench.runs)))
            rows.append(_row(f"sealed, {mode}, {name}", sealed, plain, bench.data))
            if name == hashers()[-1].name:
                bench.report.bar(
                    f"sealing adds, {mode}", _added(sealed, plain), BARS[mode], "%", is_ceiling=True
                )
    bench.report.add(f"## `hisn guard`, {bench.processes} processes: {bench.data.events:,} events")
    bench.report.table(("way", "best s", "median s", "CPU s", "events/s", "peak MiB", "adds"), rows)


def _make_node(way: Way, scratch: Path) -> None:
    """Compile the rules and make the node beforehand: both are done once in a node's life."""
    log = scratch / "one.log"
    log.write_text('127.0.0.1 - - [03/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 200 1\n')
    environment = {"HISN_HOME": str(way.home), "XDG_DATA_HOME": str(way.home / "data")}
    run_once([*subject.command(way, log), "--seal"], env=environment, allowed=ALLOWED)


def _sealed(bench: Bench, way: Way, mode: Mode, hasher: str) -> Run:
    """Seal into a copy of the node, so that every run starts from the same log."""
    home = bench.scratch / "sealed"
    shutil.copytree(way.home, home)
    environment = {"HISN_HOME": str(home), "HISN_PURE": "1" if hasher == "pure" else "0"}
    command = [*subject.command(way, bench.data.path), "--seal", "--seal-mode", mode]
    try:
        return run_once(command, env=environment, allowed=ALLOWED)
    finally:
        shutil.rmtree(home)


def _added(sealed: Series, plain: Series) -> float:
    return (sealed.best.wall_s / plain.best.wall_s - 1) * 100


def _row(name: str, series: Series, plain: Series, data: DataSet) -> list[str]:
    best = series.best
    added = f"{_added(series, plain):.0f} %" if series is not plain else ""
    return [
        name,
        f"{best.wall_s:.2f}",
        f"{series.median_s:.2f}",
        f"{best.cpu_s:.2f}",
        f"{data.events / best.wall_s:,.0f}",
        f"{best.peak_bytes / MiB:,.0f}",
        added,
    ]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    sections = ("hashing", "guard")
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections), help="sections to run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each measurement (default 5)")
    parser.add_argument("--processes", type=int, default=2, help="processes of hisn guard (default 2)")
    parser.add_argument("--write", action="store_true", help="write bench/SEALING.md")
    return parser.parse_args()


def main() -> int:
    """Measure, print, and write if asked to."""
    chosen = arguments()
    report = tables.Report()
    with tempfile.TemporaryDirectory(prefix="hisn-bench-") as folder:
        scratch = Path(folder)
        data = datasets.otrf_set(CORPUS, scratch)
        bench = Bench(report, scratch, data, chosen.runs, chosen.processes)
        report.add("# What sealing costs")
        report.add(
            f"{datetime.now(UTC):%Y-%m-%d}, commit {tables.commit()}, {tables.hardware()}. "
            f"Best of {chosen.runs} runs, files in the system's cache."
        )
        try:
            if "hashing" in chosen.only:
                chunks = chunks_of(data.path)
                hashing(bench, chunks)
                encryption(bench)
                opening(bench, max(chunks, key=lambda chunk: chunk.records))
            if "guard" in chosen.only:
                commands(bench)
        except BenchError as error:
            report.add(f"Stopped ({error}).")
            return 1
        finally:
            report.close()
            if chosen.write:
                (tables.REPOSITORY / "bench" / "SEALING.md").write_text(report.text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
