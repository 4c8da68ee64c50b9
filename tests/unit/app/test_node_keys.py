"""Passphrase, node key and escrow keys change, and what was sealed stays readable for its owner."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.app.units import Dice, alone, opened, request_of, seal, write_logs, write_rule

from hisn.app import node_keys
from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.app.home import Node, open_node
from hisn.app.node_keys import (
    change_passphrase,
    escrow,
    is_locked,
    make_escrow_key,
    recover_by_escrow,
    rotate,
)
from hisn.app.node_status import advise, check_node, status_of
from hisn.app.reopen import reopener
from hisn.errors import InputError, StorageError, UsageError
from hisn.evidence.escrow import EscrowSecret, parse_escrow_secret
from hisn.evidence.key_record import parse_record
from hisn.evidence.vault import Vault
from hisn.storage.keyring import FileKeyStore
from hisn.verify.check import verify_pack

HOLDER = EscrowSecret(bytes(range(32)))
OTHER = EscrowSecret(bytes(range(1, 33)))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with alone(tmp_path / "node") as made:
        yield made


@pytest.fixture
def sealed(node: Node, tmp_path: Path) -> Path:
    """Let the node seal two files, close it, and return its folder."""
    logs = write_logs(tmp_path / "logs", a=["/?marked", "/"], b=["/?marked"])
    seal(node, request_of(write_rule(tmp_path), logs))
    node.close()
    return tmp_path / "node"


def readable(node: Node) -> int:
    """Open every batch again; return how many there are."""
    node.member.fold.catch_up(node.log)
    places = node.member.fold.table.positions("batch")
    with reopener(node) as opener:
        return len([opener.batch(place) for place in places])


def test_another_passphrase_opens_the_node_and_the_old_one_does_not(sealed: Path) -> None:
    with opened(sealed) as node:
        assert not is_locked(node)
        change_passphrase(node, "correct horse")
        assert is_locked(node)
    with pytest.raises(InputError):
        open_node(sealed, lambda: "wrong horse")
    with open_node(sealed, lambda: "correct horse") as node:
        assert readable(node) == 2
        assert "open-key" not in [advice.code for advice in advise(node)]
    with open_node(sealed, lambda: "correct horse") as node:
        change_passphrase(node, None)
    with opened(sealed) as node:
        assert readable(node) == 2


def test_a_new_node_key_opens_everything_and_the_log_says_so(sealed: Path) -> None:
    with opened(sealed) as node:
        old = node.identity.node_key
        rotate(node, None)
        assert node.identity.node_key != old
        assert len(node.key_events("rotate")) == 1
        assert readable(node) == 2
    with opened(sealed) as node:
        assert not node.own_keys.is_lost
        assert node.signer("log").public == node.roster.find(node.config.origin).open_key("log")  # type: ignore[union-attr]
        rotate(node, None)
        assert len(node.key_events("rotate")) == 2
        assert readable(node) == 2


def test_a_locked_secret_stays_locked_by_its_passphrase_when_it_is_rotated(sealed: Path) -> None:
    with opened(sealed) as node:
        change_passphrase(node, "correct horse")
        rotate(node, "correct horse")
    with open_node(sealed, lambda: "correct horse") as node:
        assert readable(node) == 2


@pytest.mark.parametrize("what", ["passphrase", "rotate", "escrow"])
def test_keys_are_not_changed_while_a_run_seals(node: Node, tmp_path: Path, what: str) -> None:
    node.vault()
    with opened(tmp_path / "node") as other:
        works: dict[str, Callable[[], object]] = {
            "passphrase": lambda: change_passphrase(other, "x"),
            "rotate": lambda: rotate(other, None),
            "escrow": lambda: escrow(other, [str(HOLDER.public)]),
        }
        with pytest.raises(StorageError) as caught:
            works[what]()
        assert caught.value.code == "E5336"
    assert not (node.places.keys / "node.next").exists()


def test_a_run_that_began_before_a_rotation_seals_nothing(node: Node, tmp_path: Path) -> None:
    with opened(tmp_path / "node") as other:
        rotate(other, None)
    with pytest.raises(StorageError) as caught:
        node.vault()
    assert caught.value.code == "E5336"


def test_changing_the_passphrase_ends_what_a_rotation_left(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between: the next start must not ask for a passphrase that nobody has any more."""
    with opened(sealed) as node:
        monkeypatch.setattr(node, "log_rotation", lambda: None)
        rotate(node, None)
        change_passphrase(node, "correct horse")
    with open_node(sealed, lambda: "correct horse") as node:
        assert readable(node) == 2


