"""Opening a log: what was committed is finished, and nothing is signed over an old copy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from tests.unit.tlog.logs import NAMES, NO_QUORUM, Place, filled, leaves, signed, signer_of

from hisn.errors import StorageError, VerificationError
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.ports import Conflict
from hisn.tlog.recover import (
    Home,
    bundles_between,
    load,
    newer_file,
    published_file,
    settle_published,
    tile_path,
)
from hisn.tlog.staging import parse_row


class Dying(MemoryBlobs):
    """Die before the call that a test names."""

    deadly = ""

    def _die(self, call: str) -> None:
        if call == self.deadly:
            raise KeyboardInterrupt

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        self._die("put_many")
        super().put_many(items)

    def delete(self, name: str) -> None:
        self._die("delete")
        super().delete(name)

    def replace(self, name: str, data: bytes) -> None:
        self._die("replace")
        super().replace(name, data)


def home_of(place: Place) -> Home:
    return Home(signer_of().keys, place.blobs, place.register)


def refused(place: Place, code: str) -> LogWriter:
    """Open a log that must not be signed, and try to."""
    before = dict(place.register.values)
    writer = place.open()
    assert writer.refusal is not None
    assert writer.refusal.code == code
    assert "hisn node recover" in writer.refusal.hint
    for call in (
        lambda: writer.append([b"fork"]),
        lambda: writer.publish(writer.head().raw, NO_QUORUM),
        lambda: writer.check_witness_head(writer.head().raw),
    ):
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.code == code
    assert place.register.values == before
    return writer


@pytest.mark.parametrize("deadly", ["put_many", "delete"])
def test_a_commit_whose_files_were_not_written_is_finished_at_the_next_start(deadly: str) -> None:
    place = Place(blobs=(blobs := Dying()))
    writer = place.create()
    writer.append(leaves(10))
    blobs.deadly = deadly
    with pytest.raises(KeyboardInterrupt):
        writer.append(leaves(300, 10))
    blobs.deadly = ""
    assert list(place.blobs.list("state/staging/"))
    again = place.open()
    assert again.refusal is None
    assert list(again.entries(0, 310)) == leaves(310)
    assert not list(place.blobs.list("state/staging/"))


def test_a_bundle_that_was_never_committed_goes_when_the_log_has_grown() -> None:
    place, writer = filled(5)
    litter = f"{NAMES.staging}5-{'0' * 64}"
    place.blobs.files |= {litter: b"x", f"{NAMES.staging}README": b"x"}
    place.open()
    assert litter in place.blobs.files, "another process may be about to commit it"
    writer.append([b"x"])
    place.open()
    assert list(place.blobs.list("state/staging/")) == [f"{NAMES.staging}README"]


def test_an_old_register_beside_new_files_signs_nothing() -> None:
    place, writer = filled(5)
    old = place.backup()
    for size in (1, 250, 1, 300):
        writer.append(leaves(size, writer.head().checkpoint.size))
        place.backup()
        restored = Place(blobs=place.backup().blobs, register=old.backup().register)
        held = refused(restored, "E5207")
        assert list(held.entries(0, 5)) == leaves(5), "reading goes on"


@pytest.mark.parametrize("name", ["tile/0/000.p/9", "tile/entries/000.p/9", "tile/0/000", "tile/1/000.p/1"])
def test_any_file_beyond_the_register_is_enough(name: str) -> None:
    place, _ = filled(5)
    place.blobs.files[f"{NAMES.folder}{name}"] = b"x"
    assert newer_file(home_of(place), 5) == name
    refused(place, "E5207")


def test_a_published_file_beyond_the_register_is_enough() -> None:
    place, writer = filled(5)
    old = place.backup()
    writer.append([b"x"])
    writer.publish(writer.head().raw, NO_QUORUM)
    old.blobs.files[NAMES.checkpoint] = place.blobs.files[NAMES.checkpoint]
    refused(old, "E5207")


def test_a_bundle_beyond_the_register_is_enough() -> None:
    place, _ = filled(5)
    place.blobs.files[f"{NAMES.staging}6-{'0' * 64}"] = b"x"
    refused(place, "E5207")


def test_old_files_beside_a_new_register_sign_nothing() -> None:
    place, writer = filled(5)
    old = place.backup()
    writer.append(leaves(10, 5))
    writer = refused(Place(blobs=old.blobs, register=place.backup().register), "E5208")
    with pytest.raises(VerificationError):
        writer.read_entry(12)


def test_a_restored_backup_of_everything_signs_until_a_witness_shows_more() -> None:
    place, writer = filled(5)
    old = place.backup()
    writer.append([b"lost"])
    witnessed = writer.head().raw
    restored = old.open()
    assert restored.refusal is None, "nothing here can tell"
    with pytest.raises(StorageError, match="witness has seen 6 entries") as caught:
        restored.check_witness_head(witnessed)
    assert caught.value.code == "E5207"
    refused(old, "E5207")
    assert witnessed in old.blobs.files.values(), "the checkpoint is kept"


def test_a_witness_that_holds_another_tree_stops_every_signature() -> None:
    place, writer = filled(5)
    for size in (3, 5):
        damaged = place.backup()
        with pytest.raises(StorageError, match="another tree") as caught:
            damaged.open().check_witness_head(signed(size, bytes(32)))
        assert caught.value.code == "E5211"
        refused(damaged, "E5207")
    writer.check_witness_head(writer.head().raw)
    writer.check_witness_head(signed(3, writer.root(3)))
    assert writer.append([b"x"]).first_index == 5


def test_a_lying_witness_stops_nothing() -> None:
    place, writer = filled(5)
    other = Place()
    foreign = LogWriter.create(signer_of("other.example"), other.blobs, other.register)
    foreign.append(leaves(9))
    stolen = LogWriter.create(signer_of(seed=7), MemoryBlobs(), MemoryRegister()).head().raw
    for data in (b"", b"6\n", foreign.head().raw, stolen):
        with pytest.raises(VerificationError):
            writer.check_witness_head(data)
    assert place.open().refusal is None
    assert writer.append([b"x"]).first_index == 5


class Overtaken(MemoryRegister):
    """Let another process do something at the last moment before a swap."""

    rival: Callable[[], object] | None = None

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        rival, self.rival = self.rival, None
        if rival:
            rival()
        super().swap(name, old, new)


def test_a_witness_that_saw_a_rivals_append_is_not_ahead() -> None:
    place = Place(register=(register := Overtaken()))
    ours = place.create()
    ours.append(leaves(5))
    rival = place.open()
    future = place.backup().open()
    future.append([b"rival"])
    register.rival = lambda: rival.append([b"rival"])
    ours.check_witness_head(future.head().raw)
    assert ours.refusal is None
    assert ours.head().checkpoint == future.head().checkpoint


@pytest.mark.parametrize("name", ["tile/0/000.p/5", "tile/entries/000.p/5"])
@pytest.mark.parametrize("how", ["missing", "flipped", "cut"])
def test_damaged_or_missing_newest_files_sign_nothing(name: str, how: str) -> None:
    place, _ = filled(5)
    full = f"{NAMES.folder}{name}"
    data = place.blobs.files.pop(full)
    if how == "flipped":
        place.blobs.files[full] = bytes([data[0] ^ 1]) + data[1:]
    elif how == "cut":
        place.blobs.files[full] = data[:-1]
    refused(place, "E5208")


@pytest.mark.parametrize("how", ["bundle", "tile"])
def test_a_commit_that_cannot_be_finished_signs_nothing(how: str) -> None:
    place = Place(blobs=(blobs := Dying()))
    writer = place.create()
    blobs.deadly = "put_many"
    with pytest.raises(KeyboardInterrupt):
        writer.append(leaves(3))
    blobs.deadly = ""
    if how == "bundle":
        (name,) = place.blobs.list("state/staging/")
        blobs.files[name] += b"x"
        refused(place, "E5214")
    else:
        blobs.files[f"{NAMES.folder}tile/0/000.p/3"] = b"x"
        refused(place, "E5208")


def test_a_full_disk_while_finishing_is_no_refusal() -> None:
    place = Place(blobs=(blobs := Dying()))
    writer = place.create()
    blobs.deadly = "put_many"
    with pytest.raises(KeyboardInterrupt):
        writer.append(leaves(3))
    blobs.deadly = ""

    class Full(MemoryBlobs):
        def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
            raise StorageError("E5203", "No space left on device")

    full = Full()
    full.files = blobs.files
    with pytest.raises(StorageError, match="No space"):
        LogWriter.open(signer_of(), full, place.register)
    assert place.open().head().checkpoint.size == 3


def test_a_damaged_register_is_named() -> None:
    place, _ = filled(3)
    place.register.values[NAMES.row] = b"rubbish"
    with pytest.raises(StorageError) as caught:
        place.open()
    assert caught.value.code == "E5209"


def test_a_publisher_who_died_before_the_file_is_finished() -> None:
    place = Place(blobs=(blobs := Dying()))
    writer = place.create()
    writer.append(leaves(3))
    writer.publish(writer.head().raw, NO_QUORUM)
    old = blobs.files[NAMES.checkpoint]
    writer.append(leaves(2, 3))
    blobs.deadly = "replace"
    with pytest.raises(KeyboardInterrupt):
        writer.publish(writer.head().raw, NO_QUORUM)
    blobs.deadly = ""
    assert blobs.files[NAMES.checkpoint] == old
    place.open()
    assert blobs.files[NAMES.checkpoint] == writer.head().raw


def test_a_rotten_public_file_is_written_again() -> None:
    place, writer = filled(3)
    writer.publish(writer.head().raw, NO_QUORUM)
    place.blobs.files[NAMES.checkpoint] = b"rubbish"
    place.open()
    assert place.blobs.files[NAMES.checkpoint] == writer.head().raw


@pytest.mark.parametrize("is_contested", [False, True])
def test_a_register_that_forgot_what_was_published_learns_it_from_the_file(is_contested: bool) -> None:
    class Contested(MemoryRegister):
        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            if is_contested and name == NAMES.published_row:
                raise Conflict(name)
            super().swap(name, old, new)

    place, writer = filled(3)
    writer.publish(writer.head().raw, NO_QUORUM)
    forgetful = Contested()
    forgetful.values = {NAMES.row: place.register.values[NAMES.row]}
    opened = LogWriter.open(signer_of(), place.blobs, forgetful)
    assert opened.published() == (None if is_contested else writer.published())


def test_opening_in_the_middle_of_a_rivals_append_looks_again() -> None:
    place, writer = filled(5)

    class Watched(MemoryBlobs):
        rival: Callable[[], object] | None = None

        def list(self, prefix: str) -> Iterator[str]:
            rival, self.rival = self.rival, None
            if rival:
                rival()
            return super().list(prefix)

    slow = Watched()
    slow.files = place.blobs.files
    slow.rival = lambda: writer.append([b"rival"])
    opened = LogWriter.open(signer_of(), slow, place.register)
    assert opened.refusal is None
    assert opened.head() == writer.head()


def test_opening_gives_up_when_others_always_append() -> None:
    place, writer = filled(5)

    class Busy(MemoryBlobs):
        def list(self, prefix: str) -> Iterator[str]:
            writer.append([b"x"])
            return super().list(prefix)

    busy = Busy()
    busy.files = place.blobs.files
    with pytest.raises(Conflict):
        load(Home(signer_of().keys, busy, place.register))


def test_a_bundle_that_another_process_has_just_finished_is_no_error() -> None:
    place, _ = filled(5)
    name = parse_row(place.register.values[NAMES.row], signer_of().keys).staging or ""

    class Gone(MemoryBlobs):
        def list(self, prefix: str) -> Iterator[str]:
            return iter([name]) if prefix == NAMES.staging else super().list(prefix)

    gone = Gone()
    gone.files = place.blobs.files
    assert load(Home(signer_of().keys, gone, place.register)).refusal is None


def test_stray_files_are_left_alone() -> None:
    place, _ = filled(5)
    place.blobs.files |= {f"{NAMES.folder}tile/0/000.p/notes": b"x", f"{NAMES.folder}tile/0/000.p/300": b"x"}
    assert place.open().refusal is None
    assert tile_path("tile/0/000.p/notes") is None
    assert tile_path("tile/0/000.p/5") is not None


def test_what_is_ahead_is_remembered_over_restarts() -> None:
    place, _ = filled(5)
    ahead = signed(9, bytes(32))
    with pytest.raises(StorageError):
        place.open().check_witness_head(ahead)
    assert parse_row(place.register.values[NAMES.row], signer_of().keys).ahead == ahead
    refused(place, "E5207")


def test_no_published_file_is_no_checkpoint() -> None:
    place, writer = filled(2)
    assert published_file(home_of(place)) is None
    place.blobs.files[NAMES.checkpoint] = b"rubbish"
    assert published_file(home_of(place)) is None
    place.blobs.files[NAMES.checkpoint] = writer.head().raw
    assert published_file(home_of(place)) == writer.head()


def test_runs_of_entries_are_cut_at_bundles() -> None:
    assert list(bundles_between(0, 0)) == []
    assert list(bundles_between(5, 7)) == [(0, 5, 7)]
    assert list(bundles_between(255, 513)) == [(0, 255, 256), (1, 0, 256), (2, 0, 1)]


def test_a_public_file_that_is_right_is_left_alone() -> None:
    place, writer = filled(2)
    writer.publish(writer.head().raw, NO_QUORUM)

    class Untouched(MemoryBlobs):
        def replace(self, name: str, data: bytes) -> None:
            raise AssertionError(name)

    untouched = Untouched()
    untouched.files = place.blobs.files
    settle_published(Home(signer_of().keys, untouched, place.register), writer.head().raw)
