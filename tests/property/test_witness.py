"""Compare the witness with a reference that simply remembers every leaf it has seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.unit.node.samples import ORIGIN, SampleLog, rooms, witness, witness_cosigner

from hisn.node.body import AddCheckpoint, format_add_checkpoint, parse_tree_size
from hisn.node.known import origin_hash
from hisn.testing.fake_clock import FakeClock
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner

SIZES = st.integers(0, 40)


@dataclass
class Memory:
    """Accept a tree if its leaves begin with those that were seen; nothing is proven here, all is known."""

    leaves: list[bytes] = field(default_factory=list)

    def status(self, old: int, leaves: list[bytes], *, is_proof_good: bool) -> int:
        if old > len(leaves):
            return 400
        if old != len(self.leaves):
            return 409
        if leaves[:old] != self.leaves or not is_proof_good:
            return 422
        self.leaves = leaves
        return 200


class WitnessAgainstMemory(RuleBasedStateMachine):
    """Let an honest log and a lying copy of it, with the same keys, ask in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.honest, self.liar = SampleLog(), SampleLog(words="lie")
        # The lie begins at entry 5: up to there both trees are the same.
        self.liar.entries = self.honest.grow(40).entries[:5]
        self.liar.leaves = self.honest.leaves[:5]
        self.liar.grow(40)
        self.clock = FakeClock()
        self.shared = rooms(self.honest)
        self.witness = witness(self.shared, self.clock)
        self.memory = Memory()
        self.times: list[tuple[int, int]] = []

    def ask(
        self, log: SampleLog, old: int, size: int, proof: tuple[bytes, ...], *, is_proof_good: bool
    ) -> None:
        before = len(self.memory.leaves)
        expected = self.memory.status(old, log.leaves[:size], is_proof_good=is_proof_good)
        note = log.note(size)
        answer = self.witness.add_checkpoint(format_add_checkpoint(AddCheckpoint(old, proof, note)))
        assert answer.status == expected
        if expected == 409:
            assert parse_tree_size(answer.body) == before
        if expected == 200:
            cosigned = verify_cosigner(parse_signed_checkpoint(note + answer.body), witness_cosigner().keys)
            self.times.append((size, min(cosigned.timestamps)))

    @rule(is_lie=st.booleans(), old=SIZES, size=SIZES)
    def any_proof(self, is_lie: bool, old: int, size: int) -> None:
        log = self.liar if is_lie else self.honest
        self.ask(log, old, size, log.proof(old, size) if old <= size else (), is_proof_good=True)

    @rule(is_lie=st.booleans(), size=SIZES)
    def right_old(self, is_lie: bool, size: int) -> None:
        old = len(self.memory.leaves)
        log = self.liar if is_lie else self.honest
        self.ask(log, old, size, log.proof(old, size) if old <= size else (), is_proof_good=True)

    @rule(size=SIZES, junk=st.binary(min_size=32, max_size=32))
    def broken_proof(self, size: int, junk: bytes) -> None:
        old = len(self.memory.leaves)
        proof = self.honest.proof(old, size) if old <= size else ()
        self.ask(self.honest, old, size, (*proof, junk), is_proof_good=False)

    @rule(seconds=st.integers(-1_000, 1_000))
    def clock_jumps(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.witness = witness(self.shared, self.clock)

    @invariant()
    def times_never_go_back(self) -> None:
        assert self.times == sorted(self.times)

    @invariant()
    def what_is_shown_is_what_was_accepted(self) -> None:
        note = self.witness.checkpoint(origin_hash(ORIGIN))
        if note is None:
            assert self.times == []
        else:
            signed = parse_signed_checkpoint(note)
            assert verify_checkpoint(signed, self.honest.signer.keys).size == len(self.memory.leaves)
            assert (
                signed.checkpoint.size,
                min(verify_cosigner(signed, witness_cosigner().keys).timestamps),
            ) == (self.times[-1])


TestWitnessAgainstMemory = WitnessAgainstMemory.TestCase
