"""Read signed notes (C2SP signed-note): text, an empty line, signature lines.

A note is parsed for reading and passed on as the bytes that came: nothing signed is written anew.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from hisn.core.canon import b64, parse_b64
from hisn.core.keys import Algorithm, PublicKey
from hisn.core.proof_limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from hisn.errors import VerificationError

ED25519 = 0x01
COSIGNATURE_ED25519 = 0x04
COSIGNATURE_ML_DSA_44 = 0x06

ALGORITHMS = {
    ED25519: Algorithm.ED25519,
    COSIGNATURE_ED25519: Algorithm.ED25519,
    COSIGNATURE_ML_DSA_44: Algorithm.ML_DSA_44,
}
"""The signature types that can be enrolled, and what their keys are."""

DASH = "— ".encode()
_CONTROL = bytes(code for code in range(0x20) if code != 0x0A)
# White_Space of Unicode, written out: the meaning of a name must not depend on a Unicode version.
_NO_NAME = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """Hold one signature line: `key_id` has 4 bytes, `signature` what follows it."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Hold a note's text with its final newline, and its signatures, of which none is verified."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


def _refuse(reason: str) -> VerificationError:
    return VerificationError(
        "E3200", f"not a signed note: {reason}", hint="ask its sender for the original bytes"
    )


def is_key_name(name: str) -> bool:
    """Tell whether a key may have that name: not empty, no Unicode space, no plus, no control."""
    encoded = name.encode("utf-8", "surrogatepass")
    return bool(name) and not _NO_NAME.search(name) and encoded == encoded.translate(None, _CONTROL)


def check_text(data: bytes) -> str:
    """Return the text of bytes as notes allow them: UTF-8 without controls. Raises VerificationError."""
    if data != data.translate(None, _CONTROL):
        raise _refuse("it holds a control character")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _refuse("it is not UTF-8") from error


def _parse_line(line: bytes) -> NoteSignature:
    name, space, encoded = line.removeprefix(DASH).decode().partition(" ")
    if not line.startswith(DASH) or not space or not is_key_name(name):
        raise _refuse("a signature line is not “— name base64”")
    blob = parse_b64(encoded, "a signature")
    if len(blob) <= 4:
        raise _refuse("a signature line holds no signature")
    return NoteSignature(name, blob[:4], blob[4:])


def parse_signature_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Return the signatures of lines as a note ends with and a witness answers with.

    Raises VerificationError: none, too many, or a line that is not in its form.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise _refuse(f"more than {MAX_NOTE_BYTES} bytes")
    check_text(data)
    if not data.endswith(b"\n"):
        raise _refuse("the last line does not end")
    lines = data[:-1].split(b"\n")
    if len(lines) > MAX_NOTE_SIGNATURES:
        raise _refuse(f"more than {MAX_NOTE_SIGNATURES} signature lines")
    return tuple(_parse_line(line) for line in lines)


def parse_note(data: bytes) -> Note:
    """Return the parts of a note; the text is worth nothing until somebody's signature is verified.

    Raises VerificationError.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise _refuse(f"more than {MAX_NOTE_BYTES} bytes")
    check_text(data)
    # The LAST empty line: the text may hold others, and lines that look like signatures.
    split = data.rfind(b"\n\n")
    if split < 0:
        raise _refuse("no empty line before the signatures")
    return Note(data[: split + 1], parse_signature_lines(data[split + 2 :]))


def key_id(name: str, sig_type: int, material: bytes) -> bytes:
    """Return the 4 bytes that name a key in a note (signed-note, "Signatures")."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([sig_type]) + material).digest()[:4]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Hold an enrolled key: its name, its type and its raw public bytes (`material`)."""

    name: str
    key_id: bytes
    sig_type: int
    material: bytes

    @property
    def public(self) -> PublicKey:
        """Return the public key."""
        return PublicKey(ALGORITHMS[self.sig_type], self.material)

    def signed(self, signature: NoteSignature) -> bool:
        """Tell whether a line claims to be of this key: name and id both, never one alone."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)


def vkey_of(name: str, sig_type: int, public: PublicKey) -> VerifierKey:
    """Return the verifier key for a public key of ours. Raises ValueError for a bad name."""
    if not is_key_name(name) or ALGORITHMS[sig_type] is not public.algorithm:
        raise ValueError("such a key cannot stand in a note")
    return VerifierKey(name, key_id(name, sig_type, public.raw), sig_type, public.raw)


def format_vkey(key: VerifierKey) -> str:
    """Return ``name+id+base64(type || key)``."""
    return f"{key.name}+{key.key_id.hex()}+{b64(bytes([key.sig_type]) + key.material)}"
