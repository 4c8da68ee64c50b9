"""Measure `hisn guard`: speed, memory, growth, beside other programs with the same rules.

Run ``python bench/guard.py --help``; PEERS.md says how other programs are named.  Every run is
a process of its own, so that the cold start is in every figure.  The best of three counts and
the median is shown.  Results go to ``bench/RESULTS.md`` with ``--write``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import datasets
import subject
import tables
from measure import BenchError, FamilyMemory, MiB, Run, Series, run_once, run_series
from peers import DataSet, Hits, Peer, installed_peers
from subject import Way

CORPUS = Path(os.environ.get("HISN_CORPUS") or tables.REPOSITORY.parent / "shared" / "data")
_RAW_PARSER = """
import sys, pathlib, evtx
parsers = (evtx.PyEvtxParser(str(path), 1) for path in pathlib.Path(sys.argv[1]).rglob("*.evtx"))
print(sum(1 for parser in parsers for _ in parser.records_json()))
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """Hold what all sections need."""

    report: tables.Report
    scratch: Path
    rules: Path
    peers: tuple[Peer, ...]
    runs: int

    def way(self) -> Way:
        """Return the plain way to run: one process, all the engine."""
        return Way(rules=self.rules, home=self.scratch / "home")


def count_events(data: DataSet) -> DataSet:
    """Count the records of Windows event logs with the raw parser."""
    run = run_once([sys.executable, "-c", _RAW_PARSER, data.path])
    return replace(data, events=int(run.output))


def latency(bench: Bench) -> None:
    """Measure what a user waits for before anything is read."""
    bench.report.add("## Start")
    rows = []
    commands: tuple[tuple[str, Sequence[str | Path]], ...] = (
        ("`python -c pass`", [sys.executable, "-c", "pass"]),
        ("`hisn --help`", [subject.HISN, "--help"]),
        ("`hisn guard --help`", [subject.HISN, "guard", "--help"]),
        ("imports of `hisn guard`", [sys.executable, "-c", "import hisn.app.guard"]),
    )
    for name, command in commands:
        series = run_series(command, 2 * bench.runs + 1)
        rows.append([name, f"{series.best.wall_s * 1000:.0f}", f"{series.median_s * 1000:.0f}"])
        if name == "`hisn --help`":
            bench.report.bar("`hisn --help`", series.median_s * 1000, 150, "ms", is_ceiling=True)
    bench.report.table(("what", "best ms", "median ms"), rows)


def rule_start(bench: Bench, data: DataSet) -> None:
    """Measure the first start, which compiles the rules, and the second, which loads the pack."""
    bench.report.add("## Rules")
    first = subject.first_start(bench.way(), data)
    second = subject.judge(bench.way(), data, bench.runs).best
    stages = subject.stages_of(second)
    loading = stages.get("rules", 0.0) + stages.get("plan", 0.0)
    bench.report.bar("second start: loading the rules", loading, 0.2, "s", is_ceiling=True)
    bench.report.add(
        f"{datasets.count_rules(bench.rules):,} rules for Windows: the first start, which compiles them, "
        f"took {first.wall_s:.2f} s; at the second, loading them took {loading:.3f} s."
    )


def ours(bench: Bench, data: DataSet) -> list[tuple[str, Series]]:
    """Judge a set in all ways, and insist that the findings are the same bytes."""
    plain = bench.way()
    ways = [plain, replace(plain, processes=2), replace(plain, use_hyperscan=False)]
    nothing_kept = replace(plain, home=bench.scratch / f"home-{data.name}")
    first = subject.first_start(nothing_kept, data)
    measured = []
    for way in ways:
        subject.first_start(way, data)  # compiles what this way needs
        measured.append((way.name, subject.judge(way, data, bench.runs)))
    measured.append(("Hisn, 1 process, first start: rules as written", Series((first,))))
    digests = {hashlib.sha256(run.output).hexdigest() for _, series in measured for run in series.runs}
    if len(digests) != 1:
        bench.report.add(f"**The findings on {data.name} differ from way to way.**")
    return measured


