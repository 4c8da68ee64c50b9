from __future__ import annotations

from pathlib import Path

import pytest

from hisn.testing.__main__ import main
from hisn.testing.truth import read_truth


def test_one_source_is_written_with_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path), "--size", "1000", "--source", "registry", "--no-attacks"]) == 0
    truth = read_truth(tmp_path / "truth.json")
    assert [source.records for source in truth.sources] == [1_000]
    assert "registry/postgresql.csv\t1000 records" in capsys.readouterr().out


def test_a_day_with_a_flood_is_written(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--size", "1000", "--flood", "knox"]) == 0
    (attack,) = read_truth(tmp_path / "truth.json").attacks
    assert attack.name == "flood-as-the-polls-close"
