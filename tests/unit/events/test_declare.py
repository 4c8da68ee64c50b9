"""What operators declare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import InputError
from hisn.events.declare import Declarations, Sealing, parse_declarations, parse_zone
from hisn.events.schema import Declaration

TEXT = b"""
[[source]]
match = "**.log"
zone = "-05:00"
service = "sshd"

[[source]]
match = "ems/*.log"
year = 2024
zone = "Z"
asset = "ems-01"
product = ["Linux"]
"""


def test_later_table_wins_field_by_field() -> None:
    declarations = parse_declarations(TEXT, "sources.toml", Declaration(year=2020))
    assert declarations.of("a/b/c.log") == Declaration(year=2020, zone_s=-18000, services=frozenset({"sshd"}))
    assert declarations.of("ems/a.log") == Declaration(
        year=2024, zone_s=0, asset="ems-01", products=frozenset({"linux"}), services=frozenset({"sshd"})
    )
    assert declarations.of("other") == Declaration(year=2020)


def test_star_does_not_cross_folders() -> None:
    declarations = Declarations(by_glob=(("a/*.log", Declaration(year=2024)),))
    assert declarations.of("a/b.log").year == 2024
    assert declarations.of("a/b/c.log").year is None
    assert declarations.of("a/bXlog").year is None


@pytest.mark.parametrize(("text", "seconds"), [("+01:00", 3600), ("-0530", -19800), ("Z", 0), ("UTC", 0)])
def test_zones_are_offsets(text: str, seconds: int) -> None:
    assert parse_zone(text) == seconds


@pytest.mark.parametrize("text", ["", "CET", "+1", "+25:00", "+01:75", "01:00"])
def test_zone_names_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_zone(text)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff", b"source = 1", b"[[source]]\nyear = 2024", b'[[source]]\nmatch = "a"\nyeer = 2024',
        b'[[source]]\nmatch = "a"\nyear = "2024"', b'[[source]]\nmatch = "a"\nyear = 1900',
        b'[[source]]\nmatch = "a"\nproduct = 7', b"[other]\na = 1", b'[[source]]\nmatch = "a"\nyear = true',
    ],
)  # fmt: skip
def test_mistakes_are_named_not_ignored(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_declarations(data, "sources.toml")
    assert caught.value.place is not None


@given(st.text(alphabet="a*?/.b", max_size=30), st.text(alphabet="ab/.", max_size=200))
def test_any_pattern_is_answered_at_once(glob: str, name: str) -> None:
    Declarations(by_glob=((glob, Declaration(year=2024)),)).of(name)


def test_how_a_source_is_sealed_is_declared_but_changes_no_finding() -> None:
    text = b"""
[[source]]
match = "**"
seal = "fields"

[[source]]
match = "pollbook/*"
class = "pollbook"
seal = "whole"
"""
    declarations = parse_declarations(text, "sources.toml")
    assert declarations.sealing_of("pollbook/a.log") == Sealing("whole", "pollbook")
    assert declarations.sealing_of("ems/a.log") == Sealing("fields", None)
    assert declarations.digest_of("pollbook/a.log") == ""


@pytest.mark.parametrize("line", ['seal = "half"', "seal = 1", "class = 7"])
def test_sealing_that_cannot_be_is_refused(line: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_declarations(f'[[source]]\nmatch = "*"\n{line}\n'.encode(), "sources.toml")
    assert caught.value.code == "E2020"
