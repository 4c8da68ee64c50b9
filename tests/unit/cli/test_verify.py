"""What a stranger types, and the exit code that a script acts on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hisn.cli.main import run

EVPACKS = Path(__file__).resolve().parents[3] / "vectors" / "evpack"


def genesis_of(name: str) -> str:
    return str(json.loads((EVPACKS / "expected" / f"{name}.json").read_bytes())["genesis"])


@pytest.mark.parametrize(
    ("name", "code", "result"),
    [
        ("good-both", 0, "VALID"),
        ("good-unwitnessed", 5, "VALID, UNWITNESSED"),
        ("bad-act-changed", 4, "INVALID"),
        ("fork-heads", 4, "FORK PROVEN"),
    ],
)
def test_each_result_has_its_exit_code(
    name: str, code: int, result: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = str(EVPACKS / f"{name}.evpack")
    assert run(["verify", path, "--genesis", genesis_of(name)]) == code
    text = capfd.readouterr().out
    assert f" {result} " in text.splitlines()[-1]
    assert "Not proven" in text
    assert run(["verify", path, "--genesis", genesis_of(name), "--json"]) == code
    document = json.loads(capfd.readouterr().out)
    assert (document["result"], document["exit_code"]) == (result, code)
    assert [step["number"] for step in document["steps"]] == list(range(1, len(document["steps"]) + 1))


def test_a_pack_of_another_unit_is_invalid(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(EVPACKS / "good-both.evpack"), "--genesis", "00" * 32]) == 4
    assert "FAILED" in capfd.readouterr().out


def test_a_digest_that_is_none_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(EVPACKS / "good-both.evpack"), "--genesis", "5f1c"]) == 2
    assert "E1322" in capfd.readouterr().err


def test_a_file_that_is_not_there_or_no_pack_is_said_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(tmp_path / "none.evpack")]) == 6
    assert "E5322" in capfd.readouterr().err
    (tmp_path / "text.evpack").write_text("no pack")
    assert run(["verify", str(tmp_path / "text.evpack")]) == 4
    assert "hint" in capfd.readouterr().err


def test_the_report_speaks_arabic(capfd: pytest.CaptureFixture[str]) -> None:
    path = str(EVPACKS / "good-both.evpack")
    assert run(["--lang", "ar", "verify", path, "--genesis", genesis_of("good-both")]) == 0
    text = capfd.readouterr().out
    assert "Proven" not in text
    assert any("؀" <= char <= "ۿ" for char in text)
