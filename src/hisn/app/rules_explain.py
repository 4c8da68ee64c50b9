"""Say in plain words what a rule looks for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import assert_never

from hisn.errors import UsageError
from hisn.present.i18n import _
from hisn.present.tech import tech
from hisn.rules.correlation import SIGNS, Correlation
from hisn.rules.expr import (
    ANY_ONE,
    And,
    Atom,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Network,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Text,
    TimeOf,
    Wildcard,
)
from hisn.rules.pack import Pack, Rule

MAX_VALUES = 24
"""Values shown of one list; the rest is counted, never dropped in silence."""


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one line of an explanation and how deep it stands."""

    depth: int
    text: str


def find_rule(pack: Pack, wanted: str) -> Rule | Correlation:
    """Return the rule or correlation with this id, path or file name. Raises UsageError E1042."""
    try:
        identity = str(uuid.UUID(wanted))
    except ValueError:
        identity = ""
    everything: tuple[Rule | Correlation, ...] = (*pack.rules, *pack.correlations)
    for rule in everything:
        if identity == rule.id or wanted in (rule.path, PurePosixPath(rule.path).name, rule.info.title):
            return rule
    for entry in pack.refused:
        if (identity and identity == entry.id.lower()) or wanted in (entry.path, entry.title):
            raise UsageError(
                "E1042",
                f"{entry.path}:{entry.line} is not judged: {entry.reason}",
                hint=f"hisn explain {entry.code}",
            )
    raise UsageError("E1042", f"no such rule: {wanted}", hint="hisn rules coverage lists what is there")


def explain_condition(condition: Expr) -> tuple[Step, ...]:
    """Return the condition as indented lines in the language of this context."""
    return tuple(_explain(condition, 0))


def fields_of(condition: Expr) -> tuple[str, ...]:
    """Return the fields that a condition looks at, in the order of their first use."""
    found: dict[str, None] = {}
    stack: list[Expr] = [condition]
    while stack:
        node = stack.pop()
        match node:
            case And() | Or():
                stack.extend(reversed(node.items))
            case Not():
                stack.append(node.item)
            case Keyword() | KeywordRegex() | Const():
                pass
            case FieldRef():
                found.update(dict.fromkeys((node.field, node.other)))
            case _:
                found[node.field] = None
    return tuple(found)


def _explain(node: Expr, depth: int) -> Iterator[Step]:
    match node:
        case And():
            yield Step(depth, _("all of these:"))
            for part in _grouped(node.items):
                yield from _part(part, depth + 1, is_all=True)
        case Or():
            groups = _grouped(node.items)
            if len(groups) == 1:
                yield from _part(groups[0], depth, is_all=False)
                return
            yield Step(depth, _("at least one of these:"))
            for part in groups:
                yield from _part(part, depth + 1, is_all=False)
        case Not():
            yield Step(depth, _("not:"))
            yield from _explain(node.item, depth + 1)
        case Const():
            yield Step(depth, _("every record") if node.holds else _("no record"))
        case _:
            yield Step(depth, _atom(node))


def _grouped(items: Sequence[Expr]) -> list[tuple[Expr, ...]]:
    """Join tests of one field and kind that stand side by side, as the author listed them."""
    groups: list[list[Expr]] = []
    for item in items:
        last = groups[-1][0] if groups else None
        if (
            isinstance(item, Text)
            and isinstance(last, Text)
            and (item.field, item.op, item.cased) == (last.field, last.op, last.cased)
        ):
            groups[-1].append(item)
        else:
            groups.append([item])
    return [tuple(group) for group in groups]


def _part(part: tuple[Expr, ...], depth: int, *, is_all: bool) -> Iterator[Step]:
    first = part[0]
    if len(part) == 1 or not isinstance(first, Text):
        yield from _explain(first, depth)
        return
    values = [item.value for item in part if isinstance(item, Text)]
    yield Step(depth, _test_of(first, _listed(values, is_all=is_all)))


def _listed(values: list[str], *, is_all: bool) -> str:
    text = ", ".join(_quoted(value) for value in values[:MAX_VALUES])
    if len(values) > MAX_VALUES:
        text += " " + _("and {count} more").format(count=len(values) - MAX_VALUES)
    return (_("all of {values}") if is_all else _("one of {values}")).format(values=text)


def _quoted(text: str) -> str:
    return tech(f"'{text}'")


def _test_of(test: Text, values: str) -> str:
    field = tech(test.field)
    match test.op:
        case "equals":
            text = _("{field} is {value}").format(field=field, value=values)
        case "contains":
            text = _("{field} contains {value}").format(field=field, value=values)
        case "startswith":
            text = _("{field} begins with {value}").format(field=field, value=values)
        case "endswith":
            text = _("{field} ends with {value}").format(field=field, value=values)
        case _:
            assert_never(test.op)
    return f"{text} ({_('case counts')})" if test.cased else text


def _atom(atom: Atom) -> str:  # noqa: PLR0911 - one case for each kind of test
    match atom:
        case Text():
            return _test_of(atom, _quoted(atom.value))
        case Wildcard():
            return _("{field} fits {value}").format(field=tech(atom.field), value=_pattern(atom.parts))
        case Regex():
            value = tech(f"/{atom.pattern}/{atom.flags}")
            return _("{field} matches {value}").format(field=tech(atom.field), value=value)
        case Number():
            return f"{tech(atom.field)} {SIGNS[atom.op]} {tech(atom.value)}"
        case Network():
            network = tech(atom.network)
            return _("{field} lies in {network}").format(field=tech(atom.field), network=network)
        case Exists():
            return _("there is a field {field}").format(field=tech(atom.field))
        case Null():
            return _("{field} is missing or null").format(field=tech(atom.field))
        case FieldRef():
            return _reference(atom)
        case TimeOf():
            return f"{_part_of_date(atom)} {SIGNS[atom.op]} {tech(atom.value)}"
        case Keyword():
            return _("the record contains {value}").format(value=_pattern(atom.parts))
        case KeywordRegex():
            return _("the record matches {value}").format(value=tech(f"/{atom.pattern}/{atom.flags}"))
    assert_never(atom)


def _pattern(parts: Sequence[str | int]) -> str:
    return _quoted(
        "".join(part if isinstance(part, str) else "?" if part == ANY_ONE else "*" for part in parts)
    )


def _reference(atom: FieldRef) -> str:
    names = {"field": tech(atom.field), "other": tech(atom.other)}
    match atom.op:
        case "equals":
            return _("{field} is the same as {other}").format(**names)
        case "contains":
            return _("{field} contains what is in {other}").format(**names)
        case "startswith":
            return _("{field} begins with what is in {other}").format(**names)
        case "endswith":
            return _("{field} ends with what is in {other}").format(**names)
    assert_never(atom.op)


def _part_of_date(atom: TimeOf) -> str:
    field = tech(atom.field)
    match atom.part:
        case "minute":
            return _("the minute of {field}").format(field=field)
        case "hour":
            return _("the hour of {field}").format(field=field)
        case "day":
            return _("the day of {field}").format(field=field)
        case "week":
            return _("the week of {field}").format(field=field)
        case "month":
            return _("the month of {field}").format(field=field)
        case "year":
            return _("the year of {field}").format(field=field)
    assert_never(atom.part)
