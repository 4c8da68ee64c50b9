"""Define a finding: hits of one rule on one asset of one source, or one episode of a correlation."""

from __future__ import annotations

import msgspec

SCHEMA = "hisn.finding.v1"


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Name one decisive test and its value (both as text, unescaped)."""

    field: str
    test: str
    pattern: str
    value: str | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Name the records of one source, hit by one rule, that a correlation rests on.

    `records` are ascending; without `complete` there are more of them.
    """

    source: str
    rule_id: str
    records: tuple[int, ...]
    complete: bool


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one finding; a function of records, rule, mapping and engine version alone.

    `id` is ``f-`` and 32 hex digits of a SHA-256 over the identifying fields.  `records` are the
    record numbers in `source`, ascending, at most `limits.MAX_RECORDS_PER_FINDING`; `count` is
    always exact.  Times are RFC 3339 UTC with microseconds, or None where no hit has a time.

    That of a correlation has `evidence`: everything that it rests on, sorted by source and rule.
    Its `source` is that of its first record, `records` are those of its records that are in it,
    `count` is the number of events that it counts, and `group` gives what they have in common.
    """

    id: str
    rule_id: str
    rule_digest: str
    title: str
    level: str
    confidence: str
    asset: str
    source: str
    first: str | None
    last: str | None
    count: int
    records: tuple[int, ...]
    records_complete: bool
    why: tuple[Reason, ...]
    sentence: str
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    author: str = ""
    licence: str = ""
    evidence: tuple[Evidence, ...] = ()
    group: tuple[tuple[str, str], ...] = ()


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Count the hits of all rules of one level in one stretch of time.

    `start` is RFC 3339 UTC, `seconds` the width of the stretch: an hour, or more where an
    attacker's times are spread over years.
    """

    level: str
    start: str
    seconds: int
    hits: int
