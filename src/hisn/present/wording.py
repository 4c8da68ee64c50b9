"""Say in the reader's language what findings and coverage hold as data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from hisn.core import limits
from hisn.engine.coverage import Coverage, Gap, Shortfall, SourceCoverage
from hisn.findings.join import MANY_ASSETS
from hisn.findings.model import Finding, Reason
from hisn.findings.sentence import clause_of, lead_of
from hisn.present.i18n import _, mark, ngettext
from hisn.present.tech import Medium

LEVEL_NAMES = {
    "critical": mark("critical"),
    "high": mark("high"),
    "medium": mark("medium"),
    "low": mark("low"),
    "informational": mark("informational"),
}
CONFIDENCE_NAMES = {
    "high": mark("high confidence"),
    "moderate": mark("moderate confidence"),
    "low": mark("low confidence"),
}
RULE_STATUS_NAMES = {
    "judged": mark("judged"),
    "refused": mark("refused"),
    "no such source": mark("no such source"),
    "excluded": mark("excluded"),
}
SOURCE_STATUS_NAMES = {
    "read": mark("read"),
    "partial": mark("read in part"),
    "skipped": mark("not read"),
}
_PATTERN_CHARS = 64
"""What was looked for may be an expression of a page; what was found is what people need."""
_CODE = re.compile(r"(E[0-9]{4}): (.*)", re.DOTALL)
_LINE_PREFIX = 10
_PLACES = 6
_RECORDS = 8
_US_SUFFIX = re.compile(r"\.[0-9]{6}Z$")


def level_name(medium: Medium, level: str) -> str:
    """Return a level in the reader's language."""
    return _(LEVEL_NAMES[level]) if level in LEVEL_NAMES else medium.tech(level)


def number(value: int) -> str:
    """Return a whole number in Latin digits with separators, in every language."""
    return f"{value:,}"


def size(size_bytes: int) -> str:
    """Return a size in decimal units, one place: ``512.3 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = size_bytes / 1000
    for unit in ("kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(medium: Medium, seconds: int) -> str:
    """Return a length of time in its two largest units."""
    if seconds < 60:
        return medium.say(_("{seconds} s"), seconds=seconds)
    if seconds < 3600:
        return medium.say(_("{minutes} min {seconds} s"), minutes=seconds // 60, seconds=seconds % 60)
    if seconds < 86_400:
        return medium.say(_("{hours} h {minutes} min"), hours=seconds // 3600, minutes=seconds % 3600 // 60)
    return medium.say(_("{days} d {hours} h"), days=number(seconds // 86_400), hours=seconds % 86_400 // 3600)


def moment(medium: Medium, instant: str) -> str:
    """Return an RFC 3339 time to the second, with its zone: ``2026-11-03 18:40:12 UTC``."""
    return medium.tech(_US_SUFFIX.sub("", instant).replace("T", " ") + " UTC")


def span(medium: Medium, first: str | None, last: str | None) -> str:
    """Return when something was: one moment, or from one to another."""
    if first is None or last is None:
        return _("time unknown")
    one, other = moment(medium, first), moment(medium, last)
    if one == other:
        return one
    if first[:_LINE_PREFIX] == last[:_LINE_PREFIX]:
        other = medium.tech(_US_SUFFIX.sub("", last)[_LINE_PREFIX + 1 :] + " UTC")
        one = medium.tech(_US_SUFFIX.sub("", first).replace("T", " "))
    return medium.say(_("{first} to {last}"), first=one, last=other)


def asset_name(medium: Medium, asset: str) -> str:
    """Return an asset's name; some records name none, and a flood names too many."""
    if asset == MANY_ASSETS:
        return _("many assets")
    return medium.tech(asset) if asset else _("an unnamed asset")


def hits(count: int) -> str:
    """Return ``12 hits``."""
    return ngettext("{count} hit", "{count} hits", count).format(count=number(count))


