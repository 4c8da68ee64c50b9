"""A log is published with a quorum of witnesses, asked at the addresses in the roster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.app.units import MEMBERS, OUTSIDE, alone, copied, opened, served

from hisn.app.member import Draft
from hisn.app.publish import asking_policy, publish
from hisn.node.published import Haste
from hisn.node.without import Why
from hisn.tlog.policy import verify_quorum
from hisn.unit.publishing import publishing_policy

EAST, NORTH, SOUTH = MEMBERS
PRESS, SCHOOL = OUTSIDE
Linked = tuple[dict[str, Path], dict[str, str]]
NOTE = Draft(kind="observation", public={"what": "seen", "digest": "00" * 32})


@pytest.fixture
def linked(linked_unit: Linked, tmp_path: Path) -> Linked:
    return copied(linked_unit[0], tmp_path), linked_unit[1]


def but(linked: Linked, *names: str) -> dict[str, Path]:
    return {name: root for name, root in linked[0].items() if name not in names}


@pytest.fixture
def witnesses(linked: Linked) -> Iterator[None]:
    with served(but(linked, EAST), linked[1]):
        yield


def test_witnesses_are_asked_where_they_take_checkpoints(linked: Linked) -> None:
    """A member's address is that of its whole node, an outside witness's that of its witness."""
    roots, urls = linked
    with opened(roots[EAST]) as node:
        policy = asking_policy(node)
        plain = publishing_policy(node.roster, EAST, node.log.head().checkpoint.size)
    asked = {line.vkey.name: line.url for line in policy.witnesses}
    assert asked == {name: f"{urls[name]}/witness" for name in (NORTH, SOUTH, PRESS, SCHOOL)}
    assert [line.vkey for line in policy.witnesses] == [line.vkey for line in plain.witnesses]
    assert policy.groups == plain.groups


@pytest.mark.usefixtures("witnesses")
def test_a_quorum_of_the_others_publishes(linked: Linked) -> None:
    with opened(linked[0][EAST]) as node:
        done = publish(node)
        assert done.is_published
        assert {each.name for each in done.signed} == {NORTH, SOUTH, PRESS, SCHOOL}
        published = node.log.published()
        assert published is not None
        assert published.checkpoint == node.log.head().checkpoint
        verify_quorum(publishing_policy(node.roster, EAST), published)


def test_one_side_that_is_away_keeps_nobody_from_publishing(linked: Linked) -> None:
    with served(but(linked, EAST, NORTH), linked[1]), opened(linked[0][EAST]) as node:
        done = publish(node, Haste(whole_s=5))
        assert done.is_published
        assert [(each.name, each.why) for each in done.missing] == [(NORTH, Why.AWAY)]


def test_without_quorum_it_stays_sequenced_and_catches_up_later(linked: Linked) -> None:
    with opened(linked[0][EAST]) as node:
        with served(but(linked, EAST, NORTH, PRESS), linked[1]):
            done = publish(node, Haste(whole_s=5))
            assert not done.is_published
            assert {each.name for each in done.missing} == {NORTH, PRESS}
            assert node.log.published() is None
        node.member.record([NOTE])  # the intake stays open
        with served(but(linked, EAST, SOUTH), linked[1]):
            assert publish(node, Haste(whole_s=5)).is_published
        published = node.log.published()
        assert published is not None
        assert published.checkpoint.size == node.log.head().checkpoint.size


def test_cosignatures_that_came_are_not_asked_for_again(linked: Linked) -> None:
    with opened(linked[0][EAST]) as node:
        with served({SOUTH: linked[0][SOUTH], SCHOOL: linked[0][SCHOOL]}, linked[1]):
            assert not publish(node, Haste(whole_s=5)).is_published
        with served({PRESS: linked[0][PRESS]}, linked[1]):
            done = publish(node, Haste(whole_s=5))
        assert done.is_published
        assert {each.name for each in done.signed} == {SOUTH, SCHOOL, PRESS}


def test_a_lone_office_publishes_without_witnesses_and_knows_it(tmp_path: Path) -> None:
    with alone(tmp_path) as node:
        done = publish(node)
        assert (done.is_published, done.signed, done.missing) == (True, (), ())
