from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.unit.present.catalogue import REPOSITORY
from tests.unit.present.samples import correlated, language, report, whole
from tests.unit.present.schemas import schemas, text_of

from hisn.present.json_out import render_json, render_jsonl

SCHEMAS = REPOSITORY / "docs" / "reference" / "schema"


def schema(name: str) -> dict[str, Any]:
    loaded = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def validate(value: object, name: str) -> None:
    validator = jsonschema.Draft202012Validator(schema(name))
    validator.check_schema(schema(name))
    validator.validate(value)


def refuse_floats(text: str) -> float:
    raise AssertionError(text)


@pytest.mark.parametrize(
    "made",
    [report(), report("\udc80\x00\u202e"), whole(), correlated("\udc80\x00\u202e")],
    ids=["found", "hostile", "none", "correlated"],
)
def test_real_output_fits_the_published_schemas(made: Any) -> None:
    document = json.loads(render_json(made))
    validate(document, "hisn.report.v1")
    validate(document["coverage"], "hisn.coverage.v1")
    for finding in document["findings"]:
        validate(finding, "hisn.finding.v1")
    lines = [json.loads(line) for line in render_jsonl(made).splitlines()]
    assert [line["schema"] for line in lines] == ["hisn.finding.v1"] * len(made.findings) + [
        "hisn.coverage.v1"
    ]
    for line in lines:
        validate(line, line["schema"])


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("hisn.*.json")), ids=lambda path: path.stem)
def test_the_schemas_allow_nothing_else(path: Path) -> None:
    # A consumer may rely on the list of keys being the whole list.
    def objects(value: Any) -> list[dict[str, Any]]:
        if isinstance(value, list):
            return [found for item in value for found in objects(item)]
        if not isinstance(value, dict):
            return []
        here = [value] if value.get("type") == "object" else []
        return here + [found for item in value.values() for found in objects(item)]

    for each in objects(json.loads(path.read_text(encoding="utf-8"))):
        assert each["additionalProperties"] is False
        assert sorted(each["required"]) == sorted(each["properties"])


def test_the_same_run_gives_the_same_bytes_in_every_language() -> None:
    before = render_json(report()), render_jsonl(report())
    with language("ar"):
        assert (render_json(report()), render_jsonl(report())) == before


def test_there_are_no_floats_and_no_clock() -> None:
    text = render_json(report())
    json.loads(text, parse_float=refuse_floats)
    assert b"elapsed" not in text


def test_output_is_ascii_so_that_it_can_be_printed() -> None:
    hostile = "\x1b[2J\u202e\x9b\u2028سلام"
    for text in (render_json(report(hostile)), render_jsonl(report(hostile))):
        assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in text)
    first = json.loads(render_jsonl(report(hostile)).splitlines()[0])
    assert first["asset"] == hostile


def test_a_lone_surrogate_becomes_visible_text() -> None:
    # Strict readers refuse a document that has one.
    first = json.loads(render_jsonl(report("a\udc80b")).splitlines()[0])
    assert first["asset"] == "a\\udc80b"


def test_each_line_is_one_line() -> None:
    assert render_jsonl(report("a\nb\u2028c")).count(b"\n") == 4


def test_the_published_schemas_are_those_of_the_models() -> None:
    made = {f"{name}.json": text_of(made) for name, made in schemas().items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.glob("hisn.*.json")} == made
