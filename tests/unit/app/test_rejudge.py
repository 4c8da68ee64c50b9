"""A difference is told field by field, and what a flood does to honest findings is no lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.units import LINE, write_rule

from hisn.app import rejudge
from hisn.app.judge import Placed, read_placed
from hisn.app.rejudge import By, Claim, Difference, Found, Judged, Outcome, Reason, compare, judge_again
from hisn.app.reread import BatchAct, Reread
from hisn.app.sealing import Basis, finding_fields
from hisn.app.wiring import load_rule_pack
from hisn.engine.scan import Window
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.events.open import discover
from hisn.evidence.batch import OpenBatch
from hisn.evidence.disclosure import Value

MAPPING = load_mapping()
BASIS = Basis(MAPPING.digest)
HOUR = LINE.replace("20:{minute:02}", "{hour:02}:00")


def judged(tmp_path: Path, *hours: int, window: Window | None = None) -> Judged:
    """Judge one log with a hit at each of these hours, and a miss behind it, as one batch."""
    path = tmp_path / "a.log"
    path.write_text(
        "".join(HOUR.format(hour=hour, target=target) for hour in hours for target in ("/?marked", "/"))
    )
    pack = load_rule_pack((write_rule(tmp_path),), None)
    tasks = discover((str(path),), Declarations()).tasks
    act = BatchAct(4, {"root": ""}, {"declared": ""})
    batches = [
        Reread(act, item, OpenBatch(item.chunk, bytes(32), "fields"))
        for item in read_placed(tasks)
        if isinstance(item, Placed)
    ]
    return judge_again(By(pack.rules[0].digest, pack), MAPPING, window, batches, "east.example")


def claim_of(found: Found, **changes: Value) -> Claim:
    fields: dict[str, Value] = {**finding_fields(found.finding, BASIS, found.evidence), **changes}
    return Claim(fields, (), found.events)


def test_what_came_out_is_the_same_as_itself(tmp_path: Path) -> None:
    done = judged(tmp_path, 10, 11)
    (found,) = done.found
    assert compare(claim_of(found), done, BASIS).outcome is Outcome.SAME
    assert done.hits == {4: frozenset({0, 2})}


def test_every_field_that_differs_is_named_with_both_values(tmp_path: Path) -> None:
    done = judged(tmp_path, 10)
    verdict = compare(claim_of(done.found[0], count=7, level="low"), done, BASIS)
    assert verdict.outcome is Outcome.DIFFERENT
    assert verdict.differences == (Difference("count", 7, 1), Difference("level", "low", "high"))


def test_the_window_is_kept(tmp_path: Path) -> None:
    # 20:00 on the third of November 2026, in microseconds.
    end = 1_793_736_000_000_000
    done = judged(tmp_path, 19, 21, window=Window(end=end))
    assert [each.finding.count for each in done.found] == [1]
    assert Claim({"window": (None, end)}, (), {}).window == Window(end=end)
    assert Claim({"window": None}, (), {}).window is None


def test_of_several_findings_the_one_with_its_id_is_compared(tmp_path: Path) -> None:
    done = judged(tmp_path, 10, 15)
    assert len(done.found) == 2
    for found in done.found:
        assert compare(claim_of(found), done, BASIS).outcome is Outcome.SAME


def test_without_its_id_the_finding_on_the_same_events_is_shown_beside_it(tmp_path: Path) -> None:
    done = judged(tmp_path, 10, 15)
    verdict = compare(claim_of(done.found[1], id="f-other"), done, BASIS)
    assert [each.field for each in verdict.differences] == ["id"]


def test_a_finding_of_a_flood_that_names_a_part_of_its_records_is_no_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejudge, "MIN_RECORDS_PER_FINDING", 2)
    done = judged(tmp_path, 10, 11)
    cut = claim_of(done.found[0], count=900_000, records_complete="false")
    assert compare(cut, done, BASIS).reason is Reason.CUT


def test_a_finding_of_few_records_cannot_hide_behind_a_flood(tmp_path: Path) -> None:
    """A run always names the first sixteen, however many hits there are elsewhere."""
    done = judged(tmp_path, 10, 11)
    cut = claim_of(done.found[0], count=900_000, records_complete="false")
    assert compare(cut, done, BASIS).outcome is Outcome.DIFFERENT


def test_a_finding_of_a_flood_may_name_hits_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejudge, "MIN_RECORDS_PER_FINDING", 2)
    done = judged(tmp_path, 10, 11)
    claim = claim_of(done.found[0], count=900_000, records_complete="false")
    lying = Claim(claim.fields, (), {4: (0, 1, 2)})
    assert compare(lying, done, BASIS).outcome is Outcome.DIFFERENT


def test_a_flood_excuses_no_other_rule_or_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejudge, "MIN_RECORDS_PER_FINDING", 2)
    done = judged(tmp_path, 10, 11)
    lying = claim_of(done.found[0], count=900_000, records_complete="false", level="critical")
    assert compare(lying, done, BASIS).outcome is Outcome.DIFFERENT


def joined(done: Judged, **changes: Value) -> Claim:
    first, last = done.found
    events: tuple[int, ...] = tuple(sorted({*first.events[4], *last.events[4]}))
    fields = {**claim_of(first).fields, "last": last.finding.last, "count": len(events), **changes}
    return Claim(fields, (), {4: events})


def test_findings_that_a_flood_has_joined_are_no_lie(tmp_path: Path) -> None:
    done = judged(tmp_path, 10, 15)
    assert compare(joined(done), done, BASIS).reason is Reason.JOINED
    assert compare(joined(done, asset="*"), done, BASIS).reason is Reason.JOINED


@pytest.mark.parametrize("changes", [{"count": 3}, {"asset": "somebody"}, {"last": "2026-11-03T14:00:00Z"}])
def test_what_is_not_the_sum_of_what_came_out_is_a_lie(tmp_path: Path, changes: dict[str, Value]) -> None:
    done = judged(tmp_path, 10, 15)
    assert compare(joined(done, **changes), done, BASIS).outcome is Outcome.DIFFERENT


def test_where_the_rule_finds_nothing_the_finding_is_missing(tmp_path: Path) -> None:
    found = judged(tmp_path, 10).found[0]
    verdict = compare(claim_of(found), Judged((), {4: frozenset()}), BASIS)
    assert verdict.differences == (Difference("id", found.finding.id, None),)
