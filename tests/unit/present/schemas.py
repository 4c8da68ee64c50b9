"""Make the published JSON Schemas from the models; run it after a model has changed.

``python -m tests.unit.present.schemas`` writes them; `test_json_out.py` fails while they differ.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from tests.unit.present.catalogue import REPOSITORY

from hisn.engine.coverage import SCHEMA as COVERAGE
from hisn.engine.coverage import Coverage
from hisn.findings.model import SCHEMA as FINDING
from hisn.findings.model import Activity, Finding
from hisn.present.report import SCHEMA as REPORT

FOLDER = REPOSITORY / "docs" / "reference" / "schema"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}


def schemas() -> dict[str, dict[str, Any]]:
    """Return every published schema by name."""
    finding, coverage = _of(Finding, FINDING), _of(Coverage, COVERAGE)
    (activity,), components = msgspec.json.schema_components([Activity], ref_template="#/$defs/{name}")
    report = {
        "$schema": _DRAFT,
        "$id": REPORT,
        "title": "Report",
        "description": "Hold one run: what ran, a summary, findings, coverage, hits by level and hour.",
        **_object(
            schema={"const": REPORT},
            run=_object(
                program={"const": "hisn"},
                version=_TEXT,
                rules_digest=_TEXT,
                mapping_digest=_TEXT,
                level=_TEXT,
                records=_COUNT,
                size_bytes=_COUNT,
                hits=_COUNT,
            ),
            summary=_object(
                complete={"type": "boolean"},
                below_level=_COUNT,
                levels=_rows(level=_TEXT, findings=_COUNT, hits=_COUNT),
                assets=_rows(asset=_TEXT, findings=_COUNT, hits=_COUNT),
                techniques=_rows(technique=_TEXT, findings=_COUNT, hits=_COUNT),
                busiest_hours=_rows(start=_TEXT, hits=_COUNT),
            ),
            findings={"type": "array", "items": {"$ref": "#/$defs/Finding"}},
            coverage={"$ref": "#/$defs/Coverage"},
            activity={"type": "array", "items": activity},
        ),
        "$defs": {
            **_strict(components),
            **finding["$defs"],
            **coverage["$defs"],
            "Finding": _body(finding),
            "Coverage": _body(coverage),
        },
    }
    return {FINDING: finding, COVERAGE: coverage, REPORT: report}


def _of(model: type, name: str) -> dict[str, Any]:
    _refs, components = msgspec.json.schema_components([model], ref_template="#/$defs/{name}")
    body = _strict(components.pop(model.__name__))
    body["properties"] = {"schema": {"const": name}, **body["properties"]}
    body["required"] = sorted(body["properties"])
    return {"$schema": _DRAFT, "$id": name, **body, "$defs": _strict(components)}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if not key.startswith("$")}


def _strict(value: Any) -> Any:
    """Return a schema in which every key is required and no other is allowed: output has them all."""
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _strict(item) for key, item in value.items() if key != "default"}
    if made.get("type") == "object" and "properties" in made:
        made["additionalProperties"] = False
        made["required"] = sorted(made["properties"])
    return made


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _rows(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": _object(**properties)}


def text_of(schema: dict[str, Any]) -> str:
    """Return a schema as it is published."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / f"{name}.json").write_text(text_of(schema), encoding="utf-8")
