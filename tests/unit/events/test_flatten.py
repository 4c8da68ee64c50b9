"""Flattening of nested records."""

from __future__ import annotations

from typing import Any

import pytest

from hisn.core import limits
from hisn.events.flatten import HoleError, flatten, scalar


def test_nesting_becomes_dots_and_lists_become_several_values() -> None:
    record = {"a": {"b": 1, "c": {"d": None}}, "e": [1, "x"], "f": [{"g": 1}, {"g": 2, "h": []}], "i": {}}
    assert flatten(record) == {"a.b": 1, "a.c.d": None, "e": (1, "x"), "f.g": (1, 2), "f.h": (), "i": "{}"}


def test_dotted_name_and_nested_name_are_one_field_with_both_values() -> None:
    assert flatten({"a.b": "evil", "a": {"b": "good"}}) == {"a.b": ("evil", "good")}


@pytest.mark.parametrize(
    ("value", "cell"), [(True, "true"), (False, "false"), (1, 1), ("1.50", "1.50"), (None, None)]
)
def test_booleans_are_not_ones(value: Any, cell: Any) -> None:
    assert scalar(value) == cell
    assert type(scalar(value)) is type(cell)


def test_deep_record_is_a_hole() -> None:
    record: dict[str, Any] = {"a": 1}
    for _ in range(limits.MAX_JSON_DEPTH):
        record = {"a": record}
    with pytest.raises(HoleError, match="deeply"):
        flatten(record)


def test_deep_list_is_a_hole() -> None:
    items: list[Any] = []
    for _ in range(limits.MAX_JSON_DEPTH + 1):
        items = [items]
    with pytest.raises(HoleError, match="deeply"):
        flatten({"a": items})


def test_record_with_too_many_fields_is_a_hole() -> None:
    with pytest.raises(HoleError, match="fields"):
        flatten({str(number): number for number in range(limits.MAX_FIELDS + 1)})
