"""Say what an act says: an in-toto Statement v1 whose predicate is a header and public fields.

The header places the act: whose it is, in which log, which of its author's acts it follows, and
which heads of other logs its author had seen.  The subject commits to the body, or to nothing.
A statement has one text, its canonical JSON; `hisn.acts.write` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from hisn.acts import kinds
from hisn.acts.kinds import Check, is_count, is_digest, is_id, is_str, is_time, is_token, one_of, parse_shape
from hisn.core.canon import Json, parse_canonical
from hisn.core.proof_limits import MAX_AUDIENCE, MAX_LEAF_BYTES
from hisn.errors import VerificationError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
EVERYBODY = ("*",)
NOTHING = sha256(b"").digest()
"""The digest to which an act without a body commits."""
_HINT = "it was made by another program or changed; ask its author for the original"


@dataclass(frozen=True, slots=True)
class Head:
    """Name one state of one log."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Ref:
    """Name one act by its place and the hash of its leaf: neither alone holds against a fork."""

    origin: str
    index: int
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class BodyRef:
    """Commit to a body: `body` by the digest of its bytes, `sealed` by the digest of its map's leaf."""

    name: str
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Place an act: author, log, number, predecessor (leaf hash), heads seen, and whom it is for."""

    actor: str
    origin: str
    seq: int
    prev: bytes | None
    seen: tuple[Head, ...]
    claimed_time: str
    thread: str = ""
    deadline: str = ""
    audience: tuple[str, ...] = EVERYBODY
    agreement: str = ""
    in_reply_to: Ref | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold one act: kind, header, the public fields of its kind, and what commits to its body."""

    kind: str
    header: Header
    public: dict[str, Json] = field(hash=False)
    body: BodyRef | None = None


def _is_audience(value: Json) -> bool:
    if value == list(EVERYBODY):
        return True
    return isinstance(value, list) and value != [] and _are_ids(value) and kinds.is_ascending(value)


_are_ids = kinds.list_of(is_id, MAX_AUDIENCE)
_STATEMENT: dict[str, Check] = {
    "_type": one_of(STATEMENT_TYPE),
    "subject": lambda value: isinstance(value, list) and len(value) == 1,
    "predicateType": one_of(*(f"urn:hisn:act:{kind}:v1" for kind in kinds.KINDS)),
    "predicate": kinds.is_dict,
}
_PREDICATE: dict[str, Check] = {"header": kinds.is_dict, "public": kinds.is_dict}
_SUBJECT: dict[str, Check] = {"name": is_str, "digest": kinds.is_dict}
_HEADER: dict[str, Check] = {
    "actor": is_id,
    "agreement": is_token,
    "audience": _is_audience,
    "claimed_time": is_time,
    "deadline": kinds.either(is_time, ""),
    "in_reply_to": kinds.either(kinds.is_dict, None),
    "origin": is_id,
    "prev": kinds.either(is_digest, None),
    "seen": kinds.is_heads,
    "seq": is_count,
    "thread": is_token,
}


def parse_heads(value: list[Any]) -> tuple[Head, ...]:
    """Return the heads of a list that `is_heads` has passed."""
    return tuple(Head(head["origin"], head["size"], bytes.fromhex(head["root"])) for head in value)


def parse_statement(payload: bytes) -> Statement:
    """Return the statement of its canonical JSON. Raises VerificationError.

    Its author is whoever it says: only `verify_envelope` proves that.
    """
    value = parse_canonical(payload, max_bytes=MAX_LEAF_BYTES)
    whole = parse_shape(value, _STATEMENT, "the statement")
    kind = whole["predicateType"].split(":")[3]
    predicate = parse_shape(whole["predicate"], _PREDICATE, "the predicate")
    header = _parse_header(predicate["header"])
    if kind in kinds.ANSWERS and header.in_reply_to is None:
        raise VerificationError("E3309", f"a {kind} names no act that it answers", hint=_HINT)
    public = kinds.parse_public(kind, predicate["public"])
    body = _parse_body(kind, whole["subject"][0])
    if kind == "charter" and body and public["genesis"] != body.sha256.hex():
        raise VerificationError("E3308", "a charter's body is not its genesis", hint=_HINT)
    return Statement(kind, header, public, body)


def _parse_header(value: Json) -> Header:
    fields = parse_shape(value, _HEADER, "the header", "E3309")
    if fields["actor"] != fields["origin"]:
        raise VerificationError("E3309", "an act stands in a log that is not its author's", hint=_HINT)
    prev, reply = fields["prev"], fields["in_reply_to"]
    if (fields["seq"] == 0) != (prev is None):
        raise VerificationError("E3309", "exactly the first act has no predecessor", hint=_HINT)
    if reply is not None:
        form = {"origin": is_id, "index": is_count, "leaf": is_digest}
        named = parse_shape(reply, form, "the act that is answered", "E3309")
        reply = Ref(named["origin"], named["index"], bytes.fromhex(named["leaf"]))
    parsed = {
        "audience": tuple(fields["audience"]),
        "in_reply_to": reply,
        "prev": None if prev is None else bytes.fromhex(prev),
        "seen": parse_heads(fields["seen"]),
    }
    return Header(**(fields | parsed))


def _parse_body(kind: str, value: Json) -> BodyRef | None:
    subject = parse_shape(value, _SUBJECT, "the subject")
    digest = parse_shape(subject["digest"], {"sha256": is_digest}, "the subject's digest")["sha256"]
    kinds.check_body_sort(kind, subject["name"])
    body = BodyRef(subject["name"], bytes.fromhex(digest))
    if body.name != "none":
        return body
    if body.sha256 != NOTHING:
        raise VerificationError("E3308", "an act without a body commits to one", hint=_HINT)
    return None


def check_place(statement: Statement, origin: str) -> None:
    """Return if an act belongs into the log it was found in. Raises VerificationError (a replay)."""
    if statement.header.origin != origin:
        raise VerificationError(
            "E3310",
            f"an act of the log {statement.header.origin} stands in the log {origin}",
            hint="somebody copied it there; it counts in its own log only",
        )


def check_body(statement: Statement, committed: bytes) -> None:
    """Return if a body is the one the act commits to. Raises VerificationError.

    `committed` is the whole blob of a clear body, of a sealed one the leaf that its map gives.
    """
    if statement.body is None or sha256(committed).digest() != statement.body.sha256:
        raise VerificationError(
            "E3311",
            f"the body is not the one that the {statement.kind} commits to",
            hint="it was swapped or damaged; ask the author for the body again",
        )
