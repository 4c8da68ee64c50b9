"""The passphrase comes from a file, the environment or a person, and nobody is asked in vain."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
import pytest

from hisn.cli.secret import asked_once, changed_passphrase, new_passphrase, passphrase
from hisn.errors import UsageError


class Terminal(io.StringIO):
    """Be a terminal."""

    def isatty(self) -> bool:
        """Return that a person sits here."""
        return True


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HISN_PASSPHRASE",
        "HISN_PASSPHRASE_FILE",
        "HISN_NEW_PASSPHRASE",
        "HISN_NEW_PASSPHRASE_FILE",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_file_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    (tmp_path / "secret").write_bytes(f" with blanks {ending}".encode())
    monkeypatch.setenv("HISN_PASSPHRASE", "from the environment")
    assert passphrase() == new_passphrase() == "from the environment"
    monkeypatch.setenv("HISN_PASSPHRASE_FILE", str(tmp_path / "secret"))
    assert passphrase() == new_passphrase() == " with blanks "


@pytest.mark.parametrize("data", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None
) -> None:
    if data is not None:
        (tmp_path / "secret").write_bytes(data)
    monkeypatch.setenv("HISN_PASSPHRASE_FILE", str(tmp_path / "secret"))
    with pytest.raises(UsageError) as caught:
        passphrase()
    assert caught.value.code == "E1303"


def test_where_nobody_sits_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed by a pipe\n"))
    for ask in (passphrase, new_passphrase):
        with pytest.raises(UsageError) as caught:
            ask()
        assert caught.value.code == "E1302"


def test_a_person_types_it_hidden_and_a_new_one_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append({"text": text, **options})
        return "typed"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(click, "prompt", prompt)
    assert (passphrase(), new_passphrase()) == ("typed", "typed")
    assert all(each["hide_input"] and each["err"] for each in asked)
    assert [bool(each.get("confirmation_prompt")) for each in asked] == [False, True]


def test_the_passphrase_that_replaces_another_has_places_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the same place it would be the old one, and nothing would change."""
    monkeypatch.setenv("HISN_PASSPHRASE", "old")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(UsageError, match="nobody can be asked") as caught:
        changed_passphrase()
    assert "HISN_NEW_PASSPHRASE_FILE" in caught.value.hint
    monkeypatch.setenv("HISN_NEW_PASSPHRASE", "new")
    assert (passphrase(), changed_passphrase()) == ("old", "new")
    (tmp_path / "secret").write_text("newer\n")
    monkeypatch.setenv("HISN_NEW_PASSPHRASE_FILE", str(tmp_path / "secret"))
    assert changed_passphrase() == "newer"


def test_a_person_is_asked_once_however_often_the_node_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", Terminal())

    def prompt(text: str, **_options: object) -> str:
        asked.append(text)
        return "typed"

    monkeypatch.setattr(click, "prompt", prompt)
    ask = asked_once()
    assert [ask(), ask()] == ["typed", "typed"]
    assert len(asked) == 1
