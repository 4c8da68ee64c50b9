"""Append to a log so that a crash at any point neither loses nor forks anything.

An append takes these steps, each durable before the next (numbers of the design's commit order).
If everything stops after a step, the next start (`hisn.tlog.recover`) finds:

=============================================  ================================================
4 compute tiles; prove them from their bytes   nothing
5 store the staging bundle                     a bundle that no register names: removed later
6 sign the new checkpoint                      the same; the signature was in memory only
7 compare-and-swap the register                **committed**: the bundle is there, so it is applied
8 write the tiles, remove the bundle           some tiles: the bundle is applied again
13 publish: collect outgrown partial tiles     some are left: the next publishing removes them
10 swap the published row                      the public file is behind: it is written
   replace the public file                     all is done
=============================================  ================================================

Two writers stage and sign side by side, but only one swaps; the other sees `Conflict`, loads the
winner's log and begins again.  So no two checkpoints of one size ever leave the register.

An append may carry rows of others beside its own: what is counted by the log and what is counted
by them is then one commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from hisn.errors import StorageError, VerificationError
from hisn.tlog.checkpoint import Checkpoint, LogKeys, SignedCheckpoint
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.merkle import EMPTY_ROOT, consistency_at, inclusion_at, leaf_hash, root_at
from hisn.tlog.policy import Policy, verify_quorum
from hisn.tlog.ports import Blobs, Conflict, DurabilityLost, Register, Swap
from hisn.tlog.recover import (
    Home,
    State,
    bundles_between,
    load,
    newer_file,
    reader_of,
    refuse_to_sign,
    settle_published,
)
from hisn.tlog.sign import LogSigner, sign_checkpoint
from hisn.tlog.staging import (
    FormerKeys,
    Row,
    encode_staging,
    parse_own,
    parse_published,
    parse_staging,
    staging_name,
)
from hisn.tlog.tile import ENTRIES, MAX_ENTRY_BYTES, WIDTH, TilePath, TileReader

_ATTEMPTS = 100  # each means that another process has appended meanwhile


@dataclass(frozen=True, slots=True)
class Sequenced:
    """Say where entries stand: from `first_index` on, in the tree of `size` and `root`.

    `checkpoint` is the signed note, without cosignatures.
    """

    first_index: int
    size: int
    root: bytes
    checkpoint: bytes


class _Grown(NamedTuple):
    """Hold an append that is computed and not committed."""

    edge: Edge
    entries: tuple[bytes, ...]
    root: bytes
    bundle: bytes


class LogWriter:
    """Append to, publish and read the log of one signer.

    Several processes may hold writers of one log; within a process, one thread at a time uses one.
    After `DurabilityLost` the process must end.  After any other error the writer looks at what
    was stored before it goes on; an append that raised may yet have been committed.  `former` are
    keys that the signer's have replaced.
    """

    def __init__(
        self, signer: LogSigner, blobs: Blobs, register: Register, former: Iterable[FormerKeys] = ()
    ) -> None:
        self._signer = signer
        self._home = Home(signer.keys, blobs, register, tuple(former))
        self._state: State | None = None
        self._reader: TileReader | None = None
        self._read_head: SignedCheckpoint | None = None
        self._lost: DurabilityLost | None = None

    @classmethod
    def create(cls, signer: LogSigner, blobs: Blobs, register: Register) -> LogWriter:
        """Make a log without entries. Raises StorageError E5205 if it exists, E5207 if its files do."""
        writer = cls(signer, blobs, register)
        home = writer._home
        if register.get(home.names.row) is not None:
            raise _exists(signer.name)
        if newest := newer_file(home, 0):
            raise refuse_to_sign(f"the register knows nothing of {signer.name}, but {newest} exists")
        with writer._writing():
            row = Row(writer._sign(0, EMPTY_ROOT))
            try:
                register.swap(home.names.row, None, row.encode())
            except Conflict as error:
                raise _exists(signer.name) from error
        return writer

    @classmethod
    def open(
        cls, signer: LogSigner, blobs: Blobs, register: Register, former: Iterable[FormerKeys] = ()
    ) -> LogWriter:
        """Open a log and finish what the last process had begun.

        Raises StorageError E5206 if there is none, E5209 if its register is damaged.  A log that
        must not be signed opens for reading: see `refusal`.
        """
        writer = cls(signer, blobs, register, former)
        writer._now()
        return writer

    @property
    def keys(self) -> LogKeys:
        """Return the public keys of the log: those that sign it at the size that it has."""
        return self._signer.at(self.head().checkpoint.size).keys if self._signer.earlier else self._home.keys

    def take_keys(self, signer: LogSigner, former: Iterable[FormerKeys] = ()) -> None:
        """Go on under other keys of the same log: a new epoch of the roster names them."""
        self._signer = signer
        self._home = replace(self._home, keys=signer.keys, former=tuple(former))
        self._forget()

    @property
    def refusal(self) -> StorageError | None:
        """Return what stands in the way of signing, or None."""
        return self._now().refusal

    def head(self) -> SignedCheckpoint:
        """Return the newest committed checkpoint; it is not published before a quorum cosigned it."""
        return self._now().row.head

    def append(
        self, leaves: Sequence[bytes], *, expected_size: int | None = None, beside: Sequence[Swap] = ()
    ) -> Sequenced:
        """Append entries, at least one, and return when they are committed and readable.

        With `expected_size`, only to a log of that size: raises `Conflict` for another.  The rows
        `beside` are replaced in the commit itself: they are if the entries are in the log, and not
        if not; raises `Conflict` with the name of one that holds another value.  Raises
        StorageError E5207 or E5208 if nothing may be signed, ValueError for an entry too long.
        """
        if not leaves or any(len(leaf) > MAX_ENTRY_BYTES for leaf in leaves):
            raise ValueError(f"an append takes entries of at most {MAX_ENTRY_BYTES} bytes, one or more")
        for _ in range(_ATTEMPTS):
            with self._writing():
                state = self._signable()
                size = state.row.head.checkpoint.size
                if expected_size not in (None, size):
                    raise Conflict(self._home.names.row)
                try:
                    return self._append_to(state, leaves, beside)
                except Conflict as error:
                    if error.name in [row.name for row in beside]:
                        raise
                    self._forget()
        raise Conflict(self._home.names.row)

    def publish(self, data: bytes, policy: Policy) -> SignedCheckpoint:
        """Publish a checkpoint of this log that a quorum cosigned; return what is published then.

        That is another one if a newer one was published before.  Raises PolicyError without
        quorum, VerificationError if the log has not signed it, StorageError E5210 if it is not of
        the tree that is held here.
        """
        with self._writing():
            signed = parse_own(data, self._home.keys, self._home.former)
            verify_quorum(policy, signed)
            state = self._signable()
            if not self._holds(state, signed.checkpoint):
                raise _not_held(signed.checkpoint)
            return self._publish(signed)

    def published(self) -> SignedCheckpoint | None:
        """Return the published checkpoint with its cosignatures, or None if there is none yet."""
        data = self._home.register.get(self._home.names.published_row)
        return None if data is None else parse_published(data, self._home.keys, self._home.former)

    def check_witness_head(self, data: bytes) -> None:
        """Compare a checkpoint that a witness keeps with the log; return if the log holds it.

        Only what this log has signed counts (else VerificationError): a lying witness cannot stop
        it.  Raises StorageError E5207 if the witness is ahead, E5211 if it holds another tree.
        Either way the checkpoint is kept in the register, and nothing is signed from then on.
        """
        with self._writing():
            signed = parse_own(data, self._home.keys, self._home.former)
            while not self._holds(state := self._signable(), signed.checkpoint):
                if self._mark_ahead(state, data):
                    raise _unlike(signed.checkpoint, state.row.head.checkpoint)

    def _mark_ahead(self, state: State, data: bytes) -> bool:
        """Keep a checkpoint that our log does not hold; tell whether the register took it."""
        home, names = self._home, self._home.names
        home.blobs.put(f"{names.suspect}{hashlib.sha256(data).hexdigest()}", data)
        row = Row(state.row.head, state.row.staging, ahead=data)
        try:
            home.register.swap(names.row, state.raw, row.encode())
        except Conflict:
            return False  # another process has appended: it may hold the checkpoint now
        return True

    def read_entry(self, index: int) -> bytes:
        """Return one entry, proven to be in the log. Raises ValueError beyond its end."""
        return next(self.entries(index, index + 1))

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the entries `[start, end)`, proven to be in the log. Raises ValueError beyond its end."""
        if not 0 <= start <= end:
            raise ValueError(f"not a run of entries: [{start}, {end})")
        reader = self._read_at(end)
        for index, low, high in bundles_between(start, end):
            yield from reader.bundle(index)[low:high]

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that the entry is in the tree of that size. Raises ValueError beyond the log's end."""
        return inclusion_at(index, size, self._read_at(size))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that one tree is the beginning of the other. Raises ValueError beyond the log's end."""
        return consistency_at(old, new, self._read_at(new))

    def root(self, size: int) -> bytes:
        """Return the root of the log when it had that size. Raises ValueError beyond its end."""
        return root_at(size, self._read_at(size))

    def _append_to(self, state: State, leaves: Sequence[bytes], beside: Sequence[Swap]) -> Sequenced:
        home, names = self._home, self._home.names
        old = state.row.head.checkpoint.size
        grown = self._grow(state, leaves)
        staging = staging_name(names, old, grown.bundle)
        home.blobs.put(staging, grown.bundle)
        head = self._sign(grown.edge.size, grown.root)
        row = Row(head, staging)
        raw = row.encode()
        if beside:
            home.register.swap_all([Swap(names.row, state.raw, raw), *beside])
        else:
            home.register.swap(names.row, state.raw, raw)
        home.write(staging, grown.bundle)
        self._state = State(raw, row, grown.edge, grown.entries)
        return Sequenced(old, grown.edge.size, grown.root, head.raw)

    def _grow(self, state: State, leaves: Sequence[bytes]) -> _Grown:
        edge, tiles = state.edge.append(map(leaf_hash, leaves))
        root = edge.root()
        bundle = encode_staging(entry_tiles(state.edge.size, state.entries, leaves) | tiles)
        staging = staging_name(self._home.names, state.edge.size, bundle)
        files = parse_staging(staging, bundle)
        self._require_free(state, files)

        def get(name: str) -> bytes | None:
            return files.get(name) or self._home.get(name)

        # What will be signed is computed again, by the verifier's code, from the bytes that will be
        # written: a flipped bit or an error in the lines above must not get a signature.
        reader = TileReader(get, edge.size, root)
        written: list[bytes] = []
        try:
            for index, low, high in bundles_between(state.edge.size, edge.size):
                last = reader.bundle(index)
                written += last[low:high]
        except VerificationError as error:
            raise _unproven(error.message) from error
        if written != list(leaves):
            raise _unproven("the entries are others")
        return _Grown(edge, tuple(last) if edge.size % WIDTH else (), root, bundle)

    def _require_free(self, state: State, files: dict[str, bytes]) -> None:
        """Refuse to sign what could not be written: a file in its place is of a tree we do not know."""
        for name, data in files.items():
            if self._home.get(name) not in (None, data):
                if self._home.register.get(self._home.names.row) != state.raw:
                    raise Conflict(self._home.names.row)
                raise refuse_to_sign(
                    f"the register says {state.edge.size} entries, but {name} exists with others"
                )

    def _sign(self, size: int, root: bytes) -> SignedCheckpoint:
        data = sign_checkpoint(Checkpoint(self._signer.name, size, root), self._signer)
        try:
            return parse_own(data, self._home.keys, self._home.former)
        except VerificationError as error:
            raise _unproven(error.message) from error

    def _publish(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        home = self._home
        while True:
            raw = home.register.get(home.names.published_row)
            old = None if raw is None else parse_published(raw, home.keys, home.former)
            if old is not None and _rank(old) >= _rank(signed):
                return old
            self._collect(0 if old is None else old.checkpoint.size, signed.checkpoint.size)
            try:
                home.register.swap(home.names.published_row, raw, signed.raw)
            except Conflict:
                continue
            settle_published(home, signed.raw)
            return signed

    def _collect(self, old: int, new: int) -> None:
        """Remove the partial tiles that became full since the log of `old` entries was published.

        Those of the newest sizes stay: somebody may hold a checkpoint that needs them (tlog-tiles,
        "Partial Tiles").  This comes before the swap: done after it, a crash between would leave
        them for ever.
        """
        blobs, folder = self._home.blobs, self._home.names.folder
        for level in (ENTRIES, *range((new.bit_length() + 7) // 8)):
            shift = 8 * (max(level, 0) + 1)
            for index in range(old >> shift, new >> shift):
                for name in list(blobs.list(f"{folder}{TilePath(level, index)}.p/")):
                    blobs.delete(name)

    def _holds(self, state: State, checkpoint: Checkpoint) -> bool:
        head = state.row.head
        if checkpoint.size > head.checkpoint.size:
            return False
        return root_at(checkpoint.size, reader_of(self._home.get, head)) == checkpoint.root

    def _read_at(self, size: int) -> TileReader:
        head = self.head()
        if size > head.checkpoint.size:
            raise ValueError(f"the log has {head.checkpoint.size} entries, not {size}")
        if self._reader is None or self._read_head != head:
            self._reader, self._read_head = reader_of(self._home.get, head), head
        return self._reader

    def _now(self) -> State:
        """Return the state as the register has it now: another process may have appended."""
        with self._writing():
            state = self._state
            if state is None or self._home.register.get(self._home.names.row) != state.raw:
                state = self._state = load(self._home)
        return state

    def _signable(self) -> State:
        state = self._now()
        if state.refusal is not None:
            raise state.refusal
        return state

    def _forget(self) -> None:
        self._state = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Forget what is in memory when something fails: what was stored decides."""
        if self._lost is not None:
            raise DurabilityLost(self._lost.message)
        try:
            yield
        except DurabilityLost as error:
            self._lost = error
            raise
        except BaseException:
            self._forget()
            raise


def _rank(signed: SignedCheckpoint) -> tuple[int, int]:
    return signed.checkpoint.size, len(signed.note.signatures)


def _exists(origin: str) -> StorageError:
    return StorageError("E5205", f"the log {origin} exists", hint="open it", unchanged="the log is as it was")


def _unproven(why: str) -> StorageError:
    return StorageError(
        "E5213",
        f"what was to be written does not lead to the root that was to be signed: {why}",
        hint="check this machine's memory and its signing device, then start again",
        unchanged="nothing was signed",
    )


def _not_held(checkpoint: Checkpoint) -> StorageError:
    return StorageError(
        "E5210",
        f"the checkpoint of {checkpoint.size} entries is not of the log that is held here",
        hint="compare it with the witnesses' heads: hisn node status",
        unchanged="the published checkpoint is as it was",
    )


def _unlike(theirs: Checkpoint, ours: Checkpoint) -> StorageError:
    if theirs.size > ours.size:
        return refuse_to_sign(
            f"a witness has seen {theirs.size} entries of {ours.origin}, here are {ours.size}"
        )
    return StorageError(
        "E5211",
        f"a witness has seen another tree of {theirs.size} entries of {ours.origin}",
        hint="run hisn node recover; the signed checkpoint is kept in state/suspect",
        unchanged="nothing more is signed",
    )
