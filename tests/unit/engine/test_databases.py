from __future__ import annotations

import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine.databases import Databases, cache_key, is_available
from hisn.engine.plan import compile_plan
from hisn.rules.expr import Or, Regex, Text

pytest.importorskip("hyperscan")

PLAN = compile_plan(
    pack_of(Or((*(Text("F", "contains", f"literal{n}") for n in range(12)), Regex("F", "a+b"))))
)


def test_stored_databases_are_used_again() -> None:
    first = Databases(PLAN)
    assert first.is_empty
    first.compile_all()
    assert first.has_changed
    again = Databases(PLAN, first.encode())
    again.compile_all()
    assert not again.has_changed
    assert not again.is_empty
    which, ends = again.literals(0, PLAN.field_tests(0).literals).find(b"xliteral7x")
    assert (which.tolist(), ends.tolist()) == ([7], [9])


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x93\xa1x\x80\x80", b"\x93\xa1\xff\x80\x80", b"\x94\xa1x\x80\x80" + b"\x91" * 99_999],
)
def test_damaged_or_foreign_bytes_are_not_loaded(data: bytes) -> None:
    assert Databases(PLAN, data).is_empty


def test_databases_of_another_plan_are_not_loaded() -> None:
    other = Databases(compile_plan(pack_of(Or(tuple(Text("F", "contains", f"other{n}") for n in range(12))))))
    other.compile_all()
    assert Databases(PLAN, other.encode()).is_empty
    assert cache_key(PLAN) == cache_key(PLAN)


def test_a_database_that_hyperscan_refuses_is_made_anew() -> None:
    databases = Databases(PLAN)
    databases.compile_all()
    stored = databases.encode()
    damaged = Databases(PLAN, stored)
    damaged._stored.literals[0] = b"\0" * 100
    damaged._stored.regexes[0] = ((0,), b"\0" * 100)
    which, _ = damaged.literals(0, PLAN.field_tests(0).literals).find(b"literal3")
    assert which.tolist() == [3]
    assert damaged.regexes(0, PLAN.field_tests(0).regex_tests()).candidates("aab", b"aab") == (0,)
    assert damaged.has_changed


def test_hyperscan_is_here() -> None:
    assert is_available()
