from __future__ import annotations

from tests.unit.app.watch.world import scanner, web_log

from hisn.app.judge import BatchLimits
from hisn.app.sealed import SealBy
from hisn.app.watch.pieces import PieceJudge, ToRead
from hisn.events.tasks import Task
from hisn.tlog.merkle import EMPTY_ROOT

BY = SealBy(bytes(32), "fields")


def to_read(name: str, data: bytes, by: SealBy | None = BY) -> ToRead:
    return ToRead(Task("", name, first_record=1), data, by)


def test_every_piece_has_a_commitment_even_one_without_a_record() -> None:
    judge = PieceJudge(scanner())
    read = judge.read([to_read("a", web_log(1)), to_read("b", b"words of no form\n")])
    assert [chunk.task.path for chunk in read.sealed] == ["0", "1"]
    assert (read.sealed[1].root, read.sealed[1].count) == (EMPTY_ROOT, 0)
    assert "no known format" in read.sealed[1].unparsed[0].reason
    judged = judge.judge()
    assert judged.part.records == 200
    assert sum(len(block.numbers) for block in judged.part.hits) > 10


def test_what_is_skipped_is_not_judged() -> None:
    judge = PieceJudge(scanner())
    judge.read([to_read("a", web_log(1)), to_read("b", web_log(2))])
    judged = judge.judge([0])
    assert {block.source for block in judged.part.hits} == {"b"}
    assert judge.judge().part.records == 0


def test_the_size_of_batches_changes_nothing() -> None:
    found = []
    for rows in (10, 100_000):
        judge = PieceJudge(scanner(), bounds=BatchLimits(rows=rows))
        judge.read([to_read(name, web_log(seed), None) for seed, name in enumerate("abc")])
        hits = judge.judge().part.hits
        found.append(sorted((b.source, b.asset, n) for b in hits for n in b.numbers.tolist()))
    assert found[0] == found[1]
