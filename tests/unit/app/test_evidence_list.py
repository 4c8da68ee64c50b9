"""The owner sees what is in his log, and what can be shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, VOTE, WEB, World, id_of, lie
from tests.unit.app.units import request_of, seal, write_logs

from hisn.app.evidence_list import describe, findings_of
from hisn.app.places import blob_name
from hisn.app.reopen import own_act
from hisn.errors import UsageError
from hisn.evidence.batch import Mode


def test_findings_stand_in_the_order_of_the_log(unit: World) -> None:
    with unit.open(EAST) as (east,):
        rows = findings_of(east)
        assert [row.id for row in rows] == [id_of(east, VOTE), id_of(east, WEB)]
        assert rows[0].to_json() == {
            "place": rows[0].place,
            "id": rows[0].id,
            "level": "high",
            "title": "A marked path",
        }
    with unit.open(NORTH) as (north,):
        assert findings_of(north) == []


def test_a_finding_whose_body_is_gone_keeps_its_place(unit: World) -> None:
    with unit.open(EAST) as (east,):
        place = findings_of(east)[0].place
        body = own_act(east, place).statement.body
        assert body is not None
        east.blobs.delete(blob_name(body.sha256))
        first = findings_of(east)[0]
        assert (first.id, first.place) == ("", place)


def test_it_says_on_which_records_a_finding_rests_and_what_they_have(unit: World) -> None:
    with unit.open(EAST) as (east,):
        found = describe(east, id_of(east, WEB)[:10])
    fields = dict(found.fields)
    assert (fields["count"], fields["tags"], fields["window"]) == ("2", "", "–")
    assert "batches" not in fields
    ((source, numbers, _entry),) = found.records
    assert (source, numbers) == (WEB, "2, 4")
    assert {"cs-method", "cs-uri-query", "c-ip"} <= set(found.names)
    assert not any(name.startswith("_") for name in found.names)


def seal_many(unit: World, tmp_path: Path, count: int, mode: Mode = "fields") -> None:
    with unit.open(EAST) as (east,):
        logs = write_logs(tmp_path / "w", many=["/?marked"] * count)
        seal(east, request_of(unit.rule, logs), mode)


def test_long_lists_of_records_are_cut(unit: World, tmp_path: Path) -> None:
    seal_many(unit, tmp_path, 30)
    with unit.open(EAST) as (east,):
        found = describe(east, id_of(east, "many.log"))
    assert found.records[0][1].startswith("1, 2, 3")
    assert found.records[0][1].endswith("… (+10)")


def test_a_source_sealed_whole_has_no_fields_to_show(unit: World, tmp_path: Path) -> None:
    seal_many(unit, tmp_path, 2, "whole")
    with unit.open(EAST) as (east,):
        assert describe(east, id_of(east, "many.log")).names == ()


def test_no_such_finding_is_said_so(unit: World) -> None:
    with unit.open(EAST) as (east,), pytest.raises(UsageError):
        describe(east, "f-nothing")


def test_a_finding_with_strange_values_is_described_all_the_same(unit: World) -> None:
    with unit.open(EAST) as (east,):
        lie(unit, east, VOTE, {"tags": (("nested",), 5, None), "title": None})
        fields = dict(describe(east, id_of(east, VOTE)).fields)
    assert fields["title"] == "–"
