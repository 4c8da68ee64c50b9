"""Cosigned states are kept for proofs; what no quorum has seen, or contradicts it, is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, TIME_S, World
from tests.unit.app.test_member import BATCH
from tests.unit.app.units import alone

from hisn.acts.statement import Head
from hisn.app import heads as heads_module
from hisn.app.heads import MAX_HEADS, Heads
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.core.proof_limits import MAX_LEAF_BYTES
from hisn.errors import VerificationError
from hisn.node.known import origin_hash
from hisn.tlog.checkpoint import Checkpoint, parse_signed_checkpoint
from hisn.tlog.sign import LogSigner, add_signatures, sign_checkpoint


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


def test_the_newest_state_is_given_as_it_came(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        head = east.log.published()
        assert head is not None
        assert Heads(north).newest_of(origin_hash(EAST)) is None
        Heads(north).keep(head.raw)
        assert Heads(north).newest_of(origin_hash(EAST)) == head.raw


def test_an_act_cites_the_newest_state_of_each_other_members_log(unit: World) -> None:
    with unit.open(EAST, NORTH, SOUTH) as (east, north, south):
        assert Heads(north).cite() == ()
        for node in (south, east, north):
            Heads(north).keep(grow(unit, node))
        Heads(north).keep(grow(unit, east))
        heads = [each.log.head().checkpoint for each in (east, south)]
        assert Heads(north).cite() == tuple(Head(each.origin, each.size, each.root) for each in heads)
        assert Heads(north).cite() == Heads(north).cite()


def test_what_an_act_has_cited_stays_when_the_log_goes_on(unit: World) -> None:
    """A pack made years later still shows after what the act was made."""
    with unit.open(EAST, NORTH) as (east, north):
        raw = published(east)
        Heads(north).keep(raw)
        cited = Heads(north).cite()
        for _ in range(MAX_HEADS + 1):
            Heads(north).keep(grow(unit, east))
        assert Heads(north).at(EAST, cited[0].size) is None
        assert list(Heads(north).proving([*cited, *cited])) == [raw]
        assert list(Heads(north).proving([Head(EAST, cited[0].size, bytes(32))])) == []


def test_a_lone_office_has_no_log_to_cite(tmp_path: Path) -> None:
    with alone(tmp_path) as node:
        assert Heads(node).cite() == ()


def test_no_number_of_members_fills_an_act_with_what_it_cites(
    unit: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads_module, "MAX_CITED", 1)
    with unit.open(EAST, NORTH, SOUTH) as (east, north, south):
        for node in (east, south):
            Heads(north).keep(grow(unit, node))
        assert [head.origin for head in Heads(north).cite()] == [EAST]
        longest = [Head(f"{at:02}." + "m" * 97, 2**53 - 1, b"\x11" * 32) for at in range(32)]
        (place,) = north.member.record([Draft(kind="batch", public=BATCH, sealed={"x": 1})], longest)
        assert len(north.log.read_entry(place.index)) < MAX_LEAF_BYTES - 12_000


def test_a_state_signed_with_keys_that_their_owner_revoked_is_shown_to_nobody(
    unit: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it no pack would verify, and a member could spoil the packs of all others."""

    def revoked(*_: object) -> object:
        raise VerificationError("E3417", "revoked")

    with unit.open(EAST, NORTH) as (east, north):
        Heads(north).keep(published(east))
        cited = Heads(north).cite()
        monkeypatch.setattr(heads_module, "judge_head", revoked)
        assert list(Heads(north).proving(cited)) == []
