"""Open what was sealed again: decrypt it, read it as it was read, and compare with what the log says.

Nothing of an event is stored beside its encrypted bytes.  To show one, its file is decrypted,
parsed once more with what was declared then, and the batch's tree is computed again; only if its
root is the one in the log is anything shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Ref, Statement, check_body, parse_statement
from hisn.app.erased import erase_bodies
from hisn.app.home import Node
from hisn.app.intake import intake_folder
from hisn.app.places import blob_name
from hisn.app.reread import BatchAct, reread
from hisn.app.unseal import unseal
from hisn.errors import StorageError, VerificationError
from hisn.events.batch import Chunk
from hisn.evidence.batch import Mode, OpenBatch
from hisn.evidence.disclosure import Opened, Value
from hisn.evidence.sealed_map import SealedMap, parse_map
from hisn.tlog.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class OwnAct:
    """Hold an act of the node's own log with its whole body, if it has one that is still there."""

    place: Ref
    leaf: bytes
    statement: Statement
    sealed: SealedMap | None
    opened: Opened | None

    def field(self, name: str) -> Value:
        """Return a field of the body. Raises StorageError where the body is gone."""
        if self.opened is None:
            raise _no_body(self.place.index)
        return self.opened.value(name)


@dataclass(frozen=True, slots=True)
class Reopened:
    """Hold a batch whose tree was computed again and found to be the one in the log."""

    act: OwnAct
    chunk: Chunk
    batch: OpenBatch
    mode: Mode


def own_act(node: Node, position: int) -> OwnAct:
    """Return an act of the node's own log. Raises StorageError and VerificationError."""
    leaf = node.log.read_entry(position)
    statement = parse_statement(parse_envelope(leaf).payload)
    place = Ref(node.config.origin, position, leaf_hash(leaf))
    data = node.blobs.get(blob_name(statement.body.sha256)) if statement.body else None
    if data is None or statement.body is None:
        return OwnAct(place, leaf, statement, None, None)
    if statement.body.name == "body":
        check_body(statement, data)
        return OwnAct(place, leaf, statement, None, None)
    sealed, opened = parse_map(data)
    check_body(statement, sealed.leaf)
    return OwnAct(place, leaf, statement, sealed, opened)


def batch_act(act: OwnAct) -> BatchAct:
    """Return what the act of a batch says. Raises VerificationError (no batch), StorageError (no body)."""
    if act.statement.kind != "batch":
        raise VerificationError("E3380", f"entry {act.place.index} is no batch")
    if act.opened is None:
        raise _no_body(act.place.index)
    return BatchAct(act.place.index, act.statement.public, act.opened.values)


class Reopener:
    """Open batches of one node again; a file is decrypted once for all its batches."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._node = node
        self._vault = node.vault()
        self._folder = folder
        self._copies: dict[bytes, tuple[str, bytes]] = {}

    def batch(self, position: int) -> Reopened:
        """Return the batch of an act. Raises StorageError (erased, missing) and VerificationError."""
        act = own_act(self._node, position)
        said = batch_act(act)
        path, key = self._copy(said)
        found = next(reread([said], path, key))
        return Reopened(act, found.placed.chunk, found.batch, said.mode)

    def _copy(self, act: BatchAct) -> tuple[str, bytes]:
        if act.ciphertext not in self._copies:
            key = self._vault.get(act.commitment).key
            path = unseal(act, key, encrypted_parts(self._node, act.ciphertext), self._folder)
            self._copies[act.ciphertext] = (path, key)
        return self._copies[act.ciphertext]


def encrypted_parts(node: Node, ciphertext: bytes) -> Iterator[bytes]:
    """Return a sealed file in pieces, as it is stored. Raises StorageError (E5341)."""
    parts = node.blobs.get_parts(blob_name(ciphertext))
    if parts is None:
        raise StorageError(
            "E5341",
            f"the sealed file {ciphertext.hex()[:16]} is not there",
            hint="fetch it from a mirror that keeps blobs, or from a backup",
        )
    return parts


def _no_body(index: int) -> StorageError:
    return StorageError(
        "E5340",
        f"the body of entry {index} is not there",
        hint="it was erased, or the blob folder is incomplete: hisn node fsck",
    )


@contextmanager
def reopener(node: Node) -> Iterator[Reopener]:
    """Give a reopener; the decrypted copies are gone afterwards."""
    erase_bodies(node)  # a restored backup may have brought them back
    with intake_folder(node.places.intake) as folder:
        yield Reopener(node, folder)
