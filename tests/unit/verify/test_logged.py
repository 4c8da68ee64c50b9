"""States, places and order of acts; what contradicts itself is a fork with its proof."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from itertools import permutations

import pytest
from vectors.pack_world import (
    OFFICE,
    Case,
    Logged,
    World,
    lone_office,
    make_batch,
    named,
    plain_case,
    quiet_office,
)

from hisn.core.keys import PublicKey
from hisn.core.proof_limits import MAX_EPOCHS, MAX_PACK_JUDGEMENTS, MAX_PACK_STATES
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import verify_line
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.proof import parse_tlog_proof
from hisn.unit.roster import verify_roster_chain
from hisn.unit.rosterdoc import Roster
from hisn.verify.logged import (
    ForkError,
    LoggedAct,
    State,
    check_places,
    check_roots,
    check_sequence,
    judge_states,
    newest_sizes,
    open_act,
)
from hisn.verify.parts import Entry


def chain_of(world: World) -> tuple[Roster, ...]:
    return verify_roster_chain(world.charter.document, world.rosters)


def state_of(world: World, note: bytes) -> State:
    return judge_states(chain_of(world), [note])[note]


def entry_of(world: World, logged: Logged, note: bytes) -> Entry:
    return Entry(logged.leaf, leaf_hash(logged.leaf), parse_tlog_proof(world.proof(logged, note)))


def opened(world: World, acts: list[Logged]) -> list[LoggedAct]:
    note = world.checkpoint(OFFICE)
    state = state_of(world, note)
    return [open_act(chain_of(world), at, entry_of(world, act, note), state) for at, act in enumerate(acts)]


def observation(world: World, what: str = "x") -> Logged:
    return world.act(OFFICE, "observation", {"what": what, "digest": "00" * 32})


def test_links_are_counted_and_gaps_are_none() -> None:
    world = quiet_office()
    acts = [observation(world, str(number)) for number in range(4)]
    assert check_sequence(opened(world, acts), []) == 3
    assert check_sequence(opened(world, [acts[0], acts[2], acts[3]]), []) == 1
    assert check_sequence([], []) == 0


def test_the_order_of_acts_in_the_pack_does_not_matter() -> None:
    world = quiet_office()
    acts = opened(world, [observation(world, str(number)) for number in range(3)])
    assert {check_sequence(order, []) for order in permutations(acts)} == {2}


def test_two_acts_with_one_number_are_a_fork() -> None:
    world = quiet_office()
    first = observation(world, "a")
    world.seqs[OFFICE] = (0, None)
    second = observation(world, "b")
    with pytest.raises(ForkError) as caught:
        check_sequence(opened(world, [first, second]), [])
    assert (caught.value.proven.code, caught.value.proven.args["seq"]) == ("two-acts", 0)


def test_two_roots_of_one_size_are_a_fork() -> None:
    world, other = quiet_office(), quiet_office()
    observation(world, "a")
    observation(other, "b")
    states = [state_of(world, each.checkpoint(OFFICE)) for each in (world, other)]
    with pytest.raises(ForkError) as caught:
        check_roots(states)
    assert caught.value.proven.code == "two-heads"
    check_roots(states[:1] * 2)


def test_two_entries_at_one_place_are_a_fork() -> None:
    world, other = quiet_office(), quiet_office()
    first, second = observation(world, "a"), observation(other, "b")
    observation(other, "c")
    pairs = []
    for each, logged in ((world, first), (other, second)):
        note = each.checkpoint(OFFICE)
        pairs.append((entry_of(each, logged, note), state_of(each, note)))
    with pytest.raises(ForkError) as caught:
        check_places(pairs)
    assert caught.value.proven.args == {"origin": OFFICE, "index": 0}


def test_one_act_at_two_places_is_no_second_act() -> None:
    world = quiet_office()
    first = observation(world)
    again = world.append(OFFICE, first.leaf)
    note = world.checkpoint(OFFICE)
    state = state_of(world, note)
    with pytest.raises(VerificationError) as caught:
        check_places([(entry_of(world, act, note), state) for act in (first, again)])
    assert caught.value.code == "E3504"


def test_the_newest_state_of_each_log_is_told() -> None:
    world = quiet_office()
    observation(world)
    small = state_of(world, world.checkpoint(OFFICE))
    observation(world, "y")
    large = state_of(world, world.checkpoint(OFFICE))
    assert newest_sizes([large, small]) == newest_sizes([small, large]) == ((OFFICE, 2),)


def test_an_act_names_the_one_before_it() -> None:
    world = quiet_office()
    acts = [observation(world)]
    world.seqs.update({OFFICE: (1, bytes(32))})
    acts.append(observation(world, "y"))
    with pytest.raises(VerificationError) as caught:
        check_sequence(opened(world, acts), [])
    assert caught.value.code == "E3506"


def test_between_two_acts_others_may_stand_that_are_not_shown() -> None:
    world = quiet_office()
    acts = [observation(world, str(number)) for number in range(3)]
    assert check_sequence(opened(world, acts), []) == 2
    assert check_sequence(opened(world, acts[::2]), []) == 0


@pytest.mark.parametrize("number", [0, 2, 7])
def test_an_act_stands_at_the_place_of_its_number(number: int) -> None:
    # One whose number is another was replayed there.
    world = quiet_office()
    acts = [observation(world)]
    world.seqs[OFFICE] = (number, leaf_hash(acts[0].leaf) if number else None)
    acts.append(observation(world, "y"))
    with pytest.raises(VerificationError) as caught:
        check_sequence(opened(world, acts[1:]), [])
    assert caught.value.code == "E3506"


def test_a_state_is_cited_with_the_root_that_its_log_signed() -> None:
    world = quiet_office()
    observation(world)
    state = state_of(world, world.checkpoint(OFFICE))
    lied = replace(world.head(OFFICE), root=bytes(32))
    second = world.act(OFFICE, "observation", {"what": "y", "digest": "00" * 32}, seen=(lied,))
    with pytest.raises(VerificationError) as caught:
        check_sequence(opened(world, [second]), [state])
    assert caught.value.code == "E3507"


def test_batches_of_one_source_follow_one_another() -> None:
    case = plain_case(quiet_office())
    world = case.world
    other = world.batch(OFFICE, make_batch(label="b"), part=32)
    second = world.batch(OFFICE, make_batch(label="c"), ordinal=1, prev=case.batch_act.ref.leaf_hash.hex())
    later = world.batch(OFFICE, make_batch(label="d"), ordinal=3, prev="00" * 32)
    check_sequence(opened(world, [case.batch_act, other, second, later]), [])


def test_an_act_of_a_key_that_does_not_count_there_is_refused() -> None:
    world = quiet_office()
    world.keys[OFFICE, "act"] = "a thief's"
    acts = [observation(world)]
    with pytest.raises(VerificationError):
        opened(world, acts)


def test_a_story_is_what_it_seems() -> None:
    # The helpers of these tests and the plain story agree on what holds.
    case: Case = plain_case(quiet_office())
    assert named(case.batch_act, case.batch, 1) == (0, case.batch.root.hex(), (1,))
    assert check_sequence(opened(case.world, [case.batch_act, case.finding]), []) == 1


def test_a_pack_of_hundreds_of_states_is_refused_before_they_are_judged() -> None:
    world = quiet_office()
    with pytest.raises(VerificationError) as caught:
        judge_states(chain_of(world), [b"%d" % number for number in range(MAX_PACK_STATES + 1)])
    assert caught.value.code == "E3518"
    with pytest.raises(VerificationError) as caught:
        judge_states(chain_of(world), [b"0"] * (MAX_PACK_STATES + 1))
    assert caught.value.code != "E3518"


def many_epochs(count: int) -> tuple[World, tuple[Roster, ...]]:
    """Return a unit that adopts the same roster again and again; its quorum is never reached."""
    world = lone_office()
    observation(world)
    (first,) = chain_of(world)
    return world, tuple(replace(first, epoch=epoch) for epoch in range(count))


def states_of(world: World, count: int) -> list[bytes]:
    """Return one state in many bytes: the line of its one witness stands there once, twice, and so on."""
    note = world.checkpoint(OFFICE, witnesses=["w1.example"])
    line = note.split(b"\n")[-2] + b"\n"
    return [note + line * more for more in range(count)]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the signatures that are verified from now on."""
    found: list[bytes] = []
    verify = PublicKey.verify

    def count(key: PublicKey, signature: bytes, message: bytes) -> None:
        found.append(signature)
        verify(key, signature, message)

    monkeypatch.setattr(PublicKey, "verify", count)
    verify_line.cache_clear()
    return found


