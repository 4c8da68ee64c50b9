"""Compare two states of one log, or look through one, and prove what its owner contradicts himself by.

Two checkpoints of one size need nothing else.  Of different sizes the tiles of both are read.  In one
state every entry is read: an author who says two things under one number forks no tree, and yet
tells two truths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from hisn.acts.twice import Lookout
from hisn.app.fork_side import Side, open_side
from hisn.app.home import Node
from hisn.app.pack_parts import trust_of
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.evidence.packing import ForkSide, build_fork_pack, fork_sides
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.fork import Fork, fetch_leaf, find_fork
from hisn.tlog.merkle import inclusion_at, leaf_hash
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.recover import bundles_between
from hisn.tlog.tile import TileReader
from hisn.verify.check import verify_pack
from hisn.verify.logged import LoggedAct, State, judge_states, open_act
from hisn.verify.parts import Entry
from hisn.verify.steps import Report, Result


@dataclass(frozen=True, slots=True)
class Proof:
    """Hold a fork pack and what the verifier says of it; `hashed` entries are shown by their hash alone."""

    data: bytes
    report: Report
    hashed: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Hold two states of one log; without a proof one goes on from the other."""

    first: Checkpoint
    second: Checkpoint
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class Scanned:
    """Hold a state of a log that was looked through, and the proof against its author, if there is one.

    `misplaced` counts acts that stand elsewhere than their number says, `unread` entries that are no
    acts: neither counts anywhere.
    """

    head: Checkpoint
    misplaced: int
    unread: int
    proof: Proof | None


def compare(node: Node, first: str, second: str, *, without_entries: bool = False) -> Compared:
    """Compare two sides, and return the proof of a fork, if they are one.

    `without_entries` shows hashes only: entries are for members.  Raises UsageError (no such side,
    two logs), VerificationError (not signed by the log, or its tiles are withheld or wrong),
    StorageError.
    """
    with ExitStack() as stack:
        sides = [open_side(node, stack, text) for text in (first, second)]
        heads = [side.signed.checkpoint for side in sides]
        if heads[0].origin != heads[1].origin:
            raise UsageError(
                "E1341",
                f"these are two logs, {heads[0].origin} and {heads[1].origin}",
                hint="a fork is two states of one log; compare copies of the same one",
            )
        _require_member(node, heads[0].origin)
        # Both are signed by the log with keys that count there: nobody is accused without that.
        judge_states(node.rosters, [side.signed.raw for side in sides])
        fork = find_fork(sides[0].signed, sides[0].reader, sides[1].signed, sides[1].reader)
        proof = _prove(node, fork, sides, without_entries=without_entries) if fork else None
    return Compared(heads[0], heads[1], proof)


def scan(node: Node, text: str) -> Scanned:
    """Look through all entries of one state for two acts of one author with one number.

    Raises UsageError (no such side), VerificationError (not signed by the log, or its entries are
    withheld or wrong), StorageError.
    """
    with ExitStack() as stack:
        side = open_side(node, stack, text)
        head = side.signed.checkpoint
        _require_member(node, head.origin)
        state = judge_states(node.rosters, [side.signed.raw])[side.signed.raw]
        lookout, reader = Lookout(), side.reader
        proof = None
        for index, leaf in enumerate(_entries(reader, head.size)):
            for other in lookout.add(leaf):
                if proof is None and other < head.size and _is_twice(node, state, reader, (other, index)):
                    proof = _prove_twice(node, side, sorted((other, index)))
    return Scanned(head, lookout.misplaced, lookout.unread, proof)


def _require_member(node: Node, origin: str) -> None:
    if node.roster.find(origin) is None:
        raise UsageError(
            "E1342",
            f"the log {origin} is of no member of this unit",
            hint="the roster has the keys by which a fork is proven; ask a member of that log's unit",
        )


def _entries(reader: TileReader, size: int) -> Iterator[bytes]:
    for bundle, low, high in bundles_between(0, size):
        yield from reader.bundle(bundle)[low:high]


def _leaf(reader: TileReader, index: int) -> bytes:
    return next(reader.bundle(bundle)[low] for bundle, low, _ in bundles_between(index, index + 1))


def _is_twice(node: Node, state: State, reader: TileReader, places: tuple[int, int]) -> bool:
    """Tell whether the author signed two different acts with one number: nobody is accused without that.

    One act that was signed again is a replay, and says nothing else.
    """
    acts: list[LoggedAct] = []
    for index in places:
        leaf = _leaf(reader, index)
        entry = Entry(leaf, leaf_hash(leaf), TlogProof(index, (), state.signed.raw))
        try:
            acts.append(open_act(node.rosters, index, entry, state))
        except VerificationError:
            return False
    one, other = (act.statement for act in acts)
    return (one.header.actor, one.header.seq) == (other.header.actor, other.header.seq) and one != other


def _prove_twice(node: Node, side: Side, places: Sequence[int]) -> Proof:
    head, reader = side.signed.checkpoint, side.reader
    first, second = (
        ForkSide(
            leaf=_leaf(reader, index),
            proof=format_tlog_proof(
                TlogProof(index, inclusion_at(index, head.size, reader), side.signed.raw)
            ),
        )
        for index in places
    )
    return _verified(node, build_fork_pack(trust_of(node, side.signed.raw), first, second), hashed=0)


def _prove(node: Node, fork: Fork, sides: Sequence[Side], *, without_entries: bool) -> Proof:
    leaves: list[bytes | None] = [None, None]
    if not without_entries:
        for number, (side, shown) in enumerate(zip(sides, (fork.first, fork.second), strict=True)):
            # A node that gives its entries to nobody cannot save itself by that.
            with suppress(StorageError):
                leaves[number] = fetch_leaf(side.get, fork, shown)
    data = build_fork_pack(trust_of(node, sides[0].signed.raw), *fork_sides(fork, (leaves[0], leaves[1])))
    return _verified(node, data, hashed=0 if fork.index is None else leaves.count(None))


def _verified(node: Node, data: bytes, *, hashed: int) -> Proof:
    """Return a pack that its own verifier takes for a proof. Raises StorageError (E5351)."""
    report = verify_pack(data, genesis=node.charter.genesis)
    if report.result is not Result.FORK_PROVEN:
        why = report.failed.detail if report.failed else report.result.value
        raise StorageError(
            "E5351",
            f"the fork pack does not verify: {why}",
            hint="keep both checkpoints, and run hisn node fsck: something in the node's folder was changed",
            unchanged="no pack was written",
        )
    return Proof(data, report, hashed)
