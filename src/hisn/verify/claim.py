"""Check what a finding says about batches and events, and what other members answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hisn.acts.kinds import is_ascending
from hisn.errors import VerificationError
from hisn.evidence.disclosure import Opened, Value
from hisn.verify.logged import LoggedAct
from hisn.verify.steps import Flag, FlagName, ShownBatch

KINDS = ("finding", "batch", "recheck", "dissent")
"""The kinds of acts that a pack about a finding holds."""
_MUST_AGREE = ("rule_digest", "mapping")


@dataclass(frozen=True, slots=True)
class Named:
    """Hold a batch that a finding names: index in the author's log, root, and events of it."""

    leaf: int
    root: str
    events: frozenset[int]


def check_kinds(acts: Sequence[LoggedAct], finding: int) -> None:
    """Return if the pack's acts are what a pack about a finding holds. Raises VerificationError."""
    for act in acts:
        kind = act.statement.kind
        if kind not in KINDS or (kind == "finding") != (act.number == finding):
            raise VerificationError("E3505", f"act {act.number} is a {kind}, which has no place there")


def named_batches(body: Opened | None) -> tuple[Named, ...]:
    """Return the batches that a finding's body names. Raises VerificationError.

    The field ``batches`` is a list of ``[index of the batch's act, root in hex, [event indices]]``,
    ascending by index, its event indices ascending.
    """
    value = body.values.get("batches") if body else None
    if not isinstance(value, tuple):
        raise VerificationError("E3513", "the finding does not show which batches it is about")
    named = tuple(_named(item) for item in value)
    if not is_ascending([batch.leaf for batch in named]):
        raise VerificationError("E3513", "the finding names a batch twice, or not in order")
    return named


def _named(value: Value) -> Named:
    if isinstance(value, tuple) and len(value) == 3:
        leaf, root, events = value
        if isinstance(leaf, int) and isinstance(root, str) and isinstance(events, tuple):
            numbers = [number for number in events if isinstance(number, int)]
            if len(numbers) == len(events) and is_ascending([-1, *numbers]):
                return Named(leaf, root, frozenset(numbers))
    raise VerificationError("E3513", "the finding's list of batches is not in its form")


def check_named(
    finding: LoggedAct, named: Sequence[Named], acts: Sequence[LoggedAct], batches: Sequence[ShownBatch]
) -> dict[int, frozenset[int]]:
    """Return by act of each batch the events that the finding names; others are context.

    Raises VerificationError: a batch is not of the finding's log, was sealed after it, or is neither
    named nor of a source of one that is.
    """
    by_leaf = {batch.leaf: batch for batch in named}
    found: dict[int, frozenset[int]] = {}
    sources = set()
    for shown in batches:
        act = acts[shown.act]
        public, batch = act.statement.public, by_leaf.get(act.ref.index)
        if act.ref.origin != finding.ref.origin or (batch and batch.root != public["root"]):
            raise VerificationError("E3514", f"the finding does not name the batch of act {shown.act}")
        if act.ref.index >= finding.ref.index:
            raise VerificationError("E3515", f"the batch of act {shown.act} was sealed after the finding")
        if batch and any(number >= shown.count for number in batch.events):
            raise VerificationError(
                "E3514", f"the finding names an event that batch {shown.act} does not have"
            )
        found[shown.act] = batch.events if batch else frozenset()
        if batch:
            sources.add(public["source"])
    for number in found:
        if acts[number].statement.public["source"] not in sources:
            raise VerificationError("E3514", f"the finding names no batch of the source of act {number}")
    return found


def check_answers(
    finding: LoggedAct, acts: Sequence[LoggedAct], bodies: Mapping[int, Opened]
) -> dict[str, tuple[str, ...]]:
    """Return who rechecked and who dissented: kind of act -> members. Raises VerificationError."""
    found: dict[str, set[str]] = {"recheck": set(), "dissent": set()}
    for act in acts:
        header, kind = act.statement.header, act.statement.kind
        if kind not in found:
            continue
        if header.in_reply_to != finding.ref:
            raise VerificationError("E3516", f"act {act.number} answers another act than the finding")
        if header.actor == finding.statement.header.actor:
            raise VerificationError("E3516", f"act {act.number}: {header.actor} answers itself")
        _check_same_question(act, bodies.get(act.number), bodies[finding.number])
        found[kind].add(header.actor)
    return {kind: tuple(sorted(actors)) for kind, actors in found.items()}


def _check_same_question(act: LoggedAct, answer: Opened | None, finding: Opened) -> None:
    """Refuse the answer to another question: with another rule a recheck says nothing."""
    values = answer.values if answer else {}
    for name in _MUST_AGREE:
        if name in values and name in finding.values and values[name] != finding.values[name]:
            raise VerificationError("E3516", f"act {act.number} judged by another {name} than the finding")


def flags_of(answers: Mapping[str, tuple[str, ...]], *, is_late: bool) -> tuple[Flag, ...]:
    """Return what a reader must know beside the proof."""
    rechecked, dissented = answers["recheck"], answers["dissent"]
    flags = [Flag(FlagName.RECHECKED, rechecked) if rechecked else Flag(FlagName.ALLEGED)]
    if dissented:
        flags.append(Flag(FlagName.DISSENTED, dissented))
    if is_late and not rechecked and not dissented:
        flags.append(Flag(FlagName.OVERDUE))
    return tuple(flags)
