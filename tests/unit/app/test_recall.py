"""What this node has cosigned is learnt from others, and nothing that it has not signed moves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, TIME_S, World
from tests.unit.node import hostile

from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.peers import Peers
from hisn.app.recall import WITNESS_ROW, Allowed, Asker, Learnt, Recall, hold_all, learn_all, sources_of
from hisn.errors import StorageError
from hisn.node.held import Held, format_held, parse_held
from hisn.node.holds import Hold, Holds
from hisn.node.known import origin_hash
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.note import parse_note
from hisn.tlog.ports import DurabilityLost
from hisn.tlog.sign import LogSigner, add_signatures, sign_checkpoint

ROW = WITNESS_ROW + origin_hash(EAST)


@pytest.fixture
def north(unit: World) -> Iterator[Node]:
    with unit.open(NORTH) as (node,):
        yield node


def published(unit: World) -> bytes:
    with unit.open(EAST) as (east,):
        head = east.log.published()
        assert head is not None
        return head.raw


def held(node: Node) -> Held | None:
    return parse_held(ROW, node.register.get(ROW))


def test_a_published_state_with_the_own_signature_is_known_again(unit: World, north: Node) -> None:
    recall = Recall(north, Peers(north.places))
    found = recall.own(EAST, published(unit))
    assert found is not None
    assert (found.size, found.time_s) == (7, TIME_S)
    assert [line.name for line in parse_note(found.note).signatures] == [EAST, EAST, NORTH, NORTH]


def test_what_counts_is_signed_by_the_log_and_by_this_witness(unit: World, north: Node) -> None:
    """A lie moves nothing: unsigned by us, signed for us by another, of another log, or no checkpoint."""
    recall = Recall(north, Peers(north.places))
    with unit.open(EAST) as (east,):
        signer = LogSigner(EAST, east.signer("log"), east.clock)
        unsigned = sign_checkpoint(Checkpoint(EAST, 50, bytes(32)), signer)
        bare = east.log.head().raw
        text = east.log.head().note.text
    by_south = add_signatures(bare, unit.cosigners[SOUTH].cosign(text, TIME_S))
    one_key = add_signatures(bare, unit.cosigners[NORTH].cosign(text, TIME_S)[:1])
    ours = unit.cosigners[NORTH].cosign(text, TIME_S)
    foreign = add_signatures(north.log.head().raw, ours)
    for data in (unsigned, bare, by_south, one_key, foreign, b"", b"lies\n"):
        assert recall.own(EAST, data) is None
    assert recall.own("stranger.example", published(unit)) is None


def test_a_node_that_shows_lies_or_nothing_makes_nobody_forget(unit: World, north: Node) -> None:
    with unit.open(EAST) as (east,):
        lie = sign_checkpoint(
            Checkpoint(EAST, 50, bytes(32)), LogSigner(EAST, east.signer("log"), east.clock)
        )
    for data in (lie, b"lies\n"):
        with hostile.raw_server(hostile.answers("200 OK", data)) as liar:
            recall = Recall(north, Peers(north.places), {EAST: liar, SOUTH: liar})
            assert recall.forgotten(EAST) is None
    assert Recall(north, Peers(north.places)).forgotten(EAST) is None, "nobody has an address"


def test_a_state_that_is_not_in_the_row_was_forgotten(unit: World, north: Node) -> None:
    with hostile.raw_server(hostile.answers("200 OK", published(unit))) as url:
        recall = Recall(north, Peers(north.places), {SOUTH: url})
        found = recall.forgotten(EAST)
        assert found is not None
        assert found.size == 7
        north.register.swap(ROW, None, format_held(found))
        assert recall.forgotten(EAST) is None


def test_a_row_that_is_gone_is_written_again_and_one_that_is_ahead_stays(unit: World, north: Node) -> None:
    with hostile.raw_server(hostile.answers("200 OK", published(unit))) as url:
        assert learn_all(north, {EAST: url, SOUTH: url}, Allowed())[0] == Learnt(EAST, 0, 7)
        state = held(north)
        assert state is not None
        assert state.size == 7
        further = Held(9, bytes(32), 1, state.note)
        north.register.swap(ROW, format_held(state), format_held(further))
        assert learn_all(north, {EAST: url, SOUTH: url}, Allowed())[0] == Learnt(EAST, 9, 9)
        assert held(north) == further


def test_without_tiles_that_lead_to_the_root_nothing_moves(unit: World, north: Node) -> None:
    """The server shows the true state, and in the place of every tile the same bytes."""
    old = Held(3, bytes(32), 1, b"x")
    north.register.swap(ROW, None, format_held(old))
    with hostile.raw_server(hostile.answers("200 OK", published(unit))) as url:
        (learnt, _south) = learn_all(north, {EAST: url, SOUTH: url}, Allowed())
    assert (learnt.old, learnt.new, learnt.hold) == (3, 3, Hold.UNLEARNT)
    assert "tiles" in learnt.why
    assert held(north) == old


def test_a_member_without_an_address_is_not_learnt_of_unless_that_is_accepted(north: Node) -> None:
    assert {each.origin: (each.hold, each.why) for each in learn_all(north, {}, Allowed())} == {
        EAST: (Hold.UNLEARNT, "it has no address"),
        SOUTH: (Hold.UNLEARNT, "it has no address"),
    }
    learnt = learn_all(north, {}, Allowed(accepted=[EAST]))
    assert [(each.origin, each.hold) for each in learnt if each.is_news] == [(SOUTH, Hold.UNLEARNT)]
    assert Holds(north.register).get(EAST) is None


def test_an_owner_alone_is_not_believed_while_others_are_away(unit: World, north: Node) -> None:
    """Whoever wants a second history would show an old state, and take care that nobody else answers."""
    gone = {SOUTH: "http://127.0.0.1:1"}
    with hostile.raw_server(hostile.answers("404 Not Found", b"")) as url:
        (east, _) = learn_all(north, {EAST: url, **gone}, Allowed())
        assert (east.hold, "no other member" in east.why) == (Hold.UNLEARNT, True)
        (east, _) = learn_all(north, {EAST: url, **gone}, Allowed(gone=[SOUTH]))
        assert east.hold is None


def test_a_disk_that_fails_is_never_taken_for_a_peer_that_is_away(
    unit: World, north: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    north.register.swap(ROW, None, format_held(Held(3, bytes(32), 1, b"x")))

    def lost(*_: object) -> None:
        raise DurabilityLost("the disk failed")

    monkeypatch.setattr("hisn.app.recall.move_forward", lost)
    with (
        hostile.raw_server(hostile.answers("200 OK", published(unit))) as url,
        pytest.raises(DurabilityLost),
    ):
        learn_all(north, {EAST: url, SOUTH: url}, Allowed())


def test_whoever_was_silent_once_is_not_waited_for_again(north: Node) -> None:
    recall = Recall(north, Peers(north.places), {EAST: "http://127.0.0.1:1"})
    (owner, *_) = recall.sources[EAST]
    with Asker() as asker:
        assert asker.state(owner) is None
        asker.silent[owner.name] = "said before"
        assert asker.state(owner) is None
        with pytest.raises(StorageError, match="said before"):
            asker.roots(owner, Held(5, bytes(32), 0, b""))(3)


def test_logs_that_are_only_watched_are_asked_for_too(unit: World) -> None:
    with unit.open("press.example") as (press,):
        found = sources_of(press, {})
    assert set(found) == {EAST, NORTH, SOUTH}
    assert found[EAST][0].name == EAST


def test_all_logs_are_held_at_once() -> None:
    holds = Holds(MemoryRegister())
    hold_all(holds, (EAST, SOUTH))
    assert {holds.get(EAST), holds.get(SOUTH), holds.get(NORTH)} == {Hold.RESTORED, None}


def test_an_act_more_changes_nothing(unit: World, north: Node) -> None:
    """The own log is none of those that are cosigned here."""
    north.member.record([Draft(kind="observation", public={"what": "x", "digest": "00" * 32})])
    assert NORTH not in Recall(north, Peers(north.places)).sources
