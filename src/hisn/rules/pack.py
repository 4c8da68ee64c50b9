"""Define rules ready to be judged, and packs of them pinned by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from hisn.errors import InputError
from hisn.rules.expr import Expr

LEVELS = ("informational", "low", "medium", "high", "critical")

PACK_MAGIC = b"hisn pack 1\n"
_DIGEST_BYTES = 32


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

    id: str
    digest: str
    path: str
    line: int = 1
    level: str
    logsource: RuleSource
    condition: Expr
    info: RuleInfo


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Name a rule that cannot be judged, where it stands, and why."""

    path: str
    line: int
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
    """Return the pack of `encode_pack`'s bytes.

    Raises InputError E2120 (not a pack of this version) or E2121 (damaged, or not consistent).
    """
    if not data.startswith(PACK_MAGIC):
        raise InputError(
            "E2120",
            "not a rule pack of this version of Hisn",
            hint="Build it again with 'hisn rules build'.",
        )
    start = len(PACK_MAGIC) + _DIGEST_BYTES
    body = memoryview(data)[start:]
    if hashlib.sha256(body).digest() != data[len(PACK_MAGIC) : start]:
        raise _damaged("its digest does not fit its content")
    try:
        pack = msgspec.msgpack.decode(body, type=Pack)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _damaged(str(error)) from None
    if digest_of(pack.rules) != pack.digest:
        raise _damaged("its digest is not that of its rules")
    return pack


def _damaged(reason: str) -> InputError:
    return InputError(
        "E2121",
        f"the rule pack is damaged: {reason}",
        hint="Build it again with 'hisn rules build'.",
    )
