"""Recovering a log: it becomes what the witnesses saw, and nothing that differs is thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest
from tests.unit.tlog.logs import NAMES, NO_QUORUM, Place, filled, leaves, signed, signer_of

from hisn.errors import StorageError, VerificationError
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.tlog.adopt import adopt
from hisn.tlog.append import LogWriter
from hisn.tlog.fsck import fsck
from hisn.tlog.merkle import leaf_hash, root_of
from hisn.tlog.ports import Conflict
from hisn.tlog.staging import LogNames

Entries = Callable[[int, int], Iterable[bytes]]


def source(entries: Sequence[bytes]) -> Entries:
    return lambda start, end: entries[start:end]


def recover(place: Place, data: bytes, entries: Entries) -> LogWriter:
    """Recover a log, and look at every file of it."""
    adopt(signer_of().keys, place.blobs, place.register, data, entries)
    writer = place.open()
    assert writer.refusal is None
    names = [name.removeprefix(NAMES.folder) for name in place.blobs.list(NAMES.folder)]
    get = lambda name: place.blobs.get(NAMES.folder + name)  # noqa: E731 -- as short as it is
    fsck(get, writer.keys, checkpoint=writer.head().raw, names=names).require_sound()
    return writer


def suspects(place: Place) -> list[bytes]:
    return [place.blobs.files[name] for name in place.blobs.list("state/suspect/")]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_a_lost_node_is_built_again_from_a_mirror(size: int) -> None:
    _, writer = filled(size)
    place = Place()
    again = recover(place, writer.head().raw, source(leaves(size)))
    assert again.head() == writer.head()
    assert list(again.entries(0, size)) == leaves(size)
    assert again.append([b"gap"]).first_index == size


def test_a_restored_backup_catches_up_with_its_witnesses() -> None:
    place, writer = filled(300)
    old = place.backup()
    writer.append(leaves(400, 300))
    witnessed = writer.head().raw
    with pytest.raises(StorageError):
        old.open().check_witness_head(witnessed)
    again = recover(old, witnessed, source(leaves(700)))
    assert list(again.entries(0, 700)) == leaves(700)
    assert again.append([b"gap"]).first_index == 700


def test_entries_that_no_witness_saw_are_set_aside_not_thrown_away() -> None:
    place, writer = filled(300)
    old = place.backup()
    writer.append(leaves(20, 300))
    witnessed = writer.head().raw
    # The backup was used, with all witnesses away: another 300 entries that nobody has seen.
    astray = old.open()
    astray.append([b"unseen %d" % number for number in range(300)])
    unseen = astray.head().raw
    with pytest.raises(StorageError) as caught:
        astray.check_witness_head(witnessed)
    assert caught.value.code == "E5211"
    again = recover(old, witnessed, source(leaves(320)))
    assert list(again.entries(0, 320)) == leaves(320)
    kept = b"".join(suspects(old))
    assert all(b"unseen %d" % number in kept for number in range(300))
    assert any(unseen[:40] in each or b"checkpoint" in each for each in suspects(old))


def test_an_unfinished_bundle_is_set_aside() -> None:
    place, writer = filled(5)
    old = place.backup()
    writer.append([b"x"])
    old.blobs.files[f"{NAMES.staging}9-{'0' * 64}"] = b"from later"
    recover(old, writer.head().raw, source([*leaves(5), b"x"]))
    assert b"from later" in suspects(old)


def test_a_lost_register_is_built_again_around_the_files_that_are_left() -> None:
    place, writer = filled(300)
    writer.publish(writer.head().raw, NO_QUORUM)
    head = writer.head()
    place.register.values.clear()
    again = recover(place, head.raw, source(leaves(300)))
    assert again.head() == again.published() == head
    assert suspects(place) == []


def test_a_damaged_register_is_replaced() -> None:
    place, writer = filled(3)
    head = writer.head()
    place.register.values[NAMES.row] = b"rubbish"
    assert recover(place, head.raw, source(leaves(3))).head() == head
    assert b"rubbish" in suspects(place)


@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/0/001.p/44", "tile/entries/000", "tile/entries/001.p/44", "tile/1/000.p/1"]
)
def test_adopting_the_present_head_repairs_its_files(name: str) -> None:
    place, writer = filled(300)
    good = place.backup().blobs.files
    place.blobs.files[NAMES.folder + name] = b"rotten"
    again = recover(place, writer.head().raw, source(leaves(300)))
    assert suspects(place)[0] == b"rotten"
    assert {each: data for each, data in place.blobs.files.items() if each in good} == good
    assert list(again.entries(0, 300)) == leaves(300)


def test_rotten_partial_tiles_are_set_aside() -> None:
    place, writer = filled(300, steps=3)
    place.blobs.files[f"{NAMES.folder}tile/0/000.p/100"] = b"rotten"
    place.blobs.files[f"{NAMES.folder}tile/0/000.p/notes"] = b"stray"
    recover_no_check = adopt(
        signer_of().keys, place.blobs, place.register, writer.head().raw, source(leaves(300))
    )
    assert recover_no_check == place.open().head()
    assert set(suspects(place)) >= {b"rotten"}
    assert f"{NAMES.folder}tile/0/000.p/200" in place.blobs.files


def test_a_mirror_that_lies_changes_nothing() -> None:
    place, writer = filled(5)
    old = place.backup()
    writer.append(leaves(5, 5))
    witnessed = writer.head().raw
    before = dict(old.blobs.files), dict(old.register.values)
    lies: list[Entries] = [
        source(leaves(9)),
        source([*leaves(9), b"other"]),
        source([]),
        lambda _start, _end: leaves(11),
    ]
    for lie in lies:
        with pytest.raises(StorageError) as caught:
            adopt(signer_of().keys, old.blobs, old.register, witnessed, lie)
        assert caught.value.code == "E5212"
        assert (old.blobs.files, old.register.values) == before


def test_a_mirror_that_lies_the_second_time_is_found_out_and_may_be_replaced() -> None:
    place = Place()
    witnessed = filled(300)[1].head().raw
    asked: list[int] = []

    def second_time(start: int, end: int) -> list[bytes]:
        asked.append(start)
        return leaves(end - start, start) if len(asked) < 3 else [b"other"] * (end - start)

    with pytest.raises(StorageError) as caught:
        adopt(signer_of().keys, place.blobs, place.register, witnessed, second_time)
    assert caught.value.code == "E5212"
    with pytest.raises(StorageError) as caught:
        place.open()
    assert caught.value.code in ("E5206", "E5207")
    recover(place, witnessed, source(leaves(300)))


def test_only_what_this_log_has_signed_is_adopted() -> None:
    other = LogWriter.create(signer_of("other.example"), MemoryBlobs(), filled(0)[0].register).head().raw
    for data in (b"", other):
        with pytest.raises(VerificationError):
            adopt(signer_of().keys, MemoryBlobs(), Place().register, data, source([]))


def test_a_sound_log_is_never_cut() -> None:
    place, writer = filled(5)
    earlier = writer.head().raw
    writer.append([b"x"])
    for data in (earlier, signed(6, bytes(32))):
        with pytest.raises(StorageError, match="nothing to recover") as caught:
            adopt(signer_of().keys, place.blobs, place.register, data, source([*leaves(5), b"x"]))
        assert caught.value.code == "E5215"


@pytest.mark.parametrize("forgets", ["file", "register", "nothing"])
def test_what_was_published_is_never_cut_or_contradicted(forgets: str) -> None:
    place, writer = filled(5)
    writer.publish(writer.head().raw, NO_QUORUM)
    smaller = signed(3, writer.root(3))
    others = [b"other %d" % number for number in range(9)]
    other = signed(9, root_of([leaf_hash(leaf) for leaf in others]))
    del place.register.values[NAMES.row]
    if forgets == "file":
        del place.blobs.files[NAMES.checkpoint]
    elif forgets == "register":
        place.register.values.clear()
    for data, entries, code in ((smaller, leaves(3), "E5215"), (other, others, "E5211")):
        with pytest.raises(StorageError) as caught:
            adopt(signer_of().keys, place.blobs, place.register, data, source(entries))
        assert caught.value.code == code


def test_a_failing_register_stops_the_recovery() -> None:
    place, writer = filled(5)

    class Failing(MemoryBlobs):
        def list(self, prefix: str) -> Iterator[str]:
            raise StorageError("E5203", "Input/output error")

    with pytest.raises(StorageError, match="Input/output"):
        adopt(
            signer_of().keys,
            Failing(),
            place.register,
            writer.head().raw,
            source(leaves(5)),
        )


def test_a_log_that_goes_on_meanwhile_is_not_overwritten() -> None:
    place, writer = filled(5)
    future = place.backup().open()
    future.append([b"x"])

    def entries(start: int, end: int) -> list[bytes]:
        if writer.head().checkpoint.size == 5:
            writer.append([b"x"])
        return [*leaves(5), b"x"][start:end]

    with pytest.raises(Conflict):
        adopt(signer_of().keys, place.blobs, place.register, future.head().raw, entries)
    assert place.open().head() == writer.head()


@pytest.mark.parametrize("dies_at", range(1, 18, 2))
def test_an_interrupted_recovery_is_done_again(dies_at: int) -> None:
    place, writer = filled(300)
    old = place.backup()
    old.open().append([b"unseen"] * 400)
    writer.append(leaves(300, 300))
    witnessed = writer.head().raw
    with pytest.raises(StorageError):
        old.open().check_witness_head(witnessed)

    class Dying(MemoryBlobs):
        calls = 0

        def _count(self) -> None:
            self.calls += 1
            if self.calls == dies_at:
                raise KeyboardInterrupt

        def put(self, name: str, data: bytes) -> None:
            self._count()
            super().put(name, data)

        def delete(self, name: str) -> None:
            self._count()
            super().delete(name)

    dying = Dying()
    dying.files = old.blobs.files
    with pytest.raises(KeyboardInterrupt):
        adopt(signer_of().keys, dying, old.register, witnessed, source(leaves(600)))
    assert old.open().refusal is not None, "nothing is signed between"
    recover(old, witnessed, source(leaves(600)))


def test_names_of_what_is_set_aside_tell_where_it_stood() -> None:
    place, writer = filled(5)
    place.blobs.files[f"{NAMES.folder}tile/0/000.p/5"] = b"rotten"
    recover(place, writer.head().raw, source(leaves(5)))
    rotten = [name for name in place.blobs.list(LogNames("member.example/log").suspect) if "tile" in name]
    assert "tile/0/000.p/5-" in rotten[0]


def test_a_bundle_that_goes_away_by_itself_is_no_error() -> None:
    place, writer = filled(5)

    class Gone(MemoryBlobs):
        def list(self, prefix: str) -> Iterator[str]:
            return iter([f"{NAMES.staging}5-{'0' * 64}"]) if prefix == NAMES.staging else super().list(prefix)

    gone = Gone()
    gone.files = place.blobs.files
    adopt(signer_of().keys, gone, place.register, writer.head().raw, source(leaves(5)))
    assert [data for data in suspects(place) if b"checkpoint" not in data] == []
