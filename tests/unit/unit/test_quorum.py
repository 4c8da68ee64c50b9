"""Quorums: who witnesses whom, what suffices, and by the rules of which epoch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.unit.units import (
    EAST,
    FOUR,
    NOON,
    NORTH,
    OUTSIDE,
    SOUTH,
    WEST,
    Office,
    checkpoint,
    found,
    head,
)

from hisn.acts.statement import Head
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.note import ED25519, format_vkey, vkey_of
from hisn.tlog.sign import format_note
from hisn.unit.draft import Admit, Change, Dismiss, Rotate, Suspend
from hisn.unit.quorum import Cosigner, Witnessed, judge_head, policy_text, witnesses_of
from hisn.unit.roster import key_in_force
from hisn.unit.rosterdoc import Roster

W1, W2 = OUTSIDE
OTHERS = (SOUTH, EAST, WEST)


def seen_by(of: Head, *witnesses: Office, log: Office = NORTH, start: int = NOON) -> SignedCheckpoint:
    lines = [(each.name, each.key("witness"), start + number) for number, each in enumerate(witnesses)]
    return checkpoint(of, log.key("log"), lines)


def refused(chain: Sequence[Roster], signed: SignedCheckpoint) -> str:
    with pytest.raises(VerificationError) as caught:
        judge_head(chain, signed)
    return caught.value.code


def test_the_witnesses_of_a_log_are_the_others() -> None:
    roster = found().roster
    names = [each.name for each in witnesses_of(roster, NORTH.name)]
    assert names == [EAST.name, SOUTH.name, WEST.name, W1.name, W2.name]
    assert NORTH.name in [each.name for each in witnesses_of(roster, EAST.name)]
    assert [each.is_member for each in witnesses_of(roster, NORTH.name)] == [True, True, True, False, False]


def test_a_member_without_a_witness_key_and_a_suspended_one_are_no_witnesses() -> None:
    silent = Office("silent.example/log", "silent", ("act", "log", "root"))
    unit = found([*FOUR, silent])
    unit.adopt(unit.draft(Suspend(WEST.name)).document, [each.root for each in (*FOUR, silent)])
    names = [each.name for each in witnesses_of(unit.roster, NORTH.name)]
    assert names == [EAST.name, SOUTH.name, W1.name, W2.name]


def test_the_policy_of_a_log_asks_for_more_than_two_thirds() -> None:
    text = policy_text(found().roster, NORTH.name).decode()
    assert text.count("\nwitness ") == 10
    assert f"group {EAST.name} 2 {EAST.name}.ed {EAST.name}.pq\n" in text
    assert f"group QUORUM 4 {EAST.name} {SOUTH.name} {WEST.name} {W1.name} {W2.name}\n" in text
    assert text.endswith("quorum QUORUM\n")


def test_nobody_witnesses_a_lone_log() -> None:
    unit = found([NORTH], [])
    assert policy_text(unit.roster, NORTH.name).endswith(b"quorum none\n")
    result = judge_head(unit.chain, seen_by(head(NORTH, 3)))
    assert result == Witnessed(0, is_reached=False, cosigners=(), missing=())
    assert result.before_s is None
    assert key_in_force(unit.chain, result.epoch, NORTH.name, "act", 2) == NORTH.key("act").public


def test_a_quorum_dates_a_head_and_shows_its_strength() -> None:
    result = judge_head(found().chain, seen_by(head(NORTH, 3), SOUTH, W1, EAST, WEST))
    assert result.is_reached
    assert result.epoch == 0
    assert result.missing == (W2.name,)
    assert result.sides == ("east", "south", "w1", "west")
    # One of five may lie: the second smallest time is one that an honest witness had reached.
    assert result.before_s == NOON + 1


def test_three_of_five_do_not_suffice() -> None:
    result = judge_head(found().chain, seen_by(head(NORTH, 3), SOUTH, W1, EAST))
    assert not result.is_reached
    assert result.before_s is None
    assert [each.name for each in result.cosigners] == [EAST.name, SOUTH.name, W1.name]


def test_one_algorithm_is_no_cosignature() -> None:
    whole = seen_by(head(NORTH, 3), SOUTH, W1, EAST, WEST)
    for left_out in range(2, 10):
        lines = [line for number, line in enumerate(whole.note.signatures) if number != left_out]
        result = judge_head(found().chain, parse_signed_checkpoint(format_note(whole.note.text, lines)))
        assert not result.is_reached
        assert len(result.cosigners) == 3


def test_the_later_of_two_times_of_a_witness_counts() -> None:
    lines = [(each.name, each.key("witness"), NOON) for each in (SOUTH, W1, EAST)]
    first, second = (
        checkpoint(head(NORTH, 3), NORTH.key("log"), [*lines, (WEST.name, WEST.key("witness"), time)]).note
        for time in (NOON + 5, NOON + 60)
    )
    ed25519, mldsa = first.signatures[-2], second.signatures[-1]
    raw = format_note(second.text, (*second.signatures[:-2], ed25519, mldsa))
    result = judge_head(found().chain, parse_signed_checkpoint(raw))
    assert Cosigner(WEST.name, "west", NOON + 60) in result.cosigners


def test_a_log_never_witnesses_itself() -> None:
    result = judge_head(found().chain, seen_by(head(NORTH, 3), NORTH, SOUTH, W1, EAST))
    assert not result.is_reached
    assert NORTH.name not in [each.name for each in result.cosigners]


def test_a_head_that_its_log_has_not_signed_is_refused() -> None:
    chain = found().chain
    assert refused(chain, seen_by(head(NORTH, 3), *OTHERS, W1, log=SOUTH)) == "E3206"
    assert refused(chain, seen_by(Head("nobody.example", 3, bytes(32)), *OTHERS, W1)) == "E3414"
    whole = seen_by(head(NORTH, 3), *OTHERS, W1)
    one = parse_signed_checkpoint(format_note(whole.note.text, whole.note.signatures[1:]))
    assert refused(chain, one) == "E3212"


def test_a_witness_line_that_fails_refuses_the_head() -> None:
    whole, other = seen_by(head(NORTH, 3), *OTHERS, W1), seen_by(head(NORTH, 4), W2)
    swapped = format_note(whole.note.text, (*whole.note.signatures, *other.note.signatures[2:]))
    assert refused(found().chain, parse_signed_checkpoint(swapped)) == "E3205"


def test_a_replaced_log_key_signs_heads_whose_last_entry_is_its_own() -> None:
    unit = found()
    new = NORTH.key("log", 1)
    draft = unit.draft(Rotate(NORTH.name, "log", new.public), heads=[head(NORTH, 9)])
    unit.adopt(draft.document, [new, *(each.root for each in FOUR)])
    witnesses = [(each.name, each.key("witness"), NOON) for each in (*OTHERS, W1)]
    old_key, new_key = NORTH.key("log"), new
    for size, key, other in ((9, old_key, new_key), (10, new_key, old_key)):
        result = judge_head(unit.chain, checkpoint(head(NORTH, size), key, witnesses))
        assert (result.is_reached, result.epoch) == (True, 1)
        log = vkey_of(NORTH.name, ED25519, key.public.ed25519)
        assert policy_text(unit.roster, NORTH.name, size).startswith(f"log {format_vkey(log)}\n".encode())
        # The thief of the old key has the old epoch on his side, and no witness who signed the new one.
        assert refused(unit.chain, checkpoint(head(NORTH, size), other, witnesses)) == "E3206"
    assert policy_text(unit.roster, NORTH.name) == policy_text(unit.roster, NORTH.name, 10)
    empty = judge_head(unit.chain, checkpoint(head(NORTH, 0), old_key, witnesses))
    assert empty.is_reached


def test_old_witnesses_judge_up_to_the_state_that_the_next_epoch_names() -> None:
    unit = found()
    w3, w4 = (Office(f"w{number}.example", f"w{number}", ("witness",)) for number in (3, 4))
    changes: list[Change] = [Dismiss(W1.name), Dismiss(W2.name), Admit(w3.enrolment), Admit(w4.enrolment)]
    draft = unit.draft(*changes, heads=[head(NORTH, 9)])
    unit.adopt(draft.document, [*w3.keys, *w4.keys, *(each.root for each in (NORTH, SOUTH, EAST))])
    old = (WEST, SOUTH, W1, W2)
    assert judge_head(unit.chain, seen_by(head(NORTH, 9), *old)).epoch == 0
    late = judge_head(unit.chain, seen_by(head(NORTH, 10), *old))
    assert (late.is_reached, late.epoch) == (False, 1)
    assert judge_head(unit.chain, seen_by(head(NORTH, 10), WEST, SOUTH, w3, w4)).epoch == 1
    # The old state can be witnessed again by the new witnesses.
    assert judge_head(unit.chain, seen_by(head(NORTH, 9), WEST, SOUTH, w3, w4)).epoch == 1


def test_what_the_signers_of_an_epoch_had_witnessed_stays_witnessed() -> None:
    unit = found()
    # Three of four suspend the fourth, and say that only 9 of its entries were ever witnessed.
    draft = unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)])
    unit.adopt(draft.document, [each.root for each in OTHERS])
    proof = judge_head(unit.chain, seen_by(head(NORTH, 20), SOUTH, EAST, W1, W2))
    assert (proof.is_reached, proof.epoch) == (True, 0)
    assert key_in_force(unit.chain, proof.epoch, NORTH.name, "act", 19) == NORTH.key("act").public


def test_one_liar_and_uninformed_outsiders_do_not_bring_a_thief_back() -> None:
    unit = found(
        [*FOUR, Office("centre.example/log", "centre")], [*OUTSIDE, Office("w3.example", "w3", ("witness",))]
    )
    draft = unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)])
    unit.adopt(
        draft.document, [EAST.root, SOUTH.root, WEST.root, Office("centre.example/log", "centre").root]
    )
    outside = [*OUTSIDE, Office("w3.example", "w3", ("witness",))]
    # Seven witnesses, five needed: three outsiders have not heard of it, and two who signed it lie.
    proof = seen_by(head(NORTH, 20), *outside, EAST, SOUTH)
    assert refused(unit.chain, proof) == "E3415"


def witnessed(*times: int, missing: int = 0, is_reached: bool = True) -> Witnessed:
    cosigners = tuple(Cosigner(f"w{at}", "side", time) for at, time in enumerate(times))
    return Witnessed(0, is_reached, cosigners, tuple(f"m{at}" for at in range(missing)))


def test_one_lying_clock_of_four_moves_the_present_neither_way() -> None:
    # n = 4, quorum 3, so one may lie: the second largest counts.
    assert witnessed(100, 110, 120, 10**9).present_s == 120
    assert witnessed(1, 110, 120, 130).present_s == 120
    assert witnessed(100, 110, 120, missing=1).present_s == 110


def test_without_a_quorum_there_is_no_present() -> None:
    assert witnessed(100, is_reached=False, missing=3).present_s is None
