"""`python -m hisn.evidence.native` builds the library, or says why not."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from hisn.errors import InputError
from hisn.evidence.native import __main__ as program


def test_it_says_where_the_library_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "build_library", lambda: Path("/there/sealer.so"))
    assert program.main() == 0
    assert capsys.readouterr().out == "/there/sealer.so\n"


def test_it_says_why_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> Path:
        raise InputError("E2302", "no", hint="go without")

    monkeypatch.setattr(program, "build_library", refuse)
    assert program.main() == 3
    assert capsys.readouterr().err == "E2302: no\ngo without\n"


def test_it_runs_as_a_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(program.__file__, run_name="__main__")
    assert caught.value.code == 3
