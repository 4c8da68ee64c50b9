"""Define what a correlation finds: an episode, with all that it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Name the records of one source, hit by one rule, that an episode rests on.

    `numbers` are ascending; without `is_complete` they are the first of them only, by time.
    """

    source: str
    rule_digest: str
    numbers: tuple[int, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Episode:
    """Hold one run of firing windows of one correlation and one group; it grows until it is closed.

    `correlation` indexes `Pack.correlations`.  `group` gives each group-by name its value as text.
    `fired_us` is the instant at which the condition first held, `last_us` that at which it held
    last so far (microseconds since 1970 UTC).  `first_us`, `first_source` and `first_record` name
    the first record, by (time, source, number), of those that it rested on when it fired, and
    `first_asset` its asset (empty where none is known).  `count` is the exact number of events in
    its windows: records, or episodes of the correlations that it refers to.
    `value` is the measure at the first firing, `extreme` the largest that it reached, both exact
    (decimals, or fractions as ``1/3``).  `evidence` is sorted by (source, rule digest); a record
    that two rules hit stands in two parts.

    All but `last_us`, `count`, `extreme`, `evidence` and `is_closed` is the same in all states of
    an episode; no other episode has the same (correlation, group, fired_us).
    """

    correlation: int
    group: tuple[tuple[str, str], ...]
    fired_us: int
    first_us: int
    last_us: int
    first_source: str
    first_record: int
    count: int
    value: str
    extreme: str
    evidence: tuple[Part, ...]
    is_closed: bool
    first_asset: str = ""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Count hits of a rule in one source that were not correlated: without a time, or late.

    `rule` indexes `Pack.rules`; an empty source stands for many.
    """

    rule: int
    source: str
    untimed: int
    late: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Count what one correlation did not judge, or not in full.

    Events `without_group` or `without_value` (missing, or no number where one is needed) took part
    in nothing.  `let_go` events left the windows before their time: the lookback was full.
    `dropped` events, from the instant `dropped_from_us` on, did not fit among those that wait.
    """

    correlation: int
    without_group: int
    without_value: int
    let_go: int
    dropped: int
    dropped_from_us: int | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Hold what correlations did not judge: part of coverage."""

    unplaced: tuple[Unplaced, ...]
    shortfalls: tuple[Shortfall, ...]
