"""What the simulator seals opens again, and what it states is verified."""

from __future__ import annotations

import json

import pytest

from hisn.events.schema import Cell
from hisn.evidence.raw import decrypt_raw
from hisn.testing.unit_evidence import answer_finding, chunk_of, erase_key, logged_erasures
from hisn.testing.unit_log import blob_name
from hisn.testing.unit_simulator import UnitSimulator
from hisn.verify.steps import Result

RECORDS: list[dict[str, Cell]] = [
    {"path": "/a", "status": 200},
    {"path": "/b", "status": 404},
    {"who": "clerk", "ids": (1, 2)},
]


def test_records_of_several_shapes_are_one_chunk() -> None:
    chunk = chunk_of(RECORDS)
    assert [block.numbers.tolist() for block in chunk.blocks] == [[1, 2], [3]]
    assert chunk.blocks[1].raws == [b'{"ids":[1,2],"who":"clerk"}']


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_a_batch_is_sealed_encrypted_and_shown(mode: str) -> None:
    unit = UnitSimulator()
    batch = unit.seal("north", RECORDS, mode=mode)  # type: ignore[arg-type]
    public = batch.logged.statement.public if batch.logged.statement else {}
    blob = unit["north"].blobs.files[blob_name(bytes.fromhex(str(public["ciphertext"])))]
    lines = b"".join(decrypt_raw(batch.intake.key, [blob])).splitlines()
    assert json.loads(lines[1]) == {"path": "/b", "status": 404}
    finding = unit.state("north", batch, events=[0, 2])
    assert unit.publish("north").is_published
    report = unit.verify(unit.pack("north", finding, whole=mode == "whole"))
    assert report.result is Result.VALID
    assert report.shown is not None
    assert len(report.shown.events) == 2


def test_batches_of_one_source_follow_one_another() -> None:
    unit = UnitSimulator()
    first = unit.seal("north", RECORDS)
    second = unit.seal("north", RECORDS, after=first, asset_class="ballot")
    finding = unit.state("north", first, second)
    unit.publish("north")
    assert unit.verify(unit.pack("north", finding)).result is Result.VALID
    assert second.logged.statement is not None
    assert second.logged.statement.public["count"] is None


def test_answers_are_about_the_finding() -> None:
    unit = UnitSimulator()
    finding = unit.state("north", unit.seal("north", RECORDS), audience=("*",))
    answers = [
        answer_finding(unit["south"].face, finding),
        answer_finding(unit["east"].face, finding, "dissent"),
    ]
    unit.settle()
    report = unit.verify(unit.pack("north", finding, answers=answers))
    assert report.result is Result.VALID
    assert {flag.name.value: flag.by for flag in report.flags} == {
        "RECHECKED": ("south.example",),
        "DISSENTED": ("east.example",),
    }


def test_an_erasure_is_logged() -> None:
    unit = UnitSimulator()
    batch = unit.seal("north", RECORDS)
    erase_key(unit["north"].face, unit.vault("north"), batch.intake)
    assert logged_erasures(unit["north"].face) == [batch.intake.commitment.hex()]
    assert list(unit.keys("north").list()) == []
