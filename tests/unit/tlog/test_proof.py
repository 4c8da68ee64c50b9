from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.core.refusals import refused
from tests.unit.tlog.signers import HEAD, LEAVES, PATH, cosigned_by, log_signer, signed_head

from hisn.core.canon import b64
from hisn.core.proof_limits import MAX_EXTRA_BYTES, MAX_PROOF_HASHES
from hisn.tlog.policy import Policy
from hisn.tlog.proof import TlogProof, parse_tlog_proof
from hisn.tlog.prove import format_tlog_proof, verify_tlog_proof

KEYS = log_signer().keys
NOBODY = Policy((), (), (), "none")
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
