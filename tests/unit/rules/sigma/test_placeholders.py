from __future__ import annotations

import pytest

from hisn.core import limits
from hisn.errors import InputError
from hisn.rules.sigma.placeholders import expand, parse_placeholders
from hisn.rules.sigma.refusal import RefusedError


def test_a_file_names_values() -> None:
    data = b'Servers = ["srv*", 12]\nDomain = "corp"\n"odd name" = "x"\n'
    assert parse_placeholders(data, "p.toml") == {
        "Servers": ("srv*", "12"),
        "Domain": ("corp",),
        "odd name": ("x",),
    }


@pytest.mark.parametrize(
    "data",
    [
        b"a = {b = 'c'}\n",
        b"a = []\n",
        b"a = true\n",
        b"a = [[1]]\n",
        b"a = 1979-05-27\n",
        b"a = 'b'\na = 'c'\n",
        b"a: b\n",
        b"\xff",
        b"a = " + b"[" * 100_000,
        b"#" * (limits.MAX_RULE_BYTES + 1),
    ],
)
def test_a_broken_file_is_an_error(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_placeholders(data, "p.toml")
    assert caught.value.code == "E2105"
    assert str(caught.value).startswith("p.toml: ")


def test_values_combine_and_the_number_is_bounded() -> None:
    many = {"a": tuple(map(str, range(101)))}
    assert list(expand("%a%", {"a": ("1", "2")}, 1)) == ["1", "2"]
    assert list(expand("%a%%a%", {"a": ("1", "2")}, 1)) == ["11", "12", "21", "22"]
    with pytest.raises(RefusedError) as caught:
        list(expand("%a%-%a%", many, 1))
    assert caught.value.code == "E2106"


def test_escapes_of_the_string_syntax_stay() -> None:
    assert list(expand(r"\*\\%a%", {"a": ("v",)}, 1)) == [r"\*\\v"]


def test_backslashes_of_an_expression_stay() -> None:
    assert list(expand(r"\%a%\d", {"a": ("v",)}, 1, is_raw=True)) == [r"\v\d"]
