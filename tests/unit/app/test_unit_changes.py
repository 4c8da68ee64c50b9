"""What an operator asks for becomes changes of the roster; keys are replaced where nothing becomes void."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.nodes import EAST, NORTH, World
from tests.unit.app.units import OUTSIDE, UNIT, alone, make_nodes, opened

from hisn.app.home import Node
from hisn.app.unit_changes import ChangeRequest, changes_of
from hisn.app.unit_files import own_enrolment
from hisn.errors import UsageError, VerificationError
from hisn.unit.draft import Admit, Dismiss, Join, Move, Rotate, Suspend

PRESS, SCHOOL = OUTSIDE


@pytest.fixture
def east(sealed_unit: World) -> Iterator[Node]:
    with sealed_unit.open(EAST) as (node,):
        yield node


def asked(node: Node, **wanted: Any) -> list[object]:
    return list(changes_of(node, ChangeRequest(**wanted)))


def refused(node: Node, **wanted: Any) -> str:
    with pytest.raises(UsageError) as caught:
        asked(node, **wanted)
    return caught.value.code


def test_who_goes_goes_before_who_comes(east: Node, tmp_path: Path) -> None:
    """A witness that is dropped and taken in at once goes on under another key."""
    found = {}
    for name, root in make_nodes(tmp_path, names=("west.example", PRESS)).items():
        with opened(root) as node:
            found[name] = own_enrolment(node, UNIT, as_witness=name == PRESS)
    changes = asked(
        east,
        members=[found["west.example"]],
        witnesses=[found[PRESS]],
        suspend=[NORTH],
        drop=[PRESS],
        url="https://east.example",
    )
    assert [type(each) for each in changes] == [Suspend, Dismiss, Join, Admit, Move]
    assert changes[-1] == Move(EAST, "east", "https://east.example")


def test_own_keys_begin_behind_what_the_log_holds(east: Node) -> None:
    size = east.log.head().checkpoint.size
    act, log, root = asked(east, replace=["act", "log", "root", "act"], room=7)
    new = east.identity.signer("act", 1).public
    assert act == Rotate(EAST, "act", new, size + 7, size + 7)
    assert isinstance(log, Rotate)
    assert (log.until, log.start) == (size + 7, size + 7)
    assert root == Rotate(EAST, "root", east.identity.signer("root", 1).public)


def test_stolen_keys_end_in_the_past_and_new_ones_begin_now(east: Node) -> None:
    size = east.log.head().checkpoint.size
    (change,) = asked(east, replace=["act"], stolen_from=size - 2)
    assert isinstance(change, Rotate)
    assert (change.until, change.start) == (size - 2, size)
    assert refused(east, replace=["act"], stolen_from=size + 1) == "E1334"


def test_what_makes_no_sense_is_refused(east: Node) -> None:
    assert refused(east) == "E1333"
    assert refused(east, room=3, suspend=[NORTH]) == "E1334"
    assert refused(east, stolen_from=0, replace=["root"]) == "E1334"
    assert refused(east, url="no address") == "E1309"
    with pytest.raises(VerificationError):
        asked(east, members=[b"{}"])


def test_who_is_in_no_roster_moves_nothing(tmp_path: Path) -> None:
    with alone(tmp_path, "vesna.example") as node:
        assert asked(node, url="") == [Move("vesna.example", "vesna", "")]
