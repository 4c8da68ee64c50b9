"""Verify cosignatures of checkpoints and subtrees (C2SP tlog-cosignature).

A cosigner of ours always signs with both algorithms, types 0x04 and 0x06.
"""

from __future__ import annotations

from dataclasses import dataclass

from hisn.core.keys import Algorithm
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import CosignerKeys, SignedCheckpoint, open_note, verify_line
from hisn.tlog.note import (
    NoteSignature,
    VerifierKey,
)
from hisn.tlog.stamp import cosigned_message_ed, cosigned_message_mldsa, split_stamp

__all__ = [
    "Cosigned",
    "CosignerKeys",
    "cosigned_message_ed",
    "cosigned_message_mldsa",
    "verify_cosignature",
    "verify_cosigner",
    "verify_subtree_cosignature",
]


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Say that a cosigner signed, with what, and when: seconds since 1970, one for each algorithm."""

    name: str
    timestamps: tuple[int, ...]
    algorithms: tuple[Algorithm, ...]


def _unknown() -> VerificationError:
    return VerificationError(
        "E3213", "a cosignature is not of the cosigner's keys", hint="check which keys are enrolled for it"
    )


def verify_cosignature(
    signature: NoteSignature, keys: CosignerKeys | VerifierKey, signed: SignedCheckpoint
) -> int:
    """Return the timestamp of one cosignature of a checkpoint, in seconds. Raises VerificationError."""
    vkeys = (keys,) if isinstance(keys, VerifierKey) else keys.vkeys
    for key in vkeys:
        if key.signed(signature):
            timestamp = verify_line(key, signed.note.text, signature.signature)
            if timestamp is not None:
                return timestamp
    raise _unknown()


def verify_subtree_cosignature(
    signature: NoteSignature, keys: CosignerKeys, origin: str, bounds: tuple[int, int], root: bytes
) -> None:
    """Return if the cosigner signed leaves [start, end) of a log with that root. Raises VerificationError."""
    _, key = keys.vkeys
    if not key.signed(signature):
        raise _unknown()
    timestamp, inner = split_stamp(signature.signature, Algorithm.ML_DSA_44)
    if timestamp:
        # A time would claim the largest tree of the log, which a subtree is not.
        raise VerificationError(
            "E3208", "the cosignature of a subtree states a time", hint="ask another cosigner"
        )
    key.public.verify(inner, cosigned_message_mldsa(keys.name, 0, origin, *bounds, root))


def verify_cosigner(signed: SignedCheckpoint, keys: CosignerKeys) -> Cosigned:
    """Return when a cosigner signed the checkpoint with both algorithms. Raises VerificationError.

    Of repeated lines of one key all must verify, and the earliest time counts: then it was seen.
    """
    vkeys = keys.vkeys
    found = open_note(signed.note, vkeys)
    times = []
    for key in vkeys:
        stamps = [time or 0 for signer, time in found if signer == key]
        if not stamps or not all(stamps):
            raise VerificationError(
                "E3214",
                f"{keys.name} has not cosigned the checkpoint with both algorithms and a time",
                hint="ask the cosigner again; a cosignature in force has Ed25519 and ML-DSA-44",
            )
        times.append(min(stamps))
    return Cosigned(keys.name, tuple(times), tuple(key.public.algorithm for key in vkeys))
