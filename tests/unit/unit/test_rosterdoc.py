"""Charters and roster documents: what each must fulfil by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.unit.units import EAST, FOUR, NORTH, OUTSIDE, SOUTH, Office, found, head

from hisn.core.canon import b64, canonical
from hisn.errors import VerificationError
from hisn.unit.draft import Suspend
from hisn.unit.rosterdoc import NOW, is_url, parse_charter, parse_roster, safe_quorum

FIRST = found().roster
CHARTER = found().charter


def changed(document: bytes, at: list[Any], value: Any) -> bytes:
    """Return a document with one value replaced, or with `...` removed."""
    whole = json.loads(document)
    place = whole
    for step in at[:-1]:
        place = place[step]
    if value is ...:
        del place[at[-1]]
    else:
        place[at[-1]] = value
    return canonical(whole)


def refused(document: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        parse_roster(document)
    return caught.value.code


def test_a_roster_reads_as_it_was_drafted() -> None:
    assert [member.id for member in FIRST.members] == sorted(each.name for each in FOUR)
    assert [witness.name for witness in FIRST.witnesses] == [each.name for each in OUTSIDE]
    north = FIRST.find(NORTH.name)
    assert north
    assert (north.side, north.url, north.is_active) == ("north", "", True)
    assert {key.role: key.public for key in north.keys} == {
        role: NORTH.key(role).public for role in NORTH.roles
    }
    assert north.open_key("tea") is None
    assert FIRST.find("nobody") is None


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [
        (["format"], "hisn-roster/2", "E3401"),
        (["epoch"], -1, "E3401"),
        (["name"], "", "E3401"),
        (["charter"], "x", "E3401"),
        (["previous"], None, "E3401"),
        (["at"], {}, "E3401"),
        (["at"], [{"origin": "a", "size": 0, "root": "00" * 32}], "E3401"),
        (["more"], 1, "E3401"),
        (["members"], ..., "E3401"),
        (["members"], [], "E3402"),
        (["members", 0], 1, "E3401"),
        (["members", 0, "status"], "away", "E3401"),
        (["members", 0, "side"], "EAST", "E3401"),
        (["members", 0, "url"], "javascript:x", "E3401"),
        (["members", 0, "id"], "east.example/lоg", "E3401"),
        (["members", 0, "id"], "none", "E3402"),
        (["members", 0, "id"], "zz", "E3402"),
        (["members", 0, "id"], NORTH.name, "E3402"),
        (["members", 0, "keys"], [], "E3404"),
        (["members", 0, "keys", 0], None, "E3401"),
        (["members", 0, "keys", 0, "role"], "king", "E3401"),
        (["members", 0, "keys", 0, "from"], None, "E3401"),
        (["members", 0, "keys", 0, "ed25519"], "AA==", "E3110"),
        (["members", 0, "keys", 0, "ed25519"], 1, "E3401"),
        (["members", 0, "keys", 0, "mldsa"], "?", "E3102"),
        (["members", 0, "keys", 0, "until"], 5, "E3404"),
        (["members", 0, "status"], "suspended", "E3404"),
        (["witnesses", 0, "name"], EAST.name, "E3402"),
        (["witnesses", 0, "name"], f"{EAST.name}.ed", "E3402"),
        (["witnesses", 0, "name"], "w9.example", "E3402"),
        (["witnesses", 0, "extra"], 1, "E3401"),
    ],
)  # fmt: skip
def test_every_part_has_its_form(at: list[Any], value: Any, code: str) -> None:
    assert refused(changed(FIRST.document, at, value)) == code


@pytest.mark.parametrize(
    "points",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ],
)
def test_points_of_small_order_are_no_keys(points: str) -> None:
    bad = b64(bytes.fromhex(points))
    assert refused(changed(FIRST.document, ["members", 0, "keys", 0, "ed25519"], bad)) == "E3111"


@pytest.mark.parametrize("part", ["ed25519", "mldsa"])
def test_one_key_never_stands_in_two_places(part: str) -> None:
    whole = json.loads(FIRST.document)
    act, log = whole["members"][0]["keys"][:2]
    other = whole["members"][1]["keys"][0]
    witness = whole["witnesses"][0]
    for taken in (log, other, witness):
        twice = changed(FIRST.document, ["members", 0, "keys", 0, part], taken[part])
        assert refused(twice) == "E3403"
    assert refused(changed(FIRST.document, ["witnesses", 1, part], act[part])) == "E3403"


def with_keys(*keys: dict[str, Any], epoch: int = 5) -> bytes:
    """Return a roster in which the first member has other witness keys."""
    whole = json.loads(FIRST.document)
    kept = [key for key in whole["members"][0]["keys"] if key["role"] != "witness"]
    pairs = [Office("x", "x", generation=number).key("witness").public for number in range(len(keys))]
    added = [
        {
            "role": "witness",
            "ed25519": b64(pair.ed25519.raw),
            "mldsa": b64(pair.mldsa.raw),
        }
        | key
        for pair, key in zip(pairs, keys, strict=True)
    ]
    whole["members"][0]["keys"] = kept + added
    whole["epoch"] = epoch
    return canonical(whole)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [{"from": 0, "until": None}],
        [{"from": 0, "until": 3}],
        [{"from": 0, "until": 3}, {"from": 3, "until": 5}, {"from": 5, "until": None}],
        [{"from": 0, "until": 3}, {"from": 3, "until": 3}, {"from": 3, "until": None}],
        [{"from": 0, "until": 2}, {"from": 4, "until": None}],
    ],
)  # fmt: skip
def test_keys_of_a_role_count_one_after_another(keys: list[dict[str, Any]]) -> None:
    member = parse_roster(with_keys(*keys)).members[0]
    places = [key for key in member.keys if key.role == "witness"]
    for epoch in range(8):
        assert sum(key.covers(epoch) for key in places) <= 1


@pytest.mark.parametrize(
    "keys",
    [
        [{"from": 3, "until": None}, {"from": 0, "until": 3}],
        [{"from": 0, "until": None}, {"from": 3, "until": None}],
        [{"from": 0, "until": 4}, {"from": 3, "until": None}],
        [{"from": 3, "until": 2}],
        [{"from": 0, "until": 6}],
        [{"from": 6, "until": None}],
        [{"from": 0, "until": 0}, {"from": 0, "until": 0}],
    ],
)  # fmt: skip
def test_keys_that_overlap_or_end_before_they_begin_are_refused(keys: list[dict[str, Any]]) -> None:
    assert refused(with_keys(*keys)) == "E3404"


def test_a_suspended_member_keeps_its_root_and_nothing_else() -> None:
    unit = found()
    roster = unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)])
    member = roster.find(NORTH.name)
    assert member
    assert not member.is_active
    assert member.open_key("root") == NORTH.root.public
    assert [role for role in NORTH.roles if member.open_key(role)] == ["root"]
    assert roster.keys_at(NORTH.name, "act", 8) == NORTH.key("act").public
    for role, place in (("act", 9), ("log", NOW), ("witness", 1)):
        with pytest.raises(VerificationError) as caught:
            roster.keys_at(NORTH.name, role, place)
        assert caught.value.code == "E3415"


def test_members_and_witnesses_fit_on_one_signed_note() -> None:
    whole = json.loads(FIRST.document)
    for number in range(29):
        pair = Office(f"x{number:02}", "x").key("witness").public
        whole["witnesses"].append(
            {
                "name": f"x{number:02}",
                "side": "x",
                "url": "",
                "ed25519": b64(pair.ed25519.raw),
                "mldsa": b64(pair.mldsa.raw),
            }
        )
    assert refused(canonical(whole)) == "E3402"
    del whole["witnesses"][-1:]
    whole["witnesses"] = whole["witnesses"][:28]
    assert len(parse_roster(canonical(whole)).witnesses) == 28


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (["format"], "hisn-charter/2"),
        (["name"], ""),
        (["fold_version"], "1"),
        (["roster"], "x"),
        (["thresholds"], {}),
        (["thresholds"], []),
        (["thresholds", "roster"], -1),
        (["thresholds", "motion"], "many"),
        (["quota"], {}),
        (["quota"], 3),
        (["quota", "acts_per_hour"], None),
        (["quota", "more"], 1),
        (["more"], 1),
    ],
)  # fmt: skip
def test_a_charter_has_its_form(at: list[Any], value: Any) -> None:
    with pytest.raises(VerificationError) as caught:
        parse_charter(changed(CHARTER.document, at, value))
    assert caught.value.code == "E3400"


def test_a_charter_may_hold_further_thresholds() -> None:
    charter = parse_charter(changed(CHARTER.document, ["thresholds", "motion"], 2))
    assert charter.thresholds == {"roster": 3, "motion": 2}
    assert charter.genesis != CHARTER.genesis


def test_more_than_two_thirds_make_a_quorum() -> None:
    assert [safe_quorum(count) for count in range(1, 11)] == [1, 2, 3, 3, 4, 5, 5, 6, 7, 7]
    for count in range(1, 100):
        # Two quorums share more members than can lie, so at least one who does not.
        assert 2 * safe_quorum(count) - count > count - safe_quorum(count)


@pytest.mark.parametrize("url", ["", "https://a.example/x", "http://[::1]:8080"])
def test_addresses_are_plain(url: str) -> None:
    assert is_url(url)


@pytest.mark.parametrize(
    "url", ["ftp://a", "https://", "https://a b", "https://é", "x", None, "https://" + "a" * 300]
)
def test_other_addresses_are_refused(url: Any) -> None:
    assert not is_url(url)


def test_the_founding_members_have_no_past() -> None:
    assert FIRST.at == ()
    assert FIRST.witnessed(SOUTH.name) == 0
