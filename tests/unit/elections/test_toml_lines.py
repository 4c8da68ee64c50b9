from __future__ import annotations

import pytest

from hisn.elections.toml_lines import TomlLines, parser_place

TEXT = """\
format = "x"  # a comment

[[phase]]
name = "pre"

[[ phase ]] # the second
  begins = 2026-01-01
[polling]
opens = 1
"""


@pytest.mark.parametrize(
    ("key", "table", "at", "line"),
    [
        ("format", "", 0, 1),
        ("name", "phase", 0, 4),
        ("begins", "phase", 1, 7),
        ("name", "phase", 1, 6),
        ("", "phase", 0, 3),
        ("opens", "polling", 0, 9),
        ("closes", "polling", 0, 8),
        ("zone", "", 0, None),
        ("name", "phase", 2, None),
    ],
)
def test_a_key_is_found_or_its_table_or_nothing(key: str, table: str, at: int, line: int | None) -> None:
    assert TomlLines(TEXT).of(key, table, at) == line


def test_an_inline_list_of_tables_is_found_by_its_key() -> None:
    assert TomlLines('a = 1\nphase = [{name = "pre"}]\n').of("name", "phase", 0) == 2


def test_lines_are_counted_by_line_feeds_alone() -> None:
    assert TomlLines('a = "\u2028"\r\nb = 1\n').of("b") == 2


def test_the_parsers_place_is_taken_out_of_its_message() -> None:
    assert parser_place("Invalid value (at line 3, column 5)") == ("Invalid value", 3, 5)
    assert parser_place("Invalid value (at end of document)") == (
        "Invalid value (at end of document)",
        None,
        None,
    )
