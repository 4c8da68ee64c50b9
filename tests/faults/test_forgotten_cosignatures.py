"""Restore a witness from an old backup, and ask it to sign a second history of a log: it must not."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.unit.app.units import MEMBERS, OUTSIDE, copied, found, free_urls, nobody, opened, served

from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.node_recover import Recovered, RecoverRequest, recover_log
from hisn.app.publish import publish
from hisn.app.recall import PENDING_ROW, WITNESS_ROW, Learnt
from hisn.app.replicate import replicate_all
from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.held import Held, format_held, parse_held
from hisn.node.holds import Hold, Holds
from hisn.node.known import origin_hash
from hisn.node.published import Haste
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.merkle import consistency_proof, leaf_hash, root_of
from hisn.tlog.sign import LogSigner, sign_checkpoint

EAST, NORTH, SOUTH = MEMBERS
PRESS, SCHOOL = OUTSIDE
Linked = tuple[dict[str, Path], dict[str, str]]
HASTE = Haste(whole_s=8, grace_s=5)


RESTORED = (NORTH, PRESS)


def note(text: str) -> Draft:
    return Draft(kind="observation", public={"what": text, "digest": "00" * 32})


def grow(root: Path, count: int) -> set[str]:
    """Let a node sign, publish and replicate more; return who has cosigned."""
    with opened(root) as node:
        node.member.record([note(f"{number}") for number in range(count)])
        signed = {each.name for each in publish(node, HASTE).signed}
        replicate_all(node)
    return signed


@pytest.fixture(scope="module")
def restored_unit(tmp_path_factory: pytest.TempPathFactory) -> Linked:
    """Return a unit in which NORTH and PRESS come from backups older than what they have cosigned."""
    folder, urls = tmp_path_factory.mktemp("restored"), free_urls()
    roots = found(folder, urls)
    with served({name: root for name, root in roots.items() if name != EAST}, urls):
        grow(roots[EAST], 2)
    for name in RESTORED:
        shutil.copytree(roots[name], folder / "backup" / name)
    with served({name: root for name, root in roots.items() if name != EAST}, urls):
        assert grow(roots[EAST], 4) == {NORTH, SOUTH, PRESS, SCHOOL}
    for name in RESTORED:
        shutil.rmtree(roots[name])
        shutil.copytree(folder / "backup" / name, roots[name])
    return roots, urls


class Stage:
    """Hold a copy of that unit, and which of the restored nodes is looked at."""

    def __init__(self, roots: dict[str, Path], urls: dict[str, str], restored: str = NORTH) -> None:
        self.roots, self.urls, self.restored = roots, urls, restored

    @contextmanager
    def serving(self, *without: str) -> Iterator[None]:
        with served({name: root for name, root in self.roots.items() if name not in without}, self.urls):
            yield

    def row(self, kind: str = WITNESS_ROW) -> Held | None:
        with opened(self.roots[self.restored]) as node:
            return parse_held("", node.register.get(kind + origin_hash(EAST)))

    def hold(self, origin: str = EAST) -> Hold | None:
        with opened(self.roots[self.restored]) as node:
            return Holds(node.register).get(origin)

    def ask_for_a_fork(self, size: int, held: Held | None = None) -> httpx.Response:
        """Ask the restored witness to cosign another history of EAST, which goes on from what it knew."""
        held = held or self.row()
        assert held is not None
        with opened(self.roots[EAST]) as node:
            leaves = [leaf_hash(entry) for entry in node.log.entries(0, held.size)]
            leaves += [leaf_hash(b"another history %d" % number) for number in range(size - held.size)]
            signer = LogSigner(EAST, node.signer("log"), node.clock)
            forked = sign_checkpoint(Checkpoint(EAST, size, root_of(leaves)), signer)
        body = format_add_checkpoint(
            AddCheckpoint(held.size, consistency_proof(leaves, held.size, size), forked)
        )
        return httpx.post(f"{self.urls[self.restored]}/witness/add-checkpoint", content=body, timeout=30)

    def recover(self, *without: str, accept: tuple[str, ...] = ()) -> Recovered | None:
        request = RecoverRequest(at={}, without=without, accept=accept)
        return recover_log(self.roots[self.restored], nobody, request)


@pytest.fixture
def stage(restored_unit: Linked, tmp_path: Path) -> Stage:
    return Stage(copied(restored_unit[0], tmp_path), restored_unit[1])


def size_of(root: Path) -> int:
    with opened(root) as node:
        return node.log.head().checkpoint.size


def test_a_restored_witness_cosigns_no_fork_of_a_log_that_it_had_cosigned_further(stage: Stage) -> None:
    """EAST hides its published state; SOUTH has kept it, with NORTH's own signature."""
    old, new = stage.row(), size_of(stage.roots[EAST])
    assert old is not None
    assert old.size == new - 4
    with stage.serving(EAST):
        for _ in range(2):
            answer = stage.ask_for_a_fork(new)
            assert answer.status_code == 503
            assert "forgotten" in answer.text
    assert stage.row() == old
    assert {stage.hold(origin) for origin in (EAST, SOUTH)} == {Hold.RESTORED}
    with stage.serving():
        assert stage.ask_for_a_fork(new).status_code == 503, "also after a restart"
        done = stage.recover()
        assert done is not None
        assert (done.source, done.learnt) == ("", (Learnt(EAST, new - 4, new),))
        # Now the fork is seen to be one, and the true history goes on.
        assert stage.ask_for_a_fork(new + 3, old).status_code == 409
        assert stage.restored in grow(stage.roots[EAST], 1)
    learnt, pending = stage.row(), stage.row(PENDING_ROW)
    assert learnt is not None
    assert pending is not None
    assert (learnt.size, pending.size) == (new + 1, new + 1)
    assert stage.hold() is None


