"""Check what the logs say: their states, who witnessed these, and that the acts stand in them.

A contradiction that its maker signed is not only a failure: `ForkError` carries what is proven by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hisn.acts.envelope import verify_envelope
from hisn.acts.statement import Ref, Statement, check_place
from hisn.core.proof_limits import MAX_PACK_JUDGEMENTS, MAX_PACK_STATES
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.path import verify_inclusion
from hisn.unit.quorum import Witnessed, judge_head, policy_text
from hisn.unit.roster import key_in_force
from hisn.unit.rosterdoc import Roster
from hisn.verify.parts import Entry
from hisn.verify.steps import Args, Said


class ForkError(VerificationError):
    """Say that somebody signed two heads, entries or acts that exclude each other, and prove it."""

    def __init__(self, what: str, args: Args) -> None:
        self.detail, self.proven = Said(f"fork-{what}", args), Said(f"two-{what}", args)
        super().__init__("E3540", str(self.detail), hint="keep this file: it is the proof")


@dataclass(frozen=True, slots=True)
class State:
    """Hold a state of a log that the log signed, and how well it is witnessed."""

    signed: SignedCheckpoint
    witnessed: Witnessed

    @property
    def head(self) -> Checkpoint:
        """Return the checkpoint."""
        return self.signed.checkpoint


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """Hold an act that its author signed, at a proven place of a log."""

    number: int
    entry: Entry
    state: State
    statement: Statement

    @property
    def ref(self) -> Ref:
        """Return how other acts name this one."""
        return Ref(self.state.head.origin, self.entry.proof.index, self.entry.leaf_hash)


def policy_for(chain: Sequence[Roster], state: State) -> bytes:
    """Return the policy by which a state was judged, as it must stand in the pack."""
    return policy_text(chain[state.witnessed.epoch], state.head.origin, state.head.size)


def judge_states(chain: Sequence[Roster], checkpoints: Iterable[bytes]) -> dict[bytes, State]:
    """Return the states of signed checkpoints, by their bytes. Raises VerificationError."""
    distinct = dict.fromkeys(checkpoints)
    if len(distinct) > MAX_PACK_STATES:
        raise VerificationError("E3518", f"the pack rests on more than {MAX_PACK_STATES} states of logs")
    found = {raw: parse_signed_checkpoint(raw) for raw in distinct}
    states: dict[bytes, State] = {}
    tried = 0
    for raw, signed in found.items():
        states[raw] = State(signed, witnessed := judge_head(chain, signed))
        tried += len(chain) - (witnessed.epoch if witnessed.is_reached else 0)
        if tried > MAX_PACK_JUDGEMENTS:
            raise VerificationError(
                "E3518", f"its states would have to be judged by epochs more than {MAX_PACK_JUDGEMENTS} times"
            )
    return states


def check_roots(states: Iterable[State]) -> None:
    """Return if no log signed two roots for one size. Raises ForkError."""
    roots: dict[tuple[str, int], bytes] = {}
    for state in states:
        head = state.head
        if roots.setdefault((head.origin, head.size), head.root) != head.root:
            raise ForkError("heads", {"origin": head.origin, "size": head.size})


def newest_sizes(states: Iterable[State]) -> tuple[tuple[str, int], ...]:
    """Return the size of the newest state of every log."""
    sizes: dict[str, int] = {}
    for state in states:
        sizes[state.head.origin] = max(state.head.size, sizes.get(state.head.origin, 0))
    return tuple(sorted(sizes.items()))


def check_places(acts: Sequence[tuple[Entry, State]]) -> None:
    """Return if every entry is in its log, each once, and none where another is.

    Raises VerificationError, or ForkError.
    """
    places: dict[tuple[str, int], bytes] = {}
    for entry, state in acts:
        head, index = state.head, entry.proof.index
        verify_inclusion(entry.leaf_hash, index, head.size, entry.proof.hashes, head.root)
        if places.setdefault((head.origin, index), entry.leaf_hash) != entry.leaf_hash:
            raise ForkError("entries", {"origin": head.origin, "index": index})
    if len({entry.leaf_hash for entry, _ in acts}) != len(acts):
        raise VerificationError("E3504", "the pack shows one act twice")


def open_act(chain: Sequence[Roster], number: int, entry: Entry, state: State) -> LoggedAct:
    """Return an act that the keys in force at its place have signed. Raises VerificationError."""
    origin = state.head.origin
    keys = key_in_force(chain, state.witnessed.epoch, origin, "act", entry.proof.index)
    statement = verify_envelope(entry.leaf, keys)
    check_place(statement, origin)
    return LoggedAct(number, entry, state, statement)


def check_sequence(acts: Sequence[LoggedAct], states: Iterable[State]) -> int:
    """Return how many acts of the pack directly follow another, if none contradicts another.

    Raises VerificationError, or ForkError for two acts of one author with one number.
    """
    roots = {(state.head.origin, state.head.size): state.head.root for state in states}
    by_actor: dict[str, list[LoggedAct]] = {}
    for act in sorted(acts, key=lambda act: act.statement.header.seq):
        _check_seen(act, roots)
        by_actor.setdefault(act.statement.header.actor, []).append(act)
    _check_batch_chain(acts)
    links = sum(_count_links(own) for own in by_actor.values())
    for act in acts:
        if act.statement.header.seq != act.ref.index:
            # Replayed: an act has one place, that of its number.
            raise VerificationError("E3506", f"act {act.number} stands at another place than its number")
    return links


def _check_seen(act: LoggedAct, roots: dict[tuple[str, int], bytes]) -> None:
    for head in act.statement.header.seen:
        if head.origin == act.ref.origin and head.size > act.ref.index:
            raise VerificationError("E3507", f"act {act.number} cites a state of its log that holds itself")
        if roots.setdefault((head.origin, head.size), head.root) != head.root:
            raise VerificationError(
                "E3507", f"two roots of {head.origin} at {head.size} are cited or shown in this pack"
            )


def _count_links(acts: Sequence[LoggedAct]) -> int:
    """Follow one author's acts in the order of their numbers; between them others may be missing."""
    links = 0
    seen: dict[str, int] = {}
    last: LoggedAct | None = None
    for act in acts:
        header = act.statement.header
        if last:
            links += _is_link(last, act)
        if any(head.size < seen.get(head.origin, 0) for head in header.seen):
            # "I had not seen that yet", said by one who had cited a later state before.
            raise VerificationError("E3507", f"act {act.number} cites an older state than an act before it")
        seen |= {head.origin: head.size for head in header.seen}
        last = act
    return links


def _is_link(earlier: LoggedAct, later: LoggedAct) -> bool:
    old, new = earlier.statement.header, later.statement.header
    if old.seq == new.seq and earlier.statement != later.statement:
        raise ForkError("acts", {"actor": old.actor, "seq": old.seq})
    is_next = old.seq + 1 == new.seq
    if is_next and new.prev != earlier.entry.leaf_hash:
        raise VerificationError("E3506", f"act {later.number} does not follow the act before it")
    return is_next


def _check_batch_chain(acts: Sequence[LoggedAct]) -> None:
    """Check batches of one stretch of one source: one of each number, each naming the one before it."""
    chained: dict[object, dict[object, LoggedAct]] = {}
    for act in acts:
        public = act.statement.public
        if act.statement.kind == "batch":
            batches = chained.setdefault((act.ref.origin, public["source"], public["part"]), {})
            if batches.setdefault(public["ordinal"], act) is not act:
                raise VerificationError("E3508", "two batches of one source have the same number")
    for batches in chained.values():
        for number, act in batches.items():
            before = batches.get(number - 1) if isinstance(number, int) else None
            if before and act.statement.public["prev"] != before.entry.leaf_hash.hex():
                raise VerificationError("E3508", f"batch act {act.number} names another batch before it")
