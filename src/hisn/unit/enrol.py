"""Take candidates in, and sign what the unit adopts. Verifiers need none of it.

A candidate hands over an enrolment: the public keys of its roles, signed by each of them, so that
nobody enrols a key of somebody else.  `unit.draft` makes a document of enrolments and changes;
everybody whom it concerns signs it, and the signatures are put together here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hisn.acts.envelope import Envelope, Signature, parse_dsse, verify_signature
from hisn.acts.kinds import Check, is_id, is_text, one_of, parse_shape
from hisn.acts.write import format_envelope, sign_payload
from hisn.core.canon import Json, b64, canonical, parse_canonical
from hisn.core.keys import DualPublic
from hisn.core.proof_limits import MAX_LEAF_BYTES
from hisn.core.signers import DualSigner
from hisn.errors import PolicyError, VerificationError
from hisn.unit.roster import ROSTER_TYPE, check_link, check_step
from hisn.unit.rosterdoc import ENTRY_ROLES, PAIR, ROLES, Charter, Roster, is_url, parse_pair, parse_roster
from hisn.unit.veto import check_no_veto

ENROLMENT_TYPE = "application/vnd.hisn.enrolment+json"
_HINT = "ask the candidate to make it again, and to hand it over by a way that you trust"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Hold what a candidate says of itself: for which unit, under which id, with which keys by role."""

    unit: str
    id: str
    side: str
    url: str
    keys: dict[str, DualPublic] = field(hash=False)


def _is_keys(value: Json) -> bool:
    return isinstance(value, dict) and len(value) > 0 and value.keys() <= set(ROLES)


_ENROLMENT: dict[str, Check] = {
    "format": one_of("hisn-enrolment/1"),
    "unit": is_text,
    "id": is_id,
    "side": is_id,
    "url": is_url,
    "keys": _is_keys,
}


def make_enrolment(unit: str, name: str, side: str, url: str, signers: Mapping[str, DualSigner]) -> bytes:
    """Return the enrolment of a candidate, signed with every key in it.

    An outside witness has the role `witness` only, a member at least act, log and root.
    Raises ValueError for what `verify_enrolment` would refuse.
    """
    keys: dict[str, Json] = {
        role: {"ed25519": b64(signer.public.ed25519.raw), "mldsa": b64(signer.public.mldsa.raw)}
        for role, signer in signers.items()
    }
    payload = canonical(
        {"format": "hisn-enrolment/1", "unit": unit, "id": name, "side": side, "url": url, "keys": keys}
    )
    signatures = [
        signature
        for role in sorted(signers)
        for signature in sign_payload(ENROLMENT_TYPE, payload, signers[role])
    ]
    data = format_envelope(Envelope(ENROLMENT_TYPE, payload, tuple(signatures)))
    try:
        verify_enrolment(data)
    except VerificationError as error:
        raise ValueError(f"no enrolment: {error.message}") from error
    return data


def verify_enrolment(data: bytes) -> Enrolment:
    """Return what a candidate says, if it holds every key that it names. Raises VerificationError.

    Who the candidate is no signature can tell: compare the digest by a way that you trust.
    """
    limit = 2 * len(ROLES)
    envelope = parse_dsse(data, ENROLMENT_TYPE, max_bytes=2 * MAX_LEAF_BYTES, max_signatures=limit)
    value = parse_canonical(envelope.payload, max_bytes=2 * MAX_LEAF_BYTES)
    fields = parse_shape(value, _ENROLMENT, "the enrolment", "E3420")
    keys = {}
    for role in sorted(fields["keys"]):
        keys[role] = parse_pair(parse_shape(fields["keys"][role], PAIR, f"the {role} key", "E3420"))
    raw = [key for pair in keys.values() for key in (pair.ed25519, pair.mldsa)]
    if len(set(raw)) != len(raw):
        raise VerificationError("E3420", "one key of the enrolment has two roles", hint=_HINT)
    if len(envelope.signatures) != len(raw):
        raise VerificationError("E3420", "not every key has signed the enrolment, or one twice", hint=_HINT)
    for signature, key in zip(envelope.signatures, raw, strict=True):
        verify_signature(envelope, signature, key)
    return Enrolment(fields["unit"], fields["id"], fields["side"], fields["url"], keys)


def sign_roster(document: bytes, signers: Iterable[DualSigner]) -> tuple[Signature, ...]:
    """Return the signatures of some keys under a roster document; `check_adoption` comes first."""
    return tuple(each for signer in signers for each in sign_payload(ROSTER_TYPE, document, signer))


def assemble_roster(document: bytes, signatures: Iterable[Signature]) -> bytes:
    """Return the envelope of a document and the signatures that were collected, one for each key."""
    unique = {signature.key_id: signature for signature in signatures}
    ordered = tuple(unique[key_id] for key_id in sorted(unique))
    return format_envelope(Envelope(ROSTER_TYPE, document, ordered))


def owners_needed(old: Roster | None, new: Roster) -> tuple[str, ...]:
    """Return the members whose own root key must sign an epoch, beside the threshold."""
    everybody = {member.id for member in new.members}

    def is_needed(name: str) -> bool:
        try:
            check_step(old, new, everybody - {name})
        except VerificationError:
            return True
        return False

    check_step(old, new, everybody)
    return tuple(sorted(name for name in everybody if is_needed(name)))


def check_adoption(
    charter: Charter,
    chain: Sequence[Roster],
    document: bytes,
    *,
    cosigned: Mapping[str, int],
    agreed: Collection[str] = (),
) -> Roster:
    """Return the epoch of a document that an honest member may sign.

    `cosigned` holds, per origin, the largest size that this member's witness ever cosigned; `agreed`
    are the members whose own root key has already signed.  Raises VerificationError for a document
    that cannot follow, PolicyError for one that gives a side a veto, or that ends a key of another
    member before entries which this one has witnessed: together with the quorum's size this keeps a
    majority that is not all liars from voiding anybody's past.
    """
    new = parse_roster(document)
    old = chain[-1] if chain else None
    check_link(charter, old, new)
    check_step(old, new, {member.id for member in new.members})
    check_no_veto(new)
    for member in old.members if old else ():
        ends = {key.public: key.until for key in member.keys if key.role in ENTRY_ROLES}
        now = new.find(member.id)
        for key in now.keys if now and member.id not in agreed else ():
            if key.until is None or ends.get(key.public, key.until) == key.until:
                continue
            if key.until < cosigned.get(member.id, 0):
                raise PolicyError(
                    "E4301",
                    f"the epoch ends a {key.role} key of {member.id} at {key.until}; this member has"
                    f" witnessed {cosigned[member.id]} entries",
                    hint="stop witnessing that log first, then draft the epoch with its last witnessed state",
                    unchanged="nothing was signed",
                )
    return new