def copies_of(node: Node) -> set[tuple[str, ...]]:
    store = FileKeyStore(node.places.keys)
    return {
        tuple(copy.to for copy in parse_record(name, store.get(name) or b"").escrow) for name in store.list()
    }


def test_an_escrow_key_gets_copies_of_what_is_sealed_already_and_from_now_on(
    sealed: Path, tmp_path: Path
) -> None:
    with opened(sealed) as node:
        done = escrow(node, [str(HOLDER.public)])
        assert (done.added, done.copies) == ((HOLDER.public.id,), 2)
        assert copies_of(node) == {(HOLDER.public.id,)}
    with opened(sealed) as node:
        node.vault().new_keys(1)
        assert copies_of(node) == {(HOLDER.public.id,)}
        assert node.config.escrow == (str(HOLDER.public),)
        assert [detail["to"] for detail in node.key_events("escrow")] == [HOLDER.public.id]
        assert "no-escrow" not in [advice.code for advice in advise(node)]


def test_adding_an_escrow_key_twice_is_adding_it_once(sealed: Path) -> None:
    with opened(sealed) as node:
        escrow(node, [str(HOLDER.public), str(HOLDER.public)])
        done = escrow(node, [str(HOLDER.public)])
        assert (done.added, done.copies) == ((), 0)
        assert escrow(node).copies == 0
        assert len(node.key_events("escrow")) == 1
        assert escrow(node, [str(OTHER.public)]).copies == 2
        assert copies_of(node) == {(HOLDER.public.id, OTHER.public.id)}
        assert len(node.key_events("escrow")) == 2


