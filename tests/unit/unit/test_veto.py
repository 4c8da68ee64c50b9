"""No side can silence a member by withholding cosignatures."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.unit.units import UNIT, Office, found

from hisn.errors import PolicyError
from hisn.unit.draft import make_charter
from hisn.unit.rosterdoc import Roster
from hisn.unit.veto import check_no_veto, lacks_outsiders


def member(name: str, side: str) -> Office:
    return Office(name, side)


def outside(*sides: str) -> list[Office]:
    return [Office(f"w{number}", side, ("witness",)) for number, side in enumerate(sides)]


def made(members: Sequence[Office], witnesses: Sequence[Office]) -> Roster:
    _, roster = make_charter(
        UNIT, [each.enrolment for each in members], [each.enrolment for each in witnesses]
    )
    return roster


@pytest.mark.parametrize(
    ("sides", "outsiders"),
    [
        ("a", []),
        ("a", ["w", "x", "y", "z"]),
        ("ab", ["x", "y", "z"]),
        ("abc", ["x", "y"]),
        ("abcd", ["x", "y"]),
        ("abcde", []),
        ("aabb", ["w", "x", "y", "z"]),
    ],
)  # fmt: skip
def test_a_unit_that_no_side_can_silence_is_founded(sides: str, outsiders: list[str]) -> None:
    check_no_veto(made([member(f"m{at}", side) for at, side in enumerate(sides)], outside(*outsiders)))


@pytest.mark.parametrize(
    ("sides", "outsiders", "who"),
    [
        ("a", ["x"], "x"),
        ("a", ["x", "y", "z"], "x"),
        ("a", ["x", "x", "y", "z"], "x"),
        ("ab", [], "b"),
        ("ab", ["x", "y"], "b"),
        ("abc", [], "b"),
        ("abc", ["x"], "b"),
        ("abcd", [], "b"),
        ("aabb", ["x", "y"], "b"),
        ("aabb", ["a", "w", "x", "y"], "a"),
        ("abcd", ["x", "x"], "x"),
    ],
)  # fmt: skip
def test_a_side_that_could_veto_is_named(sides: str, outsiders: list[str], who: str) -> None:
    with pytest.raises(PolicyError, match=f"the side {who} can veto") as caught:
        made([member(f"m{at}", side) for at, side in enumerate(sides)], outside(*outsiders))
    assert caught.value.code == "E4300"


def test_fewer_than_two_outside_witnesses_are_worth_a_warning() -> None:
    assert not lacks_outsiders(found().roster)
    assert not lacks_outsiders(made([member("m", "a")], []))
    assert lacks_outsiders(made([member(f"m{side}", side) for side in "abcde"], []))
    assert lacks_outsiders(made([member(f"m{side}", side) for side in "abcd"], outside("x")))
