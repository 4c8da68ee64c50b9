"""Write and sign acts: the one text of a statement, and the envelope around it.

`parse_statement(statement_json(x)) == x`.  To verify needs nothing of this.
"""

from __future__ import annotations

from hisn.acts.envelope import ACT_TYPE, Envelope, Signature, pae, parse_envelope
from hisn.acts.statement import NOTHING, STATEMENT_TYPE, BodyRef, Head, Ref, Statement, parse_statement
from hisn.core.canon import Json, b64, canonical
from hisn.core.keys import key_id_hex
from hisn.core.signers import DualSigner
from hisn.errors import VerificationError


def head_json(head: Head) -> Json:
    """Return a head as it stands in acts and rosters."""
    return {"origin": head.origin, "size": head.size, "root": head.root.hex()}


def _reply_json(ref: Ref | None) -> Json:
    return {"origin": ref.origin, "index": ref.index, "leaf": ref.leaf_hash.hex()} if ref else None


def statement_json(statement: Statement) -> bytes:
    """Return the canonical JSON of a statement. Raises ValueError for what JSON cannot hold."""
    header = statement.header
    body = statement.body or BodyRef("none", NOTHING)
    placed: dict[str, Json] = {
        "actor": header.actor,
        "agreement": header.agreement,
        "audience": list(header.audience),
        "claimed_time": header.claimed_time,
        "deadline": header.deadline,
        "in_reply_to": _reply_json(header.in_reply_to),
        "origin": header.origin,
        "prev": None if header.prev is None else header.prev.hex(),
        "seen": [head_json(head) for head in header.seen],
        "seq": header.seq,
        "thread": header.thread,
    }
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": body.name, "digest": {"sha256": body.sha256.hex()}}],
            "predicateType": f"urn:hisn:act:{statement.kind}:v1",
            "predicate": {"header": placed, "public": statement.public},
        }
    )


def sign_payload(payload_type: str, payload: bytes, signer: DualSigner) -> tuple[Signature, Signature]:
    """Return both signatures of one owner."""
    message = pae(payload_type, payload)
    first, second = (
        Signature(key_id_hex(key.public), key.sign(message)) for key in (signer.ed25519, signer.mldsa)
    )
    return first, second


def format_envelope(envelope: Envelope) -> bytes:
    """Return the one text of an envelope."""
    signatures: list[Json] = [
        {"keyid": signature.key_id, "sig": b64(signature.raw)} for signature in envelope.signatures
    ]
    payload = b64(envelope.payload)
    return canonical({"payload": payload, "payloadType": envelope.payload_type, "signatures": signatures})


def sign_statement(statement: Statement, signer: DualSigner) -> bytes:
    """Return the leaf of a statement. Raises ValueError for one that no reader would take."""
    payload = statement_json(statement)
    leaf = format_envelope(Envelope(ACT_TYPE, payload, sign_payload(ACT_TYPE, payload, signer)))
    try:
        if parse_statement(parse_envelope(leaf).payload) != statement:
            raise ValueError("the statement has parts that its text does not keep")
    except VerificationError as error:
        raise ValueError(f"no act: {error.message}") from error
    return leaf
