"""Make signed notes and single signature lines for our test vectors, the same ones each time.

Keys come from seeds that are numbers; the ML-DSA-44 signatures come from the plain signer of
`make_mldsa44`, which takes no chance in.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from vectors.make_mldsa44 import Key

from hisn.core.canon import b64
from hisn.core.instant import Instant
from hisn.core.keys import Algorithm, PublicKey
from hisn.core.signers import DualSigner, SeedSigner
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.cosign import cosigned_message_ed, cosigned_message_mldsa
from hisn.tlog.merkle import leaf_hash, root_of
from hisn.tlog.note import NoteSignature
from hisn.tlog.sign import Cosigner, LogSigner, join_stamp, sign_checkpoint, signature_line

NOW_S = 1_800_000_000
ORIGIN = "log.example/one"
ENTRIES = tuple(f"entry {number}".encode() for number in range(1_000))
LEAVES = tuple(leaf_hash(entry) for entry in ENTRIES)
EMPTY = b"\n"


@dataclass(frozen=True)
class StillClock:
    """Show one time for ever."""

    def now(self) -> Instant:
        """Return it."""
        return Instant(NOW_S * 1_000_000)


class PlainMldsa:
    """Sign by the plain signer, the same bytes for the same message."""

    def __init__(self, seed: bytes) -> None:
        self._key = Key(seed)
        self.public = PublicKey(Algorithm.ML_DSA_44, self._key.public)

    def sign(self, message: bytes) -> bytes:
        """Return the signature."""
        return self._key.sign(message)


@cache
def signer(number: int) -> DualSigner:
    """Return the keys made from a seed that is this number, as `hisn.core.keys.dual_from_seed` makes them."""
    seed = number.to_bytes(32, "big")

    def part(algorithm: Algorithm) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=b"hisn key/1 " + algorithm.value.encode()).derive(seed)

    return DualSigner(
        SeedSigner(Algorithm.ED25519, part(Algorithm.ED25519)), PlainMldsa(part(Algorithm.ML_DSA_44))
    )


@cache
def log(origin: str = ORIGIN, seed: int = 1) -> LogSigner:
    """Return a log."""
    return LogSigner(origin, signer(seed), StillClock())


@cache
def witness(number: int) -> Cosigner:
    """Return a witness."""
    return Cosigner(f"witness{number}.example", signer(100 + number))


@cache
def head(size: int, extensions: tuple[str, ...] = (), seed: int = 1) -> tuple[bytes, tuple[bytes, bytes]]:
    """Return the text of a checkpoint and the log's two signature lines."""
    checkpoint = Checkpoint(ORIGIN, size, root_of(LEAVES[:size]), extensions)
    text, _, lines = sign_checkpoint(checkpoint, log(seed=seed)).rpartition(b"\n\n")
    first, second, _ = lines.split(b"\n")
    return text + b"\n", (first + b"\n", second + b"\n")


@cache
def cosigned(number: int, text: bytes, timestamp: int = NOW_S) -> tuple[bytes, bytes]:
    """Return the two lines of a witness, Ed25519 first."""
    first, second = witness(number).cosign(text, timestamp)
    return signature_line(first), signature_line(second)


def signed(text: bytes, *lines: bytes) -> bytes:
    """Return a signed note."""
    return text + EMPTY + b"".join(lines)


def flipped(line: bytes, at: int) -> bytes:
    """Return a signature line with one bit of its blob (id, stamp, signature) changed."""
    start, _, encoded = line.rstrip(b"\n").rpartition(b" ")
    blob = bytearray(b64decode(encoded))
    blob[at] ^= 1
    return start + b" " + b64(bytes(blob)).encode() + b"\n"


def renamed(line: bytes, name: str, key_id: bytes) -> bytes:
    """Return a signature line under another name and id."""
    blob = b64decode(line.rstrip(b"\n").rpartition(b" ")[2])
    return signature_line(NoteSignature(name, key_id, blob[4:]))


def timeless(number: int, size: int) -> tuple[bytes, bytes]:
    """Return the lines of a witness that states no time."""
    text, _ = head(size)
    who = witness(number)
    ed25519, mldsa = who.keys.vkeys
    plain = who.signer.ed25519.sign(cosigned_message_ed(0, text))
    root = root_of(LEAVES[:size])
    quantum = who.signer.mldsa.sign(cosigned_message_mldsa(who.name, 0, ORIGIN, 0, size, root))
    return (
        signature_line(NoteSignature(who.name, ed25519.key_id, join_stamp(0, plain))),
        signature_line(NoteSignature(who.name, mldsa.key_id, join_stamp(0, quantum))),
    )


def flipped_top(line: bytes) -> bytes:
    """Return a line whose time has its highest bit set."""
    start, _, encoded = line.rstrip(b"\n").rpartition(b" ")
    blob = bytearray(b64decode(encoded))
    blob[4] |= 0x80
    return start + b" " + b64(bytes(blob)).encode() + b"\n"


def resized(line: bytes, by: int) -> bytes:
    """Return a line whose blob is so many bytes longer, or shorter."""
    start, _, encoded = line.rstrip(b"\n").rpartition(b" ")
    blob = b64decode(encoded)
    blob = blob + bytes(by) if by > 0 else blob[:by]
    return start + b" " + b64(blob).encode() + b"\n"
