"""Read, write and verify proofs of logging (C2SP tlog-proof): index, Merkle path, checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.core.canon import b64, parse_b64, parse_decimal
from hisn.core.proof_limits import MAX_EXTRA_BYTES, MAX_NOTE_BYTES, MAX_PROOF_HASHES
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import (
    HASH_BYTES,
    Checkpoint,
    LogKeys,
    parse_signed_checkpoint,
    verify_checkpoint,
)
from hisn.tlog.path import verify_inclusion
from hisn.tlog.policy import Policy, QuorumResult, verify_log, verify_quorum

HEADER = b"c2sp.org/tlog-proof@v1"
# Header, extra, index and hashes; the checkpoint comes on top.
_MAX_HEAD_BYTES = 64 + MAX_EXTRA_BYTES * 4 // 3 + 64 * MAX_PROOF_HASHES


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Claim that a leaf stands at `index` of the tree of a checkpoint, kept as it came.

    `extra` is of the application and signed by nobody.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_bytes: bytes
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class Verified:
    """Say what a verified proof has proven: the leaf at `index`, the tree, and who witnessed it."""

    index: int
    checkpoint: Checkpoint
    quorum: QuorumResult


def _refuse(reason: str) -> VerificationError:
    return VerificationError(
        "E3216", f"not a tlog-proof: {reason}", hint="ask its sender for the original bytes"
    )


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Return a proof that nobody has verified yet. Raises VerificationError."""
    if len(data) > _MAX_HEAD_BYTES + MAX_NOTE_BYTES:
        raise _refuse("it is too long")
    head, empty, checkpoint = data.partition(b"\n\n")
    if not empty:
        raise _refuse("no empty line before the checkpoint")
    lines = head.split(b"\n")
    if lines.pop(0) != HEADER:
        raise _refuse("the first line is another one")
    extra = b""
    if lines and lines[0].startswith(b"extra "):
        extra = parse_b64(lines.pop(0).removeprefix(b"extra "), "the extra data")
        if not extra:
            raise _refuse("its extra line is empty")
    if not lines or not lines[0].startswith(b"index "):
        raise _refuse("no index line")
    index = parse_decimal(lines.pop(0).removeprefix(b"index "), "the index")
    if len(extra) > MAX_EXTRA_BYTES or len(lines) > MAX_PROOF_HASHES:
        raise _refuse("more extra data or hashes than can be")
    hashes = tuple(parse_b64(line, "a hash of the path") for line in lines)
    if any(len(each) != HASH_BYTES for each in hashes):
        raise _refuse("a hash has not 32 bytes")
    parse_signed_checkpoint(checkpoint)
    return TlogProof(index, hashes, checkpoint, extra)


def format_tlog_proof(proof: TlogProof) -> bytes:
    """Return the text of a proof. Raises ValueError where it could not be parsed again."""
    lines = [HEADER.decode(), *([f"extra {b64(proof.extra)}"] if proof.extra else [])]
    lines += [f"index {proof.index}", *map(b64, proof.hashes), "", ""]
    data = "\n".join(lines).encode() + proof.checkpoint_bytes
    try:
        parse_tlog_proof(data)
    except VerificationError as error:
        raise ValueError(str(error)) from error
    return data


def verify_tlog_proof(
    proof: TlogProof,
    leaf_hash: bytes,
    keys: LogKeys | None,
    policy: Policy,
    *,
    require_quorum: bool = True,
) -> Verified:
    """Return what the proof proves of the leaf hash, which the caller made from the leaf itself.

    The steps of tlog-proof: the log signed (both keys of `keys`, or any log of the policy where
    it is None), the path leads from leaf to root, the witnesses reach the quorum.
    Raises VerificationError, and PolicyError for a quorum that is not met; without `require_quorum`
    the caller must look at `quorum.reached`.
    """
    signed = parse_signed_checkpoint(proof.checkpoint_bytes)
    if keys is None:
        verify_log(policy, signed)
    else:
        verify_checkpoint(signed, keys)
    checkpoint = signed.checkpoint
    verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    quorum = verify_quorum(policy, signed) if require_quorum else policy.satisfied_by(signed)
    return Verified(proof.index, checkpoint, quorum)
