"""Say what rules would see of a record of which only some fields are known.

All its names are known, and so is what it does not have.  Where a hidden value decides how the
mapping works (the event id of a Windows event names its fields for rules), what follows from it is
undecided.  Nothing here is guessed: whatever is known is the same however the hidden values are.

*Needs* name the fields whose values would settle a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from hisn.events import sources, windows
from hisn.events.mapping import FieldView
from hisn.events.mapping import Mapping as EventMapping
from hisn.events.schema import Cell, Declaration
from hisn.events.shapes import recognise

Needs: TypeAlias = frozenset[str]

NOTHING: Needs = frozenset()
DECLARATION = "declaration"
"""Stands in needs for what was declared about the source."""
RECORD = "_raw"
"""Stands in needs for the record itself."""

_BY_NAMES = frozenset({"json-lines", "json", "csv", "evtx"})
"""Formats whose records are told apart by their names."""
_BY_DECLARATION = _BY_NAMES | {"postgres-json"}
"""Formats for whose records an operator may declare another kind."""
_AXES = {"product": "products", "category": "categories", "service": "services"}


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Hold what is known of a record before any mapping.

    `format` is the name of the reader's format.  `known` fields have values, `hidden` ones are
    there; others it does not have.  `declaration` None: hidden.
    """

    format: str
    known: Mapping[str, Cell]
    hidden: frozenset[str]
    declaration: Declaration | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialRecord:
    """Hold what rules see: fields that are `known`, those `hidden` but there, those `undecided`.

    A name in none of them is absent, unless `otherwise` says what it would need to be told.
    `sure` and `maybe` are log sources by axis.
    """

    known: Mapping[str, Cell]
    hidden: Mapping[str, Needs] = field(default_factory=dict)
    undecided: Mapping[str, Needs] = field(default_factory=dict)
    otherwise: Needs = NOTHING
    sure: Mapping[str, frozenset[str]] = field(default_factory=dict)
    maybe: Mapping[str, Mapping[str, Needs]] = field(default_factory=dict)
    any_source: Needs = NOTHING

    def satisfies(self, **wanted: str | None) -> tuple[bool | None, Needs]:
        """Tell whether a rule for these log sources looks at the record; None: that cannot be told."""
        answers = [self._is_from(axis, name) for axis, name in wanted.items() if name is not None]
        return kleene_and(answers)

    def _is_from(self, axis: str, name: str) -> tuple[bool | None, Needs]:
        if name in self.sure.get(axis, ()):
            return True, NOTHING
        needs = self.maybe.get(axis, {}).get(name, NOTHING) | self.any_source
        return (None, needs) if needs else (False, NOTHING)


Answer: TypeAlias = tuple[bool | None, Needs]


def kleene_and(answers: Iterable[Answer]) -> Answer:
    """Return False if one is, None with everything needed if one is unknown, else True."""
    needs: Needs = NOTHING
    for holds, wanted in answers:
        if holds is False:
            return False, NOTHING
        needs |= wanted
    return (None, needs) if needs else (True, NOTHING)


def kleene_not(answer: Answer) -> Answer:
    """Return the opposite; what is unknown stays so."""
    holds, needs = answer
    return (None if holds is None else not holds), needs


def partial_record(mapping: EventMapping, disclosed: Disclosed) -> PartialRecord:
    """Return what rules see of a record of which only some fields are known."""
    kind, constants, needs = _kind_of(disclosed)
    if kind is None:
        names = frozenset(disclosed.known) | disclosed.hidden
        return PartialRecord(known={}, hidden=dict.fromkeys(names, needs), otherwise=needs, any_source=needs)
    draft = _Draft(disclosed, constants)
    draft.apply(mapping.tables(kind))
    return draft.record()


def _kind_of(disclosed: Disclosed) -> tuple[str | None, frozenset[str], Needs]:
    """Return the mapping's kind and the fields that are constants of a layout; None and what it needs."""
    names = frozenset(disclosed.known) | disclosed.hidden
    declaration = disclosed.declaration
    if disclosed.format in _BY_DECLARATION and declaration is None:
        return None, NOTHING, frozenset({DECLARATION})
    declared = declaration.kind if declaration and disclosed.format in _BY_DECLARATION else None
    if disclosed.format in _BY_NAMES:
        found = recognise(tuple(sorted(names)))
        constants = frozenset(found.constants)
        if found.kind == "windows":
            event = disclosed.known.get("EventID")
            constants = names & {*windows.CONSTANTS, *windows.promoted(tuple(names), event)}
        elif "EventID" in names:
            # Its own names may have told more than those under which it was sealed.
            return None, NOTHING, frozenset({RECORD})
        return declared or found.kind, constants, NOTHING
    known = sources.by_name(disclosed.format)
    if known is None:
        return None, NOTHING, frozenset({RECORD})
    constants = NOTHING if disclosed.format in _BY_DECLARATION else names
    return declared or known.kind, constants, NOTHING


@dataclass(frozen=True, slots=True)
class _View:
    """Hold one field as rules see it: its cell, or what it needs."""

    cell: Cell
    needs: Needs = NOTHING
    table: Mapping[str, str] | None = None
    is_constant: bool = False

    @property
    def seen(self) -> Cell:
        return FieldView(None, None, self.table).see(self.cell)


