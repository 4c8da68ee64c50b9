"""Seal batches, state findings and answer them in the log of a simulated member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from hisn.core.canon import Json, canonical
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Cell, Layout
from hisn.evidence.batch import Mode, OpenBatch, salt_key_of
from hisn.evidence.disclosure import RAW, Value, open_leaf
from hisn.evidence.key_record import IntakeKey
from hisn.evidence.pack import Event
from hisn.evidence.packing import PackAct, format_body
from hisn.evidence.raw import RawEncryptor
from hisn.evidence.sealed_map import RECORD, SealedMap, present
from hisn.evidence.vault import Vault
from hisn.testing.unit_log import Face, Logged, blob_name
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.tlog.prove import format_tlog_proof

SOURCE = "portal/access.log"
RULE = sha256(b"rule").hexdigest()
MAPPING = sha256(b"mapping").hexdigest()
_SECRET = ("ballot", "pollbook")


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold a sealed batch: its act, its events with all their texts, and the key of its encrypted bytes."""

    logged: Logged
    opened: OpenBatch
    mode: Mode
    intake: IntakeKey
    ordinal: int

    @property
    def root(self) -> bytes:
        """Return the root over its events."""
        return self.opened.sealed.root

    def named(self, *events: int) -> Value:
        """Return how a finding names events of this batch."""
        return (self.logged.ref.index, self.root.hex(), events)

    def event(self, act: int, index: int, show: Sequence[str] = (), *, whole: bool = False) -> Event:
        """Return an event for a pack in which the batch's act has that number."""
        record = self.opened.record(index) if whole or self.mode == "whole" else None
        if self.mode == "whole" and record:
            return Event(act, index, record.path, None, record.record, record.raw_salt)
        names = [RECORD, *show, *([RAW] if record else [])]
        fields = self.opened.fields(index, names)
        shown = (record.record, record.raw_salt) if record else (None, None)
        return Event(act, index, fields.path, fields.presented, *shown)


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold a finding: its act, and the batches with the events that it rests on."""

    logged: Logged
    evidence: tuple[tuple[Batch, tuple[int, ...]], ...]


def chunk_of(records: Sequence[Mapping[str, Cell]], source: str = SOURCE) -> Chunk:
    """Return records as a reader of a source would: one block for each set of field names."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, record in enumerate(records):
        groups.setdefault(tuple(record), []).append(number)
    blocks = []
    for names, numbers in groups.items():
        rows = [records[number] for number in numbers]
        blocks.append(
            Block(
                Layout("generic", names),
                np.array([number + 1 for number in numbers], np.int64),
                np.full(len(numbers), NO_TIME, np.int64),
                [[row[name] for row in rows] for name in names],
                [_line(row) for row in rows],
            )
        )
    return Chunk(source, "generic", tuple(blocks), records=len(records))


def _line(record: Mapping[str, Cell]) -> bytes:
    return canonical({name: list(cell) if isinstance(cell, tuple) else cell for name, cell in record.items()})


def seal_batch(
    face: Face,
    vault: Vault,
    records: Sequence[Mapping[str, Cell]],
    *,
    mode: Mode = "fields",
    after: Batch | None = None,
    asset_class: str = "web",
    **header: Any,
) -> Batch:
    """Encrypt records, seal them, and log the batch; `after` is the batch of the source before it."""
    (intake,) = vault.new_keys(1)
    lines = b"".join(_line(record) + b"\n" for record in records)
    encryptor = RawEncryptor(intake.key)
    ciphertext = b"".join(encryptor.encrypt([lines]))
    face.blobs.put(blob_name(encryptor.ciphertext_digest), ciphertext)
    ordinal = after.ordinal + 1 if after else 0
    salt_key = salt_key_of(intake.key, SOURCE, 0, ordinal)
    opened = OpenBatch(chunk_of(records), salt_key, mode)
    is_secret = asset_class in _SECRET
    source = sha256(b"source salt" + face.origin.encode() + SOURCE.encode()).hexdigest()
    public: dict[str, Json] = {
        "source": source,
        "part": 0,
        "ordinal": ordinal,
        "prev": after.logged.ref.leaf_hash.hex() if after else "",
        "mode": mode,
        "root": opened.sealed.root.hex(),
        "count": None if is_secret else len(records),
        "ciphertext": encryptor.ciphertext_digest.hex(),
        "raw": encryptor.commitment.hex(),
        "key": intake.commitment.hex(),
        "parser": "hisn generic",
        "mapping": MAPPING,
        "first": None,
        "last": None,
        "unparsed": None if is_secret else 0,
    }
    body: dict[str, Value] = {"source": SOURCE, "count": len(records), "unparsed": ()}
    return Batch(face.record("batch", public, sealed=body, **header), opened, mode, intake, ordinal)


def state_finding(
    face: Face,
    evidence: Sequence[tuple[Batch, Sequence[int]]],
    *,
    fields: Mapping[str, Value] | None = None,
    **header: Any,
) -> Finding:
    """Log a finding about events of batches; `fields` replace or add fields of its sealed body."""
    body: dict[str, Value] = {
        "id": "f-" + face.entropy.read(16).hex(),
        "rule_digest": RULE,
        "title": "Voters looked up by a script",
        "level": "high",
        "count": sum(len(events) for _, events in evidence),
        "mapping": MAPPING,
        "engine": "1",
        "batches": tuple(batch.named(*events) for batch, events in evidence),
    }
    logged = face.record("finding", sealed=body | dict(fields or {}), **header)
    return Finding(logged, tuple((batch, tuple(events)) for batch, events in evidence))


def answer_finding(
    face: Face, finding: Finding, kind: str = "recheck", *, rule: str = RULE, **header: Any
) -> Logged:
    """Log that a finding was rechecked with the same result, or (kind `dissent`) with another one."""
    outcome: dict[str, Json] = {"outcome": "same" if kind == "recheck" else "different"}
    body: dict[str, Value] = {"rule_digest": rule, "mapping": MAPPING, "engine": "1"}
    placed: dict[str, Any] = {"in_reply_to": finding.logged.ref} | header
    return face.record(kind, outcome, sealed=body, **placed)


def erase_key(face: Face, vault: Vault, intake: IntakeKey) -> Logged:
    """Erase a key, and log that it was: the log is older than no backup."""
    vault.erase([intake.commitment])
    return face.record("key-event", {"event": "erase", "detail": {"key": intake.commitment.hex()}})


def logged_erasures(face: Face) -> list[str]:
    """Return the keys whose erasure is in the log."""
    found = []
    for index in range(face.size):
        statement = face.logged(index).statement
        detail = statement.public.get("detail") if statement and statement.kind == "key-event" else None
        if statement and isinstance(detail, dict) and statement.public["event"] == "erase":
            found.append(str(detail["key"]))
    return found


def pack_act(face: Face, logged: Logged, head: SignedCheckpoint, hidden: Sequence[str] = ()) -> PackAct:
    """Return an act for a pack, under a checkpoint; every field of its body is shown but those hidden."""
    body = None
    if logged.sealed is not None:
        names = [name for name in names_of(logged.sealed) if name not in hidden]
        body = format_body(present(logged.sealed, names))
    return PackAct(logged.leaf, format_tlog_proof(face.proof(logged.ref.index, head)), body)


def names_of(sealed: SealedMap) -> tuple[str, ...]:
    """Return the names of the fields of a sealed body."""
    return open_leaf(present(sealed, ())).names
