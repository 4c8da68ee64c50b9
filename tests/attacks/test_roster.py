"""Attacks on the roster: by thieves, by one side, and by a majority."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.unit.acts.samples import statement
from tests.unit.unit.units import (
    EAST,
    FOUR,
    NOON,
    NORTH,
    OUTSIDE,
    SOUTH,
    UNIT,
    WEST,
    Office,
    Unit,
    checkpoint,
    found,
    head,
    signed,
    signer,
)

from hisn.acts.envelope import parse_dsse, verify_envelope
from hisn.acts.statement import Head
from hisn.acts.write import format_envelope, sign_payload, sign_statement
from hisn.core.canon import b64, canonical
from hisn.core.signers import DualSigner
from hisn.errors import PolicyError, VerificationError
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.unit.draft import Admit, Dismiss, Join, Move, Revoke, Rotate, Suspend
from hisn.unit.enrol import (
    ENROLMENT_TYPE,
    assemble_roster,
    check_adoption,
    make_enrolment,
    sign_roster,
    verify_enrolment,
)
from hisn.unit.quorum import judge_head
from hisn.unit.roster import check_step, key_in_force, verify_epoch, verify_roster_chain
from hisn.unit.rosterdoc import parse_charter
from hisn.verify.contradiction import find_roster_fork
from hisn.verify.parts import ForkParts

OTHERS = (SOUTH, EAST, WEST)
ROOTS = [each.root for each in OTHERS]
W5 = Office("w5.example", "w5", ("witness",))


def refused(unit: Unit, document: bytes, signers: Iterable[DualSigner]) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_epoch(unit.charter, unit.chain, signed(document, signers))
    return caught.value.code


def witnessed(of: Head, *witnesses: Office, log: DualSigner | None = None) -> SignedCheckpoint:
    lines = [(each.name, each.key("witness"), NOON) for each in witnesses]
    return checkpoint(of, log or NORTH.key("log"), lines)


def act_of(seq: int, key: DualSigner) -> bytes:
    said = statement("key-event", actor=NORTH.name, origin=NORTH.name, seq=seq, prev=bytes(32), seen=())
    return sign_statement(said, key)


def verify_act(unit: Unit, signed_head: SignedCheckpoint, entry: int, leaf: bytes) -> None:
    """Verify as a stranger does who knows the whole chain: the head, then the keys, then the act."""
    result = judge_head(unit.chain, signed_head)
    verify_envelope(leaf, key_in_force(unit.chain, result.epoch, NORTH.name, "act", entry))


def test_a_thief_of_an_act_key_is_locked_out_from_the_revocation_on() -> None:
    unit = found()
    stolen, new = NORTH.key("act"), NORTH.key("act", 1)
    draft = unit.draft(Rotate(NORTH.name, "act", new.public), heads=[head(NORTH, 9)])
    unit.adopt(draft.document, [new, NORTH.root, *ROOTS])
    quorum = witnessed(head(NORTH, 12), *OTHERS, OUTSIDE[0])
    verify_act(unit, quorum, 8, act_of(8, stolen))
    verify_act(unit, quorum, 9, act_of(9, new))
    for entry, key in ((9, stolen), (8, new), (11, stolen)):
        with pytest.raises(VerificationError):
            verify_act(unit, quorum, entry, act_of(entry, key))


def test_the_owner_voids_what_a_thief_signed_before_the_theft_was_noticed() -> None:
    unit = found()
    stolen, new = NORTH.key("act"), NORTH.key("act", 1)
    old_head = witnessed(head(NORTH, 9), *OTHERS, OUTSIDE[0])
    verify_act(unit, old_head, 6, act_of(6, stolen))
    draft = unit.draft(Rotate(NORTH.name, "act", new.public, until=5), heads=[head(NORTH, 9)])
    unit.adopt(draft.document, [new, NORTH.root, *ROOTS])
    verify_act(unit, old_head, 4, act_of(4, stolen))
    with pytest.raises(VerificationError):
        verify_act(unit, old_head, 6, act_of(6, stolen))


def test_a_thief_of_all_keys_but_the_root_cannot_keep_them() -> None:
    unit = found()
    thief = [NORTH.key(role, 5) for role in ("act", "log")]
    draft = unit.draft(
        *(Rotate(NORTH.name, role, key.public) for role, key in zip(("act", "log"), thief, strict=True))
    )
    stolen = [NORTH.key(role) for role in NORTH.roles if role != "root"]
    assert refused(unit, draft.document, [*thief, *ROOTS]) == "E3413"
    assert refused(unit, draft.document, [*thief, *ROOTS, *stolen]) == "E3409"


def test_retroactive_voiding_is_refused() -> None:
    unit = found()
    heads = [head(NORTH, 9)]
    for role in ("act", "log"):
        draft = unit.draft(Suspend(NORTH.name), Revoke(NORTH.name, role, until=8), heads=heads)
        # Three of four, and even everybody but the owner's root: the past is his.
        assert refused(unit, draft.document, ROOTS) == "E3416"
    # Nor by a new root key that the majority made for the owner.
    theirs = NORTH.key("root", 9)
    draft = unit.draft(Rotate(NORTH.name, "root", theirs.public), heads=heads)
    assert refused(unit, draft.document, [*ROOTS, theirs]) == "E3413"
    # From now on, they can.
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=heads).document, ROOTS)


def test_retroactive_voiding_by_an_old_state_is_refused() -> None:
    # The majority says that only 2 entries were ever witnessed, though it had witnessed 9 itself.
    unit = found()
    kept = witnessed(head(NORTH, 9), SOUTH, EAST, *OUTSIDE)
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 2)]).document, ROOTS)
    verify_act(unit, kept, 8, act_of(8, NORTH.key("act")))
    # An honest member refuses to sign such an epoch in the first place.
    fresh = found()
    with pytest.raises(PolicyError) as caught:
        check_adoption(
            fresh.charter, fresh.chain, unit.roster.document, cosigned={NORTH.name: 9}, agreed=[EAST.name]
        )
    assert caught.value.code == "E4301"


def test_a_majority_cannot_take_words_back_in_two_steps() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, ROOTS)
    draft = unit.draft(Revoke(NORTH.name, "act", until=3), heads=[head(NORTH, 9)])
    assert refused(unit, draft.document, ROOTS) == "E3416"
    with pytest.raises(VerificationError) as caught:
        unit.draft(heads=[head(NORTH, 3)])
    assert caught.value.code == "E3410"


def test_an_act_signed_by_a_suspended_member_is_void() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, ROOTS)
    old = witnessed(head(NORTH, 9), *OTHERS, OUTSIDE[0])
    verify_act(unit, old, 8, act_of(8, NORTH.key("act")))
    for signed_head in (witnessed(head(NORTH, 12)), witnessed(head(NORTH, 12), *OUTSIDE, WEST)):
        with pytest.raises(VerificationError) as caught:
            verify_act(unit, signed_head, 10, act_of(10, NORTH.key("act")))
        assert caught.value.code == "E3415"


def test_a_suspended_member_has_no_vote_and_no_cosignature() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name)).document, ROOTS)
    rest = unit.draft(Suspend(SOUTH.name), Admit(W5.enrolment))
    assert refused(unit, rest.document, [NORTH.root, EAST.root, SOUTH.root, *W5.keys]) == "E3408"
    signed_head = checkpoint(
        head(SOUTH, 3),
        SOUTH.key("log"),
        [(each.name, each.key("witness"), NOON) for each in (NORTH, EAST, *OUTSIDE)],
    )
    result = judge_head(unit.chain, signed_head)
    assert NORTH.name not in {each.name for each in result.cosigners} | set(result.missing)
    assert result.is_reached


def test_veto_by_a_side_is_refused_before_it_is_signed() -> None:
    unit = found()
    with pytest.raises(PolicyError) as caught:
        unit.draft(Move(WEST.name, "south", ""), Move(EAST.name, "south", ""))
    assert caught.value.code == "E4300"
    # Somebody else's draft that does it is not signed by an honest member.
    whole = json.loads(unit.draft().document)
    for member in whole["members"]:
        member["side"] = "south" if member["id"] != NORTH.name else member["side"]
    with pytest.raises(PolicyError) as caught:
        check_adoption(unit.charter, unit.chain, canonical(whole), cosigned={})
    assert caught.value.code == "E4300"


def test_a_side_that_withholds_its_cosignatures_does_not_silence_a_member() -> None:
    unit = found()
    for away in (*OTHERS, *OUTSIDE):
        present = [each for each in (*OTHERS, *OUTSIDE) if each is not away]
        result = judge_head(unit.chain, witnessed(head(NORTH, 3), *present))
        assert result.is_reached
        assert result.missing == (away.name,)


def test_a_forged_epoch_is_refused() -> None:
    unit = found()
    draft = unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)])
    thieves = [signer(f"thief {number}") for number in range(4)]
    assert refused(unit, draft.document, thieves) == "E3409"
    assert refused(unit, draft.document, ROOTS[:2]) == "E3408"
    # Signatures under another text, and of another payload type.
    for signatures in (
        sign_roster(unit.draft().document, ROOTS),
        [each for key in ROOTS for each in sign_payload(ENROLMENT_TYPE, draft.document, key)],
    ):
        with pytest.raises(VerificationError) as caught:
            verify_epoch(unit.charter, unit.chain, assemble_roster(draft.document, signatures))
        assert caught.value.code == "E3112"


def test_a_unit_that_somebody_else_founded_is_another_unit() -> None:
    unit = found()
    impostors = [Office(each.name, each.side, generation=8) for each in FOUR]
    forged = found(impostors)
    assert forged.charter.name == unit.charter.name
    assert forged.charter.genesis != unit.charter.genesis
    with pytest.raises(VerificationError) as caught:
        verify_roster_chain(unit.charter.document, forged.envelopes)
    assert caught.value.code == "E3406"


def test_an_epoch_of_a_twin_unit_is_refused() -> None:
    # Same name, same first roster, other thresholds: only the genesis tells them apart.
    unit = found()
    twin_text = unit.charter.document.replace(b'"roster":3', b'"roster":4')
    twin = Unit(parse_charter(twin_text), list(unit.envelopes), list(unit.chain))
    draft = twin.draft(Suspend(NORTH.name))
    assert refused(unit, draft.document, [NORTH.root, *ROOTS]) == "E3406"


def test_a_skipped_epoch_is_refused() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, ROOTS)
    draft = unit.draft(Dismiss(OUTSIDE[0].name), Admit(W5.enrolment))
    unit.adopt(draft.document, [*ROOTS, *W5.keys])
    first, second, third = unit.envelopes
    verify_roster_chain(unit.charter.document, [first, second, third])
    # Without epoch 1 the suspended member would never have been suspended.
    for envelopes in ([first, third], [first, third, second], [second, third], [first, first]):
        with pytest.raises(VerificationError) as caught:
            verify_roster_chain(unit.charter.document, envelopes)
        assert caught.value.code == "E3405"


def test_a_forked_epoch_names_the_members_who_signed_both() -> None:
    unit = found()
    one = signed(unit.draft(Suspend(NORTH.name)).document, ROOTS)
    other = signed(unit.draft(Suspend(SOUTH.name)).document, [NORTH.root, EAST.root, WEST.root])
    verify_roster_chain(unit.charter.document, [*unit.envelopes, one])
    verify_roster_chain(unit.charter.document, [*unit.envelopes, other])
    fork = find_roster_fork(unit.charter, unit.chain, ForkParts(epochs=(one, other)))
    assert fork.proven.args == {"epoch": 1, "names": f"{EAST.name}, {WEST.name}"}


def test_nobody_can_frame_members_of_a_roster_fork() -> None:
    unit = found()
    draft = unit.draft(Suspend(NORTH.name))
    one, again = signed(draft.document, ROOTS), signed(draft.document, [NORTH.root, *ROOTS])
    unfinished = signed(unit.draft(Suspend(SOUTH.name)).document, [NORTH.root, EAST.root])
    for other in (one, again, unfinished):
        with pytest.raises(VerificationError):
            find_roster_fork(unit.charter, unit.chain, ForkParts(epochs=(one, other)))


def test_two_of_three_are_never_enough() -> None:
    three = (EAST, NORTH, SOUTH)
    unit = found(three)
    draft = unit.draft(Suspend(NORTH.name), Admit(W5.enrolment), heads=[head(NORTH, 9)])
    assert refused(unit, draft.document, [EAST.root, SOUTH.root, *W5.keys]) == "E3408"


def test_a_key_of_another_is_not_enrolled() -> None:
    # A candidate names a member's key as its own, to be taken for it, or to make it vote twice.
    unit = found()
    mole = Office("mole.example/log", "mole")
    stolen = replace(mole.enrolment, keys=mole.enrolment.keys | {"act": NORTH.key("act").public})
    with pytest.raises(VerificationError) as caught:
        unit.draft(Join(stolen))
    assert caught.value.code == "E3403"
    # A key of a stranger whom nobody knows yet: it has not signed.
    held = {role: mole.key(role) for role in mole.roles}
    data = make_enrolment(UNIT, mole.name, "mole", "", held)
    victim = signer("victim").public
    envelope = parse_dsse(data, ENROLMENT_TYPE, max_bytes=10**6, max_signatures=10)
    payload = json.loads(envelope.payload)
    payload["keys"]["act"] = {"ed25519": b64(victim.ed25519.raw), "mldsa": b64(victim.mldsa.raw)}
    forged = format_envelope(replace(envelope, payload=canonical(payload)))
    with pytest.raises(VerificationError) as caught:
        verify_enrolment(forged)
    assert caught.value.code == "E3303"


def test_a_key_in_two_roles_is_refused() -> None:
    unit = found()
    for role in ("log", "root", "witness"):
        with pytest.raises(VerificationError) as caught:
            unit.draft(Rotate(NORTH.name, role, NORTH.key("act").public))
        assert caught.value.code == "E3403"


def test_half_of_a_key_pair_of_another_is_refused() -> None:
    unit = found()
    mixed = replace(NORTH.key("act", 1).public, mldsa=SOUTH.key("act").public.mldsa)
    with pytest.raises(VerificationError) as caught:
        unit.draft(Rotate(NORTH.name, "act", mixed))
    assert caught.value.code == "E3403"


def test_a_stolen_witness_key_of_former_times_witnesses_nothing_new() -> None:
    unit = found()
    stolen = [NORTH.key("witness"), EAST.key("witness"), WEST.key("witness")]
    fresh = [each.key("witness", 1) for each in (NORTH, EAST, WEST)]
    changes = [
        Rotate(each.name, "witness", key.public) for each, key in zip((NORTH, EAST, WEST), fresh, strict=True)
    ]
    draft = unit.draft(*changes, heads=[head(SOUTH, 9)])
    unit.adopt(draft.document, [*fresh, NORTH.root, EAST.root, WEST.root])
    lines = [(each.name, key, NOON) for each, key in zip((NORTH, EAST, WEST), stolen, strict=True)]
    lines += [(each.name, each.key("witness"), NOON) for each in OUTSIDE]
    late = judge_head(unit.chain, checkpoint(head(SOUTH, 10), SOUTH.key("log"), lines[:1] + lines[3:]))
    assert not late.is_reached
    assert judge_head(unit.chain, checkpoint(head(SOUTH, 9), SOUTH.key("log"), lines)).epoch == 0


def test_an_act_is_verified_by_the_keys_of_its_place_not_of_today() -> None:
    unit = found()
    first = act_of(3, NORTH.key("act"))
    for generation in (1, 2):
        new = NORTH.key("act", generation)
        draft = unit.draft(Rotate(NORTH.name, "act", new.public), heads=[head(NORTH, 10 * generation)])
        unit.adopt(draft.document, [new, NORTH.root, *ROOTS])
    quorum = witnessed(head(NORTH, 30), *OTHERS, OUTSIDE[0])
    verify_act(unit, quorum, 3, first)
    verify_act(unit, quorum, 12, act_of(12, NORTH.key("act", 1)))
    verify_act(unit, quorum, 25, act_of(25, NORTH.key("act", 2)))
    for entry, generation in ((3, 1), (12, 0), (12, 2), (25, 1)):
        with pytest.raises(VerificationError):
            verify_act(unit, quorum, entry, act_of(entry, NORTH.key("act", generation)))


def test_the_roster_keeps_former_members_so_that_their_past_stands() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, ROOTS)
    step = unit.draft()
    without = replace(step, members=tuple(each for each in step.members if each.id != NORTH.name))
    with pytest.raises(VerificationError) as caught:
        check_step(unit.roster, without, {each.name for each in OTHERS})
    assert caught.value.code == "E3411"
