"""Find surges of web requests in a run, and make findings of them.

`web_tap` counts in the workers; `RunSurges` judges a whole run, `SurgeLane` a watch cycle by cycle.
Both give the same findings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hisn import __version__
from hisn.app.judge import Part, Tap
from hisn.core.instant import format_instant
from hisn.core.packed import Plain, damaged
from hisn.elections.checks import WEB_SURGE, web_surge_digest
from hisn.elections.countries import Countries
from hisn.elections.marks import STRONG
from hisn.elections.minutes import MINUTE_US, MinuteNote
from hisn.elections.phases import ElectionCalendar
from hisn.elections.surge import FIRE_WITHIN_MINUTES, Surge
from hisn.elections.surge_watch import SurgeWatch
from hisn.elections.web_tap import WebTap
from hisn.engine.coverage import RuleCoverage
from hisn.engine.ledger import CoverageLedger
from hisn.engine.scan import Window
from hisn.events.mapping import Mapping
from hisn.events.source import SourceNote
from hisn.findings.build import Spanned, techniques_of
from hisn.findings.model import SCHEMA, Finding, Reason
from hisn.findings.sentence import SURGE, english

_NIGHT = ("counting", "reporting")
_LEADING = 2


def web_tap(
    mapping: Mapping, calendar: ElectionCalendar, countries: Countries | None, window: Window | None
) -> Tap:
    """Return what counts the web requests of batches: for `Judge.tap`, and for a watch's worker."""
    keep = window.keep if window else None
    return WebTap(mapping, calendar.phases[0].begins, countries=countries, keep=keep)


class SurgeFindings:
    """Make findings of surges; `declared` gives the digest of what was declared about a source."""

    def __init__(
        self,
        calendar: ElectionCalendar,
        countries: Countries | None,
        mapping_digest: str,
        declared: Callable[[str], str],
    ) -> None:
        self.digest = web_surge_digest(calendar, countries)
        self._mapping_digest = mapping_digest
        self._declared = declared

    def finding(self, surge: Surge) -> Finding:
        """Return the finding of a surge; its id stays the same while the surge grows."""
        first, last = format_instant(surge.first), format_instant(surge.last)
        why = tuple(_why(surge))
        return Finding(
            id=self._id(surge, first),
            rule_id=WEB_SURGE.id,
            rule_digest=self.digest,
            title=WEB_SURGE.title,
            level=surge.level,
            confidence=surge.confidence,
            asset=surge.asset,
            source=surge.source,
            first=first,
            last=last,
            count=surge.requests,
            records=surge.records,
            records_complete=len(surge.records) == surge.requests,
            why=why,
            sentence=english(surge.asset, (first, last), surge.requests, why, most=len(why)),
            tags=WEB_SURGE.tags,
            techniques=techniques_of(WEB_SURGE.tags),
            falsepositives=WEB_SURGE.falsepositives,
            author=WEB_SURGE.author,
            licence=WEB_SURGE.licence,
        )

    def _id(self, surge: Surge, first: str) -> str:
        identity = (
            SCHEMA,
            self.digest,
            self._mapping_digest,
            self._declared(surge.source),
            __version__,
            surge.source,
            surge.asset,
            first,
            surge.first_record,
        )
        # As ids of other findings: file names carry lone surrogates.
        data = b"\0".join(ascii(part).encode() for part in identity)
        return "f-" + hashlib.sha256(data).hexdigest()[:32]


def _why(surge: Surge) -> Iterator[Reason]:
    """Yield the reasons, what is decisive first: views show a few."""
    marks = [_reason(mark.name, mark.value, mark.usual, mark.about) for mark in surge.marks]
    if not any(mark.name in STRONG for mark in surge.marks):
        is_night = surge.phase in _NIGHT or surge.closing is not None
        yield _reason("night" if is_night else "unclear", "")
    else:
        yield from marks[:_LEADING]
        marks = marks[_LEADING:]
    yield _reason("requests", _number(surge.peak), _number(surge.usual), surge.phase)
    if surge.endpoint:
        yield _reason("at_endpoint", "", about=surge.endpoint)
    yield from marks
    yield _reason("addresses", _number(surge.peak_addresses), _number(surge.usual_addresses))
    if surge.closing is not None:
        yield _reason("closing", format_instant(surge.closing)[:16].replace("T", " ") + " UTC")


