"""Test that a check of a copy names the files that are at fault, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

import pytest
from tests.unit.tlog.signers import ORIGIN, log_signer

from hisn.core.limits import MAX_PROBLEMS_LISTED
from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.fork import verify_fork
from hisn.tlog.fsck import Kind, Report, compare_copies, fsck
from hisn.tlog.sign import sign_checkpoint
from hisn.tlog.tile import ENTRIES, encode_bundle, right_edge

KEYS = log_signer().keys
SIZE = 66_000
"""257 full tiles and one of 208 hashes at level 0; one full and one of 1 at level 1; one of 1 at level 2."""
Files = dict[str, bytes]


def entry(index: int) -> bytes:
    return b"entry %d" % index


def checkpoint(size: int, root: bytes, seed: int = 1) -> bytes:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), log_signer(ORIGIN, seed))


@cache
def original(size: int = SIZE) -> Files:
    entries = [entry(index) for index in range(size)]
    edge, tiles = Edge().append([merkle.leaf_hash(each) for each in entries])
    return {"checkpoint": checkpoint(size, edge.root())} | tiles | entry_tiles(0, [], entries)


@pytest.fixture
def files() -> Files:
    return dict(original())


def check(files: Files, names: Iterable[str] | None = None) -> Report:
    return fsck(files.get, KEYS, names=files if names is None else names)


def found(report: Report) -> set[tuple[str, str]]:
    assert sum(report.counts.values()) == len(report.problems)
    assert all(problem.why for problem in report.problems)
    return {(problem.kind.value, problem.name) for problem in report.problems}


def flip(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def refused(code: str, act: Callable[[], object]) -> str:
    with pytest.raises(VerificationError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700, 65_536, SIZE])
def test_copy_that_is_as_it_was_signed_is_sound(size: int) -> None:
    files = original(size)
    report = check(files)
    assert found(report) == set()
    assert report.entries == size
    assert report.files == len(files)
    assert report.require_sound().size == size


def test_each_file_of_a_sound_copy_is_read_once(files: Files) -> None:
    asked: list[str] = []

    def get(name: str) -> bytes | None:
        asked.append(name)
        return files.get(name)

    fsck(get, KEYS)
    assert sorted(asked) == sorted(files)


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/000", "tile/0/256", "tile/0/257.p/208", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1",
        "tile/entries/000", "tile/entries/257.p/208",
    ],
)  # fmt: skip
def test_single_file_at_fault_is_named_and_no_other(files: Files, name: str) -> None:
    whole = files.pop(name)
    assert found(check(files)) == {("missing", name)}
    for damaged in (flip(whole, 3), flip(whole, len(whole) - 1), whole[:-1]):
        files[name] = damaged
        report = check(files)
        assert found(report) == {("wrong", name)}
        refused("E3232", report.require_sound)


def test_several_files_at_fault_are_named_and_no_others(files: Files) -> None:
    names = ["tile/2/000.p/1", "tile/1/000", "tile/0/003", "tile/0/257.p/208", "tile/0/100"]
    for name in names[:3]:
        files[name] = flip(files[name])
    for name in names[3:]:
        del files[name]
    report = check(files)
    assert found(report) == {("wrong", name) for name in names[:3]} | {
        ("missing", name) for name in names[3:]
    }
    assert report.entries == SIZE


def test_tile_is_made_of_tiles_and_entries_whichever_are_right(files: Files) -> None:
    """Neither the tiles under it nor the entries alone lead to the missing one: each has a fault."""
    del files["tile/1/000"]
    files["tile/0/001"] = flip(files["tile/0/001"])
    files["tile/entries/000"] = flip(files["tile/entries/000"], 5)
    assert found(check(files)) == {
        ("missing", "tile/1/000"), ("wrong", "tile/0/001"), ("wrong", "tile/entries/000"),
    }  # fmt: skip


def test_entry_beside_the_signed_hashes_is_named(files: Files) -> None:
    entries = [entry(index) for index in range(512, 768)]
    entries[9] = b"forged"
    files["tile/entries/002"] = encode_bundle(entries)
    report = check(files)
    assert found(report) == {("wrong", "tile/entries/002")}
    assert "the first to differ is entry 521" in report.problems[0].why
    assert report.entries == SIZE - 256


def test_tile_and_its_bundle_both_at_fault_leave_their_entries_unproven(files: Files) -> None:
    del files["tile/0/003"]
    files["tile/entries/003"] = flip(files["tile/entries/003"], 5)
    report = check(files)
    assert found(report) == {
        ("missing", "tile/0/003"), ("unproven", "tile/0/003"),
    }  # fmt: skip
    del files["tile/entries/003"]
    assert found(check(files)) == {
        ("missing", "tile/0/003"), ("unproven", "tile/0/003"), ("missing", "tile/entries/003"),
    }  # fmt: skip
    assert check(files).entries == SIZE - 256


def test_forged_entry_with_its_hash_forged_too_does_not_lead_to_the_root(files: Files) -> None:
    """Whoever changes an entry changes the tile above it, but cannot change what was signed."""
    entries = [entry(index) for index in range(512, 768)]
    entries[9] = b"forged"
    files["tile/entries/002"] = encode_bundle(entries)
    files["tile/0/002"] = b"".join(merkle.leaf_hash(each) for each in entries)
    report = check(files)
    assert found(report) == {("wrong", "tile/0/002"), ("unproven", "tile/0/002")}
    assert report.entries == SIZE - 256


def test_tiles_under_one_that_cannot_be_made_again_are_looked_at(files: Files) -> None:
    for name in ("tile/1/000", "tile/0/007", "tile/entries/007"):
        del files[name]
    files["tile/entries/009"] = flip(files["tile/entries/009"], 5)
    report = check(files)
    assert found(report) == {
        ("missing", "tile/1/000"), ("unproven", "tile/1/000"),
        ("missing", "tile/0/007"), ("missing", "tile/entries/007"), ("wrong", "tile/entries/009"),
    }  # fmt: skip
    assert report.entries == SIZE - 65_536


def test_copy_of_another_history_does_not_lead_to_the_root(files: Files) -> None:
    files["checkpoint"] = checkpoint(SIZE, merkle.leaf_hash(b"other"))
    report = check(files)
    assert found(report) == {("unproven", "checkpoint")}
    assert report.entries == 0
    files["tile/0/002"] = flip(files["tile/0/002"])
    del files["tile/0/003"]
    del files["tile/1/001.p/1"]
    assert found(check(files)) == {
        ("unproven", "checkpoint"), ("wrong", "tile/0/002"), ("wrong", "tile/entries/002"),
        ("missing", "tile/0/003"), ("missing", "tile/1/001.p/1"),
    }  # fmt: skip


def test_missing_tile_in_an_unproven_log_ends_the_walk_there(files: Files) -> None:
    files["checkpoint"] = checkpoint(SIZE, merkle.leaf_hash(b"other"))
    del files["tile/1/000"]
    assert found(check(files)) == {("unproven", "checkpoint"), ("missing", "tile/1/000")}


def test_edge_that_cannot_be_made_again_is_named(files: Files) -> None:
    del files["tile/0/257.p/208"]
    del files["tile/entries/257.p/208"]
    report = check(files)
    assert found(report) == {
        ("unproven", "checkpoint"), ("missing", "tile/0/257.p/208"), ("missing", "tile/entries/257.p/208"),
    }  # fmt: skip


def test_empty_log_with_a_root_is_named() -> None:
    report = check({"checkpoint": checkpoint(0, merkle.leaf_hash(b""))})
    assert found(report) == {("wrong", "checkpoint")}


def test_without_a_checkpoint_nothing_can_be_checked(files: Files) -> None:
    good = files.pop("checkpoint")
    report = check(files)
    assert found(report) == {("missing", "checkpoint")}
    refused("E3232", report.require_sound)
    for bad in (b"", flip(good), checkpoint(SIZE, bytes(32), seed=2)):
        report = check(files | {"checkpoint": bad})
        assert found(report) == {("wrong", "checkpoint")}
        assert report.checkpoint is None
    assert fsck(files.get, KEYS, checkpoint=good).require_sound().size == SIZE


def test_newer_checkpoint_than_the_published_one_can_be_checked(files: Files) -> None:
    """What is sequenced and not yet witnessed is checked, too."""
    newest = files["checkpoint"]
    files["checkpoint"] = original(700)["checkpoint"]
    report = fsck(files.get, KEYS, checkpoint=newest, names=files)
    assert report.require_sound().size == SIZE


def test_files_that_no_log_of_the_size_has_are_extra(files: Files) -> None:
    small = original(700)
    extra = {
        "tile/0/003": b"", "tile/0/002.p/189": b"", "tile/0/002": b"", "tile/3/000.p/1": b"",
        "tile/entries/003.p/1": b"", "tile/0/000.p/256": b"", "notes.txt": b"", "tile/0/../../../keys/a": b"",
    }  # fmt: skip
    assert found(check(small | extra)) == {("extra", name) for name in extra}


def test_full_tile_that_is_not_full_is_reported() -> None:
    """Caches keep what stands under the full name for ever (tessera #364, #1178)."""
    small = dict(original(700))
    small["tile/0/002"] = small["tile/0/002.p/188"]
    assert found(check(small)) == {("extra", "tile/0/002")}
    del small["tile/0/002.p/188"]
    assert found(check(small)) == {("wrong", "tile/0/002.p/188"), ("extra", "tile/0/002")}


def test_partial_tile_may_go_once_the_full_one_is_there() -> None:
    grown = original(1_000)
    small = {name: data for name, data in original(700).items() if name != "tile/0/002.p/188"}
    small["tile/0/002"] = grown["tile/0/002"]
    assert found(check(small, names=())) == set()


def test_older_partial_tiles_must_be_the_beginning_of_what_grew_from_them(files: Files) -> None:
    older = original(700)
    files |= {name: data for name, data in older.items() if ".p/" in name}
    assert found(check(files)) == set()
    files["tile/0/002.p/188"] = flip(older["tile/0/002.p/188"])
    files["tile/entries/002.p/188"] = flip(older["tile/entries/002.p/188"], 5)
    files["tile/1/000.p/2"] = older["tile/1/000.p/2"][:-1]
    assert found(check(files)) == {
        ("wrong", "tile/0/002.p/188"), ("wrong", "tile/entries/002.p/188"), ("wrong", "tile/1/000.p/2"),
    }  # fmt: skip


def test_name_that_is_listed_and_not_there_is_reported() -> None:
    small = original(300)
    del (gone := dict(small))["tile/0/001.p/44"]
    assert found(check(gone, names=[*gone, "tile/0/001.p/3"])) == {
        ("missing", "tile/0/001.p/44"), ("missing", "tile/0/001.p/3"),
    }  # fmt: skip


def test_long_list_of_problems_is_cut_and_counted() -> None:
    files = original(300)
    names = [f"{'x' * 1_000}{number}" for number in range(MAX_PROBLEMS_LISTED + 5)]
    report = check(files, names)
    assert report.counts[Kind.EXTRA] == MAX_PROBLEMS_LISTED + 5
    assert len(report.problems) == MAX_PROBLEMS_LISTED
    assert max(len(problem.name) for problem in report.problems) == 200


def test_huge_size_with_nothing_to_show_costs_little() -> None:
    """A log may sign any size, and give out the edge that its root needs: no check walks 2**55 tiles."""
    size = merkle.MAX_SIZE
    edge_tiles = {
        str(path): b"".join(merkle.leaf_hash(b"%d" % at) for at in range(path.width))
        for path in right_edge(size)
    }
    nodes = tuple(edge_tiles[str(path)] for path in right_edge(size) if path.level != ENTRIES)
    signed = checkpoint(size, Edge(size, nodes).root())
    asked: list[str] = []

    def ask(files: Files, name: str) -> bytes | None:
        asked.append(name)
        return files.get(name)

    report = fsck(partial(ask, {}), KEYS, checkpoint=signed)
    assert report.counts == {Kind.UNPROVEN: 1, Kind.MISSING: 9}
    assert len(asked) < 300
    report = fsck(partial(ask, edge_tiles), KEYS, checkpoint=signed)
    assert report.counts[Kind.UNPROVEN] == 255 * 6 + 127
    assert report.entries == 0
    assert len(asked) < 50_000


def test_two_copies_of_one_history_have_no_fork() -> None:
    for sizes in ((300, 700), (700, 300), (700, 700), (0, 1)):
        first, second = (original(size) for size in sizes)
        assert compare_copies(first.get, second.get, KEYS) is None


def test_two_copies_of_two_histories_are_a_fork() -> None:
    entries = [entry(index) for index in range(900)]
    entries[650] = b"other"
    edge, tiles = Edge().append([merkle.leaf_hash(each) for each in entries])
    other = {"checkpoint": checkpoint(900, edge.root())} | tiles
    fork = compare_copies(original(700).get, other.get, KEYS)
    assert fork
    assert fork.index == 650
    verify_fork(fork, KEYS)


def test_copy_without_a_checkpoint_or_with_a_withheld_tile_cannot_be_compared() -> None:
    refused("E3224", partial(compare_copies, original(700).get, Files().get, KEYS))
    gone = dict(original(900))
    del gone["tile/0/003.p/132"]
    message = refused("E3224", partial(compare_copies, original(700).get, gone.get, KEYS))
    assert "tile/0/003.p/132 is withheld" in message
