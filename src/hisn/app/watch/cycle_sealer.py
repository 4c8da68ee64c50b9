"""Seal the cycles of a watch: the half of it that holds the node's keys.

A cycle is committed in two steps, each one transaction of log and row:

1. `take` makes the pieces encrypted and durable, then they are parsed elsewhere; `commit` puts the
   acts of all their batches and the record of the cycle in place.
2. `record` puts the acts of the findings that were judged from it in place.

Whatever kills us between them, `begin` tells the next start where to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Head, Ref, parse_statement
from hisn.app.intake import Intake
from hisn.app.member import Beside, Draft, Member
from hisn.app.places import blob_name
from hisn.app.sealed import SealBy, SealedChunk
from hisn.app.sealing import Basis, Sealing, finding_fields
from hisn.app.watch.cycle import Cycle, digest_of
from hisn.app.watch.kept import Kept, Row
from hisn.errors import HisnError, StorageError
from hisn.evidence.key_record import IntakeKey
from hisn.evidence.raw import RawEncryptor, decrypt_raw
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.ports import Blobs, Register, Swap

if TYPE_CHECKING:
    from hisn.app.sealing import Evidence
    from hisn.events.declare import Declarations
    from hisn.evidence.batch import Mode
    from hisn.findings.model import Finding

_ACTS_AT_ONCE = 256


class Keys(Protocol):
    """Give intake keys (`hisn.evidence.vault.Vault`)."""

    def new_keys(self, count: int) -> list[IntakeKey]:
        """Return so many fresh keys, kept when this returns."""
        ...

    def get(self, commitment: bytes) -> IntakeKey:
        """Return a key. Raises StorageError: it was erased, or is not here."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Hold what a cycle is sealed with."""

    member: Member
    keys: Keys
    blobs: Blobs
    register: Register
    source_salt: bytes
    seen: Callable[[], Sequence[Head]] = tuple


@dataclass(frozen=True, slots=True)
class Sources:
    """Say how a watch reads its sources: part of what every batch act says."""

    declarations: Declarations
    mapping_digest: str
    mode: Mode = "fields"


class Taken(NamedTuple):
    """Name a piece that was taken in: its key (None: nothing is sealed), how the log names its bytes."""

    by: SealBy | None
    key: bytes
    ciphertext: bytes
    raw: bytes


class FindingAct(NamedTuple):
    """Say that a finding is to be an act: what it rests on, and the act that it goes on from.

    `formerly` are ids that it had, and those of findings that have become one with it.
    """

    finding: Finding
    evidence: tuple[Evidence, ...]
    thread: str
    reply: Ref | None = None
    formerly: tuple[str, ...] = ()


class Begun(NamedTuple):
    """Tell a start where its watch stands."""

    row: Row
    snapshot: bytes | None
    cycles: tuple[Cycle, ...]


class Replayed(NamedTuple):
    """Hold the pieces of a cycle again; None for one whose key was erased."""

    pieces: tuple[tuple[SealBy, bytes] | None, ...]


