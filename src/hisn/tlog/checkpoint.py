"""Read and verify checkpoints (C2SP tlog-checkpoint): origin, size, root hash.

A log of ours signs with Ed25519 (note type 0x01) and ML-DSA-44 (type 0x06), both under its origin.
Size zero with another root than the empty tree's is parsed: to name it is the duty of a witness.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hisn.core.canon import parse_b64, parse_decimal
from hisn.core.keys import DualPublic
from hisn.core.proof_limits import MAX_NOTE_SIGNATURES
from hisn.errors import VerificationError
from hisn.tlog.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    VerifierKey,
    check_text,
    parse_note,
    vkey_of,
)
from hisn.tlog.stamp import cosigned_message_ed, cosigned_message_mldsa, split_stamp

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State that the log `origin` has `size` leaves with the Merkle root `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """Hold a checkpoint with the note it came in and the very bytes of it."""

    checkpoint: Checkpoint
    note: Note
    raw: bytes


def _refuse(reason: str) -> VerificationError:
    return VerificationError("E3209", f"not a checkpoint: {reason}", hint="ask the log for it again")


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Return the checkpoint that a note's text states. Raises VerificationError."""
    decoded = check_text(text)
    if not decoded.endswith("\n"):
        raise _refuse("the last line does not end")
    lines = decoded[:-1].split("\n")
    if len(lines) < 3:
        raise _refuse("it has less than three lines")
    if not all(lines):
        raise _refuse("it has an empty line")
    origin, size, root = lines[:3]
    hashed = parse_b64(root, "a root hash")
    if len(hashed) != HASH_BYTES:
        raise _refuse("the root hash has not 32 bytes")
    return Checkpoint(origin, parse_decimal(size, "a tree size"), hashed, tuple(lines[3:]))


def parse_signed_checkpoint(data: bytes) -> SignedCheckpoint:
    """Return a checkpoint with signatures that nobody has verified yet. Raises VerificationError."""
    note = parse_note(data)
    return SignedCheckpoint(parse_checkpoint(note.text), note, data)


@lru_cache(maxsize=8 * MAX_NOTE_SIGNATURES)
def verify_line(key: VerifierKey, text: bytes, signature: bytes) -> int | None:
    """Return the seconds since 1970 that a key's signature of a note text states, None for a plain one.

    Raises VerificationError.  What held is remembered: every epoch of a roster judges a state, and
    most of them name the same keys.
    """
    public = key.public
    if key.sig_type == ED25519:
        public.verify(signature, text)
        return None
    timestamp, inner = split_stamp(signature, public.algorithm)
    if key.sig_type == COSIGNATURE_ED25519:
        message = cosigned_message_ed(timestamp, text)
    else:
        head = parse_checkpoint(text)
        message = cosigned_message_mldsa(key.name, timestamp, head.origin, 0, head.size, head.root)
    public.verify(inner, message)
    return timestamp


def verify_lines(note: Note, keys: Iterable[VerifierKey]) -> tuple[tuple[VerifierKey, int | None], ...]:
    """Return the known keys that signed, each with the time it states, in the note's order.

    Lines of unknown keys are ignored, as they are by everybody.  Raises VerificationError if the
    line of a known key fails, for then somebody has meddled with the note.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if (key.name, key.key_id) in known:
            raise VerificationError(
                "E3204", "two known keys have one name and id", hint="enrol one of them under another name"
            )
        known[key.name, key.key_id] = key
    verified = []
    for line in note.signatures:
        if signer := known.get((line.name, line.key_id)):
            try:
                verified.append((signer, verify_line(signer, note.text, line.signature)))
            except VerificationError as error:
                raise VerificationError(
                    "E3205",
                    f"the signature line of {line.name} does not verify",
                    hint="the note was changed, or its signer failed; ask for it again from another place",
                ) from error
    return tuple(verified)


def open_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[tuple[VerifierKey, int | None], ...]:
    """Return what `verify_lines` does. Raises VerificationError, too, if no known key signed."""
    verified = verify_lines(note, keys)
    if not verified:
        raise VerificationError(
            "E3206", "no known key has signed the note", hint="check which keys are enrolled for it"
        )
    return verified


def times_of(note: Note, cosigners: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
    """Return when the known cosigners signed, in seconds since 1970. Raises VerificationError: one fails.

    A line without a time does not say that the tree is the newest, so it does not count; of repeated
    lines of one key the earliest time does.
    """
    times: dict[VerifierKey, int] = {}
    for key, time in verify_lines(note, cosigners):
        if time:
            times[key] = min(time, times.get(key, time))
    return times


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Hold the keys of one log; its name is its origin."""

    name: str
    public: DualPublic

    @property
    def vkeys(self) -> tuple[VerifierKey, VerifierKey]:
        """Return the verifier keys, Ed25519 (0x01) and ML-DSA-44 (0x06)."""
        return (
            vkey_of(self.name, ED25519, self.public.ed25519),
            vkey_of(self.name, COSIGNATURE_ML_DSA_44, self.public.mldsa),
        )


@dataclass(frozen=True, slots=True)
class CosignerKeys:
    """Hold the keys of one cosigner: a witness or a mirror."""

    name: str
    public: DualPublic

    @property
    def vkeys(self) -> tuple[VerifierKey, VerifierKey]:
        """Return the verifier keys, Ed25519 (0x04) and ML-DSA-44 (0x06)."""
        return (
            vkey_of(self.name, COSIGNATURE_ED25519, self.public.ed25519),
            vkey_of(self.name, COSIGNATURE_ML_DSA_44, self.public.mldsa),
        )


def verify_log_signature(signed: SignedCheckpoint, vkeys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return those of a log's keys that signed, in the order given. Raises VerificationError.

    Keys are those of one origin, their name.  The caller decides whether one of them is enough.
    """
    checkpoint = signed.checkpoint
    if any(key.name != checkpoint.origin for key in vkeys):
        # A log must not speak for another one.
        raise VerificationError(
            "E3210",
            "the checkpoint is of another log than its keys",
            hint="check which origin the checkpoint names in its first line",
        )
    found = {key for key, _ in open_note(signed.note, vkeys)}
    good = tuple(key for key in vkeys if key in found)
    if checkpoint.extensions and all(key.sig_type == COSIGNATURE_ML_DSA_44 for key in good):
        # The ML-DSA-44 message leaves extension lines out: nobody has signed them.
        raise VerificationError(
            "E3211", "extension lines of the checkpoint are not signed", hint="ask the log for it again"
        )
    return good


def verify_checkpoint(signed: SignedCheckpoint, keys: LogKeys, *, require_both: bool = True) -> Checkpoint:
    """Return the checkpoint if its own log signed it, with both keys. Raises VerificationError.

    Other signatures, of witnesses or of anybody, neither help nor hinder.
    """
    if len(verify_log_signature(signed, keys.vkeys)) < 2 and require_both:
        raise VerificationError(
            "E3212",
            f"only one of the two keys of {keys.name} has signed the checkpoint",
            hint="a log signs with Ed25519 and ML-DSA-44; ask the log for it again",
        )
    return signed.checkpoint
