from __future__ import annotations

from pathlib import Path

import pytest

from hisn.errors import InputError
from hisn.testing.stream import Attack
from hisn.testing.truth import SCHEMA, Notes, SourceTruth, Truth, read_truth, write_truth

ATTACK = Attack("probe", "A probe", "web.log", ("web_rule",), lambda _: iter(()))


def truth() -> Truth:
    notes = Notes()
    notes.add("probe", 3, 1_000_000)
    notes.add("probe", 9, 5_000_000)
    source = SourceTruth(path="web.log", records=10, planted=notes.planted, size_bytes=100)
    return Truth(
        schema=SCHEMA, county="Vesna", seed=1, size=10, sources=(source,), attacks=(notes.of(ATTACK),)
    )


def test_truth_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_truth(write_truth(truth(), tmp_path)) == truth()


def test_an_attack_knows_its_records_and_times() -> None:
    planted = truth().attacks[0]
    assert planted.records == (3, 9)
    assert (planted.first, planted.last) == ("1970-01-01T00:00:01.000000Z", "1970-01-01T00:00:05.000000Z")


def test_another_file_is_no_truth(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_bytes(b'{"schema": 7}')
    with pytest.raises(InputError) as error:
        read_truth(path)
    assert error.value.code == "E2200"
