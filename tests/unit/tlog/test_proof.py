from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.core.refusals import refused
from tests.unit.tlog.signers import HEAD, LEAVES, NOW_S, PATH, cosigned_by, log_signer, signed_head, witness

from hisn.core.canon import b64
from hisn.core.proof_limits import MAX_EXTRA_BYTES, MAX_PROOF_HASHES
from hisn.errors import PolicyError, VerificationError
from hisn.tlog.merkle import inclusion_proof
from hisn.tlog.note import ED25519, vkey_of
from hisn.tlog.policy import LogLine, Policy, WitnessLine
from hisn.tlog.proof import TlogProof, format_tlog_proof, parse_tlog_proof, verify_tlog_proof
from hisn.tlog.sign import format_note

KEYS = log_signer().keys
NOBODY = Policy((), (), (), "none")
WITNESSED = Policy((), (WitnessLine("w", witness(1).keys.vkeys[1]),), (), "w")
PROOF = TlogProof(4, PATH, cosigned_by(1).raw)
LINES = [f"{b64(each)}\n" for each in PATH]
CHECKPOINT = PROOF.checkpoint_bytes.decode()


def text(*parts: str) -> bytes:
    return "".join(parts).encode()


def test_a_proof_is_read_and_written() -> None:
    expected = text("c2sp.org/tlog-proof@v1\n", "index 4\n", *LINES, "\n", CHECKPOINT)
    assert format_tlog_proof(PROOF) == expected
    assert parse_tlog_proof(expected) == PROOF


def test_extra_data_is_carried_and_proves_nothing() -> None:
    proof = replace(PROOF, extra=b"age")
    data = format_tlog_proof(proof)
    assert data.split(b"\n")[1] == b"extra YWdl"
    assert parse_tlog_proof(data) == proof
    assert verify_tlog_proof(proof, LEAVES[4], KEYS, NOBODY).checkpoint == HEAD


def test_a_tree_of_one_leaf_needs_no_hashes() -> None:
    proof = TlogProof(0, (), signed_head().raw)
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof


HEADER = "c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("E3216", []),
        ("E3216", [HEADER]),
        ("E3216", ["\n", CHECKPOINT]),
        ("E3216", [HEADER, "\n", CHECKPOINT]),
        ("E3216", [HEADER.replace("v1", "v2"), "index 4\n", "\n", CHECKPOINT]),
        ("E3216", [" ", HEADER, "index 4\n", "\n", CHECKPOINT]),
        ("E3216", ["\ufeff", HEADER, "index 4\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER.replace("\n", "\r\n"), "index 4\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "extra YWdl\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "extra \n", "index 4\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "extra\n", "index 4\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "extra YWdl\n", "extra YWdl\n", "index 4\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "index 4\n", CHECKPOINT[:0], *LINES]),
        ("E3102", [HEADER, "index 4\n", "extra YWdl\n", "\n", CHECKPOINT]),
        ("E3102", [HEADER, "index 4\n", "index 4\n", "\n", CHECKPOINT]),
        ("E3102", [HEADER, "extra YWdm=\n", "index 4\n", "\n", CHECKPOINT]),
        ("E3104", [HEADER, "index 04\n", "\n", CHECKPOINT]),
        ("E3104", [HEADER, "index +4\n", "\n", CHECKPOINT]),
        ("E3104", [HEADER, "index 5_0\n", "\n", CHECKPOINT]),
        ("E3104", [HEADER, "index 4 \n", "\n", CHECKPOINT]),
        ("E3104", [HEADER, "index 4\u2028\n", "\n", CHECKPOINT]),
        ("E3104", [HEADER, "index \n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "index\n", "\n", CHECKPOINT]),
        ("E3216", [HEADER, "index 4\n", "AAAA\n", "\n", CHECKPOINT]),
        ("E3102", [HEADER, "index 4\n", LINES[0].replace("=", ""), "\n", CHECKPOINT]),
        ("E3216", [HEADER, "index 4\n", *LINES[:1] * (MAX_PROOF_HASHES + 1), "\n", CHECKPOINT]),
        ("E3216", [HEADER, f"extra {b64(bytes(MAX_EXTRA_BYTES + 1))}\n", "index 4\n", "\n", CHECKPOINT]),
        ("E3200", [HEADER, "index 4\n", *LINES, "\n", "\n"]),
        ("E3209", [HEADER, "index 4\n", *LINES, "\n", "\n", CHECKPOINT]),
        ("E3200", [HEADER, "index 4\n", *LINES, "\n", CHECKPOINT, "\n"]),
    ],
)  # fmt: skip
def test_what_is_no_proof_is_refused(code: str, parts: list[str]) -> None:
    with refused(code):
        parse_tlog_proof(text(*parts))


def test_a_proof_without_end_is_refused_before_it_is_read() -> None:
    with refused("E3216", "too long"):
        parse_tlog_proof(format_tlog_proof(PROOF) + bytes(1 << 20))


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
