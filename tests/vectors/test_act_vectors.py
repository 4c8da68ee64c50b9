"""Hold our published vectors of acts and rosters to what they say of themselves."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hisn.acts.envelope import verify_envelope
from hisn.acts.statement import check_place
from hisn.acts.write import statement_json
from hisn.core.canon import b64, parse_b64
from hisn.core.keys import DualPublic, parse_dual_public
from hisn.errors import VerificationError
from hisn.unit.roster import key_in_force, verify_roster_chain
from hisn.unit.rosterdoc import Roster
from vectors import make_acts

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "acts"


@cache
def vectors(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / name).read_bytes())
    return loaded


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["comment"]) for case in vectors(name)["cases"]]


@cache
def author() -> DualPublic:
    keys = vectors("acts.json")["keys"]
    return parse_dual_public(parse_b64(keys["ed25519"]), parse_b64(keys["mldsa"]))


def test_nothing_else_is_published_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(make_acts.FILES)


def test_the_published_files_are_what_the_script_writes(tmp_path: Path) -> None:
    make_acts.write(tmp_path)
    for name in make_acts.FILES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("case", cases("acts.json"))
def test_an_act_is_accepted_or_refused_as_it_says(case: dict[str, Any]) -> None:
    leaf = case["leaf"].encode()
    if case["result"] == "refused":
        with pytest.raises(VerificationError) as caught:
            verify_envelope(leaf, author())
        assert caught.value.code == case["code"]
        return
    said = verify_envelope(leaf, author())
    check_place(said, vectors("acts.json")["origin"])
    assert statement_json(said).decode() == case["payload"]


@cache
def chain_of(charter: str, names: tuple[str, ...]) -> tuple[Roster, ...]:
    published = vectors("rosters.json")
    envelopes = [published["epochs"][name].encode() for name in names]
    return verify_roster_chain(published["charters"][charter].encode(), envelopes)


@pytest.mark.parametrize("case", cases("rosters.json"))
def test_a_chain_is_accepted_or_refused_as_it_says(case: dict[str, Any]) -> None:
    if case["result"] == "refused":
        with pytest.raises(VerificationError) as caught:
            chain_of(case["charter"], tuple(case["epochs"]))
        assert caught.value.code == case["code"]
        return
    chain = chain_of(case["charter"], tuple(case["epochs"]))
    for asked in case["keys"]:
        place = (asked["epoch"], asked["id"], asked["role"], asked["place"])
        if "code" in asked:
            with pytest.raises(VerificationError) as caught:
                key_in_force(chain, *place)
            assert caught.value.code == asked["code"]
        else:
            assert b64(key_in_force(chain, *place).ed25519.raw) == asked["ed25519"]


def test_there_are_enough_cases_of_each_sort() -> None:
    counted = {name: [case["result"] for case in vectors(name)["cases"]] for name in make_acts.FILES}
    assert {name: {kind: found.count(kind) for kind in set(found)} for name, found in counted.items()} == {
        "acts.json": {"valid": 13, "refused": 64},
        "rosters.json": {"valid": 8, "refused": 24},
    }
    used = {name for case in vectors("rosters.json")["cases"] for name in case["epochs"]}
    assert used == vectors("rosters.json")["epochs"].keys()
