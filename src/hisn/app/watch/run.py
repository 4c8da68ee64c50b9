"""Run the cycles of a watch, and begin again where one stopped.

A cycle: pieces are gathered, encrypted and durable, parsed and committed to, sealed together with
the record of the cycle; then judged, and their findings sealed.  Everything after the sealing is a
function of what was recorded, so that a start plays the cycles behind the last snapshot again and
stands where the other process stood.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hisn.acts.statement import Ref
from hisn.app.sealed import SealedChunk
from hisn.app.watch.analysis import Analysis
from hisn.app.watch.contexts import Contexts
from hisn.app.watch.cycle import Cycle, PieceRecord, digest_of, encode_plain
from hisn.app.watch.cycle_sealer import Begun, FindingAct, Replayed, Taken
from hisn.app.watch.kept import Row
from hisn.app.watch.pieces import ToRead, Worker
from hisn.core import limits
from hisn.core.clock import Clock
from hisn.core.packed import Plain, pack, unpack
from hisn.events.declare import Declarations
from hisn.events.tasks import Task
from hisn.findings.follow import Change
from hisn.live.feed import Feed, Position, changes, with_changes
from hisn.live.piece import FeedNote, Piece


class Sealer(Protocol):
    """Commit cycles (`hisn.app.watch.cycle_sealer.CycleSealer`, here or in another process)."""

    def begin(self) -> Begun:
        """Return where the watch stands."""
        ...

    def take(self, pieces: Sequence[tuple[str, bytes]]) -> tuple[Taken, ...]:
        """Make pieces encrypted and durable."""
        ...

    def commit(self, cycle: Cycle, sealed: Sequence[SealedChunk]) -> tuple[Ref, ...]:
        """Put the batches and the record of a cycle in place."""
        ...

    def record(self, acts: Sequence[FindingAct], unjudged: Sequence[int] = ()) -> tuple[Ref, ...]:
        """Put the findings of the newest cycle in place."""
        ...

    def replay(self, cycle: Cycle) -> Replayed:
        """Return the pieces of a sealed cycle."""
        ...

    def places(self, cycle: Cycle, first: int) -> Mapping[tuple[str, int], tuple[Ref, str]]:
        """Return by key and ordinal where the batches of a cycle stand, and their roots."""
        ...

    def act_of(self, finding: str) -> Ref | None:
        """Return the place of the newest act of a finding."""
        ...

    def snapshot(self, data: bytes) -> None:
        """Keep the state behind the newest cycle."""
        ...


class Outputs(Protocol):
    """Tell people and programs of findings; see `hisn.app.watch.outbox`."""

    def put(self, cycle: Cycle, changed: Sequence[Change]) -> None:
        """Take what is to be told of a cycle."""
        ...

    def dump(self) -> Plain:
        """Return what was not told yet, as plain values."""
        ...

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Bound a cycle. A feed is asked for `cycle_bytes` at most, all feeds together for twice that."""

    cycle_bytes: int = 8 * limits.MiB
    tick_us: int = 5_000_000
    snapshot_cycles: int = 256
    snapshot_bytes: int = 256 * limits.MiB


@dataclass(slots=True)
class Figures:
    """Count for people; nothing is decided by it."""

    cycles: int = 0
    records: int = 0
    size_bytes: int = 0
    replayed: int = 0
    findings: int = 0
    was_other_rules: bool = False
    read_otherwise: int = 0


