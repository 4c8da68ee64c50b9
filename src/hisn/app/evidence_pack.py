"""Gather what a proof pack needs from this node, put it together, and verify it before it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hisn.app.answers import with_answers
from hisn.app.home import Node
from hisn.app.pack_context import Surroundings
from hisn.app.pack_parts import (
    cited_by,
    covering_head,
    names_of_batch,
    pack_act,
    too_much,
    trust_of,
    verified,
)
from hisn.app.reopen import OwnAct, Reopened, Reopener, own_act, reopener
from hisn.app.timestamps import ask_for_token
from hisn.core.proof_limits import MAX_PACK_NUMBER
from hisn.errors import UsageError, VerificationError
from hisn.events.mapping import Mapping, load_mapping
from hisn.evidence.disclosure import RAW, open_leaf
from hisn.evidence.pack import Event
from hisn.evidence.packing import PackParts
from hisn.evidence.sealed_map import RECORD, present, sealed_name
from hisn.verify.steps import Report

SHOWN_OF_FINDING = (
    *("id", "rule_id", "rule_digest", "title", "level", "confidence", "author", "licence"),
    *("first", "last", "count", "records_complete", "techniques", "mapping", "engine", "window", "batches"),
)
"""What a pack always shows of a finding: which rule, when, how often; no value of any record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """Say what to show. `finding` is its id, or the beginning of one.

    `show` names fields of events and of the finding.  `records` picks events by their record
    numbers; without it the first `most` are shown.  `whole` shows the events' whole records.
    `context` shows so many events of the source before and after each of them, `whole_batch` every
    event of their batches; of what the finding does not name, the fields `show_context` (None: those
    of `show`).
    `unwitnessed` packs what no quorum has seen yet.
    `timestamp_url` asks a time-stamping service for a token over the finding's act.
    """

    finding: str
    show: tuple[str, ...] = ()
    records: tuple[int, ...] = ()
    most: int = 10
    whole: bool = False
    context: int = 0
    whole_batch: bool = False
    show_context: tuple[str, ...] | None = None
    unwitnessed: bool = False
    timestamp_url: str | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """Hold a pack, what the verifier says of it, and names in `show` that nothing has.

    `left_out` counts events that are named and not shown, `context` those shown that are not named;
    `unfit` are members whose answers do not verify and were left out, too.
    """

    data: bytes
    report: Report
    unknown: tuple[str, ...]
    left_out: int
    context: int = 0
    unfit: tuple[str, ...] = ()


def make_pack(node: Node, request: PackRequest) -> Packed:
    """Return a verified pack of a finding in this node's log.

    Raises UsageError (no such finding), StorageError (erased or missing), VerificationError (what
    is here does not fit the log).
    """
    node.member.fold.catch_up(node.log)
    finding = own_act(node, find_finding(node, request.finding))
    with reopener(node) as opener:
        chosen = _Chosen(request, opener, batches_of(finding))
        chosen.show(Surroundings(node, request.context))
    data, report = verified(node, _parts(node, finding, chosen, request))
    context = sum(event.is_context for event in report.shown.events) if report.shown else 0
    left_out = chosen.named - len(chosen.events) + context
    return Packed(data, report, chosen.unknown(finding), left_out, context, chosen.unfit)


def find_finding(node: Node, prefix: str) -> int:
    """Return the place of the finding whose id begins so. Raises UsageError."""
    found = node.member.fold.table.findings(prefix if prefix.startswith("f-") else f"f-{prefix}")
    if not found:
        raise UsageError(
            "E1310",
            f"this node's log has no finding {prefix!r}",
            hint="hisn evidence list shows those it has; hisn guard --seal puts findings into it",
        )
    if len(found) > 1:
        raise UsageError(
            "E1310",
            f"several findings begin with {prefix!r}",
            hint="write more of the id, such as " + found[0][0],
        )
    return found[0][1]


def batches_of(finding: OwnAct) -> list[tuple[int, str, tuple[int, ...]]]:
    """Return the batches that a finding rests on: position, root, events. Raises StorageError."""
    named = finding.field("batches")
    found = []
    for item in named if isinstance(named, tuple) else ():
        match item:
            case (int(leaf), str(root), tuple(events)):
                found.append((leaf, root, tuple(event for event in events if isinstance(event, int))))
            case _:
                raise VerificationError("E3513", "the finding's list of batches is not in its form")
    return found


