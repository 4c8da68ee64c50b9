"""Tasks become parts batch by batch, and a failing reader costs its own source only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hisn.app import judge as judge_module
from hisn.app.judge import BatchLimits, Judge, Part, Placed, read_placed
from hisn.core import limits
from hisn.elections.minutes import MinuteNote
from hisn.engine.ledger import CoverageLedger
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scan, Scanner
from hisn.errors import InputError, StorageError
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


class WatchedScanner(Scanner):
    """Note when records are judged."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__(compile_plan(NO_RULES), load_mapping())
        self.notes = notes

    def scan(self, chunks: Sequence[Chunk]) -> Scan:
        """Note whose records these are, and judge them."""
        self.notes += [f"judged {chunk.source}" for chunk in chunks]
        return super().scan(chunks)


@pytest.mark.parametrize("rows", [1, 4, 1000])
def test_every_chunk_is_sealed_before_its_records_are_judged(tasks: tuple[Task, ...], rows: int) -> None:
    notes: list[str] = []
    judge = Judge(WatchedScanner(notes), BatchLimits(rows=rows))
    judge.seal = lambda placed: notes.extend(f"sealed {item.chunk.source}" for item in placed)
    assert len(list(judge.run(tasks))) in (1, 2, 4)
    for name in ("a.log", "b.log", "c.log"):
        assert notes.index(f"sealed {name}") < notes.index(f"judged {name}")
    assert len(notes) == 6


def test_what_cannot_be_sealed_is_not_judged(tasks: tuple[Task, ...]) -> None:
    notes: list[str] = []

    def refuse(_placed: Sequence[Placed]) -> None:
        raise StorageError("E5203", "no space left")

    judge = Judge(WatchedScanner(notes))
    judge.seal = refuse
    with pytest.raises(StorageError):
        list(judge.run(tasks))
    assert notes == []


def read_and_judged(tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch, rows: int) -> list[str]:
    """Return what happens in which order when a commitment is waited for."""
    notes: list[str] = []

    def telling(task: Task) -> Iterator[Chunk | SourceNote]:
        notes.append(f"read {task.name}")
        return read(task)

    def begin(placed: Sequence[Placed]) -> Callable[[], None]:
        names = "+".join(item.chunk.source for item in placed)
        notes.append(f"asked {names}")
        return lambda: notes.append(f"durable {names}")

    monkeypatch.setattr(judge_module, "read", telling)
    judge = Judge(WatchedScanner(notes), BatchLimits(rows=rows))
    judge.seal = begin
    assert sum(part.records for part in judge.run(tasks)) == 6
    return notes


