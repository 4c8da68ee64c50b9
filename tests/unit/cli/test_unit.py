"""A unit is founded by files that go from member to member, typed as members type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hisn.cli.main import run

UNIT = "Joint unit"
MEMBERS = ("a", "b", "c")
OUTSIDE = ("x", "y")

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Return a function that types a command on somebody's machine, and returns code and text."""
    monkeypatch.chdir(tmp_path)

    def type_(name: str, *words: str) -> tuple[int, str]:
        monkeypatch.setenv("HISN_HOME", str(tmp_path / name))
        capfd.readouterr()
        code = run(list(words))
        said = capfd.readouterr()
        return code, said.out + said.err

    return type_


def enrol_everybody(typed: Typed) -> None:
    for name in (*MEMBERS, *OUTSIDE):
        made = typed(name, "node", "init", "--name", f"{name}.example", "--side", name, "--unattended")
        assert made[0] == 0, made[1]
        options = ("--as-witness",) if name in OUTSIDE else ()
        code, text = typed(name, "unit", "enrol", "--unit", UNIT, "-o", f"{name}.enrolment", *options)
        assert code == 0
        assert len(text.split()[-1]) == 64


def draft(typed: Typed, *members: str, outside: tuple[str, ...] = OUTSIDE) -> tuple[int, str]:
    witnesses = [word for name in outside for word in ("--witness", f"{name}.enrolment")]
    enrolments = [f"{name}.enrolment" for name in members]
    return typed("a", "unit", "charter", "--unit", UNIT, *enrolments, *witnesses, "-o", "unit.draft")


def test_a_unit_is_in_force_when_everybody_has_signed(typed: Typed) -> None:
    enrol_everybody(typed)
    code, text = draft(typed, *MEMBERS)
    assert code == 0
    genesis = next(line for line in text.splitlines() if "Genesis" in line).split()[-1]
    assert typed("a", "unit", "adopt", "unit.draft")[0] == 4
    for name in (*MEMBERS, *OUTSIDE):
        code, text = typed(name, "unit", "sign", "unit.draft", "--yes")
        assert code == 0
        assert genesis in text
    assert "Everybody has signed" in text
    for name in (*MEMBERS, *OUTSIDE):
        assert typed(name, "unit", "adopt", "unit.draft")[0] == 0
    code, text = typed("b", "unit", "roster")
    assert (code, genesis in text) == (0, True)
    assert all(f"{name}.example" in text for name in (*MEMBERS, *OUTSIDE))
    assert genesis in typed("c", "node", "status")[1]


def test_a_side_that_could_veto_founds_nothing(typed: Typed, tmp_path: Path) -> None:
    enrol_everybody(typed)
    code, text = draft(typed, "a", "b", outside=())
    assert (code, "E4300" in text) == (5, True)
    assert not (tmp_path / "unit.draft").exists()


def test_a_stranger_signs_and_adopts_nothing(typed: Typed, tmp_path: Path) -> None:
    enrol_everybody(typed)
    draft(typed, *MEMBERS)
    before = (tmp_path / "unit.draft").read_bytes()
    assert typed("s", "node", "init", "--name", "s.example", "--unattended")[0] == 0
    code, text = typed("s", "unit", "sign", "unit.draft", "--yes")
    assert (code, "E1330" in text) == (2, True)
    assert (tmp_path / "unit.draft").read_bytes() == before


def test_a_file_that_is_no_draft_or_enrolment_is_said_so(typed: Typed, tmp_path: Path) -> None:
    assert typed("a", "node", "init", "--name", "a.example", "--unattended")[0] == 0
    (tmp_path / "unit.draft").write_text("{}")
    assert typed("a", "unit", "sign", "unit.draft", "--yes")[0] == 3
    (tmp_path / "a.enrolment").write_text("{}")
    assert draft(typed, "a", outside=())[0] == 4
    assert typed("a", "unit", "sign", "nothing", "--yes")[0] == 6
