"""The file of the secret is replaced so that dying at any moment loses no key of sealed evidence."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.app.units import Dice, alone, nobody, opened

from hisn.app import key_file
from hisn.app.home import Node
from hisn.app.identity import Identity
from hisn.app.key_file import (
    changing_keys,
    end_rotation,
    has_secret,
    key_data,
    read_secret,
    rotate_secret,
    using_keys,
    write_secret,
)
from hisn.app.places import Places
from hisn.errors import InputError, StorageError
from hisn.evidence.node_key import Cost, lock, lock_unattended
from hisn.evidence.vault import Vault
from hisn.storage.blobs import FileBlobs
from hisn.storage.keyring import FileKeyStore

OLD = Identity(b"n" * 32, b"s" * 32)
DICE = Dice("key file")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "node")
    places.keys.mkdir(parents=True)
    write_secret(places, OLD, None, DICE)
    return places


def vault_of(places: Places, identity: Identity) -> Vault:
    return Vault(FileKeyStore(places.keys), identity.node_key, DICE)


def opens_all(places: Places, identity: Identity, commitments: list[bytes]) -> bool:
    return [vault_of(places, identity).get(each).commitment for each in commitments] == commitments


@pytest.fixture
def sealed(places: Places) -> list[bytes]:
    return [key.commitment for key in vault_of(places, OLD).new_keys(5)]


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_a_secret_comes_back_and_is_for_its_owner_alone(places: Places, passphrase: str | None) -> None:
    written = write_secret(places, OLD, passphrase, DICE)
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return passphrase or ""

    assert read_secret(places, ask, DICE) == written
    assert asked == ([] if passphrase is None else ["asked"])
    assert stat.S_IMODE((places.keys / "node.key").stat().st_mode) == 0o600
    assert has_secret(places)


def test_a_secret_that_is_lost_says_how_it_can_come_back(tmp_path: Path) -> None:
    assert not has_secret(Places(tmp_path))
    with pytest.raises(StorageError) as caught:
        read_secret(Places(tmp_path), nobody, DICE)
    assert caught.value.code == "E5333"
    assert "--escrow-secret" in caught.value.hint


def test_rotating_wraps_every_key_again(places: Places, sealed: list[bytes]) -> None:
    new = rotate_secret(places, OLD, None, DICE).identity
    assert (new.seed, new.node_key != OLD.node_key) == (OLD.seed, True)
    assert opens_all(places, new, sealed)
    with pytest.raises(StorageError):
        opens_all(places, OLD, sealed)
    again = read_secret(places, nobody, DICE)
    assert (again.identity, again.is_rotated) == (new, True)
    end_rotation(places)
    assert not read_secret(places, nobody, DICE).is_rotated
    end_rotation(places)
    assert [path.name for path in places.keys.iterdir() if path.name.startswith("node.")] == ["node.key"]


class Dying:
    """Stand before storage and die before its n-th write, or behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, is_done: bool) -> None:
        self.left = at
        self.is_done = is_done
        replace = FileBlobs.replace

        def dying(blobs: FileBlobs, name: str, data: bytes) -> None:
            self.left -= 1
            if self.left == 0 and not self.is_done:
                raise KeyboardInterrupt
            replace(blobs, name, data)
            if self.left == 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(FileBlobs, "replace", dying)


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_rotation_that_is_killed_loses_no_key(
    *,
    places: Places,
    sealed: list[bytes],
    at: int,
    is_done: bool,
    passphrase: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One write prepares, five wrap, one puts the new secret in place."""
    monkeypatch.setattr(key_file, "format_identity", quick_lock)
    write_secret(places, OLD, passphrase, DICE)
    dying = Dying(monkeypatch, at, is_done=is_done)
    with pytest.raises(KeyboardInterrupt):
        rotate_secret(places, OLD, passphrase, DICE)
    assert dying.left == 0
    monkeypatch.undo()
    found = read_secret(places, lambda: passphrase or "", DICE)
    assert found.is_rotated == ((at, is_done) != (1, False))
    assert (found.identity == OLD) == (not found.is_rotated)
    assert opens_all(places, found.identity, sealed)
    assert read_secret(places, lambda: passphrase or "", DICE).identity == found.identity


def quick_lock(identity: Identity, passphrase: str | None, entropy: Dice) -> bytes:
    """Lock by a cheap passphrase function: that it is dear is tested elsewhere."""
    secret = identity.node_key + identity.seed
    if passphrase is None:
        return lock_unattended(secret, "hisn node")
    return lock(secret, "hisn node", passphrase, entropy, Cost(n=2))


def test_a_record_that_does_not_open_stops_a_rotation_before_it_begins(
    places: Places, sealed: list[bytes]
) -> None:
    """Begun and never ended, it would keep the whole node from opening."""
    name = sealed[2].hex()
    record = places.keys / "wrapped" / name[:2] / name
    record.write_bytes(record.read_bytes().replace(b'"nonce":"', b'"nonce":"AAAA'))
    with pytest.raises(StorageError):
        rotate_secret(places, OLD, None, DICE)
    assert not (places.keys / "node.next").exists()
    assert opens_all(places, OLD, sealed[:2])
    assert read_secret(places, nobody, DICE).identity == OLD


def test_a_wrong_passphrase_finishes_no_rotation(
    places: Places, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_file, "format_identity", quick_lock)
    write_secret(places, OLD, "correct horse", DICE)
    rotate_secret(places, OLD, "correct horse", DICE)
    with pytest.raises(InputError):
        read_secret(places, lambda: "wrong horse", DICE)
    assert (places.keys / "node.next").exists()


def test_nobody_replaces_keys_that_others_use(places: Places) -> None:
    data = key_data(places)
    with using_keys(places, data), using_keys(places, data):
        with pytest.raises(StorageError) as caught, changing_keys(places):
            pass
        assert caught.value.code == "E5336"
    with changing_keys(places), pytest.raises(StorageError), changing_keys(places):
        pass


def test_who_read_the_secret_before_it_was_replaced_wraps_nothing_by_it(places: Places) -> None:
    """A run that began before the rotation would seal under a key that nobody has any more."""
    data = key_data(places)
    rotate_secret(places, OLD, None, DICE)
    with pytest.raises(StorageError) as caught, using_keys(places, data):
        pass
    assert caught.value.code == "E5336"


def test_several_starts_at_once_finish_a_rotation_together(
    places: Places, sealed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = Dying(monkeypatch, 4, is_done=True)
    with pytest.raises(KeyboardInterrupt):
        rotate_secret(places, OLD, None, DICE)
    assert dying.left == 0
    monkeypatch.undo()
    found: list[Identity] = []
    threads = [
        threading.Thread(target=lambda: found.append(read_secret(places, nobody, DICE).identity))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert opens_all(places, found[0], sealed)


def test_a_folder_that_cannot_be_written_to_is_named(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    rotate_secret(places, OLD, None, DICE)

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError) as caught:
        end_rotation(places)
    assert caught.value.code == "E5331"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with alone(tmp_path / "made") as made:
        yield made


def test_a_rotation_that_was_killed_before_it_was_logged_is_logged_at_the_next_start(
    node: Node, tmp_path: Path
) -> None:
    rotate_secret(node.places, node.identity, None, DICE)
    node.close()
    for _ in range(2):
        with opened(tmp_path / "made") as again:
            (event,) = again.key_events("rotate")
            assert set(event) == {"node_key"}
    assert not (node.places.keys / "node.next").exists()


def test_what_was_removed_and_came_back_after_a_power_cut_is_logged_once(node: Node, tmp_path: Path) -> None:
    rotate_secret(node.places, node.identity, None, DICE)
    prepared = (node.places.keys / "node.next").read_bytes()
    node.close()
    opened(tmp_path / "made").close()
    (node.places.keys / "node.next").write_bytes(prepared)
    with opened(tmp_path / "made") as again:
        assert len(again.key_events("rotate")) == 1
    assert not (node.places.keys / "node.next").exists()
