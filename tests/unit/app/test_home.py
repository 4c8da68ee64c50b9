"""A node's folder is made so that dying half-way loses nothing, and opened only by its owner."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hisn.app import home
from hisn.app.home import NewNode, init_node, open_node, read_unit, replace_unit
from hisn.app.identity import ROLES
from hisn.app.key_file import write_secret
from hisn.app.member import Member
from hisn.app.places import Places
from hisn.errors import InputError, StorageError, UsageError, VerificationError
from hisn.storage.files import write_whole
from hisn.testing.fake_clock import FakeClock
from hisn.tlog.append import LogWriter
from hisn.unit.draft import Move, make_charter, make_roster
from hisn.unit.enrol import assemble_roster, make_enrolment, sign_roster, verify_enrolment

ALONE = NewNode(origin="vesna.example", side="county", unit="Vesna county")


def nobody() -> str:
    raise AssertionError("nobody may be asked for a passphrase")


def test_a_new_node_is_a_unit_of_one_member_and_opens_again(tmp_path: Path) -> None:
    with init_node(tmp_path / "n", ALONE, FakeClock()) as made:
        genesis, size = made.charter.genesis, made.log.head().checkpoint.size
    with open_node(tmp_path / "n", nobody) as node:
        assert (node.charter.genesis, node.log.head().checkpoint.size) == (genesis, size) == (genesis, 1)
        assert [member.id for member in node.roster.active] == ["vesna.example"]
        assert node.member.fold.table.counts() == {"charter": 1}


def test_a_node_is_never_made_over_another_one(tmp_path: Path) -> None:
    init_node(tmp_path, ALONE).close()
    before = (tmp_path / "keys" / "node.key").read_bytes()
    with pytest.raises(UsageError) as caught:
        init_node(tmp_path, ALONE)
    assert caught.value.code == "E1300"
    assert (tmp_path / "keys" / "node.key").read_bytes() == before


def test_no_node_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_node(tmp_path, nobody)
    assert caught.value.code == "E1301"


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("step", ["secret", "genesis.json", "0000.dsse", "log", "charter act", "node.json"])
def test_making_a_node_that_was_killed_can_be_done_again(
    tmp_path: Path, step: str, is_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Die before or behind each step; the secret that was there first is kept."""

    def dying(work: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
        def do(*args: Any, **named: Any) -> Any:
            is_it = name is None or (isinstance(args[0], Path) and args[0].name == name)
            done = work(*args, **named) if is_done or not is_it else None
            if is_it:
                raise KeyboardInterrupt
            return done

        return do

    if step == "secret":
        monkeypatch.setattr(home, "write_secret", dying(write_secret))
    elif step == "log":
        monkeypatch.setattr(LogWriter, "create", dying(LogWriter.create))
    elif step == "charter act":
        monkeypatch.setattr(Member, "record", dying(Member.record))
    else:
        monkeypatch.setattr(home, "write_whole", dying(write_whole, step))
    with pytest.raises(KeyboardInterrupt):
        init_node(tmp_path, ALONE)
    monkeypatch.undo()
    key = tmp_path / "keys" / "node.key"
    before = key.read_bytes() if key.exists() else None
    is_made = (tmp_path / "node.json").exists()
    with open_node(tmp_path, nobody) if is_made else init_node(tmp_path, ALONE) as node:
        assert node.log.head().checkpoint.size == 1
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts() == {"charter": 1}
    assert before in (None, key.read_bytes())


def test_a_locked_node_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    wanted = NewNode(origin="vesna.example", side="county", unit="Vesna", passphrase="correct horse")
    init_node(tmp_path, wanted).close()
    with pytest.raises(InputError):
        open_node(tmp_path, lambda: "wrong horse")
    open_node(tmp_path, lambda: "correct horse").close()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_nobody_else_reads_the_key(tmp_path: Path) -> None:
    init_node(tmp_path / "n", ALONE).close()
    assert (tmp_path / "n" / "keys" / "node.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "n" / "keys").stat().st_mode & 0o077 == 0


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "n").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        init_node(tmp_path / "n", ALONE)
    assert caught.value.code == "E5330"


@pytest.mark.parametrize(
    ("name", "code"), [("node.json", "E5332"), ("keys/node.key", "E5333"), ("charter/genesis.json", "E5334")]
)
def test_what_is_missing_or_damaged_is_named(tmp_path: Path, name: str, code: str) -> None:
    init_node(tmp_path, ALONE).close()
    if name == "node.json":
        (tmp_path / name).write_bytes(b'{"origin": 7}')
    else:
        (tmp_path / name).unlink()
    with pytest.raises(StorageError) as caught:
        open_node(tmp_path, nobody)
    assert caught.value.code == code


def test_a_roster_that_was_changed_is_refused(tmp_path: Path) -> None:
    init_node(tmp_path, ALONE).close()
    path = tmp_path / "roster" / "0000.dsse"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError):
        open_node(tmp_path, nobody)


