"""Make logs, witnesses and cosigned checkpoints for tests; every seed is written out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hisn.core.instant import Instant
from hisn.core.signers import dual_from_seed
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.merkle import inclusion_proof, leaf_hash, root_of
from hisn.tlog.note import NoteSignature
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, sign_checkpoint

NOW_S = 1_800_000_000
ORIGIN = "log.example/one"
LEAVES = tuple(leaf_hash(f"leaf {number}".encode()) for number in range(7))
PATH = inclusion_proof(LEAVES, 4)
HEAD = Checkpoint(ORIGIN, len(LEAVES), root_of(LEAVES))


@dataclass(frozen=True)
class StillClock:
    seconds: int = NOW_S

    def now(self) -> Instant:
        return Instant(self.seconds * 1_000_000)


@cache
def log_signer(origin: str = ORIGIN, seed: int = 1) -> LogSigner:
    return LogSigner(origin, dual_from_seed(bytes([seed]) * 32), StillClock())


@cache
def witness(number: int) -> Cosigner:
    return Cosigner(f"witness{number}.example", dual_from_seed(bytes([100 + number]) * 32))


@cache
def signed_head() -> SignedCheckpoint:
    return parse_signed_checkpoint(sign_checkpoint(HEAD, log_signer()))


@cache
def cosignatures(number: int, timestamp: int = NOW_S) -> tuple[NoteSignature, NoteSignature]:
    return witness(number).cosign(signed_head().note.text, timestamp)


def with_lines(*signatures: NoteSignature) -> SignedCheckpoint:
    return parse_signed_checkpoint(add_signatures(signed_head().raw, signatures))


def cosigned_by(*numbers: int) -> SignedCheckpoint:
    return with_lines(*(each for number in numbers for each in cosignatures(number)))
