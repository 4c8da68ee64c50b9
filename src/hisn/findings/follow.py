"""Follow findings while they grow: one finding is told once, and told again when it has changed much.

A finding opens with its first hit and is told at once.  Its id is a digest of its first hit; where
an earlier hit comes later (logs are written out of order), the id changes.  So the id that was told
first is the *thread* of all that is told of a finding, and `formerly` names the ids that it had.

What is told depends on what was seen and on the instants given, on nothing else: a recorded run
played again tells the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import numpy as np

from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.events.batch import Int64s
from hisn.findings.build import Spanned
from hisn.findings.join import MANY_ASSETS
from hisn.findings.model import Finding

State = Literal["opened", "grown", "closed"]
_MUCH = 2
"""Times as many hits as were told make it worth telling before the pause is over."""


@dataclass(frozen=True, slots=True)
class Change:
    """Tell what a finding is now. `revision` counts from 1 within a thread."""

    finding: Finding
    thread: str
    revision: int
    state: State
    formerly: tuple[str, ...] = ()


@dataclass(slots=True)
class _Followed:
    asset: str
    first: int
    last: int
    thread: str
    told: str = ""
    count: int = 0
    revision: int = 0
    told_us: int = 0
    opened: tuple[str, int] = ("", 0)
    formerly: list[str] = field(default_factory=list)
    records: dict[str, Int64s] = field(default_factory=dict)
    pending: Finding | None = None
    is_closed: bool = False


class Follower:
    """Follow the open findings of a watch; `pause_us` is the least time between two tellings of one."""

    def __init__(self, pause_us: int) -> None:
        self._pause_us = pause_us
        self._open: dict[tuple[str, str, str], list[_Followed]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def see(self, spanned: Spanned, *, is_closed: bool = False) -> None:
        """Take in a finding as it is now; `is_closed`: it will not change any more."""
        finding = spanned.finding
        several = self._open.setdefault((finding.rule_digest, finding.source, spanned.group), [])
        same = [each for each in several if _touches(each, spanned)]
        if same:
            chosen = same[0]
            for other in same[1:]:  # a hit between two findings has made them one
                chosen.formerly += [other.thread, *other.formerly]
                several.remove(other)
        else:
            chosen = _Followed(spanned.asset, spanned.first, spanned.last, finding.id)
            several.append(chosen)
        if chosen.told and finding.id != chosen.told and chosen.told not in chosen.formerly:
            chosen.formerly.append(chosen.told)
        chosen.asset, chosen.first, chosen.last = spanned.asset, spanned.first, spanned.last
        chosen.pending, chosen.is_closed = finding, is_closed
        chosen.records = _records_of(finding)

    def records(self) -> dict[str, Int64s]:
        """Return for each source the record numbers that something open rests on, ascending."""
        found: dict[str, list[Int64s]] = {}
        for several in self._open.values():
            for each in several:
                for source, numbers in each.records.items():
                    found.setdefault(source, []).append(numbers)
        return {source: np.unique(np.concatenate(arrays)) for source, arrays in found.items()}

    def take(self, now_us: int) -> tuple[Change, ...]:
        """Return what is to be told now, in the order of first time, source, record and rule."""
        changes = []
        for key, several in list(self._open.items()):
            for each in list(several):
                if (change := self._told(each, now_us)) is not None:
                    changes.append((each.first, change))
                if each.is_closed:
                    several.remove(each)
            if not several:
                del self._open[key]
        changes.sort(key=_order)
        return tuple(change for _first, change in changes)

    def _told(self, each: _Followed, now_us: int) -> Change | None:
        finding = each.pending
        if finding is None:
            return None
        is_due = (
            not each.revision
            or each.is_closed
            or finding.count >= _MUCH * each.count
            or now_us - each.told_us >= self._pause_us
        )
        if not is_due:
            return None
        each.pending = None
        if each.is_closed and (finding.id, finding.count) == each.opened:
            return None  # it was told as it is when it opened
        each.revision += 1
        if each.revision == 1:
            each.opened = finding.id, finding.count
        each.told, each.count, each.told_us = finding.id, finding.count, now_us
        state: State = "closed" if each.is_closed else "grown" if each.revision > 1 else "opened"
        formerly = tuple(dict.fromkeys(id_ for id_ in each.formerly if id_ != finding.id))
        return Change(finding, each.thread, each.revision, state, formerly)

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        rows: list[Plain] = []
        for (digest, source, group), several in sorted(self._open.items()):
            rows += [
                [
                    digest,
                    [packed_text(source), packed_text(group), packed_text(each.asset)],
                    [
                        [packed_text(name), numbers.astype("<i8").tobytes()]
                        for name, numbers in sorted(each.records.items())
                    ],
                    [each.first, each.last, each.count, each.revision, each.told_us],
                    [each.thread, each.told, [*each.opened], list(each.formerly)],
                    None if each.pending is None else dump_finding(each.pending),
                ]
                for each in several
            ]
        return rows

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        for digest, texts, records, numbers, names, pending in plain:
            source, group, asset = map(unpacked_text, texts)
            first, last, count, revision, told_us = numbers
            thread, told, opened, formerly = names
            self._open.setdefault((digest, source, group), []).append(
                _Followed(
                    asset,
                    first,
                    last,
                    thread,
                    told,
                    count,
                    revision,
                    told_us,
                    (opened[0], opened[1]),
                    list(formerly),
                    {
                        unpacked_text(name): np.frombuffer(numbers, "<i8").astype(np.int64)
                        for name, numbers in records
                    },
                    None if pending is None else load_finding(pending),
                )
            )


def _records_of(finding: Finding) -> dict[str, Int64s]:
    if not finding.evidence:
        return {finding.source: np.array(finding.records, np.int64)}
    found: dict[str, list[int]] = {}
    for each in finding.evidence:
        found.setdefault(each.source, []).extend(each.records)
    return {source: np.unique(np.array(numbers, np.int64)) for source, numbers in found.items()}


def dump_finding(finding: Finding) -> Plain:
    """Return a finding as plain values; its texts as bytes, for they may be no UTF-8."""
    return msgspec.msgpack.encode(_bytes_of(msgspec.to_builtins(finding)))


def load_finding(plain: Any) -> Finding:
    """Return what was dumped."""
    return msgspec.convert(_texts_of(msgspec.msgpack.decode(plain)), Finding)


def _bytes_of(value: Any) -> Any:
    match value:
        case str():
            return packed_text(value)
        case dict():
            return {name: _bytes_of(item) for name, item in value.items()}
        case list() | tuple():
            return value if value and isinstance(value[0], int) else [_bytes_of(item) for item in value]
        case _:
            return value


def _texts_of(value: Any) -> Any:
    match value:
        case bytes():
            return unpacked_text(value)
        case dict():
            return {name: _texts_of(item) for name, item in value.items()}
        case list():
            return value if value and isinstance(value[0], int) else [_texts_of(item) for item in value]
        case _:
            return value


def _touches(each: _Followed, spanned: Spanned) -> bool:
    if spanned.asset not in (each.asset, MANY_ASSETS):
        return False
    return each.first <= spanned.last and spanned.first <= each.last


def _order(pair: tuple[int, Change]) -> tuple[bool, int, str, int, str, str]:
    first, change = pair
    finding = change.finding
    is_untimed = finding.first is None
    return is_untimed, first, finding.source, finding.records[0], finding.rule_id, finding.id