def compare(bench: Bench, data: DataSet, *, show_hits: bool) -> None:
    """Judge one set with everybody, and compare what was found."""
    bench.report.add(f"## {data.name}: {data.events:,} events, {data.size_bytes / MiB:,.1f} MiB")
    theirs: list[tuple[Peer, Series, Hits]] = []
    for peer in bench.peers:
        output = bench.scratch / f"{peer.name}.out"
        command = peer.command(data, output)
        if command is None:
            continue
        try:
            runs = 1 if peer.is_slow else bench.runs
            series = run_series(command, runs, env=peer.env, cwd=bench.scratch)
            theirs.append((peer, series, peer.hits(series.best, output)))
        except BenchError as error:
            bench.report.add(f"{peer.name} failed ({error}).")
    measured = attempt(bench, lambda: ours(bench, data))
    slowest = next((series.best.wall_s for peer, series, _ in theirs if peer.name == "Zircolite"), None)
    everybody = [*(measured or []), *((peer.name, series) for peer, series, _ in theirs)]
    bench.report.table(tables.ROW_HEAD, (tables.row(name, each, data, slowest) for name, each in everybody))
    if measured:
        best = measured[0][1].best
        bars(bench, data, measured, slowest)
        stages_table(bench, best)
        if show_hits:
            for peer, _, hits in theirs:
                if peer.is_slow:
                    continue
                compare_hits(bench, peer.name, subject.hits_of(best), hits)


def bars(bench: Bench, data: DataSet, measured: list[tuple[str, Series]], zircolite_s: float | None) -> None:
    """Hold the figures of one set against what was asked for."""
    times_zircolite, times_one_process = (30.0, 1.7) if data.is_evtx else (10.0, 1.4)
    one, two = (series.best.wall_s for _, series in measured[:2])
    if zircolite_s:
        bench.report.bar(f"{data.name}: beside Zircolite", zircolite_s / one, times_zircolite, "times")
    bench.report.bar(f"{data.name}: two processes beside one", one / two, times_one_process, "times")


def attempt(bench: Bench, action: Callable[[], list[tuple[str, Series]]]) -> list[tuple[str, Series]] | None:
    """Go on with the others when our own program fails, and say so."""
    try:
        return action()
    except BenchError as error:
        bench.report.add(f"Hisn failed ({error}).")
        return None


def stages_table(bench: Bench, run: Run) -> None:
    """Show where the time of one run went."""
    rows = [[name, f"{seconds:.3f}"] for name, seconds in subject.stages_of(run).items()]
    bench.report.table(("stage, one process (`judge` is `read`, `scan` and joining)", "s"), rows)


def compare_hits(bench: Bench, name: str, here: Hits, there: Hits) -> None:
    """List rule by rule where the hit lists differ."""
    bench.report.add(f"Hits beside {name}: {tables.agreement(here, there)}.")
    rows = tables.differences(here, there)
    if rows:
        bench.report.table(("rule", "Hisn", name), rows)


def raw_parser(bench: Bench, data: DataSet) -> None:
    """Measure the EVTX parser alone: the ceiling of anything built on it."""
    program: Sequence[str | Path] = [sys.executable, "-c", _RAW_PARSER, data.path]
    series = run_series(program, bench.runs)
    rate = data.events / series.best.wall_s
    bench.report.add(f"The EVTX parser alone, to JSON text, one core: {rate:,.0f} events/s on {data.name}.")


def growth(bench: Bench) -> None:
    """Show what happens when the work grows: a line that grows faster than the work is a fault."""
    bench.report.add("## Growth")
    plain = bench.way()
    few, many = (datasets.generated(size, bench.scratch) for size in (100_000, 1_000_000))
    some, all_distinct = (datasets.command_lines(200_000, each, bench.scratch) for each in (2_000, 20_000))
    tenth = datasets.every_nth_rule(bench.rules, 10, bench.scratch)
    election = replace(plain, rules=None)
    pairs = (
        ("events x 10 (access log, election rules)", (election, few), (election, many)),
        ("rules x 10 (Windows rules)", (replace(plain, rules=tenth), some), (plain, some)),
        ("distinct values x 10 (command lines)", (plain, some), (plain, all_distinct)),
        ("cores x 2 (access log)", (election, many), (replace(election, processes=2), many)),
    )
    rows = []
    for name, small, large in pairs:
        times = []
        for way, data in (small, large):
            subject.first_start(way, data)
            times.append(subject.judge(way, data, bench.runs).best)
        rows.append(
            [
                name,
                *(f"{run.wall_s:.2f}" for run in times),
                f"{times[1].wall_s / times[0].wall_s:.2f}",
                *(f"{run.peak_bytes / MiB:,.0f}" for run in times),
            ]
        )
    bench.report.table(("growth", "before s", "after s", "ratio", "before MiB", "after MiB"), rows)


