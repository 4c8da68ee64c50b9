"""What parses may die: the bad piece is named, the others lose nothing."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence

import pytest
from tests.unit.app.watch.world import scanner, web_log

from hisn.app.sealed import SealBy
from hisn.app.watch.pieces import JudgedPieces, PieceJudge, ReadPieces, ToRead
from hisn.app.watch.worker import ApartWorker, Bounds
from hisn.core import limits
from hisn.errors import HisnError, StorageError
from hisn.events.tasks import Task

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes of a POSIX system")
BY = SealBy(bytes(32), "fields")


class Fragile(PieceJudge):
    """Do what a piece says."""

    def read(self, pieces: Sequence[ToRead]) -> ReadPieces:
        for piece in pieces:
            if piece.data.startswith(b"crash"):
                faulthandler.disable()  # it dies as it is meant to
                os.kill(os.getpid(), signal.SIGSEGV)
            if piece.data.startswith(b"hang"):
                time.sleep(60)
            if piece.data.startswith(b"memory"):
                bytearray(8 * 1024 * limits.MiB)
            if piece.data.startswith(b"bug"):
                raise ValueError("a slip")
        self.whole = [piece.data for piece in pieces]
        return super().read(pieces)

    def judge(self, skipped: Sequence[int] = ()) -> JudgedPieces:
        for number, data in enumerate(self.whole):
            if data.startswith(b"judge me not") and number not in skipped:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().judge(skipped)


@pytest.fixture
def worker() -> Iterator[ApartWorker]:
    made = ApartWorker(lambda: Fragile(scanner()), Bounds(seconds=1.0, memory_bytes=1024 * limits.MiB))
    yield made
    made.close()


def pieces(*datas: bytes) -> list[ToRead]:
    return [ToRead(Task("", f"s{number}", first_record=1), data, BY) for number, data in enumerate(datas)]


def test_it_answers_as_a_judge_in_this_process_does(worker: ApartWorker) -> None:
    wanted = pieces(web_log(1), web_log(2))
    here = PieceJudge(scanner())
    for _round in range(2):
        assert worker.read(wanted) == here.read(wanted)
        there, local = worker.judge(), here.judge()
        assert len(there.part.hits) == len(local.part.hits)
        assert there.part.records == local.part.records
        assert there.unjudged == ()


@pytest.mark.parametrize(
    ("data", "how"),
    [(b"crash\n", "status -11"), (b"hang\n", "longer than 1 s"), (b"memory\n", "status 71")],
)
def test_a_piece_that_kills_who_reads_it_is_named_and_sealed(
    worker: ApartWorker, data: bytes, how: str
) -> None:
    read = worker.read(pieces(web_log(1), data, web_log(2)))
    ((number, why),) = read.unread
    assert number == 1
    assert how in why
    assert [(chunk.task.path, chunk.source, bool(chunk.count)) for chunk in read.sealed] == [
        ("0", "s0", True), ("1", "s1", False), ("2", "s2", True),
    ]  # fmt: skip
    judged = worker.judge()
    assert judged.part.records == 400
    assert {block.source for block in judged.part.hits} == {"s0", "s2"}


def test_a_piece_that_kills_who_judges_it_is_named(worker: ApartWorker) -> None:
    wanted = pieces(web_log(1), b"judge me not\n", web_log(2))
    assert worker.read(wanted).unread == ()
    judged = worker.judge()
    assert judged.unjudged == (1,)
    assert {block.source for block in judged.part.hits} == {"s0", "s2"}
    worker.read(wanted)
    again = worker.judge([1])
    assert again.unjudged == ()
    assert again.part.records == judged.part.records == 400


def test_a_bug_is_raised_here(worker: ApartWorker) -> None:
    with pytest.raises(HisnError, match="a slip"):
        worker.read(pieces(b"bug\n"))
    assert len(worker.read(pieces(web_log(1))).sealed) == 1


def test_the_end_of_the_keeper_is_an_error_of_its_own(worker: ApartWorker) -> None:
    os.kill(worker._keeper.pid or 0, signal.SIGKILL)
    with pytest.raises(StorageError) as caught:
        worker.read(pieces(web_log(1)))
    assert caught.value.code == "E5605"


def test_nothing_outlives_the_first_process(worker: ApartWorker) -> None:
    worker.read(pieces(web_log(1)))
    keeper = worker._keeper
    worker.close()
    assert keeper.exitcode == 0
