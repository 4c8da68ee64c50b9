"""Damage copies of logs at random, fork them at random, and feed a monitor at random."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tlog.signers import ORIGIN, log_signer

from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.fork import verify_fork
from hisn.tlog.fsck import Kind, compare_copies, fsck
from hisn.tlog.sign import sign_checkpoint
from hisn.tlog.tile import parse_tile_path
from hisn.tlog.trusted import TrustedLog

KEYS = log_signer().keys
Files = dict[str, bytes]
sizes = st.integers(0, 700)


@cache
def signed(size: int, root: bytes) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), log_signer())


def copy_of(entries: list[bytes]) -> Files:
    edge, tiles = Edge().append([merkle.leaf_hash(entry) for entry in entries])
    return {"checkpoint": signed(edge.size, edge.root())} | tiles | entry_tiles(0, [], entries)


def history(size: int, forked_at: int | None = None) -> list[bytes]:
    """Return entries that are those of the one history up to `forked_at`."""
    forked_at = size if forked_at is None else forked_at
    return [b"%d" % at if at < forked_at else b"other %d" % at for at in range(size)]


damages = st.lists(
    st.tuples(
        st.integers(0, 99), st.sampled_from(("gone", "flip", "cut", "longer", "other")), st.integers(0, 10**6)
    ),
    max_size=4,
)


def damage(files: Files, how: str, name: str, at: int) -> None:
    data = files[name]
    at_byte = at % max(1, len(data))
    match how:
        case "gone":
            del files[name]
        case "flip":
            files[name] = (
                data[:at_byte]
                + bytes([each ^ 1 for each in data[at_byte : at_byte + 1]])
                + data[at_byte + 1 :]
            )
        case "cut":
            files[name] = data[:at_byte]
        case "longer":
            files[name] = data + bytes(1 + at % 64)
        case _:
            files[name] = files[sorted(files)[at % len(files)]]


@settings(deadline=None)
@given(st.integers(1, 700), damages)
def test_check_of_a_damaged_copy_names_what_was_damaged_and_raises_nothing(
    size: int, hurts: list[tuple[int, str, int]]
) -> None:
    whole = copy_of(history(size))
    files = dict(whole)
    for which, how, at in hurts:
        if names := sorted(set(files) - {"checkpoint"}):
            damage(files, how, names[which % len(names)], at)
    hurt = {name for name in whole if files.get(name) != whole[name]}
    report = fsck(files.get, KEYS, names=files)
    blamed = {problem.name for problem in report.problems if problem.kind is not Kind.UNPROVEN}
    # A tile that was damaged together with the bundle under it can hide neither.
    assert bool(blamed) == bool(hurt)
    doubles = {
        name
        for name in hurt
        if name.startswith("tile/entries/") and str(name).replace("entries", "0", 1) in hurt
    }
    if not doubles:
        assert blamed == hurt
        assert report.counts[Kind.UNPROVEN] == 0
    assert report.entries <= size


@settings(deadline=None)
@given(st.integers(0, 300), st.dictionaries(st.text(max_size=30), st.binary(max_size=40), max_size=5))
def test_check_of_any_files_raises_nothing(size: int, files: Files) -> None:
    for each in (files, files | {"checkpoint": copy_of(history(size))["checkpoint"]}):
        report = fsck(each.get, KEYS, names=each)
        if report.checkpoint and not report.problems:
            assert size == 0
            assert set(each) == {"checkpoint"}
        else:
            with pytest.raises(VerificationError, match="not as they were signed"):
                report.require_sound()


@settings(deadline=None, max_examples=60)
@given(sizes, sizes, sizes)
def test_fork_is_found_at_the_first_entry_that_differs(first: int, second: int, at: int) -> None:
    copies = copy_of(history(first)), copy_of(history(second, at))
    fork = compare_copies(copies[0].get, copies[1].get, KEYS)
    if at >= min(first, second):
        assert fork is None
        return
    assert fork
    verify_fork(fork, KEYS)
    assert fork.index == (None if first == second else at)


steps = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)), max_size=12)


def state(size: int, forked_at: int) -> tuple[SignedCheckpoint, list[bytes]]:
    leaves = [merkle.leaf_hash(entry) for entry in history(size, forked_at)]
    return parse_signed_checkpoint(signed(size, merkle.root_of(leaves))), leaves


@settings(deadline=None)
@given(steps)
def test_trust_only_grows_along_one_history(moves: list[tuple[int, int, int]]) -> None:
    log = TrustedLog(KEYS)
    held: list[bytes] = []
    for size, forked_at, proven_from in moves:
        new, leaves = state(size, forked_at)
        proof = merkle.consistency_proof(leaves, proven_from) if 0 < proven_from <= size else ()
        before, kept = log.checkpoint, len(log.suspects)
        try:
            log.update(new, proof)
        except VerificationError:
            assert log.checkpoint == before
            assert len(log.suspects) >= kept
        else:
            assert leaves[: len(held)] == held
            held = leaves
    for suspect in log.suspects:
        if fork := suspect.fork():
            verify_fork(fork, KEYS)


@given(st.sampled_from(sorted(copy_of(history(600)))))
def test_every_file_of_a_log_has_a_name_that_we_read(name: str) -> None:
    if name != "checkpoint":
        assert str(parse_tile_path(name)) == name