def test_one_more_run_is_read_while_a_batch_is_committed_and_nothing_is_judged_before(
    tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_and_judged(tasks, monkeypatch, 1) == [
        *("read a.log", "asked a.log"),
        *("read b.log", "durable a.log", "judged a.log", "asked b.log"),
        *("read c.log", "durable b.log", "judged b.log", "asked c.log"),
        *("durable c.log", "judged c.log"),
    ]


def test_the_last_batch_waits_for_its_commitment(
    tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_and_judged(tasks, monkeypatch, 1_000)[3:] == [
        "asked a.log+b.log+c.log",
        "durable a.log+b.log+c.log",
        *("judged a.log", "judged b.log", "judged c.log"),
    ]


def test_what_did_not_become_durable_is_not_judged(tasks: tuple[Task, ...]) -> None:
    notes: list[str] = []

    def fail() -> None:
        raise StorageError("E5203", "no space left")

    judge = Judge(WatchedScanner(notes), BatchLimits(rows=1))
    judge.seal = lambda _placed: fail
    with pytest.raises(StorageError):
        list(judge.run(tasks))
    assert notes == []


def test_chunks_are_counted_by_source_and_range_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches hold other chunks when they are larger; the place of a chunk stays."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 200)
    monkeypatch.setattr(limits, "RANGE_BYTES", 1_000)
    (tmp_path / "a.log").write_text(LINE * 30)
    tasks = discover([str(tmp_path)], Declarations()).tasks
    found = []
    for rows in (1, 7, 1000):
        places: list[tuple[int, int]] = []
        judge = judge_by(rows)
        judge.seal = lambda placed: places.extend((item.task.start, item.ordinal) for item in placed)  # noqa: B023 - called within the loop
        list(judge.run(tasks))
        found.append(places)
    assert found[0] == found[1] == found[2]
    assert {start for start, _ in found[0]} == {0, 1_000, 2_000}
    first = [ordinal for start, ordinal in found[0] if not start]
    assert first == list(range(len(first)))


def runs_of(items: list[Chunk | SourceNote], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Return source, number and records of the runs that come of what a reader gives."""
    monkeypatch.setattr(judge_module, "read", lambda task: iter(items))
    found = read_placed([Task("a", "a")])
    return [
        (item.chunk.source, item.ordinal, item.chunk.records)
        if isinstance(item, Placed)
        else (item.source, -1, 0)
        for item in found
    ]


def chunk_of(source: str, records: int) -> Chunk:
    return Chunk(source, "json-lines", (), (), records, records * 10, records)


def test_chunks_that_follow_one_another_are_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEALED_CHUNKS", 3)
    assert runs_of([chunk_of("a", 10) for _ in range(8)], monkeypatch) == [
        ("a", 0, 30),
        ("a", 1, 30),
        ("a", 2, 20),
    ]


def test_a_batch_ends_with_its_source_and_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run joined over a gap would say that nothing is missing in it."""
    items: list[Chunk | SourceNote] = [
        chunk_of("a", 1),
        chunk_of("b", 2),
        chunk_of("a", 3),
        SourceNote("a", "", "partial", "x", "E2003"),
    ]
    assert runs_of([*items, chunk_of("a", 4)], monkeypatch) == [
        ("a", 0, 1),
        ("b", 0, 2),
        ("a", 1, 3),
        ("a", -1, 0),
        ("a", 2, 4),
    ]


def test_a_batch_ends_when_it_has_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """To show one event of it, all are sealed again: small records must not make that long."""
    monkeypatch.setattr(limits, "SEALED_ROWS", 25)
    assert runs_of([chunk_of("a", 10) for _ in range(5)], monkeypatch) == [("a", 0, 30), ("a", 1, 20)]


def test_a_reader_that_fails_loses_nothing_of_the_batch_it_began(
    tasks: tuple[Task, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(task: Task) -> Iterator[Chunk | SourceNote]:
        yield from read(task)
        raise InputError("E2003", "broken")

    monkeypatch.setattr(judge_module, "read", failing)
    found = list(read_placed(tasks[:1]))
    assert [type(item) for item in found] == [Placed, SourceNote]


def test_a_joined_chunk_holds_what_its_chunks_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHUNK_BYTES", 200)
    (tmp_path / "a.log").write_text(LINE + "no record\n" + LINE * 12)
    (task,) = discover([str(tmp_path)], Declarations()).tasks
    chunks = [item for item in read(task) if isinstance(item, Chunk)]
    (placed,) = read_placed([task])
    assert isinstance(placed, Placed)
    assert len(chunks) > 2
    records = [block.fields(row) for chunk in chunks for block, row in chunk.rows()]
    assert records == [block.fields(row) for block, row in placed.chunk.rows()]
    assert [hole for chunk in chunks for hole in chunk.unparsed] == list(placed.chunk.unparsed)
    for name in ("records", "size_bytes", "lines"):
        assert sum(getattr(chunk, name) for chunk in chunks) == getattr(placed.chunk, name)


def test_a_tap_sees_every_batch_and_what_it_says_travels_with_the_part(tasks: tuple[Task, ...]) -> None:
    judge = judge_by(4)
    judge.tap = lambda chunks: tuple(MinuteNote(chunk.source, "", 0, b"") for chunk in chunks)
    parts = list(judge.run(tasks))
    assert sorted(note.source for part in parts for note in part.minutes) == ["a.log", "b.log", "c.log"]
    assert [len(part.minutes) for part in judge_by(4).run(tasks)] == [0, 0]
