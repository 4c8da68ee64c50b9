"""Say what an act says: an in-toto Statement v1 whose predicate is a header and public fields.

The header places the act: whose it is, in which log, which of its author's acts it follows, and
which heads of other logs its author had seen.  The subject commits to the body, or to nothing.
A statement has one text, its canonical JSON; `parse_statement(x.to_json()) == x`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from hisn.acts.kinds import (
    ANSWERS,
    KINDS,
    Check,
    check_body_sort,
    is_ascending,
    is_count,
    is_digest,
    is_heads,
    is_id,
    is_time,
    is_token,
    list_of,
    one_of,
    optional,
    parse_public,
    parse_shape,
)
from hisn.core.canon import Json, canonical, parse_canonical
from hisn.core.limits import MAX_AUDIENCE, MAX_LEAF_BYTES
from hisn.errors import VerificationError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
EVERYBODY = ("*",)
_NOTHING = sha256(b"").hexdigest()
_HINT = "it was made by another program or changed; ask its author for the original"


@dataclass(frozen=True, slots=True)
class Head:
    """Name one state of one log."""

    origin: str
    size: int
    root: bytes

    def to_json(self) -> Json:
        """Return the head as it stands in acts and rosters."""
        return {"origin": self.origin, "size": self.size, "root": self.root.hex()}


@dataclass(frozen=True, slots=True)
class Ref:
    """Name one act by its place and the hash of its leaf: neither alone holds against a fork."""

    origin: str
    index: int
    leaf_hash: bytes

    def to_json(self) -> Json:
        """Return the reference as it stands in acts."""
        return {"origin": self.origin, "index": self.index, "leaf": self.leaf_hash.hex()}


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

    def to_json(self) -> bytes:
        """Return the canonical JSON. Raises ValueError for what JSON cannot hold."""
        header, reply, body = self.header, self.header.in_reply_to, self.body
        placed: Json = {
            "actor": header.actor,
            "agreement": header.agreement,
            "audience": list(header.audience),
            "claimed_time": header.claimed_time,
            "deadline": header.deadline,
            "in_reply_to": reply.to_json() if reply else None,
            "origin": header.origin,
            "prev": header.prev.hex() if header.prev is not None else None,
            "seen": [head.to_json() for head in header.seen],
            "seq": header.seq,
            "thread": header.thread,
        }
        digest = body.sha256.hex() if body else _NOTHING
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": body.name if body else "none", "digest": {"sha256": digest}}],
                "predicateType": f"urn:hisn:act:{self.kind}:v1",
                "predicate": {"header": placed, "public": self.public},
            }
        )


def _anything(_: Json) -> bool:
    return True


def _is_audience(value: Json) -> bool:
    if value == list(EVERYBODY):
        return True
    return (
        list_of(is_id, MAX_AUDIENCE)(value)
        and value != []
        and isinstance(value, list)
        and is_ascending(value)
    )


_STATEMENT: dict[str, Check] = {
    "_type": one_of(STATEMENT_TYPE),
    "subject": lambda value: isinstance(value, list) and len(value) == 1,
    "predicateType": one_of(*(f"urn:hisn:act:{kind}:v1" for kind in KINDS)),
    "predicate": _anything,
}
_REF: dict[str, Check] = {"origin": is_id, "index": is_count, "leaf": is_digest}
_HEADER: dict[str, Check] = {
    "actor": is_id,
    "agreement": is_token,
    "audience": _is_audience,
    "claimed_time": is_time,
    "deadline": lambda value: value == "" or is_time(value),
    "in_reply_to": _anything,
    "origin": is_id,
    "prev": optional(is_digest),
    "seen": is_heads,
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
    predicate = parse_shape(whole["predicate"], {"header": _anything, "public": _anything}, "the predicate")
    header = _parse_header(predicate["header"])
    if kind in ANSWERS and header.in_reply_to is None:
        raise VerificationError("E3309", f"a {kind} names no act that it answers", hint=_HINT)
    public = parse_public(kind, predicate["public"])
    body = _parse_body(kind, whole["subject"][0])
    if kind == "charter" and (body is None or public["genesis"] != body.sha256.hex()):
        raise VerificationError("E3308", "a charter's body is not its genesis", hint=_HINT)
    return Statement(kind, header, public, body)


def _parse_header(value: Json) -> Header:
    fields = parse_shape(value, _HEADER, "the header", "E3309")
    if fields["actor"] != fields["origin"]:
        raise VerificationError("E3309", "an act stands in a log that is not its author's", hint=_HINT)
    if (fields["seq"] == 0) != (fields["prev"] is None):
        raise VerificationError("E3309", "exactly the first act has no predecessor", hint=_HINT)
    reply = fields["in_reply_to"]
    if reply is not None:
        reply = parse_shape(reply, _REF, "the act that is answered", "E3309")
        reply = Ref(reply["origin"], reply["index"], bytes.fromhex(reply["leaf"]))
    return Header(
        actor=fields["actor"],
        origin=fields["origin"],
        seq=fields["seq"],
        prev=None if fields["prev"] is None else bytes.fromhex(fields["prev"]),
        seen=parse_heads(fields["seen"]),
        claimed_time=fields["claimed_time"],
        thread=fields["thread"],
        deadline=fields["deadline"],
        audience=tuple(fields["audience"]),
        agreement=fields["agreement"],
        in_reply_to=reply,
    )


def _parse_body(kind: str, value: Json) -> BodyRef | None:
    subject = parse_shape(
        value, {"name": one_of("none", "body", "sealed"), "digest": _anything}, "the subject"
    )
    digest = parse_shape(subject["digest"], {"sha256": is_digest}, "the subject's digest")["sha256"]
    check_body_sort(kind, subject["name"])
    if subject["name"] != "none":
        return BodyRef(subject["name"], bytes.fromhex(digest))
    if digest != _NOTHING:
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
