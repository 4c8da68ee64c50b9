"""A log goes on under new keys: what the old ones signed is its base, what they sign later is nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.tlog.logs import NO_QUORUM, Place, leaves, signer_of

from hisn.errors import StorageError, VerificationError
from hisn.tlog.adopt import adopt
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import Checkpoint, verify_checkpoint
from hisn.tlog.sign import sign_checkpoint
from hisn.tlog.staging import FormerKeys, parse_own

OLD, NEW = signer_of(seed=1), signer_of(seed=2)
FORMER = (FormerKeys(OLD.keys, 5),)


def rotated(size: int = 5) -> tuple[Place, LogWriter]:
    place = Place()
    writer = LogWriter.create(OLD, place.blobs, place.register)
    writer.append(leaves(size))
    writer.publish(writer.head().raw, NO_QUORUM)
    return place, LogWriter.open(NEW, place.blobs, place.register, FORMER)


def test_new_keys_sign_behind_what_the_old_ones_signed() -> None:
    place, writer = rotated()
    assert writer.refusal is None
    assert verify_checkpoint(writer.head(), OLD.keys).size == 5
    writer.append(leaves(2, 5))
    assert verify_checkpoint(writer.head(), NEW.keys).size == 7
    published = writer.published()
    assert published is not None
    assert published.checkpoint.size == 5
    assert writer.publish(writer.head().raw, NO_QUORUM).checkpoint.size == 7
    again = LogWriter.open(NEW, place.blobs, place.register, FORMER)
    assert list(again.entries(0, 7)) == leaves(7)


def test_without_the_former_keys_the_register_is_of_somebody_else() -> None:
    place, _ = rotated()
    with pytest.raises(StorageError) as caught:
        LogWriter.open(NEW, place.blobs, place.register)
    assert caught.value.code == "E5209"


def test_entries_that_were_sequenced_before_the_rotation_stay() -> None:
    # The epoch names 5 witnessed entries; three more were in the log when it was adopted.
    _, writer = rotated(8)
    writer.append(leaves(1, 8))
    assert verify_checkpoint(writer.head(), NEW.keys).size == 9


def test_a_thief_of_the_old_keys_does_not_stop_the_owner() -> None:
    _, writer = rotated()
    writer.append(leaves(2, 5))
    lie = sign_checkpoint(Checkpoint(OLD.name, 9, bytes(32)), OLD)
    with pytest.raises(VerificationError):
        writer.check_witness_head(lie)
    assert writer.refusal is None


def test_an_old_copy_learns_from_a_head_under_the_old_keys() -> None:
    place = Place()
    writer = LogWriter.create(OLD, place.blobs, place.register)
    writer.append(leaves(2))
    backup = place.backup()
    writer.append(leaves(3, 2))
    head = writer.head().raw
    old = LogWriter.open(NEW, backup.blobs, backup.register, FORMER)
    with pytest.raises(StorageError) as caught:
        old.check_witness_head(head)
    assert caught.value.code == "E5207"
    entries = leaves(5)
    with pytest.raises(VerificationError):
        adopt(NEW.keys, backup.blobs, backup.register, head, lambda start, end: entries[start:end])
    adopt(NEW.keys, backup.blobs, backup.register, head, lambda start, end: entries[start:end], former=FORMER)
    again = LogWriter.open(NEW, backup.blobs, backup.register, FORMER)
    assert list(again.entries(0, 5)) == entries
    again.append(leaves(1, 5))


def test_the_error_of_the_present_keys_is_told() -> None:
    stranger = sign_checkpoint(Checkpoint(OLD.name, 3, bytes(32)), signer_of(seed=3))
    for former in ((), FORMER):
        with pytest.raises(VerificationError) as caught:
            parse_own(stranger, NEW.keys, former)
        assert caught.value.code == "E3206"


def test_the_old_keys_sign_until_the_entry_at_which_the_new_ones_begin() -> None:
    """An epoch replaces keys of a log that goes on meanwhile: nothing between may be void."""
    place, _ = rotated()
    signer = replace(NEW, earlier=((7, OLD.signer),))
    former = (FormerKeys(OLD.keys, 7),)
    writer = LogWriter.open(signer, place.blobs, place.register, former)
    for size, keys in ((6, OLD.keys), (7, OLD.keys), (8, NEW.keys), (9, NEW.keys)):
        writer.append(leaves(1, size - 1))
        assert verify_checkpoint(writer.head(), keys).size == size
        assert writer.keys == keys
        assert parse_own(writer.head().raw, NEW.keys, former) == writer.head()
    assert list(LogWriter.open(NEW, place.blobs, place.register, former).entries(0, 9)) == leaves(9)


def test_a_run_of_entries_across_the_end_is_signed_by_the_new_keys() -> None:
    place, _ = rotated()
    signer = replace(NEW, earlier=((7, OLD.signer),))
    writer = LogWriter.open(signer, place.blobs, place.register, (FormerKeys(OLD.keys, 7),))
    writer.append(leaves(4, 5))
    assert verify_checkpoint(writer.head(), NEW.keys).size == 9


def test_a_writer_takes_other_keys_without_being_opened_again() -> None:
    place = Place()
    writer = LogWriter.create(OLD, place.blobs, place.register)
    writer.append(leaves(5))
    writer.take_keys(NEW, FORMER)
    assert verify_checkpoint(writer.head(), OLD.keys).size == 5
    writer.append(leaves(1, 5))
    assert verify_checkpoint(writer.head(), NEW.keys).size == 6
    assert list(writer.entries(0, 6)) == leaves(6)
