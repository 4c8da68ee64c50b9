from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.core.refusals import refused
from tests.unit.tlog.signers import HEAD, LEAVES, NOW_S, PATH, cosigned_by, log_signer, signed_head, witness

from hisn.core.proof_limits import MAX_EXTRA_BYTES
from hisn.errors import PolicyError, VerificationError
from hisn.tlog.merkle import inclusion_proof
from hisn.tlog.note import ED25519, vkey_of
from hisn.tlog.policy import LogLine, Policy, WitnessLine
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof, verify_tlog_proof
from hisn.tlog.sign import format_note

KEYS = log_signer().keys
NOBODY = Policy((), (), (), "none")
WITNESSED = Policy((), (WitnessLine("w", witness(1).keys.vkeys[1]),), (), "w")
PROOF = TlogProof(4, PATH, cosigned_by(1).raw)


@pytest.mark.parametrize(
    "proof",
    [
        replace(PROOF, index=-1),
        replace(PROOF, hashes=(b"short",)),
        replace(PROOF, checkpoint_bytes=b""),
        replace(PROOF, extra=bytes(MAX_EXTRA_BYTES + 1)),
    ],
)
def test_only_what_can_be_read_again_is_written(proof: TlogProof) -> None:
    with pytest.raises(ValueError, match=r"."):
        format_tlog_proof(proof)


def test_a_leaf_its_log_and_its_witness_are_proven() -> None:
    verified = verify_tlog_proof(PROOF, LEAVES[4], KEYS, WITNESSED)
    assert (verified.index, verified.checkpoint) == (4, HEAD)
    assert [seen.timestamp for seen in verified.quorum.cosigned] == [NOW_S]


def test_a_proof_does_not_move_to_another_leaf_index_or_tree() -> None:
    with pytest.raises(VerificationError):
        verify_tlog_proof(PROOF, LEAVES[3], KEYS, WITNESSED)
    with pytest.raises(VerificationError):
        verify_tlog_proof(replace(PROOF, index=5), LEAVES[4], KEYS, WITNESSED)
    with pytest.raises(VerificationError):
        verify_tlog_proof(replace(PROOF, hashes=inclusion_proof(LEAVES[:6], 4)), LEAVES[4], KEYS, WITNESSED)
    with pytest.raises(VerificationError):
        verify_tlog_proof(replace(PROOF, index=len(LEAVES)), LEAVES[4], KEYS, WITNESSED)


def test_a_proof_of_an_unknown_log_is_refused() -> None:
    stranger = log_signer("log.example/two", 2).keys
    with refused("E3210"):
        verify_tlog_proof(PROOF, LEAVES[4], stranger, NOBODY)


def test_a_proof_with_one_of_the_logs_two_signatures_is_refused() -> None:
    half = format_note(signed_head().note.text, signed_head().note.signatures[:1])
    with refused("E3212"):
        verify_tlog_proof(replace(PROOF, checkpoint_bytes=half), LEAVES[4], KEYS, NOBODY)


def test_logs_of_a_policy_are_enough_where_no_keys_are_given() -> None:
    plain = vkey_of(HEAD.origin, ED25519, KEYS.public.ed25519)
    policy = Policy((LogLine(plain),), (), (), "none")
    assert verify_tlog_proof(PROOF, LEAVES[4], None, policy).quorum.reached
    with refused("E3206"):
        verify_tlog_proof(PROOF, LEAVES[4], None, NOBODY)


def test_a_proof_without_its_witness_is_true_but_not_enough() -> None:
    alone = replace(PROOF, checkpoint_bytes=signed_head().raw)
    with refused("E4200", family=PolicyError):
        verify_tlog_proof(alone, LEAVES[4], KEYS, WITNESSED)
    seen = verify_tlog_proof(alone, LEAVES[4], KEYS, WITNESSED, require_quorum=False)
    assert (seen.quorum.reached, seen.quorum.missing) == (False, ("w",))
