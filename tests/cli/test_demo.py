from __future__ import annotations

from pathlib import Path

import pytest

from hisn.cli.main import run


def test_the_demo_says_what_was_planted_and_what_was_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evening"
    assert run(["demo", "--size", "2000", "--seed", "3", "--out", str(out), "--quiet"]) == 0
    text = capfd.readouterr().out
    assert f"hisn guard {out / 'logs'}" in text
    assert "found        Slow SQL injection" in text
    assert "MISSED" not in text
    assert "raised nothing grave" in text
    for name in ("report.html", "findings.json", "truth.json", "logs"):
        assert (out / name).exists()
        assert str(out / name) in text


def test_an_evening_too_small_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--size", "10", "--out", str(tmp_path)]) == 2
    assert "E1090" in capfd.readouterr().err


def test_the_demo_speaks_arabic(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "ar", "demo", "--size", "2000", "--out", str(tmp_path), "--quiet"]) == 0
    assert any("؀" <= char <= "ۿ" for char in capfd.readouterr().out)
