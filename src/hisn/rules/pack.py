"""Define rules ready to be judged, and packs of them pinned by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from hisn.errors import InputError
from hisn.rules.check import check_conditions
from hisn.rules.expr import Expr

LEVELS = ("informational", "low", "medium", "high", "critical")

PACK_MAGIC = b"hisn pack 1\n"
_DIGEST_BYTES = 32

Hex: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Uuid: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
Level: TypeAlias = Annotated[str, Meta(pattern=r"\A(informational|low|medium|high|critical)\Z")]
Line: TypeAlias = Annotated[int, Meta(ge=0)]


class RuleSource(msgspec.Struct, frozen=True, kw_only=True):
    """Say which log source a rule is for, as its author wrote it (lower case)."""

    product: str | None = None
    category: str | None = None
    service: str | None = None


class RuleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what people read about a rule; never needed to judge it."""

    title: str
    description: str = ""
    author: str = ""
    status: str = ""
    date: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    licence: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one detection rule: identity, log source, condition.

    `id` is the author's UUID, or one derived from the digest where the author gave none; `digest`
    is the SHA-256 of the rule's bytes (hex), or over several such digests where filters,
    placeholders or shared documents are part of what it says; `path` is relative to the rule
    folder, `line` where the rule begins in it.
    """

    id: Uuid
    digest: Hex
    path: str
    line: Line = 1
    level: Level
    logsource: RuleSource
    condition: Expr
    info: RuleInfo


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Name a rule that cannot be judged, where it stands, and why."""

    path: str
    line: Line
    reason: str
    code: str
    id: str = ""
    title: str = ""


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """Hold rules that were compiled together, in the order of (id, digest).

    `correlations` are rules that load but are judged by a later engine: listed, not silent.
    `notes` name what is odd in documents that are judged all the same (or have nothing to judge).
    """

    name: str
    digest: str
    rules: tuple[Rule, ...]
    refused: tuple[Refused, ...] = ()
    correlations: tuple[Refused, ...] = ()
    notes: tuple[Refused, ...] = ()


def digest_of(rules: tuple[Rule, ...]) -> str:
    """Return the SHA-256 (hex) over the sorted digests of the rules: order and paths do not count."""
    joined = "\n".join(sorted(rule.digest for rule in rules))
    return hashlib.sha256(joined.encode()).hexdigest()


def join_packs(name: str, packs: Iterable[Pack]) -> Pack:
    """Return one pack of several; a rule that stands in more than one of them is judged once."""
    packs = tuple(packs)
    rules = {(rule.id, rule.digest): rule for pack in reversed(packs) for rule in reversed(pack.rules)}
    joined = tuple(rules[key] for key in sorted(rules))
    return Pack(
        name=name,
        digest=digest_of(joined),
        rules=joined,
        refused=tuple(entry for pack in packs for entry in pack.refused),
        correlations=tuple(entry for pack in packs for entry in pack.correlations),
        notes=tuple(entry for pack in packs for entry in pack.notes),
    )


def encode_pack(pack: Pack) -> bytes:
    """Return a pack as bytes: a line that names the format, the SHA-256 of the rest, MessagePack."""
    body = msgspec.msgpack.encode(pack)
    return PACK_MAGIC + hashlib.sha256(body).digest() + body


def decode_pack(data: bytes) -> Pack:
    """Return the pack of `encode_pack`'s bytes, whoever made them.

    Raises InputError E2120 (not a pack of this version) or E2121 (damaged, or with a content that
    no rule can have: the digest inside proves nothing against somebody who makes packs).
    """
    pack = reopen_pack(data)
    if digest_of(pack.rules) != pack.digest:
        raise _damaged("its digest is not that of its rules")
    if any((one.id, one.digest) >= (two.id, two.digest) for one, two in pairwise(pack.rules)):
        raise _damaged("its rules are out of order")
    try:
        check_conditions(rule.condition for rule in pack.rules)
    except ValueError as error:
        raise _damaged(str(error)) from None
    return pack


def reopen_pack(data: bytes) -> Pack:
    """Return a pack that this program kept for itself; damage is seen, forgery is not.

    Raises InputError E2120 or E2121.
    """
    if not data.startswith(PACK_MAGIC):
        raise InputError(
            "E2120",
            "not a rule pack of this version of Hisn",
            hint="build it again with 'hisn rules build'",
        )
    start = len(PACK_MAGIC) + _DIGEST_BYTES
    body = memoryview(data)[start:]
    if hashlib.sha256(body).digest() != data[len(PACK_MAGIC) : start]:
        raise _damaged("its digest does not fit its content")
    try:
        return msgspec.msgpack.decode(body, type=Pack)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise _damaged(str(error)) from None


def _damaged(reason: str) -> InputError:
    return InputError(
        "E2121",
        f"the rule pack is damaged: {reason}",
        hint="build it again with 'hisn rules build'",
    )
