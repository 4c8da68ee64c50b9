"""Say in plain words what a correlation asks for, and through which correlations a rule is heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from hisn.app.rules_explain import Step
from hisn.core.timespan import timespan_text
from hisn.present.i18n import _
from hisn.present.tech import prose, tech
from hisn.rules.correlation import (
    SIGNS,
    AllSeen,
    AnySeen,
    Correlation,
    NotSeen,
    Presence,
    Seen,
    silenced,
    silenced_correlations,
)
from hisn.rules.pack import Pack, Rule


def explain_correlation(pack: Pack, correlation: Correlation) -> tuple[Step, ...]:
    """Return what a correlation asks for as indented lines in the language of this context."""
    return tuple(_explain(pack, correlation))


def heard_through(pack: Pack, each: Rule | Correlation) -> tuple[Correlation, ...]:
    """Return the correlations without which a rule would be silent; none if it speaks for itself."""
    entries: tuple[Rule | Correlation, ...] = pack.rules if isinstance(each, Rule) else pack.correlations
    silent = silenced(pack) if isinstance(each, Rule) else silenced_correlations(pack)
    if not any(entries[index] == each for index in silent):
        return ()
    return tuple(
        correlation
        for correlation in pack.correlations
        if any(each.digest in reference.digests for reference in correlation.references)
    )


def _explain(pack: Pack, correlation: Correlation) -> Iterator[Step]:
    span = tech(timespan_text(correlation.timespan_us))
    yield Step(0, _measure(correlation, span))
    if correlation.expression is not None:
        yield from _presence(correlation.expression, 1)
    if correlation.group_by:
        fields = tech(", ".join(correlation.group_by))
        yield Step(0, _("in records that have the same {fields}").format(fields=fields))
    else:
        yield Step(0, _("in all records together"))
    for alias in correlation.aliases:
        for name, field in alias.fields:
            values = {"alias": tech(alias.name), "field": tech(field), "name": tech(name)}
            yield Step(1, _("{alias} is {field} in {name}").format(**values))
    yield Step(0, _("it looks at what these find:"))
    everything: tuple[Rule | Correlation, ...] = (*pack.rules, *pack.correlations)
    titles = {each.digest: each for each in everything}
    for reference in correlation.references:
        for digest in reference.digests:
            found = titles[digest]
            title = prose(found.info.title)
            name = "" if reference.name == found.id else f" ({tech(reference.name)})"
            kind = _("correlation") + ": " if isinstance(found, Correlation) else ""
            yield Step(1, f"{kind}{title}{name}")
    if correlation.generate:
        yield Step(0, _("they are findings by themselves, too"))


def _measure(correlation: Correlation, span: str) -> str:
    numbers = " · ".join(f"{SIGNS[each.op]} {tech(each.value)}" for each in correlation.condition)
    fields = tech(", ".join(correlation.fields))
    match correlation.kind:
        case "event_count":
            return _("number of records {numbers} within {span}").format(numbers=numbers, span=span)
        case "value_count":
            text = _("number of different values of {fields} {numbers} within {span}")
        case "value_sum":
            text = _("sum of {fields} {numbers} within {span}")
        case "value_avg":
            text = _("average of {fields} {numbers} within {span}")
        case "value_median":
            text = _("median of {fields} {numbers} within {span}")
        case "value_percentile":
            text = _("percentile {percentile} of {fields} {numbers} within {span}")
        case "temporal" | "temporal_ordered":
            return _temporal(correlation, numbers, span)
        case _:
            assert_never(correlation.kind)
    return text.format(fields=fields, numbers=numbers, span=span, percentile=tech(correlation.percentile))


def _temporal(correlation: Correlation, numbers: str, span: str) -> str:
    is_ordered = correlation.kind == "temporal_ordered"
    if correlation.expression is not None:
        text = _("in this order, within {span}:") if is_ordered else _("within {span}:")
    elif correlation.condition:
        text = (
            _("number of different rules in their order {numbers} within {span}")
            if is_ordered
            else _("number of different rules {numbers} within {span}")
        )
    else:
        text = _("all of them in this order within {span}") if is_ordered else _("all of them within {span}")
    return text.format(numbers=numbers, span=span)


def _presence(node: Presence, depth: int) -> Iterator[Step]:
    match node:
        case Seen():
            yield Step(depth, tech(node.name))
        case AllSeen():
            yield Step(depth, _("all of these:"))
            for item in node.items:
                yield from _presence(item, depth + 1)
        case AnySeen():
            yield Step(depth, _("at least one of these:"))
            for item in node.items:
                yield from _presence(item, depth + 1)
        case NotSeen():
            yield Step(depth, _("not:"))
            yield from _presence(node.item, depth + 1)
        case _:
            assert_never(node)