def clause(medium: Medium, reason: Reason) -> str:
    """Return one decisive test with its value."""
    phrase = clause_of(reason)
    values = {
        name: medium.tech(value, _PATTERN_CHARS if name == "pattern" else limits.MAX_SHOWN_CHARS)
        for name, value in phrase.values
    }
    return medium.say(_(phrase.key), **values)


def sentence(medium: Medium, finding: Finding) -> str:
    """Return how often and when a finding was seen, as one sentence without its reasons."""
    key = lead_of(finding.first, finding.last)
    lead = ngettext(key.singular, key.plural, finding.count)
    return medium.say(
        lead + ".",
        count=number(finding.count),
        asset=asset_name(medium, finding.asset),
        first=moment(medium, finding.first) if finding.first else "",
        last=moment(medium, finding.last) if finding.last else "",
    )


def places(medium: Medium, finding: Finding) -> Iterator[str]:
    """Yield where the records of a finding are: a line for each source, of a correlation each rule, too."""
    if not finding.evidence:
        yield _place(medium, finding.source, finding.records, finding.count)
        return
    several = len({part.rule_id for part in finding.evidence}) > 1
    for part in finding.evidence[:_PLACES]:
        place = _place(medium, part.source, part.records, len(part.records) if part.complete else None)
        yield (
            medium.say("{place} ({rule})", place=place, rule=medium.tech(part.rule_id)) if several else place
        )
    beyond = len(finding.evidence) - _PLACES
    if beyond > 0:
        template = ngettext(
            "and {count} more place: --json lists it", "and {count} more places: --json lists them", beyond
        )
        yield _count(template, beyond)


def _place(medium: Medium, source: str, records: Sequence[int], count: int | None) -> str:
    """Return a source and its first record numbers, and how many more there are (None: unknown)."""
    named = medium.tech(", ".join(str(record) for record in records[:_RECORDS]))
    shown = min(_RECORDS, len(records))
    if count is None:
        template = _("{source}, records {records} and more")
    elif count > shown:
        template = ngettext(
            "{source}, records {records} and {more} more",
            "{source}, records {records} and {more} more",
            count - shown,
        )
    else:
        template = ngettext("{source}, record {records}", "{source}, records {records}", count)
    more = number((count or shown) - shown)
    return medium.say(template, source=medium.tech(source, None), records=named, more=more)


def reason(medium: Medium, text: str) -> str:
    """Return why something was not read or judged; a leading error code stays a code."""
    match = _CODE.fullmatch(text)
    if match is None:
        return medium.prose(text)
    return medium.say("{code}: {text}", code=medium.tech(match[1]), text=medium.prose(match[2]))


def gap(medium: Medium, name: str, silence: Gap) -> str:
    """Return where and how long a source or asset was silent."""
    return medium.say(
        _("{name}: silent for {length}, after {first}"),
        name=medium.tech(name, None),
        length=duration(medium, silence.seconds),
        first=moment(medium, silence.after),
    )


def nothing_found(medium: Medium, coverage: Coverage, level: str) -> str:
    """Return the one honest way to say that nothing was found: where, and until when."""
    whole = sum(source.status == "read" for source in coverage.sources)
    until = last_moment(coverage.sources)
    values = {
        "level": level_name(medium, level),
        "read": number(whole),
        "sources": number(len(coverage.sources)),
    }
    if until is None:
        template = ngettext(
            "no findings at or above {level} in {read} of {sources} source",
            "no findings at or above {level} in {read} of {sources} sources",
            len(coverage.sources),
        )
        return medium.say(template, **values)
    template = ngettext(
        "no findings at or above {level} in {read} of {sources} source, to {until}",
        "no findings at or above {level} in {read} of {sources} sources, to {until}",
        len(coverage.sources),
    )
    return medium.say(template, until=moment(medium, until), **values)


