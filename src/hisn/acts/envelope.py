"""Open signed acts: DSSE envelopes with an Ed25519 and an ML-DSA-44 signature, kept verbatim.

An envelope has one text: canonical JSON, its signatures in a fixed order, each named by the id of
its key.  DSSE calls that id a hint; here it must be the right one, so that no byte is free.
"""

from __future__ import annotations

from dataclasses import dataclass

from hisn.acts.kinds import Check, is_dict, is_str, list_of, one_of, parse_shape
from hisn.acts.statement import Statement, parse_statement
from hisn.core.canon import parse_b64, parse_canonical
from hisn.core.keys import DualPublic, PublicKey, key_id_hex
from hisn.core.proof_limits import MAX_LEAF_BYTES
from hisn.errors import VerificationError

ACT_TYPE = "application/vnd.in-toto+json"
_HINT = "ask its author for the original bytes"


@dataclass(frozen=True, slots=True)
class Signature:
    """Hold one signature and the id of the key that is said to have made it."""

    key_id: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Hold what an envelope carries. Nothing of it is proven."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: type and payload with their lengths (DSSE v1, pre-authentication encoding)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def parse_dsse(data: bytes, payload_type: str, *, max_bytes: int, max_signatures: int) -> Envelope:
    """Return the envelope of a type that the caller expects. Raises VerificationError.

    The type is given, never taken from the envelope: a signed roster must not pass as an act.
    """
    value = parse_canonical(data, max_bytes=max_bytes, max_depth=4)
    form: dict[str, Check] = {
        "payload": is_str,
        "payloadType": one_of(payload_type),
        "signatures": list_of(is_dict, max_signatures),
    }
    fields = parse_shape(value, form, "the envelope", "E3300")
    found = [
        parse_shape(each, {"keyid": is_str, "sig": is_str}, "a signature", "E3300")
        for each in fields["signatures"]
    ]
    signatures = tuple(Signature(each["keyid"], parse_b64(each["sig"], "a signature")) for each in found)
    return Envelope(payload_type, parse_b64(fields["payload"], "the payload"), signatures)


def parse_envelope(leaf: bytes) -> Envelope:
    """Return the envelope of an act, still unproven: to look up whose key must verify it.

    Raises VerificationError.
    """
    if len(leaf) > MAX_LEAF_BYTES:
        raise VerificationError(
            "E3301",
            f"an act of {len(leaf)} bytes is longer than {MAX_LEAF_BYTES}",
            hint="long texts belong into the body",
        )
    envelope = parse_dsse(leaf, ACT_TYPE, max_bytes=MAX_LEAF_BYTES, max_signatures=2)
    if len(envelope.signatures) != 2:
        raise VerificationError(
            "E3302", f"an act has 2 signatures, this one {len(envelope.signatures)}", hint=_HINT
        )
    return envelope


def verify_signature(envelope: Envelope, signature: Signature, key: PublicKey) -> None:
    """Return if a signature of the envelope names this key and is its own. Raises VerificationError."""
    if signature.key_id != key_id_hex(key):
        raise VerificationError(
            "E3303",
            f"a signature names the key {signature.key_id[:32]!a}, not {key_id_hex(key)}",
            hint="another key was in force at this place, or the ids were changed",
        )
    key.verify(signature.raw, pae(envelope.payload_type, envelope.payload))


def verify_envelope(leaf: bytes, keys: DualPublic) -> Statement:
    """Return the statement of an act that both keys of its author have signed.

    Raises VerificationError.  That the keys are the author's at that place in the log is the
    caller's duty (`unit.quorum`), and that the act stands in its own log (`check_place`), too.
    """
    envelope = parse_envelope(leaf)
    for signature, key in zip(envelope.signatures, (keys.ed25519, keys.mldsa), strict=True):
        verify_signature(envelope, signature, key)
    return parse_statement(envelope.payload)
