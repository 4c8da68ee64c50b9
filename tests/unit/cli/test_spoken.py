"""In a right-to-left language the parser speaks it too, and nothing that is typed is turned round."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from gettext import textdomain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import pytest

from hisn.cli.main import COMMANDS, run
from hisn.cli.seal import witnessing
from hisn.cli.spoken import TEXTS, Formatter, spoken
from hisn.node.published import Published
from hisn.node.without import Missing, Why
from hisn.present.i18n import LANGUAGES, _, use_language
from hisn.present.layout import cells

if TYPE_CHECKING:
    from hisn.tlog.checkpoint import SignedCheckpoint

_ISOLATED = re.compile("[\u2066\u2068][^\u2066-\u2069]*\u2069")
_NAMES = {"ATT", "CK", "CSV", "ISO", "JSON", "PEM", "RE2", "RFC", "SigmaHQ", "TLS", "TOML", "UTC", "Windows",
          "ZIP", "https", "macOS"}  # fmt: skip
_WALK = """
import click
from hisn.cli.main import build
from hisn.cli.spoken import spoken
from hisn.present.i18n import use_language

def walk(command, context):
    print(context.get_help())
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        child = command.get_command(context, name)
        walk(child, click.Context(child, parent=context, info_name=name))

use_language("ar")
with spoken("ar"):
    group = build()
    walk(group, click.Context(group, info_name="hisn"))
"""


@pytest.fixture(autouse=True)
def _english() -> object:
    yield
    use_language("en")


def _texts_of_click() -> set[str | tuple[str, str]]:
    found: set[str | tuple[str, str]] = set()
    for path in Path(click.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and name in ("_", "ngettext"):
                texts = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
                found.add((texts[0], texts[1]) if name == "ngettext" else "".join(texts))
    return found | {"required"}  # passed on by its name


def test_every_text_is_one_of_click() -> None:
    assert set(TEXTS) - _texts_of_click() == set()


def test_help_of_every_command_is_translated_and_keeps_its_directions() -> None:
    # Texts are translated when a command is imported: only a new process sees all of them.
    done = subprocess.run(
        [sys.executable, "-c", _WALK], capture_output=True, check=True, env=os.environ | {"COLUMNS": "60"}
    )
    lines = done.stdout.decode().splitlines()
    assert sum(line.startswith("الاستعمال: \u2066hisn") for line in lines) > len(COMMANDS)
    for line in lines:
        assert line.count("\u2066") == line.count("\u2069"), line
        if not re.match(r"\s+(?:HISN_HOME=\S+ )?(?:hisn|zcat) ", line):
            left = set(re.findall(r"[A-Za-z][A-Za-z0-9]+", _ISOLATED.sub("", line)))
            assert left <= _NAMES, line


def test_usage_errors_are_translated_and_what_was_typed_keeps_its_direction(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--lang", "ar", "guard", "--quite", "x"]) == 2
    what, hint = capsys.readouterr().err.splitlines()
    assert what.startswith("\u2066hisn\u2069: خطأ\u2066[E1000]\u2069: لا خيار باسم \u2066'--quite'\u2069.")
    assert what.endswith(" هل تقصد \u2066'--quiet'\u2069؟")
    assert hint == "  ما العمل: \u2066hisn guard --help\u2069"
    assert run(["--lang", "ar", "guard"]) == 2
    assert "ينقص الوسيط \u2066'PATH...'\u2069." in capsys.readouterr().err


def test_what_was_typed_cannot_open_an_isolate(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "ar", "explain", "E2001", "\u2067gol.exe", "\u2069\u202e"]) == 2
    text = capsys.readouterr().err
    assert not {"\u2067", "\u202e"} & set(text)
    assert text.count("\u2066") == text.count("\u2069")


def test_what_was_spoken_before_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "fr")
    before = textdomain()
    with spoken("ar"):
        assert (os.environ["LANGUAGE"], textdomain()) == ("ar", "hisn")
        assert click.Context.formatter_class is Formatter
    assert (os.environ["LANGUAGE"], textdomain()) == ("fr", before)
    assert click.Context.formatter_class is click.HelpFormatter
    monkeypatch.delenv("LANGUAGE")
    with pytest.raises(ZeroDivisionError), spoken("ar"):
        raise ZeroDivisionError
    assert "LANGUAGE" not in os.environ


def test_english_is_left_to_click(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "ar", "guard"]) == 2
    capsys.readouterr()
    assert run(["guard"]) == 2
    assert "Missing argument 'PATH...'." in capsys.readouterr().err


def test_isolates_take_no_room_in_columns() -> None:
    use_language("ar")
    page = Formatter(width=60)
    page.write_dl(
        [
            ("-q", "بهدوء"),
            ("--level [low|high]", "المستوى"),
            ("--an-option-with-a-long-name VALUE", "0<=x<=9"),
        ]
    )
    quiet, level, option, text = page.getvalue().splitlines()
    assert cells(quiet.partition("بهدوء")[0]) == cells(level.partition("المستوى")[0]) == 32
    assert option == "\u2066--an-option-with-a-long-name VALUE\u2069"
    assert text == " " * 32 + "\u20660<=x<=9\u2069"


def test_a_text_that_click_has_cut_off_closes_its_isolate() -> None:
    use_language("ar")
    page = Formatter(width=60)
    page.write_dl([("list", "سرد \u2066hisn...")])
    assert page.getvalue() == "\u2066list\u2069  سرد \u2066hisn...\u2069\n"


def test_nobody_has_witnessed_a_lone_log_in_any_language() -> None:
    # An isolate around no name is no name.
    lone = Published(cast("SignedCheckpoint", None), is_published=True, signed=(), missing=())
    for language in LANGUAGES:
        use_language(language)
        assert witnessing(lone) == _("No witness is known: what is sealed is sequenced, unwitnessed.")


def test_why_a_witness_did_not_sign_is_translated() -> None:
    use_language("ar")
    away = Published(cast("SignedCheckpoint", None), False, (), (Missing("a.example", Why.AWAY),) * 2)
    name = "\u2066a.example\u2069 (لا يجيب)"
    assert f"{name}، {name}." in witnessing(away)