def first_moment(sources: tuple[SourceCoverage, ...]) -> str | None:
    """Return the time of the earliest record of any source."""
    return min((source.first for source in sources if source.first), default=None)


def last_moment(sources: tuple[SourceCoverage, ...]) -> str | None:
    """Return the time of the latest record of any source."""
    return max((source.last for source in sources if source.last), default=None)


def incomplete_reasons(coverage: Coverage) -> Iterator[str]:
    """Yield why a run is incomplete: the same as `Coverage.incomplete_reasons`, from the counts."""
    skipped = sum(source.status == "skipped" for source in coverage.sources)
    partial = sum(source.status == "partial" for source in coverage.sources)
    unparsed = sum(source.unparsed_total for source in coverage.sources)
    refused = sum(rule.status == "refused" for rule in coverage.rules)
    late = sum(hits.late for hits in coverage.uncorrelated)
    lost = sum(each.let_go + each.dropped for each in coverage.shortfalls)
    if not coverage.sources:
        yield _("no source was found")
    if skipped:
        yield _count(
            ngettext("{count} source was not read", "{count} sources were not read", skipped), skipped
        )
    if partial:
        yield _count(
            ngettext("{count} source was read in part", "{count} sources were read in part", partial), partial
        )
    if unparsed:
        yield _count(
            ngettext("{count} record could not be parsed", "{count} records could not be parsed", unparsed),
            unparsed,
        )
    if refused:
        yield _count(ngettext("{count} rule was refused", "{count} rules were refused", refused), refused)
    if late:
        yield _count(
            ngettext(
                "{count} hit came too late for correlations",
                "{count} hits came too late for correlations",
                late,
            ),
            late,
        )
    if lost:
        yield _count(
            ngettext(
                "{count} event could not be held for correlations",
                "{count} events could not be held for correlations",
                lost,
            ),
            lost,
        )


def uncorrelated(medium: Medium, coverage: Coverage) -> Iterator[str]:
    """Yield what correlations did not judge, and why."""
    for hits in coverage.uncorrelated:
        source = medium.tech(hits.source, None) if hits.source else _("many sources")
        lead = medium.say(_("{rule} in {source}"), rule=medium.tech(hits.rule_id), source=source)
        without_time = ngettext("{count} hit without a time", "{count} hits without a time", hits.untimed)
        too_late = ngettext("{count} hit came too late", "{count} hits came too late", hits.late)
        yield from _said_of(medium, lead, ((without_time, hits.untimed), (too_late, hits.late)))
    for each in coverage.shortfalls:
        yield from _said_of(medium, medium.prose(each.title), _shortfall(each))


def _shortfall(each: Shortfall) -> Iterator[tuple[str, int]]:
    """Yield why a correlation did not judge events, and how many."""
    count = each.without_group
    yield (
        ngettext("{count} event lacks a field to group by", "{count} events lack a field to group by", count),
        count,
    )
    count = each.without_value
    yield (
        ngettext(
            "{count} event lacks a value to count or measure",
            "{count} events lack a value to count or measure",
            count,
        ),
        count,
    )
    count = each.let_go
    yield (
        ngettext(
            "{count} event left the windows too early, there were too many",
            "{count} events left the windows too early, there were too many",
            count,
        ),
        count,
    )
    count = each.dropped
    yield ngettext("{count} event could not be held", "{count} events could not be held", count), count


def _said_of(medium: Medium, lead: str, said: Iterable[tuple[str, int]]) -> Iterator[str]:
    for template, count in said:
        if count:
            yield medium.say("{lead}: {text}", lead=lead, text=_count(template, count))


def and_more(count: int) -> str:
    """Return that a list goes on, and where the rest stands."""
    template = ngettext(
        "and {count} more: --json or --html lists them",
        "and {count} more: --json or --html lists them",
        count,
    )
    return _count(template, count)


def _count(template: str, count: int) -> str:
    return template.format(count=number(count))
