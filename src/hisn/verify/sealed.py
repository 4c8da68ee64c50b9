"""Open what is shown of sealed texts and sealed records, against what the acts commit to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hisn.acts.statement import check_body
from hisn.errors import VerificationError
from hisn.evidence.disclosure import Opened, check_record, open_leaf, whole_leaf
from hisn.evidence.pack import Event, parse_body
from hisn.tlog.path import EMPTY_ROOT, leaf_hash, verify_inclusion
from hisn.verify.logged import LoggedAct
from hisn.verify.steps import ShownBatch, ShownEvent

_SAME = ("count", "first", "last")
"""Fields of a batch that stand in its public part, too, where its class of source allows that."""


def open_bodies(acts: Sequence[LoggedAct], bodies: Mapping[int, bytes]) -> dict[int, Opened]:
    """Return the sealed bodies by number of act. Raises VerificationError: it is another act's body."""
    opened = {}
    for number, data in bodies.items():
        statement = acts[number].statement
        if statement.body is None or statement.body.name != "sealed":
            raise VerificationError("E3510", f"act {number} has no sealed text, and the pack shows one")
        opened[number] = open_leaf(parse_body(data))
        check_body(statement, opened[number].leaf)
    return opened


def open_batches(
    acts: Iterable[LoggedAct], bodies: Mapping[int, Opened], events: Iterable[Event]
) -> tuple[ShownBatch, ...]:
    """Return the batches of a pack with their sizes. Raises VerificationError."""
    shown: dict[int, list[int]] = {}
    for event in events:
        shown.setdefault(event.act, []).append(event.index)
    batches = []
    for act in acts:
        if act.statement.kind == "batch":
            fields = bodies[act.number].values if act.number in bodies else {}
            count = _count(act, fields)
            indices = tuple(sorted(shown.pop(act.number, ())))
            if len(set(indices)) != len(indices):
                raise VerificationError("E3512", f"an event of batch {act.number} is shown twice")
            batches.append(ShownBatch(act.number, count, indices, fields))
    if shown:
        raise VerificationError("E3512", f"act {min(shown)} is no batch, and events of it are shown")
    return tuple(batches)


def _count(act: LoggedAct, fields: Mapping[str, object]) -> int:
    """Return how many events the author says the batch has: in public, under seal, or both alike."""
    public = act.statement.public
    for name in _SAME:
        if public[name] is not None and name in fields and fields[name] != public[name]:
            raise VerificationError("E3511", f"batch act {act.number} says two things about its {name}")
    count = fields.get("count", public["count"])
    if not isinstance(count, int) or count < 0:
        raise VerificationError(
            "E3511",
            f"the number of events of batch act {act.number} is not shown",
            hint="ask the sender for a pack that shows the batch's count",
        )
    if (count == 0) != (public["root"] == EMPTY_ROOT.hex()):
        raise VerificationError("E3511", f"batch act {act.number} says that it is empty, or not, and is not")
    return count


def open_event(event: Event, act: LoggedAct, count: int) -> ShownEvent:
    """Return what is shown of an event that is proven to stand in its batch. Raises VerificationError."""
    public = act.statement.public
    opened = None
    if public["mode"] == "whole":
        if event.shown or event.record is None or event.raw_salt is None:
            raise VerificationError(
                "E3512", f"batch {event.act} seals whole records; event {event.index} is none"
            )
        leaf = whole_leaf(event.raw_salt, event.record)
    else:
        if not event.shown:
            raise VerificationError(
                "E3512", f"batch {event.act} seals fields; event {event.index} shows none"
            )
        opened = open_leaf(event.shown)
        leaf = opened.leaf
        if event.record is not None and event.raw_salt is not None:
            check_record(opened, event.raw_salt, event.record)
    root = bytes.fromhex(str(public["root"]))
    verify_inclusion(leaf_hash(leaf), event.index, count, event.path, root)
    fields, hidden = (opened.values, opened.hidden) if opened else ({}, ())
    return ShownEvent(event.act, event.index, fields, hidden, event.record)