@pytest.mark.parametrize("dies_at", ["write_config", "Vault", "_log_escrow"])
def test_adding_an_escrow_key_that_was_killed_is_finished_by_doing_it_again(
    sealed: Path, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    with opened(sealed) as node:
        monkeypatch.setattr(node_keys, dies_at, die)
        with pytest.raises(KeyboardInterrupt):
            escrow(node, [str(HOLDER.public)])
        monkeypatch.undo()
    with opened(sealed) as node:
        escrow(node, () if dies_at != "write_config" else [str(HOLDER.public)])
        assert copies_of(node) == {(HOLDER.public.id,)}
        assert len(node.key_events("escrow")) == 1


def test_a_mistyped_escrow_key_changes_nothing(sealed: Path) -> None:
    with opened(sealed) as node:
        with pytest.raises(InputError):
            escrow(node, [str(HOLDER.public), str(HOLDER.public)[:-1] + "x"])
        assert node.config.escrow == ()
        assert copies_of(node) == {()}


def test_an_escrow_key_is_made_once_and_for_its_holder_alone(tmp_path: Path) -> None:
    path = tmp_path / "escrow.secret"
    public = make_escrow_key(path, Dice("escrow"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(parse_escrow_secret(path.read_text()).public) == public
    with pytest.raises(UsageError) as caught:
        make_escrow_key(path, Dice("another"))
    assert caught.value.code == "E1305"
    assert str(parse_escrow_secret(path.read_text()).public) == public
    with pytest.raises(StorageError) as failed:
        make_escrow_key(tmp_path / "none" / "escrow.secret", Dice("another"))
    assert failed.value.code == "E5020"


@pytest.fixture
def lost(sealed: Path) -> Path:
    """Let a node with an escrow key lose its secret."""
    with opened(sealed) as node:
        escrow(node, [str(HOLDER.public)])
    (sealed / "keys" / "node.key").unlink()
    return sealed


def test_evidence_comes_back_by_escrow_and_nothing_is_signed(lost: Path, tmp_path: Path) -> None:
    """The holder of an escrow key can open what was sealed; it is no member."""
    assert recover_by_escrow(lost, HOLDER, None) == (2, 0)
    with opened(lost) as node:
        assert node.own_keys.is_lost
        assert readable(node) == 2
        node.member.fold.catch_up(node.log)
        (finding, _), *_ = node.member.fold.table.findings("f-")
        packed = make_pack(node, PackRequest(finding=finding, unwitnessed=True))
        assert verify_pack(packed.data, genesis=node.charter.genesis).failed is None
        assert status_of(node).refusal is not None
        assert advise(node)[0].code == "keys-lost"
        logs = write_logs(tmp_path / "more", c=["/"])
        with pytest.raises(StorageError) as caught:
            seal(node, request_of(write_rule(tmp_path), logs))
        assert caught.value.code == "E5337"
        assert check_node(node).is_sound


def test_a_new_secret_is_locked_by_its_own_passphrase(lost: Path) -> None:
    recover_by_escrow(lost, HOLDER, "new horse")
    with open_node(lost, lambda: "new horse") as node:
        assert readable(node) == 2


def test_a_recovery_by_escrow_that_was_killed_can_be_done_again(
    lost: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(node_keys, "write_secret", die)
    with pytest.raises(KeyboardInterrupt):
        recover_by_escrow(lost, HOLDER, None)
    monkeypatch.undo()
    assert recover_by_escrow(lost, HOLDER, None) == (2, 0)
    with opened(lost) as node:
        assert readable(node) == 2


def test_keys_without_a_copy_stay_lost_and_are_counted(sealed: Path) -> None:
    with opened(sealed) as node:
        escrow(node, [str(HOLDER.public)])
        store = FileKeyStore(node.places.keys)
        Vault(store, node.identity.node_key, node.entropy).new_keys(3)
    (sealed / "keys" / "node.key").unlink()
    assert recover_by_escrow(sealed, HOLDER, None) == (2, 3)


def test_another_escrow_key_opens_nothing_and_changes_nothing(lost: Path) -> None:
    with pytest.raises(UsageError) as caught:
        recover_by_escrow(lost, OTHER, None)
    assert caught.value.code == "E1307"
    assert not (lost / "keys" / "node.key").exists()
    assert recover_by_escrow(lost, HOLDER, None) == (2, 0)


def test_a_secret_that_is_there_is_never_replaced_by_escrow(sealed: Path) -> None:
    before = (sealed / "keys" / "node.key").read_bytes()
    with pytest.raises(UsageError) as caught:
        recover_by_escrow(sealed, HOLDER, None)
    assert caught.value.code == "E1306"
    assert (sealed / "keys" / "node.key").read_bytes() == before


def test_without_the_keys_folder_no_escrow_key_helps(lost: Path) -> None:
    shutil.rmtree(lost / "keys")
    with pytest.raises(StorageError) as caught:
        recover_by_escrow(lost, HOLDER, None)
    assert caught.value.code == "E5333"


def test_what_was_erased_does_not_come_back_by_escrow(lost: Path) -> None:
    store = FileKeyStore(lost / "keys")
    name = next(iter(store.list()))
    record = store.get(name)
    assert record is not None
    store.append_erased([name])
    assert recover_by_escrow(lost, HOLDER, None) == (1, 0)
    with opened(lost) as node:
        with pytest.raises(StorageError) as caught:
            node.vault().get(bytes.fromhex(name))
        assert caught.value.code == "E5300"
        assert store.get(name) is None
