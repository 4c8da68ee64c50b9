"""List the findings in the node's log, and say what can be shown of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hisn.app.evidence_pack import batches_of, find_finding
from hisn.app.home import Node
from hisn.app.reopen import OwnAct, own_act, reopener
from hisn.evidence.disclosure import Value, open_leaf
from hisn.evidence.sealed_map import present, source_name

_MOST_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one finding: its entry, id, level and title; empty texts where its body is gone."""

    place: int
    id: str
    level: str
    title: str

    def to_json(self) -> dict[str, object]:
        """Return the row for programs."""
        return {"place": self.place, "id": self.id, "level": self.level, "title": self.title}


@dataclass(frozen=True, slots=True)
class Described:
    """Hold a finding for a person: its fields, the records it rests on, what its events have.

    Records are source, numbers and the entry of their batch.
    """

    fields: tuple[tuple[str, str], ...]
    records: tuple[tuple[str, str, int], ...]
    names: tuple[str, ...]


def findings_of(node: Node) -> list[Row]:
    """Return the findings in the order of the log."""
    node.member.fold.catch_up(node.log)
    return [_row(own_act(node, place)) for place in node.member.fold.table.positions("finding")]


def _row(act: OwnAct) -> Row:
    values = act.opened.values if act.opened else {}
    return Row(act.place.index, *(str(values.get(name, "")) for name in ("id", "level", "title")))


def describe(node: Node, finding: str) -> Described:
    """Return what a finding says and what can be shown of it. Raises UsageError, StorageError."""
    node.member.fold.catch_up(node.log)
    act = own_act(node, find_finding(node, finding))
    batches = batches_of(act)
    records: list[tuple[str, str, int]] = []
    names: tuple[str, ...] = ()
    with reopener(node) as opener:
        for leaf, _root, events in batches[:_MOST_BATCHES]:
            opened = opener.batch(leaf)
            numbers = [int(opened.batch.sealed.numbers[event]) for event in events]
            records.append((str(opened.act.field("source")), _cut(numbers), leaf))
            if not names and opened.mode == "fields":
                there = open_leaf(present(opened.batch.sealed_map(events[0]), ())).names
                names = tuple(name for each in there if (name := source_name(each)) is not None)
    fields = tuple(_texts(act.opened.values if act.opened else {}))
    return Described(fields, tuple(records), names)


def _texts(values: dict[str, Value]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name != "batches":
            yield name, ", ".join(map(_text, value)) if isinstance(value, tuple) else _text(value)


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_text, value))
    return "–" if value is None else str(value)


def _cut(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:20]))
    return shown if len(numbers) <= 20 else f"{shown}, … (+{len(numbers) - 20})"
