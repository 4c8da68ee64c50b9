"""Read what others have signed: the note of the specification, and the checkpoints of tessera's log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hisn.core.canon import parse_b64
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import open_note, parse_signed_checkpoint, verify_log_signature
from hisn.tlog.merkle import inclusion_proof, leaf_hash, root_of
from hisn.tlog.note import NoteSignature, VerifierKey, format_vkey, parse_note
from hisn.tlog.policy import LogLine, Policy
from hisn.tlog.proof import TlogProof, parse_tlog_proof
from hisn.tlog.prove import format_tlog_proof, verify_tlog_proof
from hisn.tlog.sign import format_note
from hisn.tlog.vkey import parse_vkey

pytestmark = pytest.mark.corpus
SIZES = range(16)


def test_the_example_of_signed_note_verifies(corpus: Path) -> None:
    example = json.loads((corpus / "tlog" / "vectors.json").read_bytes())["signed_note"]
    key = parse_vkey(example["vkey"])
    assert format_vkey(key) == example["vkey"]
    blob = parse_b64(example["signature_base64"])
    text = example["text"].encode()
    data = format_note(text, [NoteSignature("example.com/foo", blob[:4], blob[4:])])
    assert data.decode() == f"{example['text']}\n— example.com/foo {example['signature_base64']}\n"
    assert open_note(parse_note(data), [key])
    with pytest.raises(VerificationError):
        open_note(parse_note(data.replace(b"This", b"this")), [key])


def tessera(corpus: Path) -> tuple[VerifierKey, list[bytes]]:
    described = json.loads((corpus / "tlog" / "tessera-log.key.json").read_bytes())
    return parse_vkey(described["vkey"]), [leaf_hash(leaf.encode()) for leaf in described["leaves"]]


@pytest.mark.parametrize("size", SIZES)
def test_every_checkpoint_of_tesseras_log_verifies(corpus: Path, size: int) -> None:
    key, leaves = tessera(corpus)
    path = corpus / "tlog" / "tessera-log" / f"checkpoint.{size}"
    signed = parse_signed_checkpoint(path.read_bytes())
    assert verify_log_signature(signed, [key]) == (key,)
    assert (signed.checkpoint.size, signed.checkpoint.root) == (size, root_of(leaves[:size]))


def test_a_proof_of_logging_in_tesseras_log_verifies(corpus: Path) -> None:
    key, leaves = tessera(corpus)
    checkpoint = (corpus / "tlog" / "tessera-log" / "checkpoint").read_bytes()
    policy = Policy((LogLine(key),), (), (), "none")
    for index, leaf in enumerate(leaves):
        proof = parse_tlog_proof(
            format_tlog_proof(TlogProof(index, inclusion_proof(leaves, index), checkpoint))
        )
        assert verify_tlog_proof(proof, leaf, None, policy).index == index
        with pytest.raises(VerificationError):
            verify_tlog_proof(proof, leaves[index - 1], None, policy)
