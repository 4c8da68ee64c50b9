"""Measure the correlator on one core: marks in, episodes out, beside the naive way.

    python bench/correlate.py [--marks 1000000] [--rounds 5] [--write]

Marks come at 5,000 a second in blocks of 5,000 (one cycle of a watch) or 32,768 (a batch); after
each block time advances and the episodes are taken.  The naive way keeps a queue for each group,
drops what is too old and counts what is left, for each mark: what an interpreter of rules does.
It is given as many marks as it judges in a few seconds.  Figures are the best of several rounds,
in seconds of processor time, because other work may run on the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from hisn.engine.correlate.correlator import Correlator
from hisn.engine.correlate.plan import CorrelationPlan, compile_correlations
from hisn.engine.marks import MarkBlock
from hisn.rules.correlation import Compare, Correlation, Kind, Reference, correlation_digest
from hisn.rules.expr import Text
from hisn.rules.info import RuleInfo
from hisn.rules.pack import Pack, Rule, RuleSource, digest_of
from tables import REPOSITORY, Report, commit, hardware

STEP_US = 200
CYCLE, BATCH = 5_000, 32_768
NAIVE_S = 4.0
NEVER = 10**9


@dataclass(frozen=True)
class Case:
    """Describe one measurement: a correlation, the values in its fields, and the naive way's measure."""

    title: str
    plan: CorrelationPlan
    columns: Mapping[str, Sequence[str | int]]
    span_s: int
    naive: Callable[[deque[Any]], float] | None = None
    value: str = ""
    bar: float = 0
    rules: int = 1


def plan_of(
    kind: Kind, span_s: int, condition: Mapping[str, int], rules: int = 1, **more: Any
) -> CorrelationPlan:
    """Return the plan of one correlation over some rules."""
    members = tuple(
        Rule(
            id=f"00000000-0000-0000-0000-{index:012d}",
            digest=hashlib.sha256(str(index).encode()).hexdigest(),
            path="rule.yml",
            level="low",
            logsource=RuleSource(),
            condition=Text("A", "equals", str(index)),
            info=RuleInfo(title="rule"),
        )
        for index in range(rules)
    )
    references = tuple(
        Reference(name=f"r{index}", digests=(rule.digest,)) for index, rule in enumerate(members)
    )
    document = hashlib.sha256(repr((kind, span_s, condition, more)).encode()).hexdigest()
    correlation = Correlation(
        id="00000000-0000-0000-0001-000000000000",
        digest=correlation_digest(document, references),
        document=document,
        path="correlation.yml",
        level="high",
        info=RuleInfo(title="correlation"),
        kind=kind,
        references=references,
        timespan_us=span_s * 1_000_000,
        condition=tuple(msgspec.convert((op, str(value)), Compare) for op, value in condition.items()),
        **more,
    )
    pack = Pack(name="bench", digest=digest_of(members), rules=members, correlations=(correlation,))
    return compile_correlations(pack)


def addresses(count: int, different: int, seed: int) -> list[str]:
    """Return addresses, drawn at random from so many."""
    chance = random.Random(seed)  # noqa: S311  a benchmark has to be the same tomorrow
    return [
        f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        for number in (chance.randrange(different) for _ in range(count))
    ]


def blocks_of(case: Case, marks: int, size: int) -> Iterator[tuple[list[MarkBlock], int]]:
    """Yield the marks in blocks, and the time of the last of each."""
    for low in range(0, marks, size):
        numbers = np.arange(low, min(low + size, marks))
        made = []
        for rule in range(case.rules):
            own = numbers[numbers % case.rules == rule]
            columns = {
                name: [cells[number] for number in own.tolist()] for name, cells in case.columns.items()
            }
            made.append(MarkBlock(rule, "access.log", "", own + 1, own * STEP_US, columns))
        yield made, int(numbers[-1]) * STEP_US


def correlate(case: Case, blocks: Sequence[tuple[list[MarkBlock], int]]) -> tuple[float, int, Correlator]:
    """Return the seconds that it took, the number of states of episodes taken, and the correlator."""
    correlator = Correlator(case.plan)
    states = 0
    start = time.process_time()
    for made, last in blocks:
        correlator.add(made)
        correlator.advance(last)
        states += len(correlator.take())
    return time.process_time() - start, states, correlator


