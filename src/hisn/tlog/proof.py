"""Read proofs of logging (C2SP tlog-proof): index, Merkle path, checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.core.canon import parse_b64, parse_decimal
from hisn.core.proof_limits import MAX_EXTRA_BYTES, MAX_NOTE_BYTES, MAX_PROOF_HASHES
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import HASH_BYTES, parse_signed_checkpoint

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