def large(bench: Bench, gigabytes: float) -> None:
    """Judge one large generated access log and watch the memory of all processes together."""
    sample = datasets.generated(50_000, bench.scratch)
    records = int(gigabytes * 1e9 / (sample.size_bytes / sample.events))
    data = datasets.generated(records, bench.scratch)
    bench.report.add(f"## One log of {data.size_bytes / 1e9:.1f} GB")
    rows = []
    for processes in (1, 2):
        way = replace(bench.way(), rules=None, processes=processes)
        with FamilyMemory() as memory:
            run = subject.judge(way, data, 1).best
        rows.append(
            [
                way.name,
                f"{run.wall_s:.1f}",
                f"{data.events / run.wall_s:,.0f}",
                f"{data.size_bytes / MiB / run.wall_s:.1f}",
                f"{memory.peak_bytes / MiB:,.0f}",
            ]
        )
        bench.report.bar(
            f"peak memory on {data.size_bytes / 1e9:.1f} GB, {way.name}",
            memory.peak_bytes / 1e6,
            500,
            "MB",
            is_ceiling=True,
        )
    bench.report.table(("way", "s", "events/s", "MB/s", "peak MiB, all processes"), rows)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    sections = ("start", "rules", "evtx", "otrf", "growth")
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections), help="sections to run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each command (default 3)")
    parser.add_argument("--large", type=float, default=0.0, metavar="GB", help="also one log of so many GB")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    return parser.parse_args()


def measure_all(bench: Bench, chosen: argparse.Namespace) -> None:
    """Run the chosen sections."""
    evtx = count_events(datasets.evtx_set(CORPUS))
    for peer in bench.peers:
        conversion = peer.prepare(bench.rules, bench.scratch)
        took = f"; converting the rules beforehand took {conversion.wall_s:.1f} s" if conversion else ""
        bench.report.add(f"{peer.name}: {peer.note or 'rules as they are'}{took}.")
    if "start" in chosen.only:
        latency(bench)
    if "rules" in chosen.only:
        rule_start(bench, evtx)
    if "evtx" in chosen.only:
        tenfold = datasets.copied(evtx, 10, bench.scratch)
        compare(bench, evtx, show_hits=True)
        compare(bench, tenfold, show_hits=False)
        raw_parser(bench, tenfold)
    if "otrf" in chosen.only:
        compare(bench, datasets.otrf_set(CORPUS, bench.scratch), show_hits=True)
    if "growth" in chosen.only:
        growth(bench)
    if chosen.large:
        large(bench, chosen.large)


def main() -> int:
    """Measure, print, and write if asked to."""
    chosen = arguments()
    report = tables.Report()
    with tempfile.TemporaryDirectory(prefix="hisn-bench-") as folder:
        scratch = Path(folder)
        rules = datasets.windows_rules(CORPUS, scratch)
        bench = Bench(report, scratch, rules, tuple(installed_peers()), chosen.runs)
        report.add("# What `hisn guard` measures")
        report.add(
            f"{datetime.now(UTC):%Y-%m-%d}, commit {tables.commit()}, {tables.hardware()}. "
            f"Best and median of {chosen.runs} runs, each from a cold start, files in the system's cache. "
            f"{datasets.count_rules(rules):,} rules for Windows, the same for all."
        )
        try:
            measure_all(bench, chosen)
        except BenchError as error:
            report.add(f"Stopped ({error}).")
            return 1
        finally:
            report.close()
            if chosen.write:
                (tables.REPOSITORY / "bench" / "RESULTS.md").write_text(report.text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
