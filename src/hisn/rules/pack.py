"""Define rules ready to be judged, and packs of them pinned by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from itertools import pairwise

import msgspec

from hisn.errors import InputError
from hisn.rules.check import check_conditions, check_correlations
from hisn.rules.correlation import Correlation
from hisn.rules.expr import Expr
from hisn.rules.info import LEVELS, Hex, Level, Line, RuleInfo, Uuid

__all__ = (
    "LEVELS",
    "PACK_MAGIC",
    "PACK_NAME",
    "Pack",
    "Refused",
    "Rule",
    "RuleInfo",
    "RuleSource",
    "decode_pack",
    "digest_of",
    "encode_pack",
    "join_packs",
    "leave_out",
    "pick",
    "reopen_pack",
)

PACK_NAME = b"hisn pack "
PACK_MAGIC = PACK_NAME + b"2\n"
_DIGEST_BYTES = 32


class RuleSource(msgspec.Struct, frozen=True, kw_only=True):
    """Say which log source a rule is for, as its author wrote it (lower case)."""

    product: str | None = None
    category: str | None = None
    service: str | None = None


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
    """Hold rules and correlations that were compiled together, each in the order of (id, digest).

    A correlation refers to rules and correlations of its own pack, by digest.  `notes` name what
    is odd in documents that are judged all the same (or have nothing to judge).
    """

    name: str
    digest: str
    rules: tuple[Rule, ...]
    refused: tuple[Refused, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    notes: tuple[Refused, ...] = ()


def digest_of(rules: Iterable[Rule], correlations: Iterable[Correlation] = ()) -> str:
    """Return the SHA-256 (hex) over the sorted digests of all: order and paths do not count."""
    digests = [rule.digest for rule in rules]
    digests += [correlation.digest for correlation in correlations]
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def join_packs(name: str, packs: Iterable[Pack]) -> Pack:
    """Return one pack of several; what stands in more than one of them is judged once.

    Correlations keep what they refer to: a name is looked up in its author's own pack.
    """
    packs = tuple(packs)
    rules = {(rule.id, rule.digest): rule for pack in reversed(packs) for rule in reversed(pack.rules)}
    joined = tuple(rules[key] for key in sorted(rules))
    known = {(each.id, each.digest): each for pack in reversed(packs) for each in reversed(pack.correlations)}
    correlations = tuple(known[key] for key in sorted(known))
    return Pack(
        name=name,
        digest=digest_of(joined, correlations),
        rules=joined,
        refused=tuple(entry for pack in packs for entry in pack.refused),
        correlations=correlations,
        notes=tuple(entry for pack in packs for entry in pack.notes),
    )


def leave_out(pack: Pack, digests: Collection[str]) -> Pack:
    """Return the pack without these rules and correlations, and without what refers to them.

    What they silenced is heard again: half of a correlation must not hide what its rules see.
    """
    gone = set(digests)
    kept = pack.correlations
    while True:
        left = tuple(
            each
            for each in kept
            if each.digest not in gone
            and not any(not gone.isdisjoint(reference.digests) for reference in each.references)
        )
        if len(left) == len(kept):
            break
        gone.update(each.digest for each in kept)
        gone.difference_update(each.digest for each in left)
        kept = left
    rules = tuple(rule for rule in pack.rules if rule.digest not in gone)
    return msgspec.structs.replace(pack, digest=digest_of(rules, kept), rules=rules, correlations=kept)


def pick(pack: Pack, each: Rule | Correlation) -> Pack:
    """Return a pack of one rule, or of one correlation with everything that it rests on."""
    wanted = {each.digest}
    if isinstance(each, Correlation):
        targets = {one.digest: one for one in pack.correlations}
        waiting = [each]
        while waiting:
            found = {digest for reference in waiting.pop().references for digest in reference.digests}
            waiting += [targets[digest] for digest in found - wanted if digest in targets]
            wanted |= found
        rules = tuple(rule for rule in pack.rules if rule.digest in wanted)
        correlations = tuple(one for one in pack.correlations if one.digest in wanted)
    else:
        rules, correlations = (each,), ()
    return Pack(name=pack.name, digest=digest_of(rules, correlations), rules=rules, correlations=correlations)


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
    if digest_of(pack.rules, pack.correlations) != pack.digest:
        raise _damaged("its digest is not that of its rules")
    keys = [(rule.id, rule.digest) for rule in pack.rules]
    correlated = [(each.id, each.digest) for each in pack.correlations]
    if any(one >= two for entries in (keys, correlated) for one, two in pairwise(entries)):
        raise _damaged("its rules are out of order")
    try:
        check_conditions(rule.condition for rule in pack.rules)
        check_correlations(pack.correlations, {rule.digest for rule in pack.rules})
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
