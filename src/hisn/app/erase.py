"""Erase intake keys, and with them everything of their files that was never disclosed.

**Order.** The key-event is logged first, durably, and the key is deleted after it.  If we die in
between, the next opening of the vault reads the event and deletes the key: what the log says
becomes true.  The other way round a key would be gone that the log does not speak of, and an old
backup of the keys folder, whose erase list is as old, would bring it back for ever.  Bodies of
findings are erased in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.app.erased import erase_bodies, erased
from hisn.app.evidence_pack import batches_of, find_finding
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.reopen import OwnAct, own_act
from hisn.app.reread import file_of
from hisn.core.instant import Instant, instant_of
from hisn.errors import UsageError
from hisn.storage.keyring import FileKeyStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """Say what to erase: the files of a finding, one intake key, or all that was sealed before a time.

    `intake` is the commitment to a key in hex, or its beginning.  `bodies` erases the bodies of the
    findings that rest on the files, too: they hold values of records.
    """

    finding: str | None = None
    intake: str | None = None
    before: Instant | None = None
    bodies: bool = False


@dataclass(frozen=True, slots=True)
class Erasure:
    """Hold what would be erased, for a person to agree to.

    `files` are the names of the files, `batches` counts their batches, `findings` are the ids of the
    findings that rest on them; `bodies` are the commitments of these where they are erased, too.
    """

    keys: tuple[bytes, ...]
    files: tuple[str, ...]
    batches: int
    findings: tuple[str, ...]
    bodies: tuple[bytes, ...]


def plan_erasure(node: Node, request: ErasureRequest) -> Erasure:
    """Return what a request would erase. Raises UsageError: E1310, E1315 (nothing), E1317 (which?)."""
    node.member.fold.catch_up(node.log)
    gone = erased(node)
    chosen = dict.fromkeys(_chosen(node, request))
    keys = [key for key in chosen if key not in gone.keys]
    # The bodies of findings may be meant although the keys of their files are gone already.
    meant = _positions(node, chosen if request.bodies else keys)
    batches = [own_act(node, position) for position in sorted(_positions(node, keys))]
    names = dict.fromkeys(file_of(batch.opened.values) for batch in batches if batch.opened)
    findings = [each for each in _findings(node) if not meant.isdisjoint(_batches(each))]
    bodies: list[bytes] = []
    if request.bodies:
        bodies = [each.statement.body.sha256 for each in findings if each.statement.body]
    if not keys and not bodies:
        raise UsageError(
            "E1315",
            "nothing is left to erase there",
            hint="hisn evidence list shows the findings; what was erased before stays erased",
            unchanged="nothing was changed",
        )
    ids = dict.fromkeys(_text(each, "id") for each in findings)
    return Erasure(tuple(keys), tuple(filter(None, names)), len(batches), tuple(ids), tuple(bodies))


def erase(node: Node, erasure: Erasure) -> None:
    """Log the erasure, then erase. Raises StorageError; run again, or the next opening, finishes it."""
    events = [("key", digest) for digest in erasure.keys] + [("body", digest) for digest in erasure.bodies]
    node.member.record(
        [
            Draft(kind="key-event", public={"event": "erase", "detail": {name: digest.hex()}})
            for name, digest in events
        ]
    )
    node.vault().erase(erasure.keys)
    if erasure.bodies:
        erase_bodies(node)
        node.member.fold.table.clear()  # it names findings by ids that were in their bodies


def _positions(node: Node, keys: Iterable[bytes]) -> set[int]:
    """Return the entries of the batches under some keys."""
    return {position for key in keys for position in node.member.fold.table.intake_positions(key)}


def _chosen(node: Node, request: ErasureRequest) -> Iterator[bytes]:
    """Yield the commitments of the keys that are asked for."""
    if request.finding is not None:
        finding = own_act(node, find_finding(node, request.finding))
        for leaf in _batches(finding):
            yield _key(node, leaf)
    if request.intake is not None:
        yield _named_key(node, request.intake.strip().lower())
    if request.before is not None:
        yield from _sealed_before(node, request.before)


def _named_key(node: Node, text: str) -> bytes:
    """Return the key whose commitment begins so, in the log or in the key store."""
    store = FileKeyStore(node.places.keys)
    known = {_key(node, leaf).hex() for leaf in node.member.fold.table.positions("batch")}
    found = sorted(
        name for name in known.union(store.list(), store.erased()) if text and name.startswith(text)
    )
    if len(found) != 1:
        raise UsageError(
            "E1317",
            f"{len(found) or 'no'} keys of this node begin with {text!r}",
            hint="write the whole commitment: it is the field key of a batch's act",
            unchanged="nothing was changed",
        )
    return bytes.fromhex(found[0])


def _sealed_before(node: Node, before: Instant) -> Iterator[bytes]:
    """Yield the keys of files all of whose batches were sealed before a time."""
    newest: dict[bytes, Instant] = {}
    for leaf in node.member.fold.table.positions("batch"):
        act = parse_statement(parse_envelope(node.log.read_entry(leaf)).payload)
        key = bytes.fromhex(str(act.public["key"]))
        time = instant_of(datetime.fromisoformat(act.header.claimed_time))
        newest[key] = max(time, newest.get(key, time))
    return (key for key, time in newest.items() if time < before)


def _key(node: Node, leaf: int) -> bytes:
    act = parse_statement(parse_envelope(node.log.read_entry(leaf)).payload)
    return bytes.fromhex(str(act.public["key"]))


def _findings(node: Node) -> Iterator[OwnAct]:
    """Yield the findings of the log whose bodies are still there."""
    for position in node.member.fold.table.positions("finding"):
        finding = own_act(node, position)
        if finding.opened is not None:
            yield finding


def _batches(finding: OwnAct) -> Sequence[int]:
    return [leaf for leaf, _root, _events in batches_of(finding)]


def _text(act: OwnAct, name: str) -> str:
    return str(act.opened.values.get(name, "")) if act.opened else ""
