"""Hold our published vectors of Merkle trees and tiles to what they say of themselves."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.property import merkle_reference as reference

from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.tile import encode_bundle, parse_bundle, parse_tile_path, right_edge, tiles_for
from vectors import make_merkle

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "merkle"
Case = dict[str, Any]


@cache
def vectors(name: str) -> Case:
    loaded: Case = json.loads((FOLDER / name).read_bytes())
    return loaded


def entries(size: int) -> list[bytes]:
    return [b"%d" % number for number in range(size)]


@pytest.mark.parametrize("name", sorted(make_merkle.FILES))
def test_the_published_file_is_what_the_script_makes(name: str) -> None:
    assert make_merkle.texts()[name] == (FOLDER / name).read_text("utf-8")


def test_nothing_else_is_published_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(make_merkle.FILES)


def verify(kind: str, case: Case) -> None:
    proof = [bytes.fromhex(each) for each in case["proof"]]
    root = bytes.fromhex(case["root"])
    match kind:
        case "inclusion":
            leaf = bytes.fromhex(case["leaf"])
            merkle.verify_inclusion(leaf, int(case["index"]), int(case["size"]), proof, root)
        case "consistency":
            old_root = bytes.fromhex(case["old_root"])
            merkle.verify_consistency(int(case["old"]), old_root, int(case["new"]), root, proof)
        case _:
            bounds = (int(case["start"]), int(case["end"]), int(case["size"]))
            merkle.verify_subtree_consistency(*bounds, bytes.fromhex(case["node"]), root, proof)


@pytest.mark.parametrize(
    ("kind", "counts"), [("inclusion", (63, 88)), ("consistency", (70, 110)), ("subtrees", (106, 111))]
)
def test_proofs_verify_or_fail_as_they_say(kind: str, counts: tuple[int, int]) -> None:
    found = {"valid": 0, "refused": 0}
    wrong = []
    for case in vectors(f"{kind}.json")["cases"]:
        found[case["result"]] += 1
        try:
            verify(kind, case)
            result = "valid"
        except VerificationError:
            result = "refused"
        if result != case["result"]:
            wrong.append(f"{case['comment']}: {result}")
    assert wrong == []
    assert (found["valid"], found["refused"]) == counts


def test_no_two_cases_are_the_same() -> None:
    for kind in ("inclusion", "consistency", "subtrees"):
        cases = vectors(f"{kind}.json")["cases"]
        claims = [json.dumps(case | {"comment": ""}, sort_keys=True) for case in cases]
        doubles = [
            case["comment"] for case, claim in zip(cases, claims, strict=True) if claims.count(claim) > 1
        ]
        assert doubles == []


def test_hashes_and_roots_are_those_of_the_reference() -> None:
    trees = vectors("trees.json")
    for leaf in trees["leaves"]:
        assert reference.mth([bytes.fromhex(leaf["entry"])]).hex() == leaf["hash"]
    for node in trees["nodes"]:
        assert reference.sha(bytes.fromhex("01" + node["left"] + node["right"])).hex() == node["hash"]
    for tree in trees["roots"]:
        assert reference.mth(entries(int(tree["size"]))).hex() == tree["root"]
    same = {"size": 2**32, "root": bytes.fromhex(trees["equal"]["entry"])}
    node = reference.mth([bytes.fromhex(trees["equal"]["entry"])])
    for _ in range(32):
        node = reference.sha(b"\x01" + node + node)
    assert (str(same["size"]), node.hex()) == tuple(trees["equal"]["roots"][0].values())


def test_good_proofs_are_those_of_the_reference() -> None:
    checked = 0
    for case in vectors("subtrees.json")["cases"]:
        if case["result"] == "valid" and int(case["size"]) <= 600:
            start, end, size = (int(case[name]) for name in ("start", "end", "size"))
            proof = reference.subtree_proof(start, end, entries(size))
            assert [each.hex() for each in proof] == case["proof"]
            checked += 1
    assert checked > 100


def test_tiles_of_a_size_are_those_published() -> None:
    for case in vectors("trees.json")["tiles"]:
        assert sorted(map(str, tiles_for(int(case["size"])))) == case["files"]
    for case in vectors("trees.json")["edges"]:
        assert sorted(map(str, right_edge(int(case["size"])))) == case["partial"]


def test_names_of_tiles_are_read_or_refused_as_they_say() -> None:
    for case in vectors("tiles.json")["names"]:
        if case["result"] == "valid":
            assert str(parse_tile_path(case["name"])) == case["name"]
        else:
            with pytest.raises(VerificationError):
                parse_tile_path(case["name"])


def test_bundles_are_read_or_refused_as_they_say() -> None:
    for case in vectors("tiles.json")["bundles"]:
        data = bytes.fromhex(case["bundle"])
        if case["result"] == "valid":
            assert encode_bundle(parse_bundle(data, int(case["width"]))) == data
        else:
            with pytest.raises(VerificationError):
                parse_bundle(data, int(case["width"]))
