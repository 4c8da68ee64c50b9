"""Write proofs of logging, and judge them by a policy (C2SP tlog-proof)."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.core.canon import b64
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import Checkpoint, LogKeys, parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.path import verify_inclusion
from hisn.tlog.policy import Policy, QuorumResult, verify_log, verify_quorum
from hisn.tlog.proof import HEADER, TlogProof, parse_tlog_proof


@dataclass(frozen=True, slots=True)
class Verified:
    """Say what a verified proof has proven: the leaf at `index`, the tree, and who witnessed it."""

    index: int
    checkpoint: Checkpoint
    quorum: QuorumResult


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
