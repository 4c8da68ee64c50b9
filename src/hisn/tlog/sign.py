"""Write and sign notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

A log of ours and a cosigner of ours always sign with both algorithms.  To verify needs nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hisn.core.canon import MAX_DECIMAL, b64
from hisn.core.clock import Clock
from hisn.core.signers import DualSigner, Signer, Succession
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import Checkpoint, CosignerKeys, LogKeys, parse_checkpoint
from hisn.tlog.note import DASH, ED25519, Note, NoteSignature, is_key_name, parse_note, vkey_of
from hisn.tlog.stamp import MAX_TIMESTAMP, cosigned_message_ed, cosigned_message_mldsa


def signature_line(signature: NoteSignature) -> bytes:
    """Return one signature line with its newline. Raises ValueError for a name that cannot be."""
    if not is_key_name(signature.name) or len(signature.key_id) != 4 or not signature.signature:
        raise ValueError("such a signature cannot stand in a note")
    blob = b64(signature.key_id + signature.signature)
    return DASH + f"{signature.name} {blob}\n".encode()


def add_signatures(note: bytes, signatures: Iterable[NoteSignature]) -> bytes:
    """Return the bytes of a note with more signature lines at its end."""
    return note + b"".join(signature_line(each) for each in signatures)


def format_note(text: bytes, signatures: Sequence[NoteSignature]) -> bytes:
    """Return the bytes of a note. Raises ValueError where they could not be parsed again."""
    data = add_signatures(text + b"\n", signatures)
    try:
        same = parse_note(data) == Note(text, tuple(signatures))
    except VerificationError as error:
        raise ValueError(str(error)) from error
    if not same:
        raise ValueError("a note's text ends with a newline")
    return data


def sign_note(text: bytes, name: str, signer: Signer) -> NoteSignature:
    """Return the plain Ed25519 signature (type 0x01) of a note text."""
    return NoteSignature(name, vkey_of(name, ED25519, signer.public).key_id, signer.sign(text))


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the text of a checkpoint. Raises ValueError where it could not be parsed again."""
    lines = (checkpoint.origin, str(checkpoint.size), b64(checkpoint.root), *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines).encode()
    try:
        same = parse_checkpoint(text) == checkpoint
    except VerificationError as error:
        raise ValueError(str(error)) from error
    if not same:
        raise ValueError("a line of a checkpoint holds a newline")
    return text


def join_stamp(timestamp: int, signature: bytes) -> bytes:
    """Return the structure `timestamped_signature`."""
    if not 0 <= timestamp <= MAX_TIMESTAMP:
        raise ValueError("a timestamp is from 0 to 2**63-1 seconds")
    return timestamp.to_bytes(8, "big") + signature


@dataclass(frozen=True, slots=True)
class LogSigner:
    """Sign checkpoints of the log `name` with both keys, at the time of the clock.

    `earlier` are signers that still go before `signer`, each until the log has so many entries.
    """

    name: str
    signer: DualSigner
    clock: Clock
    earlier: tuple[tuple[int, DualSigner], ...] = ()

    @property
    def keys(self) -> LogKeys:
        """Return the public keys of the log, the newest ones."""
        return LogKeys(self.name, self.signer.public)

    def at(self, size: int) -> LogSigner:
        """Return who signs the log of that size: whose keys count for its last entry."""
        signer = Succession(self.signer, self.earlier).at(max(size, 1) - 1)
        return LogSigner(self.name, signer, self.clock)


def sign_checkpoint(checkpoint: Checkpoint, signer: LogSigner) -> bytes:
    """Return the signed note of a checkpoint of the signer's own log, Ed25519 line first."""
    if checkpoint.origin != signer.name or not 0 <= checkpoint.size <= MAX_DECIMAL:
        raise ValueError("a log signs checkpoints of its own origin")
    signer = signer.at(checkpoint.size)
    text = format_checkpoint(checkpoint)
    timestamp = max(1, signer.clock.now() // 1_000_000)
    message = cosigned_message_mldsa(
        signer.name, timestamp, checkpoint.origin, 0, checkpoint.size, checkpoint.root
    )
    stamped = join_stamp(timestamp, signer.signer.mldsa.sign(message))
    _, mldsa = signer.keys.vkeys
    return format_note(
        text,
        (
            sign_note(text, signer.name, signer.signer.ed25519),
            NoteSignature(signer.name, mldsa.key_id, stamped),
        ),
    )


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Sign for one cosigner with both of its keys."""

    name: str
    signer: DualSigner

    @property
    def keys(self) -> CosignerKeys:
        """Return the public keys of the cosigner."""
        return CosignerKeys(self.name, self.signer.public)

    def cosign(self, text: bytes, timestamp_s: int) -> tuple[NoteSignature, NoteSignature]:
        """Return both signatures of a checkpoint's note text, to be stated only after its proof held.

        Raises ValueError for a timestamp that is not positive, VerificationError for a text that is no
        checkpoint.
        """
        if timestamp_s <= 0:
            raise ValueError("a witness states the time")
        head = parse_checkpoint(text)
        ed25519, mldsa = self.keys.vkeys
        plain = self.signer.ed25519.sign(cosigned_message_ed(timestamp_s, text))
        message = cosigned_message_mldsa(self.name, timestamp_s, head.origin, 0, head.size, head.root)
        return (
            NoteSignature(self.name, ed25519.key_id, join_stamp(timestamp_s, plain)),
            NoteSignature(self.name, mldsa.key_id, join_stamp(timestamp_s, self.signer.mldsa.sign(message))),
        )

    def cosign_subtree(self, origin: str, start: int, end: int, root: bytes) -> NoteSignature:
        """Return the ML-DSA-44 signature of leaves [start, end), which carries no time."""
        message = cosigned_message_mldsa(self.name, 0, origin, start, end, root)
        _, mldsa = self.keys.vkeys
        return NoteSignature(self.name, mldsa.key_id, join_stamp(0, self.signer.mldsa.sign(message)))
