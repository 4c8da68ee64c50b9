"""Define the coverage ledger: what was and what was not seen and judged.

Coverage is a result like findings.  Everything that could make a clean result a lie stands here:
sources that were not read, records that could not be parsed, hours without records, rules that
were refused or had no log source to look at.
"""

from __future__ import annotations

import msgspec

from hisn.events.schema import Unparsed

SCHEMA = "hisn.coverage.v1"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a silence in a source: no record between the two times (RFC 3339 UTC)."""

    after: str
    before: str
    seconds: int


class SourceCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Say what was read of one source.

    `status` is ``read`` (whole), ``partial`` (a hole, a damaged end, a limit) or ``skipped`` (not
    read at all, `reason` says why).  `unparsed_total` is exact, `unparsed` names the first holes.
    `without_time` counts records whose time is missing or absurd, `backward` how often time steps
    back by more than the tolerance (clock skew or reordering).
    """

    name: str
    kind: str
    status: str
    reason: str = ""
    size_bytes: int = 0
    records: int = 0
    unparsed_total: int = 0
    unparsed: tuple[Unparsed, ...] = ()
    first: str | None = None
    last: str | None = None
    gaps: tuple[Gap, ...] = ()
    without_time: int = 0
    backward: int = 0
    outside_window: int = 0


class RuleCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Say what happened to one rule or correlation (`kind`).

    `status`: ``judged``, ``refused`` (`reason`, `place`), ``no such source`` (its log source never
    appeared), ``excluded`` (by the operator).  A correlation has no such source where that of one
    of its rules never appeared and it cannot hold without; `reason` names those that did not.
    `silent` ones make no finding of their own: they are heard through correlations.
    """

    id: str
    title: str
    path: str
    status: str
    reason: str = ""
    line: int = 0
    records_seen: int = 0
    kind: str = "rule"
    silent: bool = False


class UncorrelatedHits(msgspec.Struct, frozen=True, kw_only=True):
    """Count hits of a rule that no correlation could place in time; an empty `source` stands for many.

    `untimed` ones have no time; `late` ones came when their time had been judged (watching only).
    """

    rule_id: str
    source: str
    untimed: int
    late: int


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """Count the events that one correlation did not judge, or not in full.

    Those `without_group` lack a field that it groups by, those `without_value` one that it counts
    or measures.  `let_go` ones left the windows before their time because too many were held,
    `dropped` ones, from `dropped_from` on, could not wait for their turn.
    """

    id: str
    title: str
    without_group: int = 0
    without_value: int = 0
    let_go: int = 0
    dropped: int = 0
    dropped_from: str | None = None


class AssetCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Say in which hours of the whole span an asset was not seen in any source (UTC hours)."""

    name: str
    records: int
    first: str | None
    last: str | None
    hours_seen: int
    hours_unseen: int
    unseen: tuple[Gap, ...] = ()


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the whole ledger of one run. `complete` is False if anything was unread or refused."""

    complete: bool
    incomplete_reasons: tuple[str, ...]
    sources: tuple[SourceCoverage, ...]
    rules: tuple[RuleCoverage, ...]
    assets: tuple[AssetCoverage, ...]
    uncorrelated: tuple[UncorrelatedHits, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
