"""Say in one sentence what was seen and what decided it.

The parts are catalogue keys and values, so that a view can say the same in another language and
mark the values; `english` puts them together for the machine forms.
"""

from __future__ import annotations

from dataclasses import dataclass

from hisn.core.display import shown
from hisn.findings.join import MANY_ASSETS
from hisn.findings.model import Reason

MAX_CLAUSES = 3
_VALUE_CHARS = 160
_TO_SECONDS = len("2026-11-03T18:40:12")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Hold a catalogue key with named places, and the values for them."""

    key: str
    values: tuple[tuple[str, str], ...] = ()


_CLAUSES: dict[str, Phrase] = {
    "": Phrase("{field} is {value}"),
    "contains": Phrase("{field} contains {pattern}: {value}"),
    "startswith": Phrase("{field} starts with {pattern}: {value}"),
    "endswith": Phrase("{field} ends with {pattern}: {value}"),
    "re": Phrase("{field} matches {pattern}: {value}"),
    "cidr": Phrase("{field} {value} lies in {pattern}"),
    "gt": Phrase("{field} {value} is greater than {pattern}"),
    "gte": Phrase("{field} {value} is at least {pattern}"),
    "lt": Phrase("{field} {value} is less than {pattern}"),
    "lte": Phrase("{field} {value} is at most {pattern}"),
    "exists": Phrase("{field} is there: {value}"),
    "fieldref": Phrase("{field} and {pattern} compare as the rule says: {value}"),
}
MEASURE = "correlation "
"""Begins the test of the reason that says how much a correlation measured: kind, ``|``, time span."""
_MEASURES: dict[str, Phrase] = {
    "event_count": Phrase("{measure} records within {span}, where the rule asks for {asked}"),
    "value_count": Phrase("{measure} different {field} within {span}, where the rule asks for {asked}"),
    "value_sum": Phrase("{field} adds up to {measure} within {span}, where the rule asks for {asked}"),
    "value_avg": Phrase("{field} is {measure} on average within {span}, where the rule asks for {asked}"),
    "value_percentile": Phrase(
        "the percentile of {field} is {measure} within {span}, where the rule asks for {asked}"
    ),
    "value_median": Phrase("half of {field} reach {measure} within {span}, where the rule asks for {asked}"),
    "temporal": Phrase("within {span}: {asked}"),
    "temporal_ordered": Phrase("within {span} and in this order: {asked}"),
}
SURGE = "surge "
"""Begins the test of a reason of a surge of web requests; then comes what it is."""
_SURGES: dict[str, Phrase] = {
    "countries": Phrase("{measure} countries that hardly ever asked before make {usual} of it: {what}"),
    "bare": Phrase(
        "pages are asked for without what belongs to them: {measure} are assets, where {usual} is usual, "
        "and few come from a link"
    ),
    "agents": Phrase("{measure} come by one user agent, where {usual} is usual"),
    "rare": Phrase("never asked for before: {measure}"),
    "endpoint": Phrase("{measure} go to one endpoint, where {usual} is usual: {what}"),
    "errors_at_one": Phrase("{measure} of all 5xx are at one endpoint: {what}"),
    "waves": Phrase("it came in {measure} waves"),
    "refused": Phrase("{measure} are turned away (403, 429), where {usual} is usual"),
    "errors": Phrase("{measure} are answered with 5xx, where {usual} is usual"),
    "requests": Phrase("up to {measure} requests a minute, where {usual} is usual (phase: {what})"),
    "addresses": Phrase("up to {measure} addresses a minute, where {usual} is usual"),
    "at_endpoint": Phrase("the endpoint is {what}"),
    "closing": Phrase("the polls closed at {measure}"),
    "night": Phrase("load as on any election night; nothing distinguishes it"),
    "unclear": Phrase("nothing distinguishes it from ordinary load"),
}
_KEYWORD = Phrase("the record contains {pattern}: {value}")
_NULL = Phrase("{field} has no value")
_OTHER = Phrase("{field} passes {test} {pattern}: {value}")


def clause_of(reason: Reason) -> Phrase:
    """Return what one decisive test says, as key and values (unescaped)."""
    name, _bar, rest = reason.test.partition("|")
    if name.startswith(MEASURE):
        return _measured(_MEASURES[name.removeprefix(MEASURE)], rest, reason)
    if name.startswith(SURGE):
        return _of_surge(_SURGES[name.removeprefix(SURGE)], reason)
    modifiers = [part for part in rest.split("|") if part not in ("", "cased", "i", "m", "s")]
    value = reason.value
    if name == "keywords":
        template = _KEYWORD
    elif value is None:
        template = _NULL
    elif not modifiers:
        # ``*`` in the pattern of a plain test: say what was looked for, not only what was there.
        plain = "*" not in reason.pattern and "?" not in reason.pattern
        template = _CLAUSES[""] if plain else _CLAUSES["re"]
    else:
        template = _CLAUSES.get(modifiers[0], _OTHER)
    values = {"field": reason.field, "test": reason.test, "pattern": reason.pattern, "value": value or ""}
    return Phrase(template.key, tuple((key, values[key]) for key in values if f"{{{key}}}" in template.key))


def _measured(template: Phrase, span: str, reason: Reason) -> Phrase:
    values = {"field": reason.field, "span": span, "asked": reason.pattern, "measure": reason.value or ""}
    return Phrase(template.key, tuple((key, values[key]) for key in values if f"{{{key}}}" in template.key))


def _of_surge(template: Phrase, reason: Reason) -> Phrase:
    values = {"what": reason.field, "usual": reason.pattern, "measure": reason.value or ""}
    return Phrase(template.key, tuple((key, values[key]) for key in values if f"{{{key}}}" in template.key))


@dataclass(frozen=True, slots=True)
class Plural:
    """Hold a catalogue key with a singular and a plural form in English."""

    singular: str
    plural: str


_UNTIMED = Plural(
    "Seen {count} time on {asset}, at an unknown time", "Seen {count} times on {asset}, at unknown times"
)
_AT_ONCE = Plural("Seen {count} time on {asset} at {first}", "Seen {count} times on {asset} at {first}")
_OVER_TIME = Plural(
    "Seen {count} time on {asset} from {first} to {last}",
    "Seen {count} times on {asset} from {first} to {last}",
)


def lead_of(first: str | None, last: str | None) -> Plural:
    """Return how often and when something was seen: keys for `count`, `asset`, `first`, `last`."""
    if first is None:
        return _UNTIMED
    return _AT_ONCE if first == last else _OVER_TIME


def english(
    asset: str,
    span: tuple[str | None, str | None],
    count: int,
    why: tuple[Reason, ...],
    most: int = MAX_CLAUSES,
) -> str:
    """Return the sentence in English, with so many reasons at most; values are made harmless and cut."""
    first, last = span
    key = lead_of(first, last)
    lead = (key.singular if count == 1 else key.plural).format(
        count=count, asset=_asset(asset), first=_moment(first), last=_moment(last)
    )
    clauses = [_said(clause_of(reason)) for reason in why[:most]]
    if len(why) > most:
        clauses.append(f"and {len(why) - most} more")
    return f"{lead}: {'; '.join(clauses)}." if clauses else f"{lead}."


def _asset(asset: str) -> str:
    if asset == MANY_ASSETS:
        return "many assets"
    return shown(asset, _VALUE_CHARS) or "an unnamed asset"


def _moment(instant: str | None) -> str:
    return f"{instant[:_TO_SECONDS].replace('T', ' ')} UTC" if instant else ""


def _said(phrase: Phrase) -> str:
    quoted = ("pattern", "value")
    values = {name: shown(value, _VALUE_CHARS) for name, value in phrase.values}
    return phrase.key.format(
        **{name: f"“{value}”" if name in quoted else value for name, value in values.items()}
    )
