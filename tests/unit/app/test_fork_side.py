"""A side of a comparison is found wherever it lies, and read from this node's mirror where it has no files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, World, mirror

from hisn.app.fork_pack import scan
from hisn.app.fork_side import open_side
from hisn.app.home import Node
from hisn.errors import UsageError


@pytest.fixture
def south(unit: World) -> Iterator[Node]:
    with unit.open(EAST, SOUTH) as (east, south):
        mirror(east, south)
        yield south


def test_a_member_is_the_newest_state_of_its_log_that_is_mirrored_here(south: Node) -> None:
    with ExitStack() as stack:
        side = open_side(south, stack, EAST)
    assert side.signed.checkpoint.origin == EAST
    assert side.reader.bundle(0)
    found = scan(south, EAST)
    assert (found.proof, found.misplaced, found.unread) == (None, 0, 0)
    assert found.head == side.signed.checkpoint


def test_this_nodes_own_log_is_a_side_published_or_not(south: Node) -> None:
    assert south.log.published() is None
    assert scan(south, SOUTH).head == south.log.head().checkpoint


@pytest.mark.parametrize("name", [NORTH, "nobody.example"])
def test_a_member_whose_log_is_not_mirrored_is_no_side(south: Node, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        scan(south, name)
    assert caught.value.code == "E1340"
