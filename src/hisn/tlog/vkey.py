"""Read the keys of others, as they are given for enrolment (C2SP signed-note, "Verifier keys")."""

from __future__ import annotations

import re

from hisn.core.canon import parse_b64
from hisn.core.keys import parse_public_key
from hisn.errors import VerificationError
from hisn.tlog.note import ALGORITHMS, VerifierKey, is_key_name, key_id, vkey_of

ECDSA = 0x02
_KEY_ID = re.compile(r"[0-9a-f]{8}")


def parse_vkey(text: str) -> VerifierKey:
    """Return a verifier key, checked for enrolment. Raises VerificationError.

    Refuses types that we do not verify (of ECDSA the id is not even made from name and type), ids
    that are not the key's, and weak points.
    """
    name, _, rest = text.partition("+")
    hexed, _, encoded = rest.partition("+")
    hint = "ask the owner for the key; it looks like name+1a2b3c4d+base64"
    if not is_key_name(name) or not _KEY_ID.fullmatch(hexed):
        raise VerificationError("E3201", "not a verifier key", hint=hint)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise VerificationError("E3201", "a verifier key's name is not UTF-8", hint=hint) from error
    blob = parse_b64(encoded, "a verifier key")
    sig_type, material = (blob[0], blob[1:]) if blob else (0, b"")
    if sig_type not in ALGORITHMS:
        what = "ECDSA" if sig_type == ECDSA else f"type 0x{sig_type:02x}"
        raise VerificationError(
            "E3202", f"keys of {what} are not accepted", hint="ask the owner for an Ed25519 or ML-DSA-44 key"
        )
    public = parse_public_key(ALGORITHMS[sig_type], material)
    if key_id(name, sig_type, material) != bytes.fromhex(hexed):
        raise VerificationError("E3203", "a verifier key's id is not its own", hint=hint)
    return vkey_of(name, sig_type, public)
