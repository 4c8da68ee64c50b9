"""The log writer: what is committed is there, in order, proven, and signed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import pytest
from tests.unit.tlog.logs import (
    NAMES,
    NO_QUORUM,
    ORIGIN,
    Place,
    cosigned,
    filled,
    leaves,
    one_of_two,
    signed,
    signer_of,
)

from hisn.core.instant import Instant
from hisn.core.signers import DualSigner, dual_from_seed
from hisn.errors import PolicyError, StorageError, VerificationError
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from hisn.tlog.ports import Conflict, DurabilityLost, Swap
from hisn.tlog.sign import LogSigner
from hisn.tlog.staging import encode_staging
from hisn.tlog.tile import MAX_ENTRY_BYTES, tiles_for


def root(count: int) -> bytes:
    return root_of([leaf_hash(leaf) for leaf in leaves(count)])


def test_a_new_log_is_empty_and_signed() -> None:
    writer = Place().create()
    head = writer.head()
    assert verify_checkpoint(head, writer.keys) == head.checkpoint
    assert (head.checkpoint.origin, head.checkpoint.size, head.checkpoint.root) == (ORIGIN, 0, EMPTY_ROOT)
    assert writer.published() is None
    assert list(writer.entries(0, 0)) == []
    assert writer.root(0) == EMPTY_ROOT


def test_a_log_is_made_once() -> None:
    place, _ = filled(0)
    with pytest.raises(StorageError, match="exists") as caught:
        place.create()
    assert caught.value.code == "E5205"


def test_of_two_who_make_a_log_one_wins() -> None:
    place = Place()

    class Late(MemoryRegister):
        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            self.values[name] = b"the other was faster"
            super().swap(name, old, new)

    place.register = Late()
    with pytest.raises(StorageError) as caught:
        place.create()
    assert caught.value.code == "E5205"


def test_a_log_is_not_made_over_files_whose_register_is_gone() -> None:
    place, _ = filled(3)
    place.register.values.clear()
    for attempt in (place.create, place.open):
        with pytest.raises(StorageError, match="register knows nothing") as caught:
            attempt()
        assert caught.value.code == "E5207"
        assert "hisn node recover" in caught.value.hint


def test_opening_what_is_not_there_names_the_command() -> None:
    with pytest.raises(StorageError, match="no log") as caught:
        Place().open()
    assert (caught.value.code, caught.value.hint) == ("E5206", "make one: hisn node init")


@pytest.mark.parametrize("sizes", [(1,), (255, 1), (256,), (257,), (3, 300, 500), (1, 1, 1, 1)])
def test_entries_stand_in_order_and_every_proof_holds(sizes: tuple[int, ...]) -> None:
    place = Place()
    writer = place.create()
    total = 0
    for size in sizes:
        done = writer.append(leaves(size, total))
        assert done.first_index == total
        total += size
        assert (done.size, done.root) == (total, root(total))
        assert parse_signed_checkpoint(done.checkpoint) == writer.head()
    for reader in (writer, place.open()):
        assert list(reader.entries(0, total)) == leaves(total)
        assert list(reader.entries(total // 2, total)) == leaves(total)[total // 2 :]
        hashes = [leaf_hash(leaf) for leaf in leaves(total)]
        for index in {0, total // 3, total - 1}:
            assert reader.read_entry(index) == leaves(total)[index]
            proof = reader.inclusion(index, total)
            assert proof == inclusion_proof(hashes, index)
            verify_inclusion(hashes[index], index, total, proof, done.root)
        half = max(1, total // 2)
        assert reader.consistency(half, total) == consistency_proof(hashes, half)
        verify_consistency(half, reader.root(half), total, done.root, reader.consistency(half, total))


def test_the_files_are_exactly_those_of_the_specification() -> None:
    place, _ = filled(600)
    assert set(place.blobs.files) == {f"{NAMES.folder}{path}" for path in tiles_for(600)}


def test_names_come_from_the_hash_of_the_origin_never_from_it() -> None:
    signer = LogSigner("../../etc/passwd", dual_from_seed(bytes(32)), FakeClock())
    blobs = MemoryBlobs()
    LogWriter.create(signer, blobs, MemoryRegister()).append([b"x"])
    digest = hashlib.sha256(b"../../etc/passwd").hexdigest()
    assert all(name.startswith(f"log/{digest}/") for name in blobs.files)


def test_entries_that_cannot_be_are_refused_before_anything_happens() -> None:
    place, writer = filled(2)
    before = place.backup()
    for bad in ([], [b"x" * (MAX_ENTRY_BYTES + 1)]):
        with pytest.raises(ValueError, match="entries"):
            writer.append(bad)
    assert place.blobs.files == before.blobs.files
    assert place.register.values == before.register.values
    writer.append([b"", b"x" * MAX_ENTRY_BYTES])
    assert writer.read_entry(2) == b""
    assert writer.read_entry(3) == b"x" * MAX_ENTRY_BYTES


def test_reading_beyond_the_end_is_the_callers_error() -> None:
    _, writer = filled(5)
    calls: list[Callable[[], object]] = [
        lambda: writer.read_entry(5),
        lambda: writer.read_entry(-1),
        lambda: list(writer.entries(2, 6)),
        lambda: list(writer.entries(4, 3)),
        lambda: writer.inclusion(0, 6),
        lambda: writer.inclusion(5, 5),
        lambda: writer.consistency(2, 6),
        lambda: writer.root(6),
    ]
    for call in calls:
        with pytest.raises(ValueError):  # noqa: PT011 -- which bound it is differs
            call()


def test_two_writers_take_turns_and_lose_nothing() -> None:
    place, first = filled(10)
    second = place.open()
    for turn in range(6):
        (first, second)[turn % 2].append([b"%d" % turn])
    assert list(first.entries(10, 16)) == [b"%d" % turn for turn in range(6)]
    assert first.head() == second.head() == place.open().head()


def test_a_writer_who_must_be_first_is_told_when_it_is_not() -> None:
    place, first = filled(1)
    second = place.open()
    second.append([b"faster"], expected_size=1)
    with pytest.raises(Conflict):
        first.append([b"slower"], expected_size=1)
    assert first.append([b"slower"], expected_size=2).first_index == 2


def test_a_writer_gives_up_when_others_always_win() -> None:
    class Busy(MemoryRegister):
        is_busy = False

        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            if self.is_busy:
                raise Conflict(name)
            super().swap(name, old, new)

    place = Place(register=(register := Busy()))
    writer = place.create()
    register.is_busy = True
    with pytest.raises(Conflict):
        writer.append([b"x"])
    register.is_busy = False
    assert writer.append([b"x"]).first_index == 0


def test_the_loser_of_a_race_begins_again_on_the_winners_log() -> None:
    class Overtaken(MemoryRegister):
        rival: Callable[[], object] | None = None

        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            rival, self.rival = self.rival, None
            if rival:
                rival()  # at the last moment: all is staged and signed
            super().swap(name, old, new)

    place = Place(register=(register := Overtaken()))
    writer = place.create()
    rival = place.open()
    register.rival = lambda: rival.append([b"rival"])
    assert writer.append([b"ours"]).first_index == 1
    assert list(place.open().entries(0, 2)) == [b"rival", b"ours"]
    assert not list(place.blobs.list("state/"))


def test_two_writers_of_the_same_entries_commit_them_twice() -> None:
    class Overtaken(MemoryRegister):
        rival: Callable[[], object] | None = None

        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            rival, self.rival = self.rival, None
            if rival:
                rival()
            super().swap(name, old, new)

    # Both stage the very same bundle; the loser must not take it away from the winner.
    place = Place(register=(register := Overtaken()))
    writer = place.create()
    rival = place.open()
    register.rival = lambda: rival.append([b"same"])
    writer.append([b"same"])
    assert list(place.open().entries(0, 2)) == [b"same", b"same"]


@pytest.mark.parametrize("jump", [-(10**9), -2 * 10**9, 10**12, 0])
def test_a_clock_that_jumps_changes_times_only(jump: int) -> None:
    clock = FakeClock()
    place = Place()
    writer = LogWriter.create(
        LogSigner(ORIGIN, dual_from_seed(b"\x01" * 32), clock), place.blobs, place.register
    )
    writer.append([b"before"])
    clock.advance(jump)
    writer.append([b"after"])
    assert list(place.open().entries(0, 2)) == [b"before", b"after"]


def test_a_clock_before_1970_does_not_stop_the_log() -> None:
    signer = LogSigner(ORIGIN, dual_from_seed(b"\x01" * 32), FakeClock(Instant(-5)))
    place = Place()
    LogWriter.create(signer, place.blobs, place.register).append([b"x"])
    assert place.open().head().checkpoint.size == 1


class BrokenSigner:
    """A signing device that answers with rubbish from some time on."""

    def __init__(self, good: DualSigner) -> None:
        self._good = good.ed25519
        self.public = good.ed25519.public
        self.is_broken = False

    def sign(self, message: bytes) -> bytes:
        return bytes(64) if self.is_broken else self._good.sign(message)


def test_a_signature_that_does_not_verify_is_never_committed() -> None:
    good = dual_from_seed(b"\x01" * 32)
    device = BrokenSigner(good)
    place = Place()
    signer = LogSigner(ORIGIN, DualSigner(device, good.mldsa), FakeClock())
    writer = LogWriter.create(signer, place.blobs, place.register)
    device.is_broken = True
    with pytest.raises(StorageError, match="signed") as caught:
        writer.append([b"x"])
    assert caught.value.code == "E5213"
    device.is_broken = False
    assert writer.append([b"x"]).first_index == 0


def test_a_flipped_bit_in_what_is_staged_is_never_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    place, writer = filled(300)
    for at in (100, 200, -40, -1_000, -8_300):

        def flipped(files: dict[str, bytes], at: int = at) -> bytes:
            bundle = bytearray(encode_staging(files))
            bundle[at if at > 0 else len(bundle) + at] ^= 0x10
            return bytes(bundle)

        monkeypatch.setattr("hisn.tlog.append.encode_staging", flipped)
        with pytest.raises((StorageError, ValueError)):
            writer.append(leaves(300, 300))
    monkeypatch.undo()
    writer.append(leaves(300, 300))
    assert place.open().head().checkpoint.root == root(600)


def test_entries_that_change_under_the_writers_hands_are_never_signed() -> None:
    place, writer = filled(3)

    class Changing(list[bytes]):
        rounds = 0

        def __iter__(self) -> Iterator[bytes]:
            self.rounds += 1
            return iter([b"given" if self.rounds < 4 else b"other"])

    with pytest.raises(StorageError, match="entries are others") as caught:
        writer.append(Changing([b"given"]))
    assert caught.value.code == "E5213"
    assert place.open().head().checkpoint.size == 3


def test_a_file_in_the_place_of_a_new_tile_stops_the_signature() -> None:
    place, writer = filled(3)
    place.blobs.files[f"{NAMES.folder}tile/entries/000.p/5"] = b"of another tree"
    with pytest.raises(StorageError, match="exists with others") as caught:
        writer.append([b"x", b"y"])
    assert caught.value.code == "E5207"


def test_a_rivals_tile_is_not_taken_for_an_old_copy() -> None:
    place, writer = filled(3)

    class Overtaken(MemoryBlobs):
        rival: Callable[[], object] | None = None

        def get(self, name: str) -> bytes | None:
            rival, self.rival = self.rival, None
            if rival:
                rival()
            return super().get(name)

    slow = Overtaken()
    slow.files = place.blobs.files
    ours = LogWriter.open(signer_of(), slow, place.register)
    slow.rival = lambda: writer.append([b"rival"])
    assert ours.append([b"ours"]).first_index == 4


class FailingRegister(MemoryRegister):
    """Fail a swap before or after it is done."""

    failure: BaseException | None = None
    is_done = False

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        failure, self.failure = self.failure, None
        if failure is None or self.is_done:
            super().swap(name, old, new)
        if failure is not None:
            raise failure


@pytest.mark.parametrize("is_done", [False, True], ids=["and was not persisted", "but was persisted"])
def test_a_commit_failed(is_done: bool) -> None:
    place = Place(register=(register := FailingRegister()))
    writer = place.create()
    writer.append([b"old"])
    register.failure, register.is_done = StorageError("E5204", "the register failed"), is_done
    with pytest.raises(StorageError, match="failed"):
        writer.append([b"new"])
    # The writer looks at what was stored, whichever it is.
    kept = [b"old", b"new"] if is_done else [b"old"]
    assert list(writer.entries(0, len(kept))) == kept
    assert writer.append([b"next"]).first_index == len(kept)
    assert list(place.open().entries(0, len(kept) + 1)) == [*kept, b"next"]


def test_lost_durability_ends_the_writer_for_good() -> None:
    place = Place(register=(register := FailingRegister()))
    writer = place.create()
    register.failure, register.is_done = DurabilityLost("the disk failed"), True
    with pytest.raises(DurabilityLost):
        writer.append([b"x"])
    for call in (writer.head, lambda: writer.append([b"y"]), lambda: writer.publish(b"", NO_QUORUM)):
        with pytest.raises(DurabilityLost, match="the disk failed"):
            call()
    assert place.open().head().checkpoint.size == 1


def test_nothing_is_published_without_quorum() -> None:
    place, writer = filled(4)
    head = writer.head().raw
    with pytest.raises(PolicyError) as caught:
        writer.publish(head, one_of_two())
    assert "missing" in str(caught.value)
    assert writer.published() is None
    assert NAMES.checkpoint not in place.blobs.files
    done = writer.publish(cosigned(head, 2), one_of_two())
    assert writer.published() == done == parse_signed_checkpoint(place.blobs.files[NAMES.checkpoint])


def test_only_what_the_log_holds_and_has_signed_is_published() -> None:
    _, writer = filled(4)
    for data in (signed(5, bytes(32)), signed(3, bytes(32)), signed(4, bytes(32))):
        with pytest.raises(StorageError, match="not of the log") as caught:
            writer.publish(data, NO_QUORUM)
        assert caught.value.code == "E5210"
    other = Place()
    foreign = LogWriter.create(signer_of("other.example"), other.blobs, other.register).head().raw
    for data in (foreign, b"", b"rubbish\n"):
        with pytest.raises(VerificationError):
            writer.publish(data, NO_QUORUM)
    assert writer.published() is None


def test_publishing_goes_forward_only() -> None:
    place, writer = filled(4)
    old = writer.head().raw
    writer.append([b"x"])
    new = writer.publish(writer.head().raw, NO_QUORUM)
    assert writer.publish(old, NO_QUORUM) == new
    assert writer.published() == new
    more = writer.publish(cosigned(new.raw, 1), NO_QUORUM)
    assert writer.published() == more
    assert writer.publish(new.raw, NO_QUORUM) == more, "cosignatures do not get lost again"
    assert place.blobs.files[NAMES.checkpoint] == more.raw


def test_publishers_who_overtake_each_other_leave_the_newest() -> None:
    place, writer = filled(4)
    old = writer.head().raw
    writer.append([b"x"])
    rival = place.open()

    class Overtaken(MemoryBlobs):
        def replace(self, name: str, data: bytes) -> None:
            if data == old:
                rival.publish(writer.head().raw, NO_QUORUM)
            super().replace(name, data)  # too late

    slow = Overtaken()
    slow.files = place.blobs.files
    LogWriter.open(signer_of(), slow, place.register).publish(old, NO_QUORUM)
    assert place.blobs.files[NAMES.checkpoint] == writer.head().raw


def test_a_publisher_who_loses_the_swap_looks_again() -> None:
    class Overtaken(MemoryRegister):
        rival: Callable[[], object] | None = None

        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            rival, self.rival = self.rival, None
            if rival:
                rival()
            super().swap(name, old, new)

    place = Place(register=(register := Overtaken()))
    writer = place.create()
    writer.append([b"x"])
    old = writer.head().raw
    writer.append([b"y"])
    new = writer.head().raw
    rival = place.open()
    register.rival = lambda: rival.publish(new, NO_QUORUM)
    assert writer.publish(old, NO_QUORUM).raw == new


def test_a_damaged_published_row_is_named() -> None:
    place, writer = filled(2)
    writer.publish(writer.head().raw, NO_QUORUM)
    place.register.values[NAMES.published_row] = b"rubbish"
    with pytest.raises(StorageError) as caught:
        writer.published()
    assert caught.value.code == "E5209"


def test_partial_tiles_are_collected_once_the_full_one_is_published() -> None:
    place = Place()
    writer = place.create()
    for size in (100, 100, 100):
        writer.append(leaves(size, writer.head().checkpoint.size))
    partial = f"{NAMES.folder}tile/0/000.p/"
    assert list(place.blobs.list(partial)) == [f"{partial}100", f"{partial}200"]
    writer.publish(writer.head().raw, NO_QUORUM)
    # Those of tile 1 are the newest, and a client may hold a checkpoint that needs them.
    assert set(place.blobs.files) == {f"{NAMES.folder}{path}" for path in tiles_for(300)} | {NAMES.checkpoint}
    writer.append(leaves(100, 300))
    writer.publish(writer.head().raw, NO_QUORUM)
    assert f"{NAMES.folder}tile/0/001.p/44" in place.blobs.files
    assert list(place.open().entries(0, 400)) == leaves(400)


def test_rows_beside_an_append_are_changed_by_its_commit() -> None:
    place, writer = filled(1)
    writer.append([b"x"], beside=[Swap("watch/a", None, b"1"), Swap("watch/b", None, b"1")])
    assert place.register.get("watch/a") == place.register.get("watch/b") == b"1"
    with pytest.raises(Conflict) as caught:
        writer.append([b"y"], beside=[Swap("watch/a", b"1", b"2"), Swap("watch/b", b"0", b"2")])
    assert caught.value.name == "watch/b"
    assert place.register.get("watch/a") == b"1"
    assert writer.head().checkpoint.size == 2
    writer.append([b"z"], beside=[Swap("watch/a", b"1", b"2")])
    assert list(place.open().entries(1, 3)) == [b"x", b"z"]


def test_an_append_that_another_overtakes_brings_its_rows_the_second_time() -> None:
    place, writer = filled(1)
    place.open().append([b"the other was faster"])
    done = writer.append([b"x"], beside=[Swap("watch", None, b"1")])
    assert (done.first_index, place.register.get("watch")) == (2, b"1")
