"""Act as a member: put signed acts into the node's own log, one after another.

A draft becomes an act in this order: its body is stored durably, and its statement signed
meanwhile; then its leaf is appended.  So an act in the log always has its body, and an act that
failed left at most a body that nothing refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from hisn.acts.statement import EVERYBODY, BodyRef, Head, Header, Ref, Statement
from hisn.acts.write import sign_statement
from hisn.app.fold import Appended, Fold
from hisn.app.places import blob_name
from hisn.core.canon import Json
from hisn.core.clock import Clock
from hisn.core.instant import format_instant
from hisn.core.signers import Succession
from hisn.evidence.disclosure import SALT_BYTES, Value, slot_count
from hisn.evidence.sealed_map import format_map, seal_map
from hisn.tlog.append import LogWriter
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.ports import Blobs, Conflict, Entropy, Swap

_BATCH_ACTS = 512
"""Acts appended at once: enough to make the disk's barriers cheap, few enough to hold in memory."""
_TRIES = 64
"""Losses in a row before giving up; from the tenth on one act is signed at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Hold what an act is to say. `sealed` fields or a `clear` body, or neither.

    `follows` is the number, among the drafts recorded together, of the batch that this one follows:
    its leaf hash becomes the public field ``prev``.
    """

    kind: str
    public: dict[str, Json] = field(default_factory=dict)
    sealed: dict[str, Value] | None = None
    clear: bytes | None = None
    in_reply_to: Ref | None = None
    audience: tuple[str, ...] = EVERYBODY
    thread: str = ""
    follows: int | None = None


Beside: TypeAlias = "Callable[[int], Sequence[Swap]]"
"""Give the rows of the register that change with acts, by the index of the first of them."""


@dataclass(frozen=True, slots=True)
class Body:
    """Hold a body as it is stored: the commitment in the act, and the bytes."""

    ref: BodyRef
    data: bytes


