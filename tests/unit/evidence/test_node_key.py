"""The node's secrets open with the passphrase, or without one where nobody attends the start."""

from __future__ import annotations

import json

import pytest
from tests.unit.evidence.keystore import Counted

from hisn.core.canon import canonical
from hisn.errors import InputError, StorageError
from hisn.evidence.node_key import DEFAULT_COST, Cost, lock, lock_unattended, needs_passphrase, unlock

SECRET = b"s" * 32
QUICK = Cost(n=16)
LOCKED = lock(SECRET, "node key", "correct horse", Counted(), QUICK)
OPEN = lock_unattended(SECRET, "node key")


def test_a_passphrase_opens_what_it_locked() -> None:
    assert needs_passphrase(LOCKED)
    assert unlock(LOCKED, "node key", "correct horse") == SECRET
    assert SECRET not in LOCKED


def test_the_default_cost_is_what_a_thief_of_the_file_pays() -> None:
    assert 128 * DEFAULT_COST.n * DEFAULT_COST.r == 128 * 1024 * 1024
    data = lock(SECRET, "node key", "x", Counted())
    assert json.loads(data)["n"] == DEFAULT_COST.n


def test_a_wrong_passphrase_is_told_from_a_damaged_file() -> None:
    with pytest.raises(InputError) as caught:
        unlock(LOCKED, "node key", "correct horsf")
    assert caught.value.code == "E2301"


def test_one_passphrase_typed_on_two_keyboards_is_one() -> None:
    locked = lock(SECRET, "node key", "caf\u00e9", Counted(), QUICK)
    assert unlock(locked, "node key", "cafe\u0301") == SECRET
    assert unlock(lock(SECRET, "x", "\udc80", Counted(), QUICK), "x", "\udc80") == SECRET


def test_an_unattended_file_opens_without_a_person() -> None:
    assert not needs_passphrase(OPEN)
    assert unlock(OPEN, "node key") == SECRET


def test_a_secret_for_one_purpose_does_not_serve_another() -> None:
    for data in (OPEN, LOCKED):
        with pytest.raises(StorageError) as caught:
            unlock(data, "log key", "correct horse")
        assert caught.value.code == "E5305"


def changed(data: bytes, **parts: object) -> bytes:
    return canonical({**json.loads(data), **parts})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        OPEN + b"\n",
        changed(OPEN, kdf="argon2"),
        changed(OPEN, kdf=None),
        changed(OPEN, kdf="scrypt"),
        changed(OPEN, format="hisn-locked/2"),
        changed(OPEN, secret=1),
        changed(OPEN, secret="!"),
        changed(LOCKED, n=2**40),
        changed(LOCKED, n=15),
        changed(LOCKED, r=0),
        changed(LOCKED, p="1"),
        changed(LOCKED, salt="AA"),
    ],
)
def test_a_damaged_file_is_named_and_takes_no_memory(data: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        unlock(data, "node key", "correct horse")
    assert caught.value.code == "E5305"


def test_another_salt_or_ciphertext_does_not_open() -> None:
    for part in ("salt", "secret"):
        with pytest.raises(InputError):
            unlock(changed(LOCKED, **{part: "AAAA"}), "node key", "correct horse")
