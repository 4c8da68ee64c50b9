"""Test that forks are found where they are, and proven to others only if they are real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import pytest
from tests.unit.tlog.signers import ORIGIN, log_signer

from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.edge import Edge
from hisn.tlog.fork import Fork, fetch_leaf, find_fork, verify_fork
from hisn.tlog.sign import format_note, sign_checkpoint
from hisn.tlog.tile import TileReader, encode_bundle

KEYS = log_signer().keys


class Copy:
    """A signed log whose entries are those numbers; counts the tiles that are asked for."""

    def __init__(self, leaves: list[int], origin: str = ORIGIN, seed: int = 1) -> None:
        hashes = [merkle.leaf_hash(b"%d" % leaf) for leaf in leaves]
        edge, self.files = Edge().append(hashes)
        self.asked: list[str] = []
        head = Checkpoint(origin, edge.size, edge.root())
        self.signed: SignedCheckpoint = parse_signed_checkpoint(
            sign_checkpoint(head, log_signer(origin, seed))
        )
        self.reader = TileReader(self.get, edge.size, edge.root())

    def get(self, name: str) -> bytes | None:
        self.asked.append(name)
        return self.files.get(name)


def find(first: Copy, second: Copy) -> Fork | None:
    return find_fork(first.signed, first.reader, second.signed, second.reader)


@cache
def forked(at: int = 700, first: int = 1_000, second: int = 1_300) -> Fork:
    other = [*range(at), -1, *range(at + 1, second)]
    fork = find(Copy(list(range(first))), Copy(other))
    assert fork
    return fork


def refused(code: str, act: Callable[[], object]) -> str:
    with pytest.raises(VerificationError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (700, 300), (256, 257), (0, 9), (0, 0)])
def test_log_that_only_grew_has_no_fork(sizes: tuple[int, int]) -> None:
    first, second = (Copy(list(range(size))) for size in sizes)
    assert find(first, second) is None


def test_one_size_with_two_roots_is_a_fork_without_a_tile() -> None:
    first, second = Copy([1, 2, 3]), Copy([1, 2, 4])
    fork = find(first, second)
    assert fork
    assert fork.index is None
    assert first.asked == second.asked == []
    verify_fork(fork, KEYS)


@pytest.mark.parametrize("at", [0, 1, 255, 256, 511, 512, 767, 998, 999])
@pytest.mark.parametrize(("first", "second"), [(1_000, 1_001), (1_001, 1_000), (1_000, 66_000)])
def test_first_index_that_differs_is_found(at: int, first: int, second: int) -> None:
    # All entries behind the first are other ones, too.
    other = [*range(at), *range(10**6, 10**6 + second - at)]
    fork = find(Copy(list(range(first))), Copy(other))
    assert fork
    assert fork.index == at
    verify_fork(fork, KEYS)
    assert fork.first.leaf == merkle.leaf_hash(b"%d" % at)


def test_the_entry_at_a_fork_is_fetched_if_it_is_the_one_that_was_signed() -> None:
    fork = forked(at=300)
    bundle = {"tile/entries/001": encode_bundle([b"%d" % leaf for leaf in range(256, 512)])}
    assert fetch_leaf(bundle.get, fork, fork.first) == b"300"
    # Of the other side it is not the one; withheld, there is none; and of two roots there is no entry.
    assert fetch_leaf(bundle.get, fork, fork.second) is None
    assert fetch_leaf(lambda _name: None, fork, fork.first) is None
    heads = find(Copy([1]), Copy([2]))
    assert heads
    assert fetch_leaf(bundle.get, heads, heads.first) is None


def test_search_reads_a_few_tiles_of_a_large_log() -> None:
    size = 70_000
    first, second = Copy(list(range(size))), Copy([*range(40_000), -1, *range(40_001, size + 9)])
    fork = find(first, second)
    assert fork
    assert fork.index == 40_000
    assert len(first.asked) < 8
    assert len(second.asked) < 8


def test_copy_that_does_not_hold_what_was_signed_proves_nothing() -> None:
    """A mirror that damaged a tile must not make the log's owner look like a liar."""
    first, second = Copy(list(range(1_000))), Copy(list(range(1_300)))
    second.files["tile/0/000"] = bytes(8_192)
    assert find(first, second) is None  # what was damaged is not needed
    liar = Copy([*range(700), -1, *range(701, 1_300)])
    liar.files["tile/0/002"] = Copy(list(range(1_300))).files["tile/0/002"]
    refused("E3225", partial(find, first, liar))


