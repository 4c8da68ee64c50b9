from __future__ import annotations

from pathlib import Path

from tests.unit.live.logs import Log

from hisn.live.handles import Handles
from hisn.live.lineage import MAX_OLD, Lineage
from hisn.live.marks import identity_of
from hisn.live.stream import Notes, Stream


def lineage_of(log: Log) -> Lineage:
    return Lineage(Stream("a"), str(log.path), Handles(), Notes())


def given(lineage: Lineage, log: Log, now_us: int = 0) -> bytes:
    lineage.look(log.path.stat() if log.path.exists() else None, now_us)
    return b"".join(piece.data for piece in lineage.take(1 << 20, now_us))


def test_what_is_written_down_is_the_same_while_nothing_changes(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(b"one\n")
    lineage = lineage_of(log)
    given(lineage, log)
    before = lineage.dump()
    given(lineage, log)
    assert lineage.dump() is before
    log.write(b"two\n")
    given(lineage, log)
    assert lineage.dump() != before


def test_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(b"one\n")
    first = lineage_of(log)
    given(first, log)
    log.rename()
    log.write(b"two\n")
    second = lineage_of(log)
    second.load(first.dump(), 0)
    assert given(second, log) == b"two\n"
    assert second.identities() == {identity_of((tmp_path / name).stat()) for name in ("log", "log.1")}


def test_files_that_wait_to_be_finished_are_not_many(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    lineage = lineage_of(log)
    for number in range(MAX_OLD + 20):
        log.write(b"%d, without an end" % number)
        given(lineage, log)
        log.path.rename(tmp_path / f"log.{number}")
    log.write(b"last\n")
    lines = given(lineage, log)
    assert b"0, without an end\n" in lines or b"last\n" in lines
    assert len(lineage.identities()) >= MAX_OLD
    assert len(str(lineage.dump())) < 30_000