class _Draft:
    """Apply a mapping file as `events.mapping` does, with a third answer to every condition."""

    def __init__(self, disclosed: Disclosed, constants: frozenset[str]) -> None:
        self._views = {
            name: _View(cell, is_constant=name in constants) for name, cell in disclosed.known.items()
        }
        for name in disclosed.hidden:
            self._views[name] = _View(None, frozenset({name}), is_constant=name in constants)
        self._unsure: dict[str, Needs] = {}
        self._sure: dict[str, set[str]] = {axis: set() for axis in _AXES}
        self._maybe: dict[str, dict[str, Needs]] = {axis: {} for axis in _AXES}
        self._aliases: list[tuple[str, Any, Needs]] = []
        self._declaration = disclosed.declaration

    def apply(self, tables: Mapping[str, Any]) -> None:
        self._add(tables, NOTHING)
        own = {axis: len(names) for axis, names in self._sure.items()}
        for lookup in tables.get("lookup", ()):
            self._look_up(lookup, own)
        for rule in tables.get("rule", ()):
            self._apply_rule(rule)
        self._aliases += [(name, wanted, NOTHING) for name, wanted in tables.get("aliases", {}).items()]
        for name, wanted, needs in self._aliases:
            self._alias(name, wanted, needs)

    def record(self) -> PartialRecord:
        declared = self._declaration
        if declared:
            named = (declared.products, declared.categories, declared.services)
            for axis, names in zip(_AXES, named, strict=True):
                self._sure[axis] |= names
        return PartialRecord(
            known={name: view.seen for name, view in self._views.items() if not view.needs},
            hidden={name: view.needs for name, view in self._views.items() if view.needs},
            undecided=self._unsure,
            sure={axis: frozenset(names) for axis, names in self._sure.items()},
            maybe=self._maybe,
            any_source=NOTHING if declared else frozenset({DECLARATION}),
        )

    def _add(self, item: Mapping[str, Any], needs: Needs) -> None:
        for axis, plural in _AXES.items():
            self._add_to(axis, item.get(plural, ()), needs)

    def _add_to(self, axis: str, names: Iterable[str], needs: Needs) -> None:
        if not needs:
            self._sure[axis].update(names)
            return
        for name in names:
            self._maybe[axis][name] = self._maybe[axis].get(name, NOTHING) | needs

    def _look_up(self, lookup: Mapping[str, Any], own: Mapping[str, int]) -> None:
        axis = next(axis for axis, plural in _AXES.items() if plural == lookup["adds"])
        answers = [self._meets(lookup)]
        if lookup.get("fallback"):
            if len(self._sure[axis]) > own[axis]:
                return
            doubts = frozenset[str]().union(*self._maybe[axis].values())
            answers.append((None, doubts) if doubts else (True, NOTHING))
        holds, needs = kleene_and(answers)
        if holds is False:
            return
        constant = lookup["constant"]
        view = self._views.get(constant)
        if constant in self._unsure or (view and view.is_constant and view.needs):
            needs |= self._unsure.get(constant, NOTHING) | (view.needs if view else NOTHING)
            for names in lookup["values"].values():
                self._add_to(axis, names, needs)
        elif view and view.is_constant and view.cell is not None:
            self._add_to(axis, lookup["values"].get(str(view.cell).casefold(), ()), needs)

    def _apply_rule(self, rule: Mapping[str, Any]) -> None:
        holds, needs = self._meets(rule)
        if holds is False:
            return
        self._add(rule, needs)
        for name, constant in rule.get("constants", {}).items():
            if name in self._views or name in self._unsure:
                continue
            if needs:
                self._unsure[name] = needs
            else:
                self._views[name] = _View(constant, is_constant=True)
        for name, table in rule.get("tables", {}).items():
            if (view := self._views.get(name)) is not None:
                self._views[name] = _under(view, table, needs)
        self._aliases += [(name, wanted, needs) for name, wanted in rule.get("aliases", {}).items()]

    def _meets(self, item: Mapping[str, Any]) -> Answer:
        answers = [self._holds(name, wanted) for name, wanted in item.get("when", {}).items()]
        answers += [kleene_not(self._holds(name, wanted)) for name, wanted in item.get("unless", {}).items()]
        answers += [self._has(name) for name in item.get("has", ())]
        return kleene_and(answers)

    def _holds(self, name: str, wanted: list[str]) -> Answer:
        if name in _AXES:
            if not self._sure[name].isdisjoint(wanted):
                return True, NOTHING
            needs = frozenset[str]().union(*(self._maybe[name].get(each, NOTHING) for each in wanted))
            return (None, needs) if needs else (False, NOTHING)
        if name in self._unsure:
            return None, self._unsure[name]
        view = self._views.get(name)
        if view is None or not view.is_constant:
            return False, NOTHING
        if view.needs:
            return None, view.needs
        text = None if view.cell is None else str(view.cell).casefold()
        return text in [each.casefold() for each in wanted], NOTHING

    def _has(self, name: str) -> Answer:
        if name in self._unsure:
            return None, self._unsure[name]
        return name in self._views, NOTHING

    def _alias(self, name: str, wanted: Any, needs: Needs) -> None:
        """Give a further name to a field; the first alias that finds one counts."""
        if name in self._views:
            return
        table = wanted["values"] if isinstance(wanted, dict) else None
        of = wanted["of"] if isinstance(wanted, dict) else wanted
        for source in [of] if isinstance(of, str) else of:
            if source in self._unsure:
                needs |= self._unsure[source]
            view = self._views.get(source)
            if view is None and source not in self._unsure:
                continue
            if needs or name in self._unsure:
                self._unsure[name] = (
                    self._unsure.get(name, NOTHING) | needs | (view.needs if view else NOTHING)
                )
            elif view:
                self._views[name] = view if table is None else replace(view, table=table)
            return


def _under(view: _View, table: Mapping[str, str], needs: Needs) -> _View:
    """Return a field seen through a table; if that is undecided, and matters, it is hidden."""
    seen = replace(view, table=table)
    if not needs:
        return seen
    return view if view.needs or seen.seen == view.seen else replace(view, needs=needs)
