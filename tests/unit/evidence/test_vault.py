"""Keys are kept wrapped, found by their commitment, moved to another node key, and erased for ever."""

from __future__ import annotations

import pytest
from tests.unit.evidence.keystore import Counted, Crash, MemoryKeyStore

from hisn.errors import StorageError
from hisn.evidence.escrow import EscrowSecret
from hisn.evidence.key_record import key_commitment
from hisn.evidence.vault import Vault, recover_keys

NODE_KEY, OTHER_KEY = b"n" * 32, b"o" * 32
ESCROW = EscrowSecret(b"e" * 32)


def vault_of(store: MemoryKeyStore, node_key: bytes = NODE_KEY, **more: object) -> Vault:
    return Vault(store, node_key, Counted(b"v"), **more)  # type: ignore[arg-type]


def test_a_key_comes_back_by_its_commitment() -> None:
    vault = vault_of(MemoryKeyStore())
    first, second = vault.new_keys(2)
    assert first.key != second.key
    assert first.commitment == key_commitment(first.key)
    assert vault.get(second.commitment) == second


def test_no_key_is_kept_in_the_open() -> None:
    store = MemoryKeyStore()
    (key,) = vault_of(store, escrow=[ESCROW.public]).new_keys(1)
    data = b"".join(store.records.values())
    assert key.key not in data
    assert key.key.hex().encode() not in data
    assert "key=" not in repr(key)


def test_a_key_that_was_never_here_is_named() -> None:
    with pytest.raises(StorageError) as caught:
        vault_of(MemoryKeyStore()).get(bytes(32))
    assert caught.value.code == "E5301"


def test_another_node_key_opens_nothing() -> None:
    store = MemoryKeyStore()
    (key,) = vault_of(store).new_keys(1)
    with pytest.raises(StorageError) as caught:
        vault_of(store, OTHER_KEY).get(key.commitment)
    assert caught.value.code == "E5303"


def test_a_record_under_another_name_does_not_open() -> None:
    store = MemoryKeyStore()
    first, second = vault_of(store).new_keys(2)
    store.records[first.commitment.hex()] = store.records[second.commitment.hex()]
    with pytest.raises(StorageError) as caught:
        vault_of(store).get(first.commitment)
    assert caught.value.code == "E5303"


def test_erasing_lists_the_key_before_it_deletes_it() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store)
    (key,) = vault.new_keys(1)
    store.log.clear()
    vault.erase([key.commitment])
    assert store.log == ["erased", "delete"]
    with pytest.raises(StorageError) as caught:
        vault.get(key.commitment)
    assert caught.value.code == "E5300"
    vault.erase([key.commitment])


def test_a_crash_between_listing_and_deleting_leaves_nothing_to_open() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store)
    kept, key = vault.new_keys(2)
    store.crash_before = "delete"
    with pytest.raises(Crash):
        vault.erase([key.commitment])
    with pytest.raises(StorageError, match="erased"):
        vault.get(key.commitment)
    store.crash_before = None
    again = vault_of(store)
    assert again.erased_again == (key.commitment.hex(),)
    assert list(store.records) == [kept.commitment.hex()]


def test_an_erased_key_restored_from_a_backup_is_erased_again() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store)
    kept, key = vault.new_keys(2)
    backup = dict(store.records)
    vault.erase([key.commitment])
    store.records = dict(backup)
    again = vault_of(store)
    assert again.erased_again == (key.commitment.hex(),)
    assert again.get(kept.commitment) == kept
    assert list(store.records) == [kept.commitment.hex()]


def test_a_backup_older_than_the_erase_list_is_held_to_the_list_in_the_log() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store)
    (key,) = vault.new_keys(1)
    backup = dict(store.records)
    vault.erase([key.commitment])
    store.records, store.list_of_erased = dict(backup), []
    again = vault_of(store, logged_erasures=[key.commitment.hex()])
    assert again.erased_again == (key.commitment.hex(),)
    assert store.list_of_erased == [key.commitment.hex()]
    assert not store.records


def test_a_rotation_wraps_every_key_anew_and_changes_no_key() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store, escrow=[ESCROW.public])
    keys = vault.new_keys(3)
    before = dict(store.records)
    vault.rotate(OTHER_KEY)
    assert [vault.get(key.commitment) for key in keys] == keys
    assert not set(before.values()) & set(store.records.values())
    assert [vault_of(store, OTHER_KEY).get(key.commitment) for key in keys] == keys
    assert vault.without_escrow() == ()
    with pytest.raises(StorageError):
        vault_of(store).get(keys[0].commitment)


def test_a_rotation_that_was_broken_off_can_be_run_again() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store)
    keys = vault.new_keys(3)
    store.crash_before = f"put {sorted(store.records)[1][:4]}"
    with pytest.raises(Crash):
        vault.rotate(OTHER_KEY)
    store.crash_before = None
    half_done = dict(store.records)
    again = vault_of(store)
    again.rotate(OTHER_KEY)
    first = min(store.records)
    assert store.records[first] == half_done[first]
    assert [again.get(key.commitment) for key in keys] == keys


def test_keys_without_escrow_are_named_and_get_copies() -> None:
    store = MemoryKeyStore()
    (old,) = vault_of(store).new_keys(1)
    vault = vault_of(store, escrow=[ESCROW.public, EscrowSecret(b"f" * 32).public])
    assert vault.without_escrow() == (old.commitment.hex(),)
    assert (vault.escrow_all(), vault.escrow_all()) == (1, 0)
    assert vault.without_escrow() == ()
    assert vault.get(old.commitment) == old


def test_escrow_opens_the_keys_when_the_node_key_is_lost() -> None:
    store = MemoryKeyStore()
    (bare,) = vault_of(store).new_keys(1)
    (kept,) = Vault(store, NODE_KEY, Counted(b"w"), [ESCROW.public]).new_keys(1)
    assert recover_keys(store, ESCROW, OTHER_KEY, Counted(b"x")) == (bare.commitment.hex(),)
    assert vault_of(store, OTHER_KEY).get(kept.commitment) == kept


def test_recovery_by_escrow_brings_no_erased_key_back() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store, escrow=[ESCROW.public])
    (key,) = vault.new_keys(1)
    backup = dict(store.records)
    vault.erase([key.commitment])
    store.records = backup
    assert recover_keys(store, ESCROW, OTHER_KEY, Counted(b"x")) == ()
    with pytest.raises(StorageError, match="erased"):
        vault_of(store, OTHER_KEY).get(key.commitment)
    assert not store.records


def test_a_record_deleted_while_others_are_listed_is_passed_over() -> None:
    store = MemoryKeyStore()
    vault = vault_of(store)
    vault.new_keys(2)
    store.hidden = max(store.records)
    assert len(vault.without_escrow()) == 1
    assert recover_keys(store, ESCROW, OTHER_KEY, Counted()) == (min(store.records),)
