from __future__ import annotations

from collections.abc import Sequence

from hisn.app.watch.checks import CheckPolicy, Checks
from hisn.app.watch.cycle import Cycle, PieceRecord
from hisn.app.watch.noticed import Seen
from hisn.core.packed import pack, unpack
from hisn.events import sequences
from hisn.findings.model import Finding
from hisn.live.piece import FeedNote

S = 1_000_000
START = 1_793_750_400 * S
POLICY = CheckPolicy(
    silence_us=900 * S, silence="high", gap="medium", skew_us=300 * S, skew="low", sequence="critical"
)


class Watched:
    def __init__(self, policy: CheckPolicy = POLICY) -> None:
        self.checks = Checks(policy)
        self.notes: list[Seen] = []

    def cycle(
        self,
        at_s: int,
        *sources: str,
        newest_s: int | None = None,
        notes: Sequence[FeedNote] = (),
        numbers: Sequence[sequences.Sequence] = (),
    ) -> list[tuple[Finding, bool]]:
        now = START + at_s * S
        pieces = tuple(PieceRecord(each, 0, at_s + 1, 0, 0, 9, now, "", "") for each in sources)
        cycle = Cycle(
            number=1, now_us=now, previous="", first=-1, pieces=pieces, positions={}, notes=tuple(notes)
        )
        newest = None if newest_s is None else START + newest_s * S
        found = self.checks.see(cycle, dict.fromkeys(sources, newest), numbers)
        self.notes += found
        state = self.checks.dump()
        taken = [(spanned.finding, is_closed) for spanned, is_closed in self.checks.take()]
        self.checks = Checks(self.checks._policy)
        self.checks.load(unpack(pack(state)))
        return taken


def test_silence_opens_a_finding_and_being_heard_again_closes_it() -> None:
    watched = Watched()
    assert watched.cycle(0, "a") == []
    assert watched.cycle(899, "b") == []
    ((finding, is_closed),) = watched.cycle(900)
    assert (finding.rule_id, finding.level, finding.asset, is_closed) == (
        "hisn.source-silent",
        "high",
        "a",
        False,
    )
    assert finding.records == (1,)
    assert "silent for 900 s" in finding.sentence
    assert watched.cycle(1_000) == []
    ((again, is_closed),) = watched.cycle(1_200, "a", "b")
    assert (again.id, is_closed) == (finding.id, True)
    assert again.last == "2026-11-04T00:20:00.000000Z"
    assert [note.kind for note in watched.notes] == ["silent"]


def test_a_hole_is_a_finding() -> None:
    watched = Watched()
    note = FeedNote(source="a", kind="dropped", at_us=START, count=5, unit="records", reason="too fast")
    other = FeedNote(source="a", kind="rotated", at_us=START)
    ((finding, is_closed),) = watched.cycle(0, "a", notes=(note, other))
    assert (finding.rule_id, finding.level, is_closed) == ("hisn.source-hole", "medium", True)
    assert "5 records" in finding.sentence


def test_a_clock_ahead_is_said_at_once_and_once() -> None:
    watched = Watched()
    ((finding, _closed),) = watched.cycle(0, "a", newest_s=301)
    assert "301 s ahead" in finding.sentence
    assert watched.cycle(1, "a", newest_s=302 + 1) == []
    assert watched.cycle(2, "a", newest_s=2) == []
    assert len(watched.cycle(3, "a", newest_s=400)) == 1
    assert len(watched.notes) == 2


def test_a_clock_behind_is_said_when_the_source_has_caught_up() -> None:
    watched = Watched()
    assert watched.cycle(0, "a", newest_s=-5_000) == []  # yesterday's log, read first
    assert watched.cycle(59, "a", newest_s=-4_000) == []
    ((finding, _closed),) = watched.cycle(61, "a", newest_s=-4_000)
    assert "behind" in finding.sentence


def test_numbers_that_are_missing_are_found_within_pieces_and_between_them() -> None:
    def numbers(first: int, last: int, *breaks: sequences.Break) -> list[sequences.Sequence]:
        return [sequences.Sequence("a", "scanner-7", first, 11, last, breaks)]

    watched = Watched()
    assert watched.cycle(0, "a", numbers=numbers(1, 5)) == []
    assert watched.cycle(1, "a", numbers=numbers(6, 9)) == []
    ((between, _closed),) = watched.cycle(2, "a", numbers=numbers(12, 14))
    assert (between.records, between.level) == ((11,), "critical")
    assert "12 after 9, device scanner-7" in between.sentence
    ((within, _closed),) = watched.cycle(3, "a", numbers=numbers(15, 30, sequences.Break(13, 17, 20)))
    assert within.records == (13,)
    assert [note.count for note in watched.notes] == [2, 3]


def test_without_a_level_it_is_coverage_only() -> None:
    watched = Watched(CheckPolicy(silence_us=900 * S))
    watched.cycle(0, "a", newest_s=9_000)
    watched.cycle(900)
    assert watched.checks.take() == []
    assert {note.kind for note in watched.notes} == {"skew", "silent"}
