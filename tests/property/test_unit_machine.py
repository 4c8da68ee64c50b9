"""Let honest members and a liar act in any order, over lines that break and clocks that jump.

Of the four witnesses of the liar's log one lies with it: as many as may (f = 1).  Whatever happens,

1. no two VALID reports contradict each other;
2. no honest witness signs two roots for one size, or a tree that forgets what it has signed;
3. what a member has published only grows;
4. a fork that two honest parties can compare yields a proof, and logs that only grew yield none.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hisn.acts.statement import EVERYBODY
from hisn.node.body import parse_add_checkpoint
from hisn.node.ratchet import Ratchet
from hisn.testing.liar import Colluders, Liar
from hisn.testing.unit_evidence import Finding
from hisn.testing.unit_log import Face
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.fork import find_fork, verify_fork
from hisn.tlog.merkle import leaf_hash, root_of
from hisn.verify.steps import Result

LIAR, FRIEND = "north.example", "w2.example"
HONEST = ("south.example", "east.example")
WITNESSES = (*HONEST, "w1.example")
ANYBODY = st.sampled_from((*WITNESSES, FRIEND, LIAR))
MAX_FACES = 4
# Each example founds nothing anew, and signs some hundred times.
EXAMPLES = max(25, settings.default.max_examples // 5) if settings.default else 25


class Hashes:
    """Read a tree of known leaves, as a reader of its tiles would."""

    def __init__(self, leaves: tuple[bytes, ...]) -> None:
        self._leaves = leaves

    def read(self, level: int, index: int) -> bytes:
        return root_of(self._leaves[index << level : (index + 1) << level])


class UnitMachine(RuleBasedStateMachine):
    """Play one unit in which north lies, and w2 with it."""

    def __init__(self, *friends: str) -> None:
        super().__init__()
        self.unit = UnitSimulator(members=3, outside=2)
        self.liar = Liar(self.unit, LIAR)
        self.friends = Colluders(self.unit, *(friends or (FRIEND,)))
        self.count = 0
        self.liar.face.record("finding", sealed={"batches": ()})
        self.seen = 0
        self.trees: dict[tuple[int, bytes], tuple[bytes, ...]] = {}
        self.cosigned: dict[tuple[str, str], dict[int, bytes]] = {}
        self.accepted: dict[int, bytes] = {}
        self.published: dict[str, Checkpoint] = {}
        self.the_liar_forks(0, 1)

    def face(self, number: int) -> Face:
        return self.liar.faces[number % len(self.liar.faces)]

    # What honest members do

    @rule(name=st.sampled_from(HONEST))
    def an_honest_member_speaks_and_publishes(self, name: str) -> None:
        node = self.unit[name]
        logged = node.face.record("finding", sealed={"batches": ()}, seen=node.seen())
        done = self.unit.publish(name)
        assert done.setback is None
        if done.is_published:
            report = self.unit.verify(self.unit.pack(name, Finding(logged, ())))
            assert report.result is Result.VALID

    @rule(name=st.sampled_from(HONEST), to=st.sampled_from(HONEST))
    def an_honest_member_is_mirrored(self, name: str, to: str) -> None:
        if name != to:
            self.unit.replicate(name, to)

    # What the liar does

    @rule(number=st.integers(0, 9), more=st.integers(1, 3))
    def the_liar_speaks(self, number: int, more: int) -> None:
        for _ in range(more):
            self.count += 1
            self.face(number).record(
                "finding", sealed={"batches": (), "title": str(self.count)}, audience=EVERYBODY
            )

    @precondition(lambda self: len(self.liar.faces) < MAX_FACES)
    @rule(number=st.integers(0, 9), keep=st.integers(0, 9))
    def the_liar_forks(self, number: int, keep: int) -> None:
        face = self.face(number)
        other = self.liar.fork(max(0, face.size - keep), face)
        self.count += 1
        other.record("finding", sealed={"batches": (), "title": str(self.count)})

    @rule(number=st.integers(0, 9), witnesses=st.sets(st.sampled_from(WITNESSES), min_size=1))
    def the_liar_shows_a_face(self, number: int, witnesses: set[str]) -> None:
        self.show(self.face(number), witnesses)

    @rule(number=st.integers(0, 9), other=st.integers(1, 3), witnesses=st.sets(st.sampled_from(WITNESSES)))
    def the_liar_divides_the_witnesses(self, number: int, other: int, witnesses: set[str]) -> None:
        self.show(self.face(number), witnesses)
        self.show(self.face(number + other), set(WITNESSES) - witnesses)

    def show(self, face: Face, witnesses: set[str]) -> None:
        """Show a face to some witnesses; whatever comes of it must not contradict what came before."""
        leaves = tuple(map(leaf_hash, face.leaves()))
        self.trees[face.size, root_of(leaves)] = leaves
        if witnesses:
            self.liar.show(face, *sorted(witnesses))
        head = self.liar.cosigned(face, self.friends)
        report = self.unit.verify(
            self.unit.pack(LIAR, Finding(face.logged(face.size - 1), ()), face=face, head=head)
        )
        assert report.result in (Result.VALID, Result.VALID_UNWITNESSED)
        if report.result is Result.VALID:
            happened("a face of the liar is valid")
            for index, leaf in enumerate(leaves):
                # Invariant 1: what was once proven to somebody is not contradicted to anybody.
                assert self.accepted.setdefault(index, leaf) == leaf
            self.liar.publish(face, self.friends)

    @rule(number=st.integers(0, 9), mirror=st.sampled_from(HONEST))
    def the_liar_mirrors_a_face(self, number: int, mirror: str) -> None:
        face = self.face(number)
        published = face.writer.published()
        if published is not None and face.size == published.checkpoint.size:
            self.liar.mirror(face, published, mirror)

    @rule()
    def the_liar_asks_for_cosignatures_as_honest_members_do(self) -> None:
        self.trees[self.liar.face.size, self.liar.face.head().root] = tuple(
            map(leaf_hash, self.liar.face.leaves())
        )
        backup = self.unit.backup(LIAR)
        if self.unit.publish(LIAR).setback:
            # Its own program knows by now that there are two logs, and would sign no more.
            self.unit.restore(LIAR, backup)

    # What happens to all of them

    @rule(first=ANYBODY, second=st.none() | ANYBODY)
    def a_line_is_cut(self, first: str, second: str | None) -> None:
        if second is None:
            self.unit.network.cut_off(first)
        else:
            self.unit.network.cut(first, second)

    @rule()
    def all_lines_are_mended(self) -> None:
        self.unit.network.heal()

    @rule(name=st.sampled_from((*HONEST, "w1.example", FRIEND)))
    def a_node_starts_again(self, name: str) -> None:
        self.unit.restart(name)

    @rule(seconds=st.integers(-5_000, 5_000))
    def the_clock_jumps(self, seconds: int) -> None:
        self.unit.clock.advance(seconds)

    # What must hold

    @invariant()
    def no_honest_witness_signs_two_histories(self) -> None:
        exchanges = self.unit.network.exchanges
        for each in exchanges[self.seen :]:
            if each.path == "/witness/add-checkpoint" and each.reply.status == 200:
                head = parse_signed_checkpoint(parse_add_checkpoint(each.body).note).checkpoint
                roots = self.cosigned.setdefault((each.receiver, head.origin), {})
                assert roots.setdefault(head.size, head.root) == head.root
                if head.origin == LIAR and each.receiver != FRIEND:
                    for size, root in roots.items():
                        assert is_beginning(self.trees[size, root], self.trees[head.size, head.root])
        self.seen = len(exchanges)

    @invariant()
    def what_is_published_only_grows(self) -> None:
        for name in HONEST:
            published = self.unit[name].published()
            if published is not None:
                before = self.published.get(name)
                head = published.checkpoint
                assert before is None or before.size <= head.size
                assert before is None or self.unit[name].face.writer.root(before.size) == before.root
                self.published[name] = head

    def teardown(self) -> None:
        """Let every two honest witnesses compare what they hold of the liar's log."""
        held = [self.unit.node(name).held(LIAR) for name in WITNESSES]
        for first, second in combinations([each for each in held if each], 2):
            self.compare(first, second)

    def compare(self, first: SignedCheckpoint, second: SignedCheckpoint) -> None:
        trees = [self.trees[each.checkpoint.size, each.checkpoint.root] for each in (first, second)]
        readers = [Hashes(tree) for tree in trees]
        fork = find_fork(first, readers[0], second, readers[1])
        if is_beginning(*sorted(trees, key=len)):
            assert fork is None
            return
        assert fork is not None
        happened("two honest witnesses hold a fork")
        verify_fork(fork, self.liar.face.log_signer.keys)
        assert self.unit.verify(self.unit.fork_pack(fork)).result is Result.FORK_PROVEN


