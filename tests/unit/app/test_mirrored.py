"""The copy of another's log is read up to a state that a quorum cosigned, and no entry is believed."""

from __future__ import annotations

import pytest
from tests.unit.app.nodes import EAST, NORTH, World, mirror

from hisn.app.heads import Heads
from hisn.app.member import Draft
from hisn.app.mirrored import MirroredLog, mirrored
from hisn.errors import HisnError, StorageError, VerificationError
from hisn.node.copy import LogCopy
from hisn.node.known import origin_hash
from hisn.tlog.merkle import leaf_hash, verify_inclusion


def test_entries_and_proofs_come_out_of_the_copy(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        mirror(east, north)
        with mirrored(north, EAST) as copy:
            assert copy is not None
            head = copy.log.head().checkpoint
            assert list(copy.log.entries(0, head.size)) == list(east.log.entries(0, head.size))
            leaf = copy.log.read_entry(2)
            verify_inclusion(leaf_hash(leaf), 2, head.size, copy.log.inclusion(2), head.root)
            assert copy.fold.table.counts() == east.member.fold.table.counts()


def test_without_a_copy_or_a_cosigned_state_there_is_nothing(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        with mirrored(north, EAST) as copy:
            assert copy is None
        published = east.log.published()
        assert published is not None
        Heads(north).keep(published.raw)  # the state came, the entries did not yet
        with mirrored(north, EAST) as copy:
            assert copy is None


def test_a_copy_that_went_on_is_read_at_the_state_that_was_cosigned(unit: World) -> None:
    """Uploads may jump over a state: the last tiles of it are cut from wider ones."""
    with unit.open(EAST, NORTH) as (east, north):
        published = east.log.published()
        assert published is not None
        Heads(north).keep(published.raw)
        draft = Draft(kind="observation", public={"what": "x", "digest": "00" * 32})
        east.member.record([draft] * 9)
        size = east.log.head().checkpoint.size
        LogCopy(origin_hash(EAST), north.blobs, north.register).add(0, list(east.log.entries(0, size)))
        with mirrored(north, EAST) as copy:
            assert copy is not None
            assert copy.log.head() == published
            assert copy.fold.table.folded()[0] == published.checkpoint.size


def test_a_changed_copy_gives_nothing_out(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        mirror(east, north)
        for path in (unit.roots[NORTH] / "mirror").rglob("entries/**/*"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:-1] + b"?")
        with pytest.raises(HisnError), mirrored(north, EAST) as copy:
            assert copy is None


def test_a_copy_of_another_tree_than_the_one_cosigned_is_refused(unit: World) -> None:
    with unit.open(EAST, NORTH) as (east, north):
        published = east.log.published()
        assert published is not None
        entries = list(north.log.entries(0, 2)) * 5
        LogCopy(origin_hash(EAST), north.blobs, north.register).add(0, entries)
        Heads(north).keep(published.raw)
        with pytest.raises(StorageError), mirrored(north, EAST):
            raise AssertionError("it is another log")
        with pytest.raises(VerificationError):
            MirroredLog(north.blobs, published).read_entry(0)
