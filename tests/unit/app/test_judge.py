"""Tasks become parts batch by batch, and a failing reader costs its own source only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hisn.app import judge as judge_module
from hisn.app.judge import BatchLimits, Judge, Part
from hisn.engine.ledger import CoverageLedger
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner
from hisn.errors import InputError
from hisn.events.batch import Chunk
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.events.open import discover, read
from hisn.events.source import SourceNote
from hisn.events.tasks import Task
from hisn.rules.pack import Pack

LINE = '203.0.113.7 - - [03/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"\n'
NO_RULES = Pack(name="none", digest="0" * 64, rules=())


@pytest.fixture
def tasks(tmp_path: Path) -> tuple[Task, ...]:
    for name, count in (("a.log", 3), ("b.log", 2), ("c.log", 1)):
        (tmp_path / name).write_text(LINE * count)
    return discover([str(tmp_path)], Declarations()).tasks


def judge_by(rows: int) -> Judge:
    return Judge(Scanner(compile_plan(NO_RULES), load_mapping()), BatchLimits(rows=rows))


def coverage_of(parts: list[Part]) -> dict[str, tuple[str, int]]:
    ledger = CoverageLedger()
    for part in parts:
        ledger.merge(part.ledger)
    return {row.name: (row.status, row.records) for row in ledger.build(NO_RULES).sources}


@pytest.mark.parametrize(("rows", "batches"), [(1, 4), (4, 2), (1000, 1)])
def test_small_sources_share_a_batch(tasks: tuple[Task, ...], rows: int, batches: int) -> None:
    parts = list(judge_by(rows).run(tasks))
    assert len(parts) == batches
    assert sum(part.records for part in parts) == 6
    assert coverage_of(parts) == {"a.log": ("read", 3), "b.log": ("read", 2), "c.log": ("read", 1)}


@pytest.mark.parametrize(
    ("error", "reason"),
    [(InputError("E2003", "broken"), "broken"), (ZeroDivisionError(), "ZeroDivisionError")],
)
def test_reader_that_fails_half_way_keeps_what_it_read_and_the_others(
    tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def failing(task: Task) -> Iterator[Chunk | SourceNote]:
        yield from read(task)
        if task.name == "b.log":
            raise error

    monkeypatch.delenv("HISN_DEBUG", raising=False)
    monkeypatch.setattr(judge_module, "read", failing)
    parts = list(judge_by(1000).run(tasks))
    assert coverage_of(parts) == {"a.log": ("read", 3), "b.log": ("partial", 2), "c.log": ("read", 1)}
    ledger = CoverageLedger()
    for part in parts:
        ledger.merge(part.ledger)
    coverage = ledger.build(NO_RULES)
    assert not coverage.complete
    assert reason in coverage.sources[1].reason