def another_unit(node: home.Node) -> tuple[bytes, list[bytes]]:
    """Return the charter and two epochs of a unit in which this node is alone, too."""
    signers = {role: node.signer(role) for role in ROLES}
    origin = node.config.origin
    enrolment = verify_enrolment(make_enrolment("Another", origin, "county", "", signers))
    charter, first = make_charter("Another", [enrolment])
    second = make_roster(charter, [first], [], [Move(origin, "county", "https://vesna.example")])
    signing = ((first.document, list(signers.values())), (second.document, [signers["root"]]))
    return charter.document, [assemble_roster(text, sign_roster(text, keys)) for text, keys in signing]


@pytest.mark.parametrize("writes", range(6))
def test_a_unit_is_replaced_as_a_whole_or_not_at_all(
    tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before any of its writes: the epochs prepared, the charter, which decides, and each epoch."""
    with init_node(tmp_path, ALONE) as node:
        charter, envelopes = another_unit(node)
        old = node.charter.genesis
    places = Places(tmp_path)
    left = [writes]

    def dying(path: Path, data: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write_whole(path, data)

    monkeypatch.setattr(home, "write_whole", dying)
    with suppress(KeyboardInterrupt):
        replace_unit(places, charter, envelopes)
    assert left == [max(0, writes - 4)]
    monkeypatch.undo()
    found, rosters = read_unit(places)
    is_old = writes < 2
    assert (found.genesis == old) == is_old
    names = ["0000.dsse"] if is_old else ["0000.dsse", "0001.dsse"]
    assert sorted(path.name for path in places.rosters.iterdir()) == names
    assert len(rosters) == len(names)


@pytest.mark.parametrize("left_over", [b"{}", b"[7]", b"[]", b"no JSON"])
def test_what_is_left_of_another_unit_and_is_none_is_dropped(tmp_path: Path, left_over: bytes) -> None:
    init_node(tmp_path, ALONE).close()
    places = Places(tmp_path)
    (places.rosters / "next.chain").write_bytes(left_over)
    assert read_unit(places)[0].name == ALONE.unit
    assert [path.name for path in places.rosters.iterdir()] == ["0000.dsse"]


def test_an_escrow_key_that_is_mistyped_makes_no_node(tmp_path: Path) -> None:
    wanted = NewNode(origin="vesna.example", side="county", unit="Vesna", escrow=("hisn-escrow-typo",))
    with pytest.raises(InputError):
        init_node(tmp_path / "n", wanted)
    assert not (tmp_path / "n").exists()


def test_keys_of_a_later_generation_are_others(tmp_path: Path) -> None:
    with init_node(tmp_path, ALONE) as node:
        assert node.signer("act").public == node.identity.signer("act", 0).public
        assert node.signer("act").public != node.identity.signer("act", 1).public
        assert node.escrow() == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "Vesna"},
        {"origin": "../vesna"},
        {"origin": ""},
        {"side": "the county"},
        {"unit": ""},
        {"url": "vesna.example:8470"},
        {"url": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_name_that_no_member_can_have_makes_no_node(tmp_path: Path, wrong: dict[str, str]) -> None:
    wanted = replace(ALONE, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        init_node(tmp_path / "n", wanted)
    assert caught.value.code == "E1309"
    assert not (tmp_path / "n").exists()
