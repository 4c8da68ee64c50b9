"""Cosigned states are kept for proofs; what no quorum has seen, or contradicts it, is not."""

from __future__ import annotations

import pytest
from tests.unit.app.nodes import EAST, NORTH, TIME_S, World
from tests.unit.app.units import alone

from hisn.acts.statement import Head
from hisn.app.heads import MAX_HEADS, HeadKeeper, Heads
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.peers import Peers
from hisn.errors import VerificationError
from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.known import origin_hash
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.tlog.checkpoint import Checkpoint, parse_signed_checkpoint
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, sign_checkpoint


def published(node: Node) -> bytes:
    head = node.log.published()
    if head is None:
        raise AssertionError("nothing is published")
    return head.raw


def grow(unit: World, node: Node) -> bytes:
    node.member.record([Draft(kind="observation", public={"what": "x", "digest": "00" * 32})])
    unit.publish(node)
    return published(node)


def test_a_cosigned_state_is_kept_and_found_again(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        raw = published(east)
        head = Heads(north).keep(raw).checkpoint
        assert Heads(north).keep(raw).raw == raw
        found = Heads(north).find(Head(EAST, head.size, head.root))
        assert found is not None
        assert found.raw == raw
        assert Heads(north).find(Head(EAST, head.size, bytes(32))) is None
        assert Heads(north).find(Head(EAST, head.size + 1, head.root)) is None


def test_what_no_quorum_has_cosigned_is_not_kept(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        with pytest.raises(VerificationError) as caught:
            Heads(north).keep(east.log.head().raw)
        assert caught.value.code == "E3387"
        assert Heads(north).newest(EAST, 1_000) is None


def test_the_log_of_a_stranger_is_not_kept(unit: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        alone(tmp_path_factory.mktemp("s"), "stranger.example") as stranger,
        unit.open(NORTH) as (north,),
        pytest.raises(VerificationError),
    ):
        Heads(north).keep(stranger.log.head().raw)


def forked(unit: World, east: Node) -> bytes:
    """Let EAST sign another root for its size, and everybody else cosign that, too."""
    size = east.log.head().checkpoint.size
    signer = LogSigner(EAST, east.signer("log"), east.clock)
    raw = sign_checkpoint(Checkpoint(EAST, size, b"\x11" * 32), signer)
    text = parse_signed_checkpoint(raw).note.text
    for name, cosigner in unit.cosigners.items():
        if name != EAST:
            raw = add_signatures(raw, cosigner.cosign(text, TIME_S))
    return raw


def test_both_sides_of_a_fork_are_kept_for_ever(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        first, second = published(east), forked(unit, east)
        Heads(north).keep(first)
        with pytest.raises(VerificationError) as caught:
            Heads(north).keep(second)
        assert caught.value.code == "E3388"
        names = list(north.blobs.list(f"state/suspect/{origin_hash(EAST)}/fork/"))
        assert {north.blobs.get(name) for name in names} == {first, second}
        assert Heads(north).keep(first).raw == first


def test_of_others_only_the_newest_states_are_kept_and_of_ones_own_all(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        heads = [published(east), *(grow(unit, east) for _ in range(MAX_HEADS + 1))]
        sizes = [parse_signed_checkpoint(raw).checkpoint.size for raw in heads]
        for raw in heads:
            Heads(north).keep(raw)
            Heads(east).keep(raw)
        assert [Heads(north).at(EAST, size) is not None for size in sizes] == [False] * 2 + [True] * MAX_HEADS
        assert all(Heads(east).at(EAST, size) for size in sizes)


def test_the_newest_state_is_one_that_the_copy_covers(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        first = Heads(north).keep(published(east))
        second = Heads(north).keep(grow(unit, east))
        size = second.checkpoint.size
        assert Heads(north).newest(EAST, size) == second
        assert Heads(north).newest(EAST, size - 1) == first
        assert Heads(north).newest(EAST, 0) is None


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
