"""Findings made cycle by cycle, with states packed and closed ones dropped, are those of one run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.findings.samples import HOUR_US, NIGHT_US, block, rule

from hisn.core.packed import pack, unpack
from hisn.engine.hits import HitBlock
from hisn.findings.build import FindingBuilder
from hisn.findings.follow import Follower
from hisn.findings.model import Finding

RULES = (rule(0, "high"), rule(1, "low"))
LATENESS_US = HOUR_US // 2


def builder() -> FindingBuilder:
    return FindingBuilder(RULES, "mapping", "1.0")


@st.composite
def events(draw: st.DrawFn) -> list[tuple[int, str, str, int, int]]:
    """Draw hits in the order of their arrival; none is later than the lateness allows."""
    newest = NIGHT_US
    found = []
    for number in range(1, draw(st.integers(1, 40))):
        newest += draw(st.sampled_from((0, 1, HOUR_US // 3, HOUR_US, 3 * HOUR_US)))
        time = newest - draw(st.sampled_from((0, 0, 1, LATENESS_US)))
        where = draw(st.tuples(st.integers(0, 1), st.sampled_from("ab"), st.sampled_from(("EMS", ""))))
        found.append((*where, time, number))
    return found


def blocks_of(some: list[tuple[int, str, str, int, int]]) -> list[HitBlock]:
    return [block(at, [(time, number)], source, asset) for at, source, asset, time, number in some]


@given(some=events(), data=st.data())
def test_any_cut_gives_the_findings_of_one_run(
    some: list[tuple[int, str, str, int, int]], data: st.DataObject
) -> None:
    whole = builder()
    for each in blocks_of(some):
        whole.add(each)
    made, follower = builder(), Follower(60_000_000)
    final: dict[str, Finding] = {}
    newest, at = NIGHT_US, 0
    while at < len(some):
        size = data.draw(st.integers(1, 10))
        part = some[at : at + size]
        at += size
        for each in blocks_of(part):
            made.add(each)
        newest = max(newest, *(time for *_rest, time, _number in part))
        if data.draw(st.booleans()):
            made.forget_changes()
        for spanned in made.changed():
            follower.see(spanned)
        for spanned in made.take_closed(lambda _source: newest - LATENESS_US):  # noqa: B023 - called at once
            follower.see(spanned, is_closed=True)
        for change in follower.take(at):
            final[change.thread] = change.finding
        if data.draw(st.booleans()):
            state = unpack(pack([made.dump(), follower.dump()]))
            made, follower = builder(), Follower(60_000_000)
            made.load(state[0])
            follower.load(state[1])
            assert pack([made.dump(), follower.dump()]) == pack(state)
    for spanned in made.take_closed(lambda _source: 1 << 62):
        follower.see(spanned, is_closed=True)
    for change in follower.take(at):
        final[change.thread] = change.finding
    merged = {each.id for each in final.values()}
    expected = {finding.id: finding for finding in whole.findings()}
    told = {each.id: each for each in final.values() if each.id in expected}
    assert told == expected
    assert merged >= expected.keys()
    assert made.activity() == whole.activity()
    assert len(follower) == 0