def test_readers_that_contradict_the_roots_prove_nothing() -> None:
    first, second = Copy(list(range(10))), Copy([*range(7), -1, 8, 9, 10])
    same = Copy(list(range(11)))
    with pytest.raises(VerificationError) as caught:
        find_fork(first.signed, first.reader, second.signed, _Half(second.reader, same.reader))
    assert caught.value.code == "E3231"


class _Half:
    """Answer one way while the root is computed, and another way afterwards."""

    def __init__(self, before: TileReader, after: TileReader) -> None:
        self.readers = iter([before] * 2)
        self.after = after

    def read(self, level: int, index: int) -> bytes:
        return next(self.readers, self.after).read(level, index)


def test_fork_of_a_log_that_changed_its_keys_is_proven() -> None:
    first, second = Copy([1, 2, 3]), Copy([1, 9, 3, 4], seed=2)
    fork = find(first, second)
    assert fork
    verify_fork(fork, KEYS, log_signer(ORIGIN, 2).keys)
    with pytest.raises(VerificationError):
        verify_fork(fork, KEYS)


def test_two_logs_are_no_fork() -> None:
    first, second = Copy([1, 2, 3]), Copy([1, 2, 4], origin="log.example/two")
    fork = find(first, second)
    assert fork
    assert "two logs" in refused(
        "E3230", partial(verify_fork, fork, KEYS, log_signer("log.example/two").keys)
    )


def test_one_checkpoint_shown_twice_is_no_fork() -> None:
    fork = Fork(forked().first, forked().first)
    assert "two roots" in refused("E3230", partial(verify_fork, fork, KEYS))


def test_two_sizes_alone_are_no_fork() -> None:
    fork = replace(forked(), index=None)
    assert "two roots" in refused("E3230", partial(verify_fork, fork, KEYS))


def test_one_entry_in_two_sizes_is_no_fork() -> None:
    first, second = Copy(list(range(10))), Copy(list(range(12)))
    sides = [
        replace(
            forked().first,
            checkpoint=copy.signed.raw,
            leaf=copy.reader.read(0, 4),
            path=merkle.inclusion_at(4, copy.reader.size, copy.reader),
        )
        for copy in (first, second)
    ]
    message = refused("E3230", partial(verify_fork, Fork(sides[0], sides[1], 4), KEYS))
    assert "same entry 4" in message


def test_log_cannot_be_framed_with_a_checkpoint_it_did_not_sign() -> None:
    """Somebody who has one stolen key, or none, makes the second checkpoint."""
    fork = forked()
    thief = Copy([7, 8], seed=3)
    refused(
        "E3206",
        partial(verify_fork, Fork(fork.first, replace(fork.second, checkpoint=thief.signed.raw)), KEYS),
    )
    note = parse_signed_checkpoint(fork.second.checkpoint).note
    for half in note.signatures:
        one = replace(fork.second, checkpoint=format_note(note.text, [half]))
        refused("E3212", partial(verify_fork, replace(fork, second=one), KEYS))


@pytest.mark.parametrize("index", [699, 701, 10**18])
def test_fork_at_another_index_is_refused(index: int) -> None:
    refused("E3220", partial(verify_fork, replace(forked(), index=index), KEYS))


def test_fork_with_another_leaf_or_path_is_refused() -> None:
    fork = forked()
    for second in (
        replace(fork.second, leaf=merkle.leaf_hash(b"other")),
        replace(fork.second, path=fork.second.path[:-1]),
        replace(fork.second, path=fork.first.path),
        replace(fork.second, leaf=b""),
    ):
        refused("E3220", partial(verify_fork, replace(fork, second=second), KEYS))
