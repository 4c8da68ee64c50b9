"""Keep the keys of sealed evidence: wrapped by the node's key, escrowed, rotated, erased.

One random *intake key* opens all that was sealed of one file: its encrypted bytes and the salts of
its events.  It is named by its *commitment*, which the log holds: SHA-256 of a label and the key,
because a ciphertext alone does not say by which one key it opens.  To erase the key is to erase
all that was never disclosed.

The commitment goes to the erase list first and the record is deleted after that: whatever stops in
between, or brings the record back from a backup, the next start deletes it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from hisn.errors import StorageError
from hisn.evidence.escrow import EscrowPublic, EscrowSecret
from hisn.evidence.key_record import (
    NONCE_BYTES,
    IntakeKey,
    KeyRecord,
    format_record,
    key_commitment,
    node_key_id,
    open_escrow,
    parse_record,
    unwrap_key,
    wrap_key,
)
from hisn.tlog.ports import Entropy

KEY_BYTES = 32
_EPHEMERAL_BYTES = 32


class KeyStore(Protocol):
    """Keep wrapped keys and the erase list, apart from everything that ordinary backups copy.

    Names are commitments: 64 lowercase hexadecimal digits.  Methods are durable when they return
    and raise StorageError when the disk fails.  One process writes at a time.
    """

    def put_many(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Store or replace records, each in one step: a reader sees its old bytes or its new ones.

        One barrier for all; raising leaves any subset replaced.
        """
        ...

    def get(self, commitment: str) -> bytes | None:
        """Return a record, or None."""
        ...

    def list(self) -> Iterator[str]:
        """Yield the commitments of all records, in order."""
        ...

    def delete(self, commitment: str) -> None:
        """Remove a record, its bytes overwritten where the disk allows; none is no error."""
        ...

    def append_erased(self, commitments: Iterable[str]) -> None:
        """Add to the erase list, from which nothing is ever taken."""
        ...

    def erased(self) -> frozenset[str]:
        """Return the erase list."""
        ...


class Vault:
    """Use a key store with one node key. Opening it replays the erase list."""

    def __init__(
        self,
        store: KeyStore,
        node_key: bytes,
        entropy: Entropy,
        escrow: Sequence[EscrowPublic] = (),
        logged_erasures: Iterable[str] = (),
    ) -> None:
        """Open the store; `logged_erasures` are those that the log knows of.

        A backup of the key store may be older than its own erase list; the log is not.
        """
        self._store = store
        self._node_key = node_key
        self._entropy = entropy
        self._escrow = tuple(escrow)
        if missing := sorted(set(logged_erasures) - store.erased()):
            store.append_erased(missing)
        erased = store.erased()
        self.erased_again = tuple(name for name in store.list() if name in erased)
        for name in self.erased_again:
            store.delete(name)

    def new_keys(self, count: int) -> list[IntakeKey]:
        """Return so many fresh keys; they are kept when this returns."""
        fresh = [self._entropy.read(KEY_BYTES) for _ in range(count)]
        keys = [IntakeKey(key, key_commitment(key)) for key in fresh]
        self._store.put_many((key.commitment.hex(), self._sealed(key)) for key in keys)
        return keys

    def _sealed(self, key: IntakeKey) -> bytes:
        record = wrap_key(key, self._node_key, self._entropy.read(NONCE_BYTES))
        return format_record(self._with_escrow(record, key))

    def _with_escrow(self, record: KeyRecord, key: IntakeKey) -> KeyRecord:
        there = {copy.to for copy in record.escrow}
        added = tuple(
            public.seal(key.key, key.commitment, self._entropy.read(_EPHEMERAL_BYTES))
            for public in self._escrow
            if public.id not in there
        )
        return replace(record, escrow=record.escrow + added)

    def get(self, commitment: bytes) -> IntakeKey:
        """Return a key. Raises StorageError: it was erased, is not here, or does not open."""
        name = commitment.hex()
        data = self._store.get(name)
        if name in self._store.erased():
            raise StorageError(
                "E5300",
                f"the key {name[:16]} was erased",
                hint="what was not disclosed before cannot be disclosed any more; that is what erasing means",
            )
        if data is None:
            raise StorageError(
                "E5301",
                f"the key {name[:16]} is not in the key store",
                hint="restore the keys folder from its own backup",
            )
        return unwrap_key(parse_record(name, data), commitment, self._node_key)

    def erase(self, commitments: Sequence[bytes]) -> None:
        """Erase keys for ever, with their escrow copies; done again, it is the same."""
        names = [commitment.hex() for commitment in commitments]
        # The list first: if we die here, the next start deletes the records.
        self._store.append_erased(names)
        for name in names:
            self._store.delete(name)

    def rotate(self, node_key: bytes) -> None:
        """Wrap all keys by another node key; stopped in between, it can be run again.

        The old node key must be kept until this returns.
        """
        self._store.put_many(self._rewrapped(node_key))
        self._node_key = node_key

    def _rewrapped(self, node_key: bytes) -> Iterator[tuple[str, bytes]]:
        for name, record in self._records():
            if record.node_key != node_key_id(node_key):
                key = unwrap_key(record, bytes.fromhex(name), self._node_key)
                fresh = wrap_key(key, node_key, self._entropy.read(NONCE_BYTES), record.escrow)
                yield name, format_record(fresh)

    def escrow_all(self) -> int:
        """Add the escrow copies that keys lack; return how many keys got one."""
        wanted = {public.id for public in self._escrow}
        added = []
        for name, record in self._records():
            if not wanted <= {copy.to for copy in record.escrow}:
                key = unwrap_key(record, bytes.fromhex(name), self._node_key)
                added.append((name, format_record(self._with_escrow(record, key))))
        self._store.put_many(added)
        return len(added)

    def without_escrow(self) -> tuple[str, ...]:
        """Return the commitments of keys that are lost if the node key is lost."""
        return tuple(name for name, record in self._records() if not record.escrow)

    def _records(self) -> Iterator[tuple[str, KeyRecord]]:
        for name in list(self._store.list()):
            data = self._store.get(name)
            if data is not None:
                yield name, parse_record(name, data)


def recover_keys(store: KeyStore, secret: EscrowSecret, node_key: bytes, entropy: Entropy) -> tuple[str, ...]:
    """Wrap all keys by a new node key with the escrow key; return those that have no copy for it.

    A record that came back although its key was erased is passed over; opening the `Vault` deletes it.
    """
    lost = []
    erased = store.erased()
    for name in list(store.list()):
        data = store.get(name)
        if data is None or name in erased:
            continue
        commitment = bytes.fromhex(name)
        record = parse_record(name, data)
        key = open_escrow(record, commitment, secret)
        if key is None:
            lost.append(name)
        else:
            fresh = wrap_key(key, node_key, entropy.read(NONCE_BYTES), record.escrow)
            store.put_many([(name, format_record(fresh))])
    return tuple(lost)