class _Chosen:
    """Collect the events that are shown, batch by batch."""

    def __init__(
        self, request: PackRequest, opener: Reopener, named: Sequence[tuple[int, str, tuple[int, ...]]]
    ) -> None:
        self._request = request
        self._opener = opener
        self._named = {leaf: events for leaf, _root, events in named}
        self._names = tuple(dict.fromkeys(request.show))
        others = request.show if request.show_context is None else request.show_context
        self._context_names = tuple(dict.fromkeys(others))
        self._met: set[str] = set()
        self._mapping = load_mapping()
        self._opened: dict[int, Reopened] = {}
        self.batches: list[Reopened] = []
        self.events: list[Event] = []
        self.unfit: tuple[str, ...] = ()

    @property
    def named(self) -> int:
        """Return how many events the finding names."""
        return sum(map(len, self._named.values()))

    def show(self, surroundings: Surroundings) -> None:
        """Choose the events, and open what is shown of them. Raises UsageError, StorageError."""
        wanted = self._hits()
        if self._request.records and not wanted:
            raise UsageError(
                "E1311",
                "the finding does not rest on these records",
                hint="hisn evidence show lists the records it rests on",
            )
        around = [
            place
            for leaf, events in (wanted.items() if self._request.context else ())
            for event in events
            for place in surroundings.of(leaf, event)
        ]
        if self._request.whole_batch:
            around += [
                (leaf, event) for leaf in wanted for event in range(self._batch(leaf).batch.sealed.count)
            ]
        for leaf, event in around:
            wanted.setdefault(leaf, set()).add(event)
        count = sum(map(len, wanted.values()))
        if count > MAX_PACK_NUMBER:
            raise too_much(f"{count} events would be shown, and a pack holds {MAX_PACK_NUMBER}")
        for leaf in sorted(wanted):
            opened, named = self._batch(leaf), frozenset(self._named.get(leaf, ()))
            # Number 0 is the finding's act; batches follow in their order.
            self.batches.append(opened)
            self.events += [
                self._event(len(self.batches), opened, event, is_named=event in named)
                for event in sorted(wanted[leaf])
            ]

    def _batch(self, leaf: int) -> Reopened:
        if leaf not in self._opened:
            self._opened[leaf] = self._opener.batch(leaf)
        return self._opened[leaf]

    def _hits(self) -> dict[int, set[int]]:
        """Return the events asked for among those that the finding names, by batch."""
        records, left = frozenset(self._request.records), self._request.most
        wanted: dict[int, set[int]] = {}
        for leaf, events in self._named.items():
            if not records and not left:
                break
            if records:
                numbers = self._batch(leaf).batch.sealed.numbers
                events = tuple(event for event in events if int(numbers[event]) in records)  # noqa: PLW2901
            else:
                events, left = events[:left], left - len(events[:left])  # noqa: PLW2901
            if events:
                wanted[leaf] = set(events)
        return wanted

    def _event(self, act: int, opened: Reopened, index: int, *, is_named: bool) -> Event:
        names = self._names if is_named else self._context_names
        is_whole = self._request.whole and (is_named or opened.mode == "whole")
        if opened.mode == "whole":
            if (names or not is_named) and not is_whole:
                raise UsageError(
                    "E1312",
                    "this source was sealed in mode whole: its events can be shown as whole records only",
                    hint="add --whole-record, or seal such sources in mode fields from now on",
                )
            shown = opened.batch.record(index)
            return Event(act, index, shown.path, record=shown.record, raw_salt=shown.raw_salt)
        sealed_names = self._sealed_names(opened, index, names)
        if not is_whole:
            fields = opened.batch.fields(index, sealed_names)
            return Event(act, index, fields.path, fields.presented)
        fields = opened.batch.fields(index, [*sealed_names, RAW])
        whole = opened.batch.record(index)
        return Event(act, index, fields.path, fields.presented, whole.record, whole.raw_salt)

    def _sealed_names(self, opened: Reopened, index: int, wanted: Sequence[str]) -> list[str]:
        """Return the sealed names of the fields asked for that this event has."""
        there = open_leaf(present(opened.batch.sealed_map(index), ())).names
        aliases = aliases_of(opened, self._mapping, index)
        names = [RECORD]
        for name in wanted:
            found = sealed_name(name)
            found = found if found in there else sealed_name(aliases.get(name, name))
            if found in there:
                self._met.add(name)
                names.append(found)
        return list(dict.fromkeys(names))

    def finding_names(self, finding: OwnAct) -> list[str]:
        """Return the names of the finding's fields that are shown.

        A reason is shown with the field it is about: its value is that field's.
        """
        there = finding.opened.names if finding.opened else ()
        names = [name for name in SHOWN_OF_FINDING if name in there]
        for name in self._names:
            if name in there:
                self._met.add(name)
                names.append(name)
        for name in there:
            is_about = name.startswith(("why.", "group.")) and name.endswith(".field")
            if is_about and finding.field(name) in self._names:
                stem = name.removesuffix("field")
                names += [each for each in there if each.startswith(stem)]
        return list(dict.fromkeys(names))

    def unknown(self, finding: OwnAct) -> tuple[str, ...]:
        """Return the names asked for that neither an event nor the finding has."""
        self.finding_names(finding)
        asked = dict.fromkeys([*self._names, *self._context_names])
        return tuple(name for name in asked if name not in self._met)


def aliases_of(opened: Reopened, mapping: Mapping, index: int) -> dict[str, str]:
    """Return, for names that rules use, the names that the record itself has."""
    layout = opened.batch.layout(index)
    return {
        name: layout.names[view.column]
        for name, view in mapping.shape(layout).fields.items()
        if view.column is not None and view.column < len(layout.names)
    }


def _parts(node: Node, finding: OwnAct, chosen: _Chosen, request: PackRequest) -> PackParts:
    head = covering_head(node, finding.place.index, unwitnessed=request.unwitnessed)
    shown = [finding, *(opened.act for opened in chosen.batches)]
    names = [chosen.finding_names(finding), *(names_of_batch(act) for act in shown[1:])]
    parts = PackParts(
        trust=trust_of(node, head.raw),
        acts=[pack_act(node, head, act, each) for act, each in zip(shown, names, strict=True)],
        finding=0,
        events=chosen.events,
        heads=cited_by(node, shown),
        timestamps={0: ask_for_token(finding.leaf, request.timestamp_url)} if request.timestamp_url else {},
    )
    parts, chosen.unfit = with_answers(node, finding.place, parts)
    return parts
