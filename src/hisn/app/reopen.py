"""Open what was sealed again: decrypt it, read it as it was read, and compare with what the log says.

Nothing of an event is stored beside its encrypted bytes.  To show one, its file is decrypted,
parsed once more with what was declared then, and the batch's tree is computed again; only if its
root is the one in the log is anything shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Ref, Statement, check_body, parse_statement
from hisn.app.home import Node
from hisn.app.intake import intake_folder
from hisn.app.places import blob_name
from hisn.errors import StorageError, VerificationError
from hisn.events.batch import Chunk
from hisn.events.open import read
from hisn.events.schema import Declaration
from hisn.events.source import SourceNote
from hisn.events.tasks import Task
from hisn.evidence.batch import Mode, OpenBatch, salt_key_of
from hisn.evidence.disclosure import Opened, SealedMap, Value, parse_map
from hisn.evidence.raw import decrypt_raw
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
            raise StorageError(
                "E5340",
                f"the body of entry {self.place.index} is not there",
                hint="it was erased, or the blob folder is incomplete: hisn node fsck",
            )
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
        if act.statement.kind != "batch":
            raise VerificationError("E3380", f"entry {position} is no batch")
        public = act.statement.public
        path, key = self._copy(bytes.fromhex(str(public["ciphertext"])), bytes.fromhex(str(public["key"])))
        source = str(act.field("source"))
        part, ordinal = _number(public["part"]), _number(public["ordinal"])
        chunk = _chunk(_task(act, path, part), source, ordinal)
        mode: Mode = "whole" if public["mode"] == "whole" else "fields"
        batch = OpenBatch(chunk, salt_key_of(key, source, part, ordinal), mode)
        if batch.sealed.root.hex() != public["root"]:
            raise VerificationError(
                "E3381",
                f"the batch of entry {position} does not come out as it was sealed",
                hint=f"it was read by {public['parser']}: use that version of Hisn to open it",
            )
        return Reopened(act, chunk, batch, mode)

    def _copy(self, ciphertext: bytes, commitment: bytes) -> tuple[str, bytes]:
        if ciphertext not in self._copies:
            key = self._vault.get(commitment).key
            parts = self._node.blobs.get_parts(blob_name(ciphertext))
            if parts is None:
                raise StorageError(
                    "E5341",
                    f"the sealed file {ciphertext.hex()[:16]} is not there",
                    hint="fetch it from a mirror that keeps blobs, or from a backup",
                )
            path = self._folder / ciphertext.hex()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.writelines(decrypt_raw(key, parts))
            self._copies[ciphertext] = (str(path), key)
        return self._copies[ciphertext]


@contextmanager
def reopener(node: Node) -> Iterator[Reopener]:
    """Give a reopener; the decrypted copies are gone afterwards."""
    with intake_folder(node.places.intake) as folder:
        yield Reopener(node, folder)


def _task(act: OwnAct, path: str, part: int) -> Task:
    declared = act.field("declaration")
    if not isinstance(declared, tuple) or len(declared) != 7:
        raise VerificationError("E3382", f"entry {act.place.index} does not say how its source was read")
    kind, year, zone_s, asset, *names = declared
    products, categories, services = (_names(each) for each in names)
    member, end = act.field("member"), act.field("end")
    return Task(
        path=path,
        name=str(act.field("task")),
        start=part,
        end=end if isinstance(end, int) else None,
        declaration=Declaration(
            kind=kind if isinstance(kind, str) else None,
            year=year if isinstance(year, int) else None,
            zone_s=zone_s if isinstance(zone_s, int) else None,
            asset=asset if isinstance(asset, str) else None,
            products=products,
            categories=categories,
            services=services,
        ),
        member=member if isinstance(member, str) else None,
    )


def _names(value: Value) -> frozenset[str]:
    return frozenset(str(item) for item in value) if isinstance(value, tuple) else frozenset()


def _chunk(task: Task, source: str, ordinal: int) -> Chunk:
    number = 0
    for item in read(task):
        if isinstance(item, SourceNote) or item.source != source:
            continue
        if number == ordinal:
            return item
        number += 1
    raise VerificationError(
        "E3381",
        f"{source} has no batch {ordinal} when it is read again",
        hint="use the version of Hisn that sealed it; the batch act names it",
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
