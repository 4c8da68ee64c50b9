from __future__ import annotations

import pytest

from hisn.app.watch import noticed
from hisn.app.watch.noticed import Noticed, Seen
from hisn.core.packed import pack, unpack
from hisn.live.piece import FeedNote, NoteKind


def note(kind: NoteKind, at_us: int = 0, count: int = 0, source: str = "s") -> FeedNote:
    return FeedNote(source=source, kind=kind, at_us=at_us, count=count, unit="records" if count else "")


def test_holes_are_counted_by_kind_and_said_once() -> None:
    counts = Noticed()
    for at in (1_000_000, 3_000_000):
        counts.add(note("dropped", at, 5))
    counts.add(note("rotated"))
    (said,) = counts.notes()
    assert said.status == "partial"
    assert said.reason == (
        "10 records came while nothing could be taken "
        "(1970-01-01T00:00:01.000000Z to 1970-01-01T00:00:03.000000Z, 2 times)"
    )
    assert counts.counts(["dropped"]) == 10
    assert counts.counts(["rotated"]) == 1


def test_what_is_no_hole_is_said_and_changes_no_status() -> None:
    counts = Noticed()
    counts.add(note("possible-duplicate", count=3))
    counts.add(note("heard"))
    counts.add(Seen(source="s", kind="skew", at_us=0, reason="400 s ahead of this machine"))
    twice, clock = counts.notes()
    assert {(each.status, each.code) for each in (twice, clock)} == {("read", "")}
    assert twice.reason.startswith("3 records came again, perhaps")
    assert clock.reason == "its clock is off (1970-01-01T00:00:00.000000Z): 400 s ahead of this machine"


def test_names_of_senders_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticed, "MAX_SOURCES", 2)
    counts = Noticed()
    for number in range(5):
        counts.add(note("gap", count=1, source=f"s{number}"))
    assert [said.source for said in counts.notes()] == ["*", "s0", "s1"]
    assert counts.counts(["gap"]) == 5


def test_it_comes_back_as_it_was() -> None:
    counts, other = Noticed(), Noticed()
    counts.add(FeedNote(source="\udc80", kind="gap", at_us=1, reason="why\ud800", code="E2640"))
    other.load(unpack(pack(counts.dump())))
    assert pack(other.dump()) == pack(counts.dump())
    assert list(other.notes()) == list(counts.notes())