def _reason(name: str, value: str, usual: str = "", about: str = "") -> Reason:
    return Reason(field=about, test=SURGE + name, pattern=usual, value=value)


def _number(count: int) -> str:
    return f"{count:,}"


class RunSurges:
    """Take what the parts of a run counted, in any order; judge it when all have come."""

    def __init__(
        self,
        calendar: ElectionCalendar,
        countries: Countries | None,
        mapping_digest: str,
        declared: Callable[[str], str],
    ) -> None:
        self._watch = SurgeWatch(calendar)
        self._findings = SurgeFindings(calendar, countries, mapping_digest, declared)

    def add(self, minutes: Iterable[MinuteNote]) -> None:
        """Take what one part counted."""
        self._watch.add(minutes)

    def finish(self, ledger: CoverageLedger) -> tuple[tuple[Finding, ...], RuleCoverage]:
        """Judge everything; return the findings, and the row of the check for the coverage.

        What is not followed is entered into the ledger.
        """
        self._watch.finish()
        _report(self._watch, ledger)
        return tuple(map(self._findings.finding, self._watch.take())), _row(self._watch)


def _row(watch: SurgeWatch) -> RuleCoverage:
    seen = sum(each.requests for each in watch.followed())
    return RuleCoverage(
        id=WEB_SURGE.id,
        title=WEB_SURGE.title,
        path=WEB_SURGE.id,
        status="judged" if seen else "no such source",
        records_seen=seen,
        kind="check",
    )


def _report(watch: SurgeWatch, ledger: CoverageLedger) -> None:
    for each in watch.followed():
        if each.late:
            what = f"web requests that came after their minute was judged, in no surge: {each.late}"
            ledger.add_note(SourceNote(each.source, "", "partial", what, "E2660"))
        if each.unfollowed:
            what = f"web requests of assets too many to follow, in no surge: {each.unfollowed}"
            ledger.add_note(SourceNote(each.source, "", "partial", what, "E2661"))


class SurgeLane:
    """Find surges in a watch, cycle by cycle: a lane of `app.watch.analysis`."""

    span_us = (FIRE_WITHIN_MINUTES + 1) * MINUTE_US
    """How far back the records lie that a new finding may rest on."""

    def __init__(
        self,
        calendar: ElectionCalendar,
        countries: Countries | None,
        mapping_digest: str,
        declared: Callable[[str], str],
    ) -> None:
        self._watch = SurgeWatch(calendar)
        self._findings = SurgeFindings(calendar, countries, mapping_digest, declared)
        self.digest = self._findings.digest
        """Over the check, the calendar and the countries: a state is of use to the same one only."""

    def add(self, part: Part) -> None:
        """Take what the pieces of a cycle gave."""
        self._watch.add(part.minutes)

    def advance(self, watermark_us: int) -> None:
        """Judge every minute that is over."""
        self._watch.advance(watermark_us)

    def finish(self) -> None:
        """Judge everything that is left."""
        self._watch.finish()

    def take(self) -> Iterator[tuple[Spanned, bool]]:
        """Yield the findings that changed, and whether they will change no more."""
        for surge in self._watch.take():
            finding = self._findings.finding(surge)
            yield Spanned(surge.asset, surge.first, surge.last, finding, surge.asset), surge.closed

    def report(self, ledger: CoverageLedger) -> None:
        """Enter into a ledger what was not judged, and why."""
        _report(self._watch, ledger)

    def rows(self) -> tuple[RuleCoverage, ...]:
        """Return the row of the check for the coverage."""
        return (_row(self._watch),)

    def dump(self) -> Plain:
        """Return the state."""
        return self._watch.dump()

    def load(self, plain: Any) -> None:
        """Take back what was dumped by the same calendar. Raises StorageError (E5600) for anything else."""
        try:
            self._watch.load(plain)
        except (ValueError, TypeError) as error:
            raise damaged() from error
