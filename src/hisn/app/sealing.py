"""Seal what a run reads and what it finds: the half of sealing that holds the signing keys.

The order is that of the design: every file is taken in, encrypted and durable, before anything
parses it; every batch is committed before its events are judged; every finding is an act that
names the batches and the events it rests on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

from hisn import __version__
from hisn.acts.statement import EVERYBODY, Head, Ref
from hisn.app.intake import Intake, Intaker
from hisn.app.member import Draft, Member
from hisn.app.sealed import ChunkSealer, SealBy, SealedChunk, SealSummary
from hisn.app.sealer import Taking
from hisn.core import limits
from hisn.core.canon import Json
from hisn.core.instant import format_instant
from hisn.errors import HisnError
from hisn.events.declare import Declarations
from hisn.events.tasks import Discovery, Task
from hisn.evidence.disclosure import Value
from hisn.findings.model import Finding

if TYPE_CHECKING:
    from hisn.evidence.batch import Mode

_SECRET_CLASSES = frozenset({"ballot", "pollbook"})
"""Classes of assets whose public statements carry no counts and no times: the secrecy of the vote."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Hold a batch that is in the log."""

    chunk: SealedChunk
    place: Ref


Seen: TypeAlias = "Callable[[], Sequence[Head]]"
Evidence: TypeAlias = tuple[Ref, SealedChunk, tuple[int, ...]]
"""A batch's place, its commitment, and the events in it that a finding rests on."""


class Bounds(Protocol):
    """Bound the times that were judged (`hisn.engine.scan.Window`), microseconds since 1970."""

    @property
    def start(self) -> int | None:
        """Return the first."""
        ...

    @property
    def end(self) -> int | None:
        """Return the one behind the last."""
        ...


@dataclass(frozen=True, slots=True)
class Basis:
    """Say by what findings were made, beside rule and engine: the mapping, and the times judged."""

    mapping_digest: str
    window: Bounds | None = None


@dataclass(frozen=True, slots=True)
class SealTo:
    """Say whose log a run seals into: the member, what takes files in, and how events are sealed."""

    member: Member
    intaker: Intaker
    mode: Mode
    seen: Seen = tuple
    """What gives the states of others' logs that the run's acts cite."""

    def begin(self, discovery: Discovery, declarations: Declarations, mapping_digest: str) -> Taking:
        """Take the files in when they are waited for."""
        return lambda: self.take_in(discovery, declarations, mapping_digest)

    def take_in(
        self, discovery: Discovery, declarations: Declarations, mapping_digest: str
    ) -> tuple[Discovery, Sealing]:
        """Take the files in; return what is to be read instead, and what seals it."""
        taken, intakes = self.intaker.take_in(discovery, declarations, self.mode)
        return taken, Sealing(self.member, intakes, declarations, mapping_digest, self.seen)


