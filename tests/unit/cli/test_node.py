"""``hisn node`` as operators type it: what it says, and the exit code that a script acts on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, World
from tests.unit.app.units import opened

from hisn.app.home import NewNode, init_node
from hisn.app.places import blob_name
from hisn.cli.main import run
from hisn.tlog.staging import LogNames

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Typed:
    """Return a function that types a command of ``hisn node``, and returns code and text."""

    def type_(*words: str) -> tuple[int, str]:
        capfd.readouterr()
        code = run(["node", *words])
        said = capfd.readouterr()
        return code, said.out + said.err

    return type_


def test_a_node_is_made_and_says_what_to_keep(home: Path, typed: Typed) -> None:
    code, text = typed("init", "--name", "vesna.example", "--side", "county", "--unattended")
    assert code == 0
    assert "vesna.example" in text
    assert f"{home}/keys" in text
    with opened(home) as node:
        assert node.charter.genesis.hex() in text
        assert (node.config.side, node.charter.name) == ("county", "vesna.example")
    assert typed("init", "--unattended")[0] == 2


def test_a_node_is_locked_unless_it_is_to_start_unattended(
    home: Path, tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = typed("init", "--name", "vesna.example")
    assert (code, "E1302" in text) == (2, True)
    assert not home.exists()
    (tmp_path / "passphrase").write_text("correct horse\n")
    monkeypatch.setenv("HISN_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    assert typed("init", "--name", "vesna.example")[0] == 0
    assert typed("status")[0] == 0
    (tmp_path / "passphrase").write_text("wrong horse\n")
    code, text = typed("status")
    assert (code, "E2301" in text) == (3, True)
    monkeypatch.delenv("HISN_PASSPHRASE_FILE")
    code, text = typed("status")
    assert (code, "E1302" in text) == (2, True)


@pytest.mark.parametrize(
    "words", [("status",), ("publish",), ("fsck",), ("doctor",), ("rotate",), ("escrow",), ("recover",)]
)
def test_without_a_node_it_is_said_how_to_make_one(home: Path, typed: Typed, words: tuple[str, ...]) -> None:
    code, text = typed(*words)
    assert code == 2
    assert "E1301" in text
    assert "hisn node init" in text
    assert not home.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--name", "Not An Id"), 2, "E1309"),
        (("--name", "vesna.example", "--side", "The County"), 2, "E1309"),
        (("--name", "vesna.example", "--unit", "x" * 300), 2, "E1309"),
        (("--name", "vesna.example", "--url", "vesna.example:8470"), 2, "E1309"),
        (("--name", "vesna.example", "--escrow", "hisn-escrow1typo"), 3, "E2300"),
        (("--name", "vesna.example", "--witness", "none.enrolment"), 6, "E5322"),
    ],
)
def test_a_node_that_cannot_be_is_not_made(
    home: Path, typed: Typed, words: tuple[str, ...], code: int, said: str
) -> None:
    found, text = typed("init", "--unattended", *words)
    assert (found, said in text) == (code, True)
    assert not (home / "node.json").exists()


@pytest.mark.usefixtures("unit")
def test_status_shows_where_a_member_stands(typed: Typed) -> None:
    code, text = typed("status")
    assert code == 0
    for word in (EAST, "Delta unit", "press.example", "2 batch", "2 finding"):
        assert word in text
    code, text = typed("status", "--json")
    found = json.loads(text)
    assert (code, found["origin"], found["refusal"]) == (0, EAST, None)
    assert found["size"] == found["published"]


def test_a_log_that_must_not_be_signed_is_said_and_exits_with_4(unit: World, typed: Typed) -> None:
    tiles = unit.roots[EAST] / LogNames(EAST).folder / "tile"
    shutil.rmtree(tiles / "0")
    code, text = typed("status")
    assert code == 4
    assert "Nothing can be signed" in text
    code, text = typed("doctor")
    assert code == 5
    assert text.startswith("!! Nothing can be signed")
    assert "hisn node recover" in text
    code, text = typed("publish")
    assert code == 6
    code, text = typed("fsck")
    assert code == 4
    assert "tile/0" in text


def test_fsck_finds_a_sound_node_sound_and_names_what_is_not(unit: World, typed: Typed) -> None:
    code, text = typed("fsck")
    assert code == 0
    assert "Everything is as it was signed." in text
    with unit.open(EAST) as (node,):
        node.member.fold.catch_up(node.log)
        position, kind, body = next(row for row in node.member.fold.table.bodies() if row[1] == "finding")
    (unit.roots[EAST] / blob_name(body)).unlink()
    code, text = typed("fsck")
    assert code == 4
    assert f"missing  {position}  {kind}" in text
    assert "Everything is as it was signed." not in text


@pytest.mark.usefixtures("unit")
def test_without_a_quorum_publishing_exits_with_5(unit: World, typed: Typed) -> None:
    with unit.open(EAST) as (node,):
        from hisn.app.member import Draft

        node.member.record([Draft(kind="observation", public={"what": "new", "digest": "00" * 32})])
    code, text = typed("publish")
    assert code == 5
    assert "Sequenced, unwitnessed" in text
    assert "press.example" in text


def test_a_lone_office_publishes_and_is_told_that_nobody_watches_it(home: Path, typed: Typed) -> None:
    init_node(home, NewNode(origin="vesna.example", side="county", unit="Vesna")).close()
    code, text = typed("publish")
    assert code == 0
    assert "No witness is known" in text
    code, text = typed("doctor")
    assert code == 5
    assert "No witness sees this log" in text
    assert "hisn node escrow" in text


@pytest.mark.usefixtures("unit")
@pytest.mark.parametrize("command", ["status", "doctor", "fsck"])
def test_arabic_is_spoken(typed: Typed, command: str) -> None:
    code, text = typed(command, "--lang", "ar")
    assert code in (0, 5)
    assert any("\u0600" <= char <= "\u06ff" for char in text)


def test_names_that_clear_the_screen_are_shown_as_text(home: Path, typed: Typed) -> None:
    init_node(home, NewNode(origin="vesna.example", side="county", unit="Ve\x1b[2J\u202esna")).close()
    code, text = typed("status")
    assert code == 0
    assert "\x1b" not in text
    assert "\u202e" not in text