class CycleSealer:
    """Commit the cycles of one watch."""

    def __init__(self, name: str, ports: Ports, sources: Sources) -> None:
        self._ports = ports
        self._sources = sources
        self._kept = Kept(name, ports.blobs, ports.register)
        self._taken: tuple[tuple[str, Taken], ...] = ()

    def begin(self) -> Begun:
        """Return where the watch stands, and what has to be played again. Raises StorageError."""
        cycles = tuple(self._kept.cycles())
        snapshot = self._kept.snapshot()
        self._kept.sweep()
        return Begun(self._kept.row, snapshot, cycles)

    def forget(self) -> None:
        """Begin anew: what is sealed stands, everything else is dropped. Raises StorageError."""
        self._kept.forget()

    def take(self, pieces: Sequence[tuple[str, bytes]]) -> tuple[Taken, ...]:
        """Encrypt pieces (source, context and lines); they are durable when this returns."""
        taken, files = [], []
        for (source, data), key in zip(pieces, self._ports.keys.new_keys(len(pieces)), strict=True):
            encryptor = RawEncryptor(key.key)
            blob = b"".join(encryptor.encrypt([data]))
            mode = self._sources.declarations.sealing_of(source).mode or self._sources.mode
            files.append((blob_name(encryptor.ciphertext_digest), blob))
            taken.append(
                Taken(
                    SealBy(key.key, mode), key.commitment, encryptor.ciphertext_digest, encryptor.commitment
                )
            )
        self._ports.blobs.put_many(files)
        self._taken = tuple(zip((source for source, _data in pieces), taken, strict=True))
        return tuple(taken)

    def commit(self, cycle: Cycle, sealed: Sequence[SealedChunk]) -> tuple[Ref, ...]:
        """Put the batches and the record of a cycle in place; return the places of the batches.

        `SealedChunk.task.path` is the number of the piece among those taken last.  Raises
        StorageError; `Conflict` if another process watches under this name.
        """
        row = self._kept.row
        if cycle.number != row.sealed + 1 or cycle.previous != row.record or cycle.first != row.first:
            raise HisnError("E1099", f"cycle {cycle.number} does not follow {row.sealed}")
        data = cycle.encode()
        # What made no act of the cycle before is judged, too.
        row = replace(row, judged=row.sealed, acts=0, sealed=cycle.number, record=digest_of(data), first=-1)
        file = self._kept.cycle_file(cycle.number, data)
        if not sealed:
            self._ports.blobs.put(*file)
            self._kept.put(row)
            return ()
        sealing = Sealing(
            self._ports.member,
            self._intakes(),
            self._sources.declarations,
            self._sources.mapping_digest,
            self._ports.seen,
        )
        places = self._ports.member.record_at_once(
            sealing.drafts(sealed),
            self._ports.seen(),
            lambda first: [self._kept.change(replace(row, first=first))],
            [file],
        )
        self._kept.took(replace(row, first=places[0].index))
        return tuple(places)

    def record(self, acts: Sequence[FindingAct], unjudged: Sequence[int] = ()) -> tuple[Ref, ...]:
        """Put the findings of the newest cycle in place, as far as they are not; return those places.

        `unjudged` names the cycle's pieces that nobody could judge.  Raises StorageError.
        """
        row = self._kept.row
        gone = tuple((row.sealed, place) for place in unjudged)
        row = replace(row, unjudged=tuple(sorted({*row.unjudged, *gone})))
        drafts = [self._draft(act) for act in acts]
        places: list[Ref] = []
        for start in range(row.acts, len(drafts), _ACTS_AT_ONCE):
            part = drafts[start : start + _ACTS_AT_ONCE]
            row = replace(row, acts=start + len(part))
            if row.acts == len(drafts):
                row = replace(row, judged=row.sealed, acts=0)
            beside = _always(self._kept.change(row))
            places += self._ports.member.record_at_once(part, self._ports.seen(), beside)
            self._kept.took(row)
        if not drafts and row != self._kept.row:
            self._kept.put(row)
        return tuple(places)

    def replay(self, cycle: Cycle) -> Replayed:
        """Return the pieces of a sealed cycle, in the clear. Raises StorageError."""
        return Replayed(
            tuple(
                self._opened(piece.source, bytes.fromhex(piece.key), bytes.fromhex(piece.ciphertext))
                for piece in cycle.pieces
            )
        )

    def places(self, cycle: Cycle, first: int) -> Mapping[tuple[str, int], tuple[Ref, str]]:
        """Return by key and ordinal where the batches of a cycle stand, and their roots."""
        member = self._ports.member
        keys = {piece.key for piece in cycle.pieces}
        found: dict[tuple[str, int], tuple[Ref, str]] = {}
        for index, leaf in enumerate(member.log.entries(first, member.log.head().checkpoint.size), first):
            act = parse_statement(parse_envelope(leaf).payload)
            key, ordinal = act.public.get("key"), act.public.get("ordinal")
            if act.kind != "batch" or key not in keys or not isinstance(ordinal, int):
                break
            found[str(key), ordinal] = Ref(member.origin, index, leaf_hash(leaf)), str(act.public["root"])
        return found

    def act_of(self, finding: str) -> Ref | None:
        """Return the place of the newest act of a finding."""
        member = self._ports.member
        member.fold.catch_up(member.log)
        positions = [position for id_, position in member.fold.table.findings(finding) if id_ == finding]
        if not positions:
            return None
        leaf = member.log.read_entry(max(positions))
        return Ref(member.origin, max(positions), leaf_hash(leaf))

    def snapshot(self, data: bytes) -> None:
        """Keep the state behind the newest cycle. Raises StorageError."""
        self._kept.put_snapshot(data)

    def _intakes(self) -> list[Intake]:
        return [
            Intake(
                path=str(number),
                name=source,
                mode=by.mode,
                key=by.key,
                commitment=taken.key,
                ciphertext=taken.ciphertext,
                raw=taken.raw,
                source_salt=self._ports.source_salt,
            )
            for number, (source, taken) in enumerate(self._taken)
            if (by := taken.by)
        ]

    def _draft(self, act: FindingAct) -> Draft:
        basis = Basis(self._sources.mapping_digest)
        fields = finding_fields(act.finding, basis, act.evidence)
        if act.formerly:
            fields["formerly"] = act.formerly
        return Draft(
            kind="finding",
            sealed=fields,
            thread=act.thread,
            in_reply_to=act.reply,
        )

    def _opened(self, source: str, key: bytes, ciphertext: bytes) -> tuple[SealBy, bytes] | None:
        try:
            intake = self._ports.keys.get(key)
        except StorageError as error:
            if error.code == "E5300":  # erased meanwhile: nobody will ever read it again
                return None
            raise
        blob = self._ports.blobs.get(blob_name(ciphertext))
        if blob is None:
            raise StorageError(
                "E5341",
                f"the sealed piece {ciphertext.hex()[:16]} is not there",
                hint="fetch it from a mirror that keeps blobs, or from a backup",
            )
        mode = self._sources.declarations.sealing_of(source).mode or self._sources.mode
        return SealBy(intake.key, mode), b"".join(decrypt_raw(intake.key, [blob]))


def _always(change: Swap) -> Beside:
    return lambda _first: [change]
