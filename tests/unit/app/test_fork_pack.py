"""A node compares two states of a log, wherever they are, and proves the fork if there is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app import units
from tests.unit.app.units import opened

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.acts.write import sign_statement
from hisn.app.fork_pack import Compared, Scanned, compare, scan
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.peers import Peers
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.evidence.pack import parse_pack
from hisn.evidence.packing import Trust
from hisn.node.auth import Doorkeeper
from hisn.node.copy import LogCopy
from hisn.node.http import Services, make_app
from hisn.node.known import origin_hash
from hisn.node.serve import Listen, NodeServer
from hisn.tlog.append import LogWriter
from hisn.tlog.policy import NONE, Policy
from hisn.tlog.proof import parse_tlog_proof
from hisn.tlog.staging import LogNames
from hisn.verify.check import verify_pack
from hisn.verify.steps import Result

EAST, NORTH, SOUTH = units.MEMBERS
SAID = Draft(kind="observation", public={"what": "x", "digest": "00" * 32})
NO_QUORUM = Policy((), (), (), NONE)
LOG = origin_hash(NORTH)


class Forked:
    """Hold a unit in which north was copied, and both copies went on."""

    def __init__(self, folder: Path) -> None:
        self.roots = units.found(folder)
        self.other = folder / "other"
        shutil.copytree(self.roots[NORTH], self.other)
        self.grow(self.roots[NORTH], 3)
        self.grow(self.other, 2)

    @staticmethod
    def grow(root: Path, count: int) -> None:
        with opened(root) as node:
            for _ in range(count):
                node.member.record([SAID])
            # In force or not: what a liar puts beside its tiles is signed by its log, and that is all.
            node.log.publish(node.log.head().raw, NO_QUORUM)

    def folder(self, root: Path) -> str:
        return str(root / LogNames(NORTH).folder.rstrip("/"))

    @property
    def sides(self) -> tuple[str, str]:
        return self.folder(self.roots[NORTH]), self.folder(self.other)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Forked:
    return Forked(tmp_path_factory.mktemp("forked"))


@pytest.fixture
def forked(made: Forked, tmp_path: Path) -> Forked:
    """Return the same nodes in another folder, for a test to change."""
    copy = Forked.__new__(Forked)
    copy.roots = units.copied(made.roots, tmp_path)
    copy.other = tmp_path / "other"
    shutil.copytree(made.other, copy.other)
    return copy


@pytest.fixture
def south(forked: Forked) -> Iterator[Node]:
    with opened(forked.roots[SOUTH]) as node:
        yield node


def names(compared: Compared) -> set[str]:
    assert compared.proof is not None
    return {name for name in parse_pack(compared.proof.data) if name.startswith("fork/")}


def refused(kind: type[Exception], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(getattr(caught.value, "code", ""))


def test_two_folders_that_exclude_each_other_are_a_fork(forked: Forked, south: Node) -> None:
    compared = compare(south, *forked.sides)
    assert compared.proof is not None
    report = compared.proof.report
    assert report.result is Result.FORK_PROVEN
    assert [each.code for each in report.proven] == ["unit-known", "two-entries"]
    assert compared.proof.hashed == 0
    assert names(compared) == {f"fork/{side}.{kind}" for side in "ab" for kind in ("leaf", "tlog-proof")}


def test_two_checkpoints_of_one_size_are_a_fork_by_themselves(forked: Forked, south: Node) -> None:
    forked.grow(forked.other, 1)
    files = []
    for number, side in enumerate(forked.sides):
        file = Path(side).with_name(f"their-{number}")
        shutil.copy(Path(side) / "checkpoint", file)
        files.append(str(file))
    compared = compare(south, *files)
    assert names(compared) == {"fork/a.checkpoint", "fork/b.checkpoint"}
    assert compared.proof is not None
    assert [each.code for each in compared.proof.report.proven] == ["unit-known", "two-heads"]


def test_a_checkpoint_in_a_folder_brings_its_tiles_along(forked: Forked, south: Node) -> None:
    first, second = (str(Path(side) / "checkpoint") for side in forked.sides)
    assert names(compare(south, first, second)) == names(compare(south, *forked.sides))


def test_entries_that_are_withheld_or_not_for_strangers_are_hashed(forked: Forked, south: Node) -> None:
    compared = compare(south, *forked.sides, without_entries=True)
    assert names(compared) == {f"fork/{side}.{kind}" for side in "ab" for kind in ("leaf-hash", "tlog-proof")}
    assert compared.proof is not None
    assert compared.proof.hashed == 2
    shutil.rmtree(Path(forked.sides[1]) / "tile" / "entries")
    compared = compare(south, *forked.sides)
    assert compared.proof is not None
    assert compared.proof.hashed == 1
    assert "fork/a.leaf" in names(compared)
    assert "fork/b.leaf-hash" in names(compared)


def test_a_log_that_only_grew_is_no_fork(forked: Forked, south: Node, tmp_path: Path) -> None:
    old = tmp_path / "old.checkpoint"
    shutil.copy(Path(forked.sides[0]) / "checkpoint", old)
    forked.grow(forked.roots[NORTH], 2)
    compared = compare(south, str(old), forked.sides[0])
    assert compared.proof is None
    assert compared.second.size == compared.first.size + 2


def test_tiles_that_a_side_lacks_are_those_of_the_nodes_own_mirror(forked: Forked, south: Node) -> None:
    with opened(forked.roots[NORTH]) as north:
        size = north.log.head().checkpoint.size
        LogCopy(LOG, south.blobs, south.register).add(0, list(north.log.entries(0, size)))
        head = north.log.head().checkpoint
        LogCopy(LOG, south.blobs, south.register).complete(head.size, head.root)
    alone = Path(forked.sides[0]).with_name("alone")
    shutil.copy(Path(forked.sides[0]) / "checkpoint", alone)
    compared = compare(south, str(alone), forked.sides[1])
    assert compared.proof is not None
    assert compared.proof.hashed == 0


def test_a_side_without_tiles_is_named(forked: Forked, south: Node) -> None:
    alone = Path(forked.sides[0]).with_name("alone")
    shutil.copy(Path(forked.sides[0]) / "checkpoint", alone)
    assert refused(VerificationError, lambda: compare(south, str(alone), forked.sides[1])) == "E3224"


@pytest.mark.parametrize(
    "text",
    ["nothing", ".", "https://a.example/log/", "https://a.example/log/" + "A" * 64, "http://a.example/x"],
)
def test_what_is_no_state_of_a_log_is_refused(forked: Forked, south: Node, text: str) -> None:
    assert refused(UsageError, lambda: compare(south, text, forked.sides[0])) == "E1340"


def test_two_logs_are_no_fork(forked: Forked, south: Node) -> None:
    with opened(forked.roots[EAST]) as east:
        east.log.publish(east.log.head().raw, NO_QUORUM)
        other = str(east.places.root / LogNames(EAST).folder)
    assert refused(UsageError, lambda: compare(south, forked.sides[0], other)) == "E1341"


def test_a_log_of_another_unit_is_refused(forked: Forked, south: Node, tmp_path: Path) -> None:
    with units.alone(tmp_path / "stranger", "stranger.example") as node:
        node.log.publish(node.log.head().raw, NO_QUORUM)
        side = str(node.places.root / LogNames("stranger.example").folder)
    assert refused(UsageError, lambda: compare(south, side, side)) == "E1342"


def test_nobody_is_accused_by_what_his_log_did_not_sign(forked: Forked, south: Node, tmp_path: Path) -> None:
    note = (Path(forked.sides[1]) / "checkpoint").read_bytes()
    lines = note.split(b"\n")
    forged = tmp_path / "forged"
    forged.write_bytes(b"\n".join([lines[0], b"9", *lines[2:]]))
    assert refused(VerificationError, lambda: compare(south, str(forged), forked.sides[0])).startswith("E3")


def test_a_file_that_cannot_be_read_is_told(
    forked: Forked, south: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fails)
    assert refused(StorageError, lambda: compare(south, *forked.sides)) == "E5350"


def test_a_pack_that_does_not_verify_is_not_given_out(
    forked: Forked, south: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Trust(genesis=b"{}", rosters=(), policy=b"")
    monkeypatch.setattr("hisn.app.fork_pack.trust_of", lambda _node, _checkpoint: other)
    assert refused(StorageError, lambda: compare(south, *forked.sides)) == "E5351"


def test_sides_are_read_from_other_nodes(forked: Forked, south: Node, tmp_path: Path) -> None:
    # A stranger gets no entries: then their hashes are shown.
    with (
        opened(forked.roots[NORTH]) as one,
        opened(forked.other) as two,
        serving(one) as first,
        serving(two) as second,
    ):
        compared = compare(south, f"{first}/log/{LOG}", f"{second}/log/{LOG}/")
        assert compared.proof is not None
        assert compared.proof.hashed == 2
        mixed = compare(south, f"{first}/log/{LOG}/checkpoint", forked.sides[1])
        assert mixed.proof is not None
        assert mixed.proof.hashed == 1
        witness = f"{first}/witness/{LOG}"
        assert refused(UsageError, lambda: compare(south, witness, forked.sides[1])) == "E1340"


def serving(node: Node) -> AbstractContextManager[str]:
    door = Doorkeeper(node.config.origin, Peers(node.places), node.clock)
    services = Services(blobs=node.blobs, own_log=LOG, door=door, may_read=lambda _member, _digest: False)
    return NodeServer(make_app(services), Listen()).background()


def test_a_writer_of_the_own_log_is_not_needed(forked: Forked) -> None:
    # The node compares copies of its own log, too: which of them it holds decides nothing.
    with opened(forked.roots[NORTH]) as north:
        assert isinstance(north.log, LogWriter)
        assert compare(north, *forked.sides).proof is not None


def says_twice(root: Path, *seqs: int, again: bool = False, key: str = "act") -> int:
    """Let a node put acts with any numbers into its log; return where the first of them stands.

    `again`: what stands at that number already, signed once more; `key`: by keys of another role.
    """
    with opened(root) as node:
        size = node.log.head().checkpoint.size
        for seq in seqs:
            statement = parse_statement(parse_envelope(node.log.read_entry(min(seq, size - 1))).payload)
            if not again:
                header = replace(statement.header, seq=seq, claimed_time="2026-11-03T20:00:00.000000Z")
                statement = replace(statement, header=header)
            node.log.append([sign_statement(statement, node.signer(key))])
        node.log.publish(node.log.head().raw, NO_QUORUM)
        return size


def scanned(forked: Forked, south: Node) -> Scanned:
    return scan(south, forked.sides[0])


def test_two_acts_with_one_number_in_one_log_are_proven_to_anybody(forked: Forked, south: Node) -> None:
    """No tree is forked: the log shows both to everybody, and its owner tells each reader of another."""
    assert scanned(forked, south).proof is None
    place = says_twice(forked.roots[NORTH], 2)
    found = scanned(forked, south)
    assert found.misplaced == 1
    assert found.proof is not None
    assert found.proof.report.result is Result.FORK_PROVEN
    (said,) = [each for each in found.proof.report.proven if each.code == "two-acts"]
    assert said.args == {"actor": NORTH, "seq": 2}
    files = parse_pack(found.proof.data)
    places = [parse_tlog_proof(files[f"fork/{side}.tlog-proof"]).index for side in "ab"]
    assert places == [2, place]
    stranger = verify_pack(found.proof.data, genesis=south.charter.genesis)
    assert stranger.exit_code == 4


def test_two_misplaced_acts_prove_as_much(forked: Forked, south: Node) -> None:
    with opened(forked.roots[NORTH]) as north:
        size = north.log.head().checkpoint.size
    says_twice(forked.roots[NORTH], size + 7, size + 8)
    assert scanned(forked, south).proof is None
    says_twice(forked.roots[NORTH], size + 7)
    with opened(forked.roots[NORTH]) as north:
        north.log.append([_other_of(north, size)])
        north.log.publish(north.log.head().raw, NO_QUORUM)
    assert scanned(forked, south).proof is not None


def _other_of(node: Node, index: int) -> bytes:
    statement = parse_statement(parse_envelope(node.log.read_entry(index)).payload)
    header = replace(statement.header, claimed_time="2026-11-03T21:00:00.000000Z")
    return sign_statement(replace(statement, header=header), node.signer("act"))


def test_an_act_that_was_signed_again_accuses_nobody(forked: Forked, south: Node) -> None:
    """It says the same: a replay, which counts nowhere."""
    says_twice(forked.roots[NORTH], 2, again=True)
    found = scanned(forked, south)
    assert (found.misplaced, found.proof) == (1, None)


def test_an_act_that_its_author_did_not_sign_accuses_nobody(forked: Forked, south: Node) -> None:
    """Whoever has the log's keys alone could put words into its author's mouth."""
    says_twice(forked.roots[NORTH], 2, key="log")
    found = scanned(forked, south)
    assert (found.misplaced, found.proof) == (1, None)


def test_entries_of_other_programs_are_counted(forked: Forked, south: Node) -> None:
    with opened(forked.roots[NORTH]) as north:
        north.log.append([b"not an act"])
        north.log.publish(north.log.head().raw, NO_QUORUM)
    assert scanned(forked, south).unread == 1


def test_a_log_whose_entries_are_withheld_is_not_called_sound(forked: Forked, south: Node) -> None:
    shutil.rmtree(Path(forked.sides[0]) / "tile" / "entries")
    assert refused(VerificationError, lambda: scanned(forked, south)) == "E3224"
    assert refused(UsageError, lambda: scan(south, "nothing")) == "E1340"


def test_a_log_of_another_unit_is_not_looked_through(south: Node, tmp_path: Path) -> None:
    with units.alone(tmp_path / "stranger", "stranger.example") as node:
        node.log.publish(node.log.head().raw, NO_QUORUM)
        side = str(node.places.root / LogNames("stranger.example").folder)
    assert refused(UsageError, lambda: scan(south, side)) == "E1342"