class Watch:
    """Run cycles over some feeds."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        *,
        sealer: Sealer,
        worker: Worker,
        analysis: Analysis,
        outputs: Outputs,
        clock: Clock,
        declarations: Declarations | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._feeds = tuple(feeds)
        self._sealer = sealer
        self._worker = worker
        self._analysis = analysis
        self._outputs = outputs
        self._clock = clock
        self._declarations = declarations or Declarations()
        self._settings = settings or Settings()
        self._row = Row()
        self._positions: dict[str, Position] = {}
        self._contexts = Contexts()
        self._last_us = 0
        self._first = 0  # which feed is asked first: it changes, so that none starves
        self._unsaved = (0, 0)
        self.figures = Figures()

    def start(self) -> None:
        """Come to where the last process stood, and let the feeds begin there. Raises StorageError."""
        begun = self._sealer.begin()
        self._row = begun.row
        is_known = self._load(begun.snapshot)
        self.figures.was_other_rules = not is_known
        for at, cycle in enumerate(begun.cycles):
            following = begun.cycles[at + 1 :]
            first = following[0].first if following else begun.row.first
            # What was judged by other rules stands; it is not judged again.
            if is_known or cycle.number > begun.row.judged:
                self._play(cycle, first, is_last=not following)
            self._move(cycle)
            self.figures.replayed += 1
        for feed in self._feeds:
            feed.resume(self._positions.get(feed.name), self._now())

    def step(self, *, is_last: bool = False) -> Cycle | None:
        """Run one cycle if there is anything to do, and return it. Raises StorageError."""
        now_us = self._now()
        pieces = self._poll(now_us)
        notes = tuple(note for feed in self._feeds for note in feed.notes(now_us))
        is_due = now_us - self._last_us >= self._settings.tick_us
        if not (pieces or notes or is_due or is_last):
            return None
        cycle = self._seal(pieces, notes, now_us)
        size = sum(piece.size for piece in cycle.pieces)
        self.figures.cycles += 1
        self.figures.size_bytes += size
        self._unsaved = self._unsaved[0] + 1, self._unsaved[1] + size
        if (
            self._unsaved[0] >= self._settings.snapshot_cycles
            or self._unsaved[1] >= self._settings.snapshot_bytes
        ):
            self.save()
        return cycle

    def finish(self) -> None:
        """Close every finding, for nothing more comes; to be followed by `save`. Raises StorageError."""
        self._seal((), (), self._now(), is_closing=True)
        self._unsaved = self._unsaved[0] + 1, self._unsaved[1]

    def save(self) -> None:
        """Keep the state, so that a start has nothing to play again. Raises StorageError."""
        if self._unsaved[0]:
            self._sealer.snapshot(self._dump())
            self._unsaved = 0, 0

    def close(self) -> None:
        """Close feeds and worker."""
        for feed in self._feeds:
            feed.close()
        self._worker.close()

    def _now(self) -> int:
        return max(self._clock.now(), self._last_us + 1)

    def _poll(self, now_us: int) -> list[Piece]:
        pieces: list[Piece] = []
        left = 2 * self._settings.cycle_bytes
        for at in range(len(self._feeds)):
            feed = self._feeds[(self._first + at) % len(self._feeds)]
            if left > 0:
                given = feed.poll(min(left, self._settings.cycle_bytes), now_us)
                left -= sum(len(piece.data) for piece in given)
                pieces += given
        self._first += 1
        return pieces

    def _seal(
        self,
        pieces: Sequence[Piece],
        notes: tuple[FeedNote, ...],
        now_us: int,
        *,
        is_closing: bool = False,
    ) -> Cycle:
        whole: list[tuple[Piece, bytes]] = []
        for piece in pieces:
            whole.append((piece, self._contexts.of(piece)))
            self._contexts.passed(piece.source, piece.generation, piece.data)
        taken = self._sealer.take([(piece.source, context + piece.data) for piece, context in whole])
        to_read = [
            ToRead(self._task(_record(piece, context, each)), context + piece.data, each.by)
            for (piece, context), each in zip(whole, taken, strict=True)
        ]
        read = self._worker.read(to_read)
        now_at = {feed.name: feed.position() for feed in self._feeds}
        cycle = Cycle(
            number=self._row.sealed + 1,
            now_us=now_us,
            previous=self._row.record,
            first=self._row.first,
            pieces=tuple(
                _record(piece, context, each) for (piece, context), each in zip(whole, taken, strict=True)
            ),
            unread=read.unread,
            positions={
                name: changed
                for name, position in now_at.items()
                if (changed := changes(self._positions.get(name, {}), position))
            },
            notes=notes,
            is_closing=is_closing,
        )
        places = self._sealer.commit(cycle, read.sealed)
        self._committed(cycle, places)
        for feed in self._feeds:
            feed.committed(now_at[feed.name])
        judged = self._worker.judge()
        batches = zip(read.sealed, places, strict=True) if places else ()
        told = self._analysis.apply(cycle, judged, batches)
        self._told(cycle, told, self._sealer.record(self._analysis.acts(told), judged.unjudged))
        self.figures.records += judged.part.records
        return cycle

    def _committed(self, cycle: Cycle, places: Sequence[Ref]) -> None:
        self._row = replace(
            self._row,
            sealed=cycle.number,
            record=digest_of(cycle.encode()),
            first=places[0].index if places else -1,
        )
        self._last_us = cycle.now_us
        self._advance(cycle)

    def _advance(self, cycle: Cycle) -> None:
        for name, changed in cycle.positions.items():
            self._positions[name] = with_changes(self._positions.get(name, {}), changed)

    def _told(self, cycle: Cycle, changed: Sequence[Change], places: Sequence[Ref]) -> None:
        acts = [change for change in changed if change.state != "grown"]
        known = {change.finding.id: place for change, place in zip(acts, places, strict=False)}
        is_whole = len(places) == len(acts)
        self._analysis.acted(acts, known.get if is_whole else self._sealer.act_of)
        self._outputs.put(cycle, changed)
        self.figures.findings += sum(change.revision == 1 for change in changed)

    def _play(self, cycle: Cycle, first: int, *, is_last: bool) -> None:
        """Judge a sealed cycle again."""
        whole = self._sealer.replay(cycle)
        unread = dict(cycle.unread)
        unread |= {at: "its key was erased" for at, piece in enumerate(whole.pieces) if piece is None}
        good = [at for at in range(len(cycle.pieces)) if at not in unread]
        to_read = [
            ToRead(self._task(cycle.pieces[at]), piece[1], piece[0])
            for at in good
            if (piece := whole.pieces[at]) is not None
        ]
        read = self._worker.read(to_read)
        unread |= {good[at]: how for at, how in read.unread}
        skipped = [place for number, place in self._row.unjudged if number == cycle.number]
        judged = self._worker.judge([good.index(place) for place in skipped if place in good])
        found = self._sealer.places(cycle, first) if first >= 0 else {}
        batches = []
        for chunk in read.sealed:
            key = cycle.pieces[good[int(chunk.task.path)]].key
            place, root = found.get((key, chunk.ordinal), (None, ""))
            if place is not None and root == chunk.root.hex():
                batches.append((chunk, place))
            else:  # another version of the program reads it in another way
                self.figures.read_otherwise += 1
        bad = {good[at] for at in judged.unjudged} | set(skipped)
        played = replace(cycle, unread=tuple(sorted(unread.items())))
        changed = self._analysis.apply(played, judged._replace(unjudged=tuple(sorted(bad))), batches)
        places: tuple[Ref, ...] = ()
        if is_last and cycle.number > self._row.judged:
            places = self._sealer.record(self._analysis.acts(changed), tuple(sorted(bad)))
        self._told(cycle, changed, places)
        self.figures.records += judged.part.records
        for at in good:
            piece = whole.pieces[at]
            if piece is not None:
                record = cycle.pieces[at]
                self._contexts.passed(record.source, record.generation, piece[1][record.context :])

    def _move(self, cycle: Cycle) -> None:
        self._last_us = cycle.now_us
        self._advance(cycle)
        self._unsaved = self._unsaved[0] + 1, self._unsaved[1] + sum(piece.size for piece in cycle.pieces)

    def _task(self, record: PieceRecord) -> Task:
        return Task(
            path="",
            name=record.source,
            start=record.context,
            declaration=self._declarations.of(record.source),
            size_bytes=record.size,
            first_record=record.first_record,
            offset=record.offset,
        )

    def _dump(self) -> bytes:
        positions = {name: dict(each) for name, each in self._positions.items()}
        return pack(
            [
                encode_plain(positions),
                self._contexts.dump(),
                self._last_us,
                self._outputs.dump(),
                self._analysis.dump(),
            ]
        )

    def _load(self, data: bytes | None) -> bool:
        """Take back a snapshot; tell whether it was made by the same rules."""
        if data is None:
            return True
        positions, contexts, self._last_us, outputs, analysis = unpack(data)
        self._positions = json.loads(positions)
        self._contexts.load(contexts)
        self._outputs.load(outputs)
        return self._analysis.load(analysis)


def _record(piece: Piece, context: bytes, taken: Taken) -> PieceRecord:
    return PieceRecord(
        piece.source,
        piece.start,
        piece.first_record,
        piece.generation,
        len(context),
        len(piece.data),
        piece.arrived_us,
        taken.key.hex(),
        taken.ciphertext.hex(),
    )
