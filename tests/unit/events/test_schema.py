"""Cells keep null, missing and empty apart; log sources are met only in all that a rule names."""

from __future__ import annotations

import pytest

from hisn.events.schema import Cell, Logsource, texts_of


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        (None, ()),
        ("", ("",)),
        (42, ("42",)),
        ("true", ("true",)),
        (("a", None, 1), ("a", "1")),
        ((), ()),
    ],
)
def test_texts_of_a_cell(cell: Cell, texts: tuple[str, ...]) -> None:
    assert texts_of(cell) == texts


def test_rule_needs_every_part_that_it_names() -> None:
    """A rule for one product must not judge another's records of the same category."""
    sysmon = Logsource(frozenset({"windows"}), frozenset({"process_creation"}), frozenset({"sysmon"}))
    assert sysmon.satisfies("windows", "process_creation", None)
    assert sysmon.satisfies(None, None, None)
    assert not sysmon.satisfies("linux", "process_creation", None)
    assert not sysmon.satisfies("windows", "process_creation", "security")