def naive_rate(case: Case, marks: int) -> float:
    """Return the marks per second of the naive way, after its first window is full if it comes so far."""
    if case.naive is None:
        return 0
    queues: dict[Any, deque[Any]] = defaultdict(deque)
    groups = case.columns.get("group", ["all"] * marks)
    values = case.columns[case.value] if case.value else groups
    span_us = case.span_s * 1_000_000
    filled = min(marks // 2, span_us // STEP_US)
    for number in range(filled):
        queues[groups[number]].append((number * STEP_US, values[number]))
    start = time.process_time()
    done = filled
    fired = 0
    while done < marks and (done % 64 or time.process_time() - start < NAIVE_S):
        queue, at = queues[groups[done]], done * STEP_US
        queue.append((at, values[done]))
        while queue[0][0] < at - span_us:
            queue.popleft()
        fired += case.naive(queue) >= NEVER
        done += 1
    return (done - filled) / (time.process_time() - start)


def counted(queue: deque[Any]) -> float:
    """Return how many values there are."""
    return len(queue)


def different(queue: deque[Any]) -> float:
    """Return how many different values there are."""
    return len({value for _, value in queue})


def total(queue: deque[Any]) -> float:
    """Return the sum of the values."""
    return float(sum(value for _, value in queue))


def average(queue: deque[Any]) -> float:
    """Return the mean of the values."""
    return total(queue) / len(queue)


def median(queue: deque[Any]) -> float:
    """Return the upper median of the values."""
    return float(sorted(value for _, value in queue)[len(queue) // 2])


def cases(marks: int) -> Iterator[Case]:
    """Yield what is measured."""
    few, many = addresses(marks, 1_000, 1), addresses(marks, 100_000, 2)
    values = addresses(marks, 10_000, 3)
    numbers = [index * 7_919 % 1_500 for index in range(marks)]
    silent = {"gte": NEVER}

    def counts(title: str, group: Sequence[str], least: int, bar: float = 0) -> Case:
        plan = plan_of("event_count", 40, {"gte": least}, group_by=("group",))
        return Case(f"event_count, {title}", plan, {"group": group}, 40, counted, bar=bar)

    yield counts("1,000 groups, 200 marks each in the window", few, NEVER, 500_000)
    yield counts("100,000 groups", many, NEVER)
    yield counts("10 groups that fire without end", addresses(marks, 10, 4), 400)
    yield counts("1,000 groups that fire now and then", few, 240)
    plan = plan_of("value_count", 20, silent, fields=("value",))
    title = "value_count, 10,000 values in the window"
    yield Case(title, plan, {"value": values}, 20, different, "value", 200_000)
    unique = [str(index) for index in range(marks)]
    yield Case("value_count, every value a new one", plan, {"value": unique}, 20, different, "value")
    measured: tuple[tuple[Kind, Callable[[deque[Any]], float]], ...] = (
        ("value_sum", total),
        ("value_avg", average),
        ("value_median", median),
    )
    for kind, naive in measured:
        plan = plan_of(kind, 40, silent, fields=("bytes",), group_by=("group",))
        yield Case(f"{kind}, 1,000 groups", plan, {"group": few, "bytes": numbers}, 40, naive, "bytes")
    temporal: tuple[Kind, ...] = ("temporal", "temporal_ordered")
    for kind in temporal:
        plan = plan_of(kind, 1, {}, 3, group_by=("group",))
        yield Case(f"{kind}, 3 rules, 100,000 groups", plan, {"group": many}, 1, rules=3)


def measure(report: Report, case: Case, marks: int, rounds: int) -> list[list[str]]:
    """Return the rows of one case."""
    naive = naive_rate(case, marks)
    rows = []
    for size in (CYCLE, BATCH):
        blocks = list(blocks_of(case, marks, size))
        runs = [correlate(case, blocks) for _ in range(rounds)]
        rate = marks / min(seconds for seconds, _, _ in runs)
        _, states, correlator = runs[-1]
        if case.bar:
            report.bar(f"{case.title}, blocks of {size:,}", rate, case.bar, "marks/s")
        started = time.process_time()
        data = correlator.dump()
        dumped = time.process_time() - started
        rows.append(
            [
                case.title if size == CYCLE else "",
                f"{size:,}",
                f"{rate:,.0f}",
                f"{naive:,.0f}" if naive else "",
                f"{rate / naive:,.1f}" if naive else "",
                f"{states:,}",
                f"{len(data) / 1_000_000:.1f} MB in {dumped * 1_000:.0f} ms",
            ]
        )
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure, print, and write the report where it is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--marks", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write bench/CORRELATE.md")
    arguments = parser.parse_args()
    report = Report()
    report.add("# What correlation costs")
    report.add(
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {hardware()}. One process, one core. "
        f"{arguments.marks:,} marks at {1_000_000 // STEP_US:,} a second of the log's time, best of "
        f"{arguments.rounds} rounds by processor time, from marks with their cells to episodes with "
        "their evidence. "
        "*naive*: a queue for each group, looked through for each mark; *times*: how much faster we are. "
        "*episodes*: states taken, one for each episode and block in which it grew. *state*: what is kept "
        "between two cycles at the end, and how long it takes to pack it."
    )
    rows = [
        row
        for case in cases(arguments.marks)
        for row in measure(report, case, arguments.marks, arguments.rounds)
    ]
    report.table(("", "block", "marks/s", "naive", "times", "episodes", "state"), rows)
    report.close()
    if arguments.write:
        (REPOSITORY / "bench" / "CORRELATE.md").write_text(report.text())


if __name__ == "__main__":
    main()
