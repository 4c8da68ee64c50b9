"""What was compiled is used again, and what does not fit is compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisn.app import wiring
from hisn.engine.databases import is_available
from hisn.engine.plan import Plan
from hisn.rules.pack import Pack
from hisn.storage.files import cache_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISN_HOME", str(tmp_path))


def test_bundled_rules_are_used_where_none_are_named() -> None:
    pack = wiring.load_rule_pack((), None)
    assert len(pack.rules) >= 25
    assert {rule.info.licence for rule in pack.rules} == {"Apache-2.0"}


def test_second_start_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = wiring.load_rule_pack((), None)
    plan = wiring.load_plan(pack)
    wiring.load_databases(plan)

    def compiled_again(_pack: Pack) -> Plan:
        raise AssertionError

    monkeypatch.setattr(wiring, "compile_plan", compiled_again)
    assert wiring.load_plan(pack) == plan
    if is_available():
        databases = wiring.load_databases(plan)
        assert databases is not None
        assert not databases.is_empty


def test_damaged_cache_costs_time_only() -> None:
    pack = wiring.load_rule_pack((), None)
    plan = wiring.load_plan(pack)
    for entry in cache_folder().iterdir():
        entry.write_bytes(b"rubbish")
    assert wiring.load_plan(pack) == plan


def test_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("HISN_HOME", str(blocked))
    assert wiring.load_plan(wiring.load_rule_pack((), None)).version