class Sealing:
    """Commit the batches of one run and its findings to the member's log."""

    def __init__(
        self,
        member: Member,
        intakes: Sequence[Intake],
        declarations: Declarations,
        mapping_digest: str,
        seen: Seen = tuple,
    ) -> None:
        self._member = member
        self._intakes = {intake.path: intake for intake in intakes}
        self._declarations = declarations
        self._mapping_digest = mapping_digest
        self._batches: dict[str, list[Sealed]] = {}
        self._places: dict[tuple[str, int, int], Sealed] = {}
        self._findings = 0
        self._seen = seen
        self._seen_at_first = seen()

    pipes: Sequence[Connection] = ()
    """The keys are in this process."""

    @property
    def compute(self) -> ChunkSealer:
        """Return the workers' half."""
        return ChunkSealer({path: SealBy(each.key, each.mode) for path, each in self._intakes.items()})

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Put batches into the log, durably. Raises StorageError.

        A chunk that was committed before comes again when the process that read it died: its
        commitment is the same, and it gets no second act.
        """
        new = [chunk for chunk in sealed if not self._is_known(chunk)]
        places = self._member.record(self.drafts(new), self._seen_at_first)
        for chunk, place in zip(new, places, strict=True):
            self._places[chunk.place] = entry = Sealed(chunk, place)
            self._batches.setdefault(chunk.source, []).append(entry)

    def drafts(self, new: Sequence[SealedChunk]) -> list[Draft]:
        """Return the acts of batches that are to be recorded together, in their order."""
        numbers: dict[tuple[str, int], int] = {}
        drafts = []
        for number, chunk in enumerate(new):
            chain = (chunk.source, chunk.part)
            drafts.append(self._draft(chunk, numbers.get(chain)))
            numbers[chain] = number
        return drafts

    def record_findings(self, findings: Sequence[Finding], window: Bounds | None = None) -> None:
        """Put findings into the log, in their order; `window` is what was judged. Raises StorageError."""
        basis = Basis(self._mapping_digest, window)
        drafts = [
            Draft(
                kind="finding",
                sealed=finding_fields(finding, basis, evidence_of(finding, self._batches)),
            )
            for finding in findings
        ]
        # A run can take hours: its findings are made after what was seen at its end.
        self._member.record(drafts, self._seen())
        self._findings += len(drafts)

    def places(self) -> tuple[Ref, ...]:
        """Return the places of the batches that were committed, in the order of the log."""
        return tuple(sorted((entry.place for entry in self._places.values()), key=lambda place: place.index))

    def summary(self) -> SealSummary:
        """Return what was put into the log so far."""
        return SealSummary(
            origin=self._member.origin,
            intakes=len(self._intakes),
            batches=len(self._places),
            events=sum(entry.chunk.count for entry in self._places.values()),
            findings=self._findings,
            size=self._member.log.head().checkpoint.size,
        )

    def _is_known(self, chunk: SealedChunk) -> bool:
        known = self._places.get(chunk.place)
        if known is None:
            return False
        if known.chunk.root != chunk.root:
            raise HisnError("E1099", f"two readings of {chunk.source} gave different batches")
        return True

    def _draft(self, chunk: SealedChunk, follows: int | None) -> Draft:
        intake = self._intakes[chunk.task.path]
        first, last = (None if time is None else format_instant(time) for time in (chunk.first, chunk.last))
        is_secret = self._declarations.sealing_of(chunk.source).asset_class in _SECRET_CLASSES
        unparsed = sum(max(1, hole.count) for hole in chunk.unparsed)
        prev = ""
        if chunk.ordinal and follows is None:
            prev = self._places[chunk.source, chunk.part, chunk.ordinal - 1].place.leaf_hash.hex()
        public: dict[str, Json] = {
            "source": intake.source_id(chunk.source).hex(),
            "part": chunk.part,
            "ordinal": chunk.ordinal,
            "prev": prev,
            "mode": intake.mode,
            "root": chunk.root.hex(),
            "count": None if is_secret else chunk.count,
            "ciphertext": intake.ciphertext.hex(),
            "raw": intake.raw.hex(),
            "key": intake.commitment.hex(),
            "parser": f"hisn {__version__} {chunk.kind}",
            "mapping": self._mapping_digest,
            "first": None if is_secret else first,
            "last": None if is_secret else last,
            "unparsed": None if is_secret else unparsed,
        }
        body: dict[str, Value] = {
            "source": visible(chunk.source),
            "count": chunk.count,
            "first_record": chunk.first_record,
            "last_record": chunk.last_record,
            "records": records_of(chunk),
            "first": first,
            "last": last,
            "unparsed": tuple(
                (visible(hole.reason), hole.number, hole.offset, hole.count)
                for hole in chunk.unparsed[: limits.MAX_UNPARSED_LISTED]
            ),
            "unparsed_count": unparsed,
            "declared": self._declarations.digest_of(chunk.source),
            **task_fields(chunk.task),
        }
        # What the public part does not say of ballots and pollbooks, no other member reads in the body.
        audience = (self._member.origin,) if is_secret else EVERYBODY
        return Draft(kind="batch", public=public, sealed=body, audience=audience, follows=follows)


def _evidence(records: list[int], batches: Iterable[Sealed]) -> Iterator[Evidence]:
    for entry in batches:
        chunk = entry.chunk
        start = bisect_left(records, chunk.first_record)
        inside = records[start : bisect_right(records, chunk.last_record, lo=start)]
        events = tuple(event for record in inside if (event := chunk.event_of(record)) is not None)
        if events:
            yield entry.place, chunk, events


def evidence_of(finding: Finding, batches: Mapping[str, Iterable[Sealed]]) -> list[Evidence]:
    """Return the batches that hold a finding's records, in all its sources, with the events in each.

    `batches` are those of each source.  Of a correlation a record that several of its rules hit is
    one event.
    """
    records: dict[str, set[int]] = {}
    if not finding.evidence:
        records[finding.source] = set(finding.records)
    for part in finding.evidence:
        records.setdefault(part.source, set()).update(part.records)
    found = [
        each
        for source, numbers in records.items()
        for each in _evidence(sorted(numbers), batches.get(source, ()))
    ]
    return sorted(found, key=lambda item: item[0].index)


def task_fields(task: Task) -> dict[str, Value]:
    """Return what is needed to read a batch again in the same way, as sealed fields."""
    declared = task.declaration
    place: dict[str, Value] = {}
    if task.first_record is not None:
        place = {"context": task.start, "record": task.first_record}
    return place | {
        "task": visible(task.name),
        "member": None if task.member is None else visible(task.member),
        "end": task.end,
        "declaration": (
            declared.kind,
            declared.year,
            declared.zone_s,
            declared.asset,
            *(tuple(sorted(names)) for names in (declared.products, declared.categories, declared.services)),
        ),
    }


def records_of(chunk: SealedChunk) -> Value:
    """Return the record numbers of a batch's events as runs ``[first, last]``, in order."""
    return tuple((run.first, run.last) for run in chunk.runs)


def finding_fields(finding: Finding, basis: Basis, evidence: Sequence[Evidence]) -> dict[str, Value]:
    """Return a finding as the fields of a sealed body, with what it rests on."""
    fields: dict[str, Value] = {}
    for name, value in msgspec.to_builtins(finding).items():
        if name == "why":
            for number, reason in enumerate(value):
                for part, text in reason.items():
                    fields[f"why.{number}.{part}"] = _plain(text)
        elif name == "records":
            # Which records they are stands in `batches`, by event; in a large finding twice is much.
            continue
        elif name == "group":
            for number, (each, text) in enumerate(value):
                fields |= {f"group.{number}.field": _plain(each), f"group.{number}.value": _plain(text)}
        elif name == "evidence":
            if value:
                parts = [(part["source"], part["rule_id"], part["complete"]) for part in value]
                fields[name] = _plain(parts)
        else:
            fields[name] = _plain(value)
    fields["mapping"] = basis.mapping_digest
    fields["engine"] = __version__
    fields["window"] = (basis.window.start, basis.window.end) if basis.window else None
    fields["batches"] = tuple((place.index, chunk.root.hex(), events) for place, chunk, events in evidence)
    return fields


def _plain(value: object) -> Value:
    """Return a value as sealed fields hold them: no booleans, no lone surrogates."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return visible(value)
        case list() | tuple():
            return tuple(_plain(item) for item in value)
        case int() | None:
            return value
        case _:
            raise TypeError(f"no value of a finding: {type(value).__name__}")


def visible(text: str) -> str:
    r"""Return a text with lone surrogates written out (``\udc80``): JSON between programs has none."""
    return text.encode("utf-8", "backslashreplace").decode()