def happened(what: str) -> None:
    """Count it in the statistics of the machine."""
    with suppress(InvalidArgument):  # played by hand
        event(what)


def is_beginning(shorter: tuple[bytes, ...], longer: tuple[bytes, ...]) -> bool:
    """Tell whether one log is the beginning of another."""
    return longer[: len(shorter)] == shorter


TestUnitMachine = UnitMachine.TestCase
TestUnitMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=30)


def test_the_machine_reaches_forks_and_valid_reports_of_the_liar() -> None:
    # So that the invariants are not true of nothing: one run by hand.
    machine = UnitMachine()
    machine.the_liar_shows_a_face(0, set(HONEST))
    machine.the_liar_shows_a_face(1, {"w1.example"})
    assert machine.accepted
    machine.no_honest_witness_signs_two_histories()
    first, second = (machine.unit.node(name).held(LIAR) for name in ("south", "w1.example"))
    assert first is not None
    assert second is not None
    assert first.checkpoint.root != second.checkpoint.root
    machine.teardown()


def test_the_machine_sees_two_valid_reports_where_more_than_f_lie() -> None:
    machine = UnitMachine(FRIEND, "w1.example")
    machine.the_liar_shows_a_face(0, {"south.example"})
    with pytest.raises(AssertionError):
        machine.the_liar_shows_a_face(1, {"east.example"})


def test_the_machine_sees_a_witness_that_signs_two_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ratchet, "_refuse", lambda *_: None)
    machine = UnitMachine()
    machine.the_liar_shows_a_face(0, {"south.example"})
    machine.the_liar_shows_a_face(1, {"south.example"})
    with pytest.raises(AssertionError):
        machine.no_honest_witness_signs_two_histories()
