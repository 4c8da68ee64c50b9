"""Recheck the events that a proof pack shows, by the fields that it shows of them.

This needs nothing but the pack and the rule: the reference engine judges what is disclosed, and
where a hidden value would decide, it says which.  Of a correlation it can say whether one of the
rules that it rests on hits an event; whether the events are enough, and belong together, it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hisn.app.recheck import comparable, statement_of
from hisn.app.rejudge import Claim, Reason
from hisn.app.reread import BatchAct, declaration_of
from hisn.app.verify import read_pack
from hisn.engine.partial import judge_partial
from hisn.engine.reference import raw_text_of
from hisn.errors import VerificationError
from hisn.events.mapping import Mapping as EventMapping
from hisn.events.mapping import load_mapping
from hisn.events.partial import RECORD, Disclosed, partial_record
from hisn.events.schema import Cell
from hisn.evidence.disclosure import Value
from hisn.evidence.pack import parse_pack
from hisn.evidence.sealed_map import RECORD as NUMBER
from hisn.evidence.sealed_map import source_name
from hisn.rules.pack import Pack, Rule
from hisn.verify.check import verify_pack
from hisn.verify.steps import Report, Result, Shown, ShownEvent

_NEEDED = ("rule_digest", "mapping", "engine")
_LINELESS = frozenset({"evtx"})
"""Formats whose records are never lines of text, so that keywords search their fields alone."""


@dataclass(frozen=True, slots=True)
class Told:
    """Say of one event whether the rule hits it; None: it would take the fields in `needs` to tell.

    For a correlation: whether any of the rules does that it rests on.
    """

    act: int
    index: int
    record: int | None
    holds: bool | None
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartlyRechecked:
    """Hold what a pack's events tell; `reason` says why none could be judged.

    `others` counts the events that the finding names and the pack does not show.  With
    `is_correlation` the events alone do not make the finding.
    """

    report: Report
    claim: Claim
    told: tuple[Told, ...]
    others: int
    reason: Reason | None
    is_correlation: bool = False

    @property
    def is_witnessed(self) -> bool:
        """Tell whether a quorum has seen the finding."""
        return self.report.result is Result.VALID


def recheck_shown(path: Path, rules: Pack, genesis: bytes | None) -> PartlyRechecked:
    """Return what the events shown in a pack say about its finding.

    Raises VerificationError (the pack does not verify, or hides which rule it is about), StorageError.
    """
    data = read_pack(path)
    report = verify_pack(data, genesis=genesis)
    shown = report.shown
    if shown is None or shown.number is None or report.result is Result.FORK_PROVEN:
        why = report.failed.detail if report.failed else report.result.value
        raise VerificationError("E3384", f"the pack does not verify: {why}", hint="run hisn verify on it")
    if hidden := [name for name in _NEEDED if name not in shown.finding]:
        raise VerificationError(
            "E3385",
            f"the pack hides {hidden[0]} of the finding",
            hint="ask its owner for a pack that shows it",
        )
    batches = _batches(shown, parse_pack(data))
    claim = Claim(shown.finding, tuple(batches.values()), {})
    by, reason = comparable(claim, rules)
    mapping = load_mapping()
    # Context says what happened around; that the rule hits it nobody has stated.
    events = [event for event in shown.events if not event.is_context]
    told = [_tell(event, batches[event.act], by.pack.rules, mapping) for event in events] if by else []
    is_correlation = by is not None and bool(by.pack.correlations)
    return PartlyRechecked(report, claim, tuple(told), shown.others, reason, is_correlation)


def _batches(shown: Shown, files: Mapping[str, bytes]) -> dict[int, BatchAct]:
    """Return the batches by number of their act in the pack."""
    return {
        batch.act: BatchAct(shown.acts[batch.act].index, statement_of(files, batch.act).public, batch.fields)
        for batch in shown.batches
    }


def _tell(event: ShownEvent, batch: BatchAct, rules: Sequence[Rule], mapping: EventMapping) -> Told:
    number = event.fields.get(NUMBER)
    record = number if isinstance(number, int) else None
    if batch.mode == "whole":
        # Its fields were never sealed one by one, and a record alone does not say how it was read.
        return Told(event.act, event.index, record, None, (RECORD,))
    words = str(batch.public["parser"]).split(" ")
    disclosed = Disclosed(
        format=words[2] if len(words) == 3 else "",
        known=dict(_known(event.fields)),
        hidden=frozenset(name for each in event.hidden if (name := source_name(each)) is not None),
        declaration=declaration_of(batch) if "declaration" in batch.fields else None,
    )
    raw_text = None if event.record is None else raw_text_of(event.record)
    is_raw_known = event.record is not None or disclosed.format in _LINELESS
    partly = partial_record(mapping, disclosed)
    answers = [judge_partial(rule, partly, raw_text, is_raw_known=is_raw_known) for rule in rules]
    said = {holds for holds, _needs in answers}
    holds = True if True in said else None if None in said else False
    needs = {name for each, missing in answers if each is None for name in missing}
    return Told(event.act, event.index, record, holds, () if holds else tuple(sorted(needs)))


def _known(fields: Mapping[str, Value]) -> Iterator[tuple[str, Cell]]:
    for sealed, value in fields.items():
        name = source_name(sealed)
        if name is not None:
            yield name, _cell(value)


def _cell(value: Value) -> Cell:
    """Return a sealed value as rules see it; a list within a list, which no reader makes, as its text."""
    if isinstance(value, tuple):
        return tuple(str(item) if isinstance(item, tuple) else item for item in value)
    return value