def test_no_number_of_epochs_makes_a_signature_be_verified_twice(counted: list[bytes]) -> None:
    """A stranger waited for minutes: every state was verified anew for each of a thousand epochs."""
    world, chain = many_epochs(MAX_EPOCHS)
    note = world.checkpoint(OFFICE, witnesses=["w1.example"])
    counted.clear()
    state = judge_states(chain, [note])[note]
    assert (state.witnessed.is_reached, len(state.witnessed.cosigners)) == (False, 1)
    assert len(counted) == len(set(counted)) == 4


def test_a_line_that_fails_costs_one_verification_for_each_epoch(counted: list[bytes]) -> None:
    world, chain = many_epochs(50)
    note = world.checkpoint(OFFICE, witnesses=["w1.example"])
    head, _, last = note[:-1].rpartition(b" ")
    blob = bytearray(b64decode(last))
    blob[-1] ^= 1
    counted.clear()
    with pytest.raises(VerificationError) as caught:
        judge_states(chain, [head + b" " + b64encode(blob) + b"\n"])
    assert caught.value.code == "E3205"
    assert len(counted) <= 4 + len(chain) + 1


def test_states_and_epochs_together_are_bounded(counted: list[bytes]) -> None:
    world, chain = many_epochs(MAX_EPOCHS)
    fit, notes = MAX_PACK_JUDGEMENTS // MAX_EPOCHS, states_of(world, 20)
    counted.clear()
    assert len(judge_states(chain, notes[:fit])) == fit
    with pytest.raises(VerificationError) as caught:
        judge_states(chain, notes)
    assert caught.value.code == "E3518"
    assert len(counted) == 4


def test_states_that_their_newest_epoch_witnessed_are_many() -> None:
    world, chain = many_epochs(MAX_EPOCHS)
    note = world.checkpoint(OFFICE)
    line = note.split(b"\n")[-2] + b"\n"
    states = judge_states(chain, [note + line * more for more in range(20)])
    assert all(state.witnessed.is_reached for state in states.values())