class Member:
    """Write to the log of one member. One object, one thread; other processes may write, too."""

    def __init__(
        self,
        *,
        origin: str,
        signers: Callable[[], Succession],
        log: LogWriter,
        blobs: Blobs,
        fold: Fold,
        clock: Clock,
        entropy: Entropy,
        look_out: Callable[[], None] | None = None,
    ) -> None:
        """Make a member; `look_out` is called once, before its first signature; it may raise.

        `signers` is asked before acts are signed: another process may have adopted an epoch of the
        roster, which names other keys.
        """
        self.origin = origin
        self.log = log
        self.blobs = blobs
        self.fold = fold
        self.clock = clock
        self.entropy = entropy
        self._signers = signers
        self._look_out = look_out

    def look_out(self) -> None:
        """See, once, that nobody has seen more of this log than there is.

        Raises StorageError (E5207, E5211): nothing is signed then.
        """
        if self._look_out:
            self._look_out()
            self._look_out = None

    def record(self, drafts: Sequence[Draft], seen: Sequence[Head] = ()) -> list[Ref]:
        """Put acts into the log and return their places; durable when it returns.

        They cite the states `seen`, one of each log, or newer ones that acts before them have cited.
        Raises StorageError; then a prefix of the drafts may be in the log, and `fold` tells which.
        """
        if drafts:
            self.look_out()
        places: list[Ref] = []
        for start in range(0, len(drafts), _BATCH_ACTS):
            self._record(drafts[start : start + _BATCH_ACTS], tuple(seen), places)
        return places

    def record_at_once(
        self,
        drafts: Sequence[Draft],
        seen: Sequence[Head],
        beside: Beside,
        files: Sequence[tuple[str, bytes]] = (),
    ) -> list[Ref]:
        """Put acts into the log in one commit with rows of the register; all of it is done, or nothing.

        `beside` gives the rows for the index of the first act; `files` are blobs that are durable
        before the commit.  Raises `Conflict` with the name of a row that holds another value,
        StorageError.
        """
        self.look_out()
        bodies = [self._body(draft) for draft in drafts]
        blobs = [(blob_name(body.ref.sha256), body.data) for body in bodies if body]
        with ThreadPoolExecutor(1) as other:
            stored = other.submit(self.blobs.put_many, [*files, *blobs])
            for tries in range(_TRIES):
                try:
                    return self._append(drafts, bodies, tuple(seen), (), stored, beside=beside)
                except Conflict as error:
                    if tries == _TRIES - 1 or error.name in [row.name for row in beside(0)]:
                        raise
        raise AssertionError("the last try returns or raises")

    def _record(self, drafts: Sequence[Draft], seen: tuple[Head, ...], places: list[Ref]) -> None:
        """Store the bodies, and append the acts in as few runs as other processes let us."""
        bodies = [self._body(draft) for draft in drafts]
        blobs = [(blob_name(body.ref.sha256), body.data) for body in bodies if body]
        with ThreadPoolExecutor(1) as beside:
            # The disk takes its time: the acts are signed meanwhile.
            stored = beside.submit(self.blobs.put_many, blobs)
            self._append_all(drafts, bodies, seen, places, stored)

    def _append_all(
        self,
        drafts: Sequence[Draft],
        bodies: Sequence[Body | None],
        seen: tuple[Head, ...],
        places: list[Ref],
        stored: Future[None],
    ) -> None:
        at, step, tries = 0, _BATCH_ACTS, 0
        while at < len(drafts):
            run = slice(at, at + step)
            try:
                places += self._append(drafts[run], bodies[run], seen, places, stored)
            except Conflict:
                # Another process of this member was faster: number and sign again, behind its acts.
                # Signing takes time: fewer acts at once cannot be overtaken again and again.
                tries += 1
                if tries == _TRIES:
                    raise
                step = max(1, step // 2)
            else:
                at, step, tries = at + step, min(2 * step, _BATCH_ACTS), 0

    def _append(
        self,
        drafts: Sequence[Draft],
        bodies: Sequence[Body | None],
        seen: tuple[Head, ...],
        before: Sequence[Ref],
        stored: Future[None],
        *,
        beside: Beside | None = None,
    ) -> list[Ref]:
        """Append acts at once. Raises Conflict if the log grew meanwhile; then none is in it."""
        signers = self._signers()
        size, last = self.fold.catch_up(self.log)
        seen = self._not_older(seen)
        end = size, last, [place.leaf_hash for place in before]
        leaves, acts = self._sign(drafts, bodies, seen, end, signers)
        stored.result()  # an act in the log always has its body
        rows = {"beside": beside(size)} if beside else {}
        first = self.log.append(leaves, expected_size=size, **rows).first_index
        self.fold.add(first, acts)
        return [Ref(self.origin, first + at, act.leaf_hash) for at, act in enumerate(acts)]

    def _not_older(self, seen: tuple[Head, ...]) -> tuple[Head, ...]:
        """Return, in the place of each state, the newest one of its log that any act here has cited.

        An act that cites an older state than one before it would deny what its author had seen.
        """
        cited = {origin: Head(origin, *state) for origin, state in self.fold.table.cited().items()}
        known = [cited.get(head.origin, head) for head in seen]
        return tuple(
            head if head.size > newest.size else newest for head, newest in zip(seen, known, strict=True)
        )

    def _body(self, draft: Draft) -> Body | None:
        if draft.clear is not None:
            return Body(BodyRef("body", sha256(draft.clear).digest()), draft.clear)
        if draft.sealed is None:
            return None
        return self.seal(draft.sealed)

    def seal(self, fields: dict[str, Value]) -> Body:
        """Seal the fields of a body under fresh salts."""
        salts = self.entropy.read(SALT_BYTES * slot_count(len(fields)))
        sealed = seal_map(fields, salts)
        return Body(BodyRef("sealed", sha256(sealed.leaf).digest()), format_map(sealed))

    def _sign(
        self,
        drafts: Sequence[Draft],
        bodies: Sequence[Body | None],
        seen: tuple[Head, ...],
        end: tuple[int, bytes, Sequence[bytes]],
        signers: Succession,
    ) -> tuple[list[bytes], list[Appended]]:
        """Return the signed leaves behind the log's end: its size, its last leaf hash, those of this call."""
        size, last, known = end
        hashes = list(known)
        leaves: list[bytes] = []
        acts: list[Appended] = []
        now = format_instant(self.clock.now())
        for seq, (draft, body) in enumerate(zip(drafts, bodies, strict=True), size):
            header = Header(
                actor=self.origin,
                origin=self.origin,
                # A log holds the acts of one member: the number of an act is its index.
                seq=seq,
                prev=last if seq else None,
                seen=seen,
                claimed_time=now,
                audience=draft.audience,
                thread=draft.thread,
                in_reply_to=draft.in_reply_to,
            )
            public = draft.public
            if draft.follows is not None:
                public = {**public, "prev": hashes[draft.follows].hex()}
            statement = Statement(draft.kind, header, public, body.ref if body else None)
            leaf = sign_statement(statement, signers.at(seq))
            last = leaf_hash(leaf)
            hashes.append(last)
            leaves.append(leaf)
            acts.append(Appended(statement, last, _finding_id(draft)))
        return leaves, acts


def _finding_id(draft: Draft) -> str | None:
    value = draft.sealed.get("id") if draft.kind == "finding" and draft.sealed else None
    return value if isinstance(value, str) else None
