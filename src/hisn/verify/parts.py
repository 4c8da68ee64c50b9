"""Sort the files of a pack into typed parts. They are in their form, and nothing more is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hisn.errors import VerificationError
from hisn.evidence.pack import Event, parse_event, parse_label
from hisn.tlog.path import leaf_hash
from hisn.tlog.proof import TlogProof, parse_tlog_proof

_FIXED = ("pack.json", "charter/genesis.json", "policy", "VERIFY.md")


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold an entry of a log, its hash, and the proof that is said to hold for it.

    Of a fork's entry that was withheld, or is not for strangers, the hash alone is shown: `leaf` is empty.
    """

    leaf: bytes
    leaf_hash: bytes
    proof: TlogProof


@dataclass(frozen=True, slots=True)
class Founding:
    """Hold what a pack's trust rests on: the charter, every epoch of the roster, the policy's text."""

    genesis: bytes
    rosters: tuple[bytes, ...]
    policy: bytes


@dataclass(frozen=True, slots=True)
class FindingParts:
    """Hold the parts of a pack about a finding; `bodies` and `timestamps` are by number of act."""

    finding: int
    acts: tuple[Entry, ...]
    bodies: Mapping[int, bytes]
    events: tuple[Event, ...]
    heads: tuple[bytes, ...]
    timestamps: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class ForkParts:
    """Hold both sides of a fork: checkpoints, and entries under them, or none; or two epochs."""

    checkpoints: tuple[bytes, ...] = ()
    entries: tuple[Entry, ...] = ()
    epochs: tuple[bytes, ...] = ()


def read_parts(files: Mapping[str, bytes]) -> tuple[Founding, FindingParts | ForkParts]:
    """Return the parts of a pack's files. Raises VerificationError: one is missing, or has no place."""
    left = dict(files)
    label_file, genesis, policy, _ = (_take(left, name) for name in _FIXED)
    rosters = _run(left, "roster/{:04d}.dsse")
    finding = parse_label(label_file)
    parts = _fork(left) if finding is None else _finding(left, finding)
    if left:
        raise VerificationError("E3501", f"the pack has a file without a place in it: {min(left)}")
    return Founding(genesis, tuple(rosters), policy), parts


def _take(left: dict[str, bytes], name: str) -> bytes:
    if name not in left:
        raise VerificationError("E3501", f"the pack lacks the file {name}")
    return left.pop(name)


def _run(left: dict[str, bytes], pattern: str) -> list[bytes]:
    """Take the files numbered from 0 on; one behind a gap stays and is refused as without a place."""
    found: list[bytes] = []
    while (name := pattern.format(len(found))) in left:
        found.append(left.pop(name))
    return found


def _entry(leaf: bytes, proof: bytes, hashed: bytes | None = None) -> Entry:
    parsed = parse_tlog_proof(proof)
    if parsed.extra:
        # Nobody signs extra data, and nothing here needs it.
        raise VerificationError("E3501", "a proof carries extra data")
    return Entry(leaf, leaf_hash(leaf) if hashed is None else hashed, parsed)


def _finding(left: dict[str, bytes], finding: int) -> FindingParts:
    leaves = _run(left, "acts/{:04d}.leaf")
    if finding >= len(leaves):
        raise VerificationError("E3501", f"the pack lacks the act {finding} that it is about")
    acts = tuple(
        _entry(leaf, _take(left, f"acts/{number:04d}.tlog-proof")) for number, leaf in enumerate(leaves)
    )

    def by_act(pattern: str) -> dict[int, bytes]:
        names = {number: pattern.format(number) for number in range(len(acts))}
        return {number: left.pop(name) for number, name in names.items() if name in left}

    bodies, timestamps = by_act("bodies/{:04d}.json"), by_act("timestamps/{:04d}.tsr")
    events = tuple(parse_event(data) for data in _run(left, "events/{:04d}.json"))
    return FindingParts(
        finding, acts, bodies, events, tuple(_run(left, "heads/{:04d}.checkpoint")), timestamps
    )


def _fork(left: dict[str, bytes]) -> ForkParts:
    if "fork/a.checkpoint" in left:
        return ForkParts((_take(left, "fork/a.checkpoint"), _take(left, "fork/b.checkpoint")))
    if "fork/a.dsse" in left:
        return ForkParts(epochs=(_take(left, "fork/a.dsse"), _take(left, "fork/b.dsse")))
    first, second = _side(left, "fork/a"), _side(left, "fork/b")
    return ForkParts((first.proof.checkpoint_bytes, second.proof.checkpoint_bytes), (first, second))


def _side(left: dict[str, bytes], stem: str) -> Entry:
    hashed = left.pop(f"{stem}.leaf-hash", None)
    leaf = _take(left, f"{stem}.leaf") if hashed is None else b""
    return _entry(leaf, _take(left, f"{stem}.tlog-proof"), hashed)
