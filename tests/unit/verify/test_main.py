"""The verifier as a program: what it prints, and its exit codes."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from hisn.verify import __main__ as program
from hisn.verify.__main__ import main
from vectors import make_evpack

FOLDER = Path(make_evpack.__file__).parent / "evpack"
GENESIS = "--genesis"


def genesis_of(name: str) -> str:
    text = (FOLDER / "expected" / f"{name}.json").read_text("utf-8")
    return text.partition('"genesis": "')[2][:64]


@pytest.mark.parametrize(
    ("name", "code", "closing"),
    [
        ("good-witnessed", 0, "VALID. "),
        ("good-unwitnessed", 5, "VALID, UNWITNESSED. "),
        ("bad-body-swapped", 4, "INVALID. "),
        ("fork-heads", 4, "FORK PROVEN. "),
        ("container-truncated", 4, "INVALID. "),
    ],
)
def test_the_exit_code_is_that_of_the_result(
    name: str, code: int, closing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = genesis_of(name)
    options = [GENESIS, pinned] if len(pinned) == 64 else []
    assert main([str(FOLDER / f"{name}.evpack"), *options]) == code
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith(closing)
    assert err == ""


def test_a_digest_that_is_none_is_a_slip_of_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(FOLDER / "good-quiet.evpack"), GENESIS, "abc"])
    assert ended.value.code == 2
    assert "64" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no\x1b[2Jsuch.evpack")]) == 6
    out, err = capsys.readouterr()
    assert out == ""
    assert "\\x1b" in err
    assert "\x1b" not in err


def test_it_is_a_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["hisn-verify", str(FOLDER / "good-witnessed.evpack")])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(program.__file__), run_name="__main__")
    assert caught.value.code == 0
    assert "NOT PROVEN" in capsys.readouterr().out
