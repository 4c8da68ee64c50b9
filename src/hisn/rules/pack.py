"""Define rules ready to be judged, and packs of them pinned by digest."""

from __future__ import annotations

import hashlib

import msgspec

from hisn.rules.expr import Expr

LEVELS = ("informational", "low", "medium", "high", "critical")


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
    is the SHA-256 of the rule's bytes (hex); `path` is relative to the rule folder.
    """

    id: str
    digest: str
    path: str
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
    """Hold rules that were compiled together, in the order of (id, path).

    `correlations` are rules that load but are judged by a later engine: listed, not silent.
    """

    name: str
    digest: str
    rules: tuple[Rule, ...]
    refused: tuple[Refused, ...] = ()
    correlations: tuple[Refused, ...] = ()


def digest_of(rules: tuple[Rule, ...]) -> str:
    """Return the SHA-256 (hex) over the sorted digests of the rules: order and paths do not count."""
    joined = "\n".join(sorted(rule.digest for rule in rules))
    return hashlib.sha256(joined.encode()).hexdigest()
