"""Say which Sigma log sources a layout belongs to and which names rules may use for its fields.

The mapping is data: one TOML file per kind of source in `events/mappings/`, read when the first
layout of the kind arrives.  The digest covers the bytes of all of them.  Schema of a file::

    kind = "windows"                # Layout.kind; also the file's name (`kind.toml`)
    products = ["windows"]          # log sources of every record of the kind (all optional)
    categories = []
    services = []
    asset = ["Computer", "host"]    # the first of these names that a layout has names the asset

    [aliases]                       # further names, where the layout has no such field itself
    Image = "NewProcessName"        #   new = existing name, or a list: the first that exists
    Hashes = ["Hash", "Sha256"]
    Level = { of = "level", values = { "warn" = "Warning" } }   # seen through a table

    [[lookup]]                      # log sources by the value of one constant, in file order
    constant = "Channel"
    adds = "services"               # products | categories | services
    fallback = true                 # optional: only if nothing of `adds` beyond the file's own is known
    when.service = ["sysmon"]       # optional conditions, as in [[rule]]
    [lookup.values]
    "security" = ["security"]       # casefolded text of the constant -> what to add

    [[rule]]                        # in file order, after the lookups
    when.service = ["security"]     # already has one of these services (also: product, category)
    when.EventID = ["4688"]         # a constant has one of these texts (case does not matter)
    unless.EventType = ["Delete"]   # none of these holds (same form as `when`)
    has = ["ObjectName"]            # the layout has all these fields
    products = []                   # what it adds (all optional)
    categories = ["process_creation"]
    services = []
    [rule.aliases]                  # like [aliases]; a rule's aliases come first, in file order
    Image = "NewProcessName"
    [rule.constants]                # fields with one value, where the layout has no such field
    Initiated = "true"
    [rule.tables.OperationType]     # replaces values of a field: casefolded text -> replacement
    "%%1904" = "New registry value created"

An alias of a field with a table sees the replaced values.  Names are case-sensitive as in Sigma.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hisn.events.batch import Block
from hisn.events.schema import Cell, Layout, Logsource

_MAX_SHAPES = 16_384
_FOLDER = Path(__file__).with_name("mappings")
_AXES = {"product": "products", "category": "categories", "service": "services"}


@dataclass(frozen=True, slots=True)
class FieldView:
    """Point to the values of a field: a column, or one constant for all rows.

    `table` maps casefolded texts to what rules see instead; other values stay.
    """

    column: int | None
    constant: Cell = None
    table: MappingOf[str, str] | None = None

    def see(self, cell: Cell) -> Cell:
        """Return what rules see of a cell of this field."""
        if self.table is None or cell is None:
            return cell
        if isinstance(cell, tuple):
            return tuple(None if item is None else self._replaced(item) for item in cell)
        return self._replaced(cell)

    def _replaced(self, item: int | str) -> int | str:
        return (self.table or {}).get(str(item).casefold(), item)


@dataclass(frozen=True, slots=True)
class Shape:
    """Hold what is settled once for all records of a layout.

    `asset` is a name in `fields`, `asset_constant` the asset that the operator declared instead.
    """

    logsource: Logsource
    fields: MappingOf[str, FieldView]
    asset: str | None
    asset_constant: str | None = None


class Mapping:
    """Give the shape of any layout; the same bytes of mapping give the same shapes."""

    def __init__(self, files: MappingOf[str, bytes]) -> None:
        """Take the TOML files as kind -> bytes."""
        self._files = files
        self._kinds: dict[str, _Kind] = {}
        self._shapes: dict[Layout, Shape] = {}
        parts = (f"{kind}\0{hashlib.sha256(data).hexdigest()}\n" for kind, data in sorted(files.items()))
        self.digest: str = hashlib.sha256("".join(parts).encode()).hexdigest()

    def shape(self, layout: Layout) -> Shape:
        """Return the shape of a layout, from the cache where it was seen before."""
        shape = self._shapes.get(layout)
        if shape is None:
            if len(self._shapes) >= _MAX_SHAPES:
                # An attacker who sends ever new keys must not fill the memory.
                self._shapes.clear()
            shape = self._shapes[layout] = self._kind(layout.kind).shape(layout)
        return shape

    def record(self, block: Block, row: int) -> dict[str, Cell]:
        """Return one record under all names that a rule may use, aliases included."""
        fields = self.shape(block.layout).fields
        return {
            name: view.see(view.constant if view.column is None else block.columns[view.column][row])
            for name, view in fields.items()
        }

    def tables(self, kind: str) -> MappingOf[str, Any]:
        """Return the parsed file of a kind, empty where there is none: see the schema above."""
        return self._kind(kind).data

    def _kind(self, name: str) -> _Kind:
        kind = self._kinds.get(name)
        if kind is None:
            import tomllib

            data = self._files.get(name)
            kind = self._kinds[name] = _Kind(tomllib.loads(data.decode()) if data is not None else {})
        return kind


@dataclass(slots=True)
class _Draft:
    """Hold a shape while lookups and rules add to it."""

    layout: Layout
    views: dict[str, FieldView]
    products: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    aliases: list[tuple[str, Any]] = field(default_factory=list)

    def axis(self, name: str) -> set[str]:
        return {"products": self.products, "categories": self.categories, "services": self.services}[name]

    def add(self, item: MappingOf[str, Any]) -> None:
        for axis in _AXES.values():
            self.axis(axis).update(item.get(axis, ()))

    def text(self, constant: str) -> str | None:
        view = self.views.get(constant)
        if view is None or view.column is not None or view.constant is None:
            return None
        return str(view.constant).casefold()

    def meets(self, item: MappingOf[str, Any]) -> bool:
        return (
            all(self._holds(name, wanted) for name, wanted in item.get("when", {}).items())
            and not any(self._holds(name, wanted) for name, wanted in item.get("unless", {}).items())
            and all(name in self.views for name in item.get("has", ()))
        )

    def _holds(self, name: str, wanted: list[str]) -> bool:
        if name in _AXES:
            return not self.axis(_AXES[name]).isdisjoint(wanted)
        return self.text(name) in [text.casefold() for text in wanted]


class _Kind:
    """Apply one mapping file."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def shape(self, layout: Layout) -> Shape:
        views = {name: FieldView(column) for column, name in enumerate(layout.names)}
        views.update((name, FieldView(None, cell)) for name, cell in layout.constants)
        draft = _Draft(layout, views)
        draft.add(self.data)
        own = {axis: len(draft.axis(axis)) for axis in _AXES.values()}
        for lookup in self.data.get("lookup", ()):
            adds = lookup["adds"]
            if (lookup.get("fallback") and len(draft.axis(adds)) > own[adds]) or not draft.meets(lookup):
                continue
            draft.axis(adds).update(lookup["values"].get(draft.text(lookup["constant"]), ()))
        for rule in self.data.get("rule", ()):
            if draft.meets(rule):
                _apply(rule, draft)
        draft.aliases.extend(self.data.get("aliases", {}).items())
        _alias(draft)
        declared = layout.declared
        logsource = Logsource(
            frozenset(draft.products) | declared.products,
            frozenset(draft.categories) | declared.categories,
            frozenset(draft.services) | declared.services,
        )
        asset = next((name for name in self.data.get("asset", ()) if name in draft.views), None)
        return Shape(logsource, draft.views, asset, layout.asset)


def _apply(rule: MappingOf[str, Any], draft: _Draft) -> None:
    """Add what one [[rule]] says."""
    draft.add(rule)
    for name, constant in rule.get("constants", {}).items():
        draft.views.setdefault(name, FieldView(None, constant))
    for name, table in rule.get("tables", {}).items():
        if (view := draft.views.get(name)) is not None:
            draft.views[name] = FieldView(view.column, view.constant, table)
    draft.aliases.extend(rule.get("aliases", {}).items())


def _alias(draft: _Draft) -> None:
    """Give further names to fields, never hiding a field that the record has."""
    for name, wanted in draft.aliases:
        if name in draft.views:
            continue
        table = wanted["values"] if isinstance(wanted, dict) else None
        sources = wanted["of"] if isinstance(wanted, dict) else wanted
        for source in [sources] if isinstance(sources, str) else sources:
            if (view := draft.views.get(source)) is not None:
                draft.views[name] = view if table is None else FieldView(view.column, view.constant, table)
                break


def load_mapping() -> Mapping:
    """Load the bundled mapping."""
    return Mapping({path.stem: path.read_bytes() for path in sorted(_FOLDER.glob("*.toml"))})
