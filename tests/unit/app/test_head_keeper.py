"""A mirror keeps the quorum that came with an upload, and is otherwise a mirror as any other."""

from __future__ import annotations

from tests.unit.app.nodes import EAST, NORTH, World
from tests.unit.app.test_heads import published

from hisn.app.head_keeper import HeadKeeper
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.peers import Peers
from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.tlog.sign import Cosigner


def keeper(node: Node) -> HeadKeeper:
    rooms = Rooms(
        node.config.origin,
        Peers(node.places),
        node.register,
        Suspects(BlobSuspects(node.blobs), node.register),
    )
    cosigner = Cosigner(node.config.origin + "/mirror", node.signer("mirror"))
    return HeadKeeper(Heads(node), rooms, cosigner, tickets=Tickets(bytes(32)))


def test_a_mirror_keeps_the_quorum_that_came_with_an_upload(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        body = format_add_checkpoint(AddCheckpoint(0, (), published(east)))
        assert keeper(north).add_checkpoint(body).status == 200
        kept = Heads(north).at(EAST, east.log.head().checkpoint.size)
        assert kept is not None
        assert kept.raw == published(east)


def test_a_mirror_answers_as_ever_where_there_is_no_quorum_or_no_sense(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        mirror = keeper(north)
        bare = format_add_checkpoint(AddCheckpoint(0, (), east.log.head().raw))
        assert mirror.add_checkpoint(bare).status == 200
        assert mirror.add_checkpoint(b"nonsense").status == 400
        assert Heads(north).newest(EAST, 1_000) is None