def test_a_restored_witness_outside_the_unit_cosigns_no_fork(stage: Stage) -> None:
    """Its own log is witnessed by nobody: that it was restored shows nowhere but in what others keep."""
    stage.restored = PRESS
    with stage.serving(EAST):
        assert stage.ask_for_a_fork(size_of(stage.roots[EAST])).status_code == 503
    with stage.serving():
        done = stage.recover()
        assert done is not None
        assert [each.origin for each in done.learnt] == [EAST]
        assert stage.restored in grow(stage.roots[EAST], 1)


def test_while_its_own_log_is_an_old_copy_nothing_is_cosigned(stage: Stage) -> None:
    """The node refuses to sign its own log after a restore; its memory of others' logs is as old."""
    with opened(stage.roots[NORTH]) as north:
        signer = LogSigner(NORTH, north.signer("log"), north.clock)
        ahead = sign_checkpoint(Checkpoint(NORTH, 99, bytes(32)), signer)
        with pytest.raises(Exception, match="99"):
            north.log.check_witness_head(ahead)
    with stage.serving(EAST, SOUTH):
        assert stage.ask_for_a_fork(7).status_code == 503


def test_whose_owner_is_away_is_not_cosigned_until_it_answers(stage: Stage) -> None:
    new = size_of(stage.roots[EAST])
    with stage.serving(EAST):
        done = stage.recover(EAST)
        assert done is not None
        (learnt,) = done.learnt
        # What SOUTH shows is taken over, but EAST may have had more of it signed.
        assert (learnt.origin, learnt.new, learnt.hold) == (EAST, new, Hold.UNLEARNT)
        assert "does not answer" in learnt.why
        assert stage.ask_for_a_fork(new + 2).status_code == 503
        assert stage.hold(SOUTH) is None
    with stage.serving():
        assert stage.recover() is None
        assert stage.restored in grow(stage.roots[EAST], 1)


def test_a_serving_node_learns_by_itself_when_the_owner_is_back(stage: Stage) -> None:
    with stage.serving(EAST):
        stage.recover(EAST)
    with served(stage.roots, stage.urls, 0.05):
        end = time.monotonic() + 20
        while stage.hold() is not None and time.monotonic() < end:
            time.sleep(0.05)
    assert stage.hold() is None


def test_an_operator_can_accept_that_nobody_tells(stage: Stage) -> None:
    with stage.serving(EAST):
        first = stage.recover(EAST)
        assert first is not None
        assert stage.hold() is Hold.UNLEARNT
        assert stage.recover(EAST, accept=(EAST,)) is None
        assert stage.hold() is None


def test_a_log_that_had_two_histories_signed_is_never_cosigned_again(stage: Stage) -> None:
    """NORTH was restored, forgot, and has signed on: what is then shown to it is a proof, and is kept."""
    with opened(stage.roots[NORTH]) as north, opened(stage.roots[EAST]) as east:
        held = stage.row()
        assert held is not None
        forked = forked_row(east, held.size + 1)
        name = WITNESS_ROW + origin_hash(EAST)
        north.register.swap(name, north.register.get(name), format_held(forked))
    with stage.serving():
        done = stage.recover()
        assert done is not None
        assert [(each.origin, each.hold) for each in done.learnt] == [(EAST, Hold.FORKED)]
        assert stage.ask_for_a_fork(20).status_code == 503
    kept = list((stage.roots[NORTH] / "state/suspect" / origin_hash(EAST) / "fork").iterdir())
    assert len(kept) == 2


def forked_row(east: Node, size: int) -> Held:
    """Return a state that EAST has signed, and that is not of its published history."""
    signer = LogSigner(EAST, east.signer("log"), east.clock)
    return Held(size, bytes(32), 1, sign_checkpoint(Checkpoint(EAST, size, bytes(32)), signer))
