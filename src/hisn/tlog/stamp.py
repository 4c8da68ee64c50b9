"""Build the two messages that cosigners sign, and the timestamp that goes with them.

Both are of C2SP tlog-cosignature: the Ed25519 one covers the note text with a header and a time,
the ML-DSA-44 one names the cosigner and the log and covers a range of leaves.
"""

from __future__ import annotations

from hisn.core.keys import Algorithm
from hisn.core.proof_limits import MAX_COSIGNED_NAME_BYTES
from hisn.errors import VerificationError

MAX_TIMESTAMP = 2**63 - 1
_LABEL = b"subtree/v1\n\0"


def _named(name: str) -> bytes:
    encoded = name.encode()
    if not 1 <= len(encoded) <= MAX_COSIGNED_NAME_BYTES:
        raise VerificationError(
            "E3207",
            "a name has no or more than 255 bytes and fits no ML-DSA-44 cosignature",
            hint="use a shorter name for the log or the cosigner",
        )
    return bytes([len(encoded)]) + encoded


def cosigned_message_ed(timestamp: int, note_text: bytes) -> bytes:
    """Return what an Ed25519 cosigner signs; `timestamp` in seconds since 1970."""
    return f"cosignature/v1\ntime {timestamp}\n".encode() + note_text


def cosigned_message_mldsa(  # noqa: PLR0917 -- the six fields of the structure, in its order
    cosigner: str, timestamp: int, origin: str, start: int, end: int, root: bytes
) -> bytes:
    """Return what an ML-DSA-44 cosigner signs over leaves [start, end) with that root hash.

    Raises VerificationError for a name that does not fit, ValueError for a timestamp where there may be none.
    """
    if start and timestamp:
        raise ValueError("the cosignature of a subtree has no timestamp")
    return b"".join(
        (
            _LABEL,
            _named(cosigner),
            timestamp.to_bytes(8, "big"),
            _named(origin),
            start.to_bytes(8, "big"),
            end.to_bytes(8, "big"),
            root,
        )
    )


def split_stamp(data: bytes, algorithm: Algorithm) -> tuple[int, bytes]:
    """Return timestamp and signature. Raises VerificationError for any other length or range."""
    timestamp = int.from_bytes(data[:8], "big")
    if len(data) != 8 + algorithm.signature_bytes or timestamp > MAX_TIMESTAMP:
        raise VerificationError(
            "E3208", "a cosignature is not in its form", hint="ask for the checkpoint from another place"
        )
    return timestamp, data[8:]
