"""Hold our published vectors of checkpoints, cosignatures and proofs to what they say of themselves."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.unit.core.refusals import refused
from vectors.signed_lines import log, witness

from hisn.core.keys import Algorithm
from hisn.errors import HisnError, PolicyError, VerificationError
from hisn.tlog.checkpoint import (
    LogKeys,
    SignedCheckpoint,
    parse_checkpoint,
    parse_signed_checkpoint,
    verify_checkpoint,
)
from hisn.tlog.cosign import CosignerKeys, verify_cosignature, verify_subtree_cosignature
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.note import Note, format_vkey, parse_signature_lines
from hisn.tlog.policy import parse_policy
from hisn.tlog.proof import parse_tlog_proof
from hisn.tlog.prove import verify_tlog_proof
from hisn.tlog.vkey import parse_vkey
from vectors import make_tlog

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "tlog"


@cache
def vectors(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / name).read_bytes())
    return loaded


def cases(name: str, part: str = "cases") -> list[Any]:
    return [pytest.param(case, id=case["comment"]) for case in vectors(name)[part]]


def content(case: dict[str, Any], name: str) -> bytes:
    if name in case:
        return str(case[name]).encode()
    return bytes.fromhex(case[f"{name}_hex"])


def log_keys(name: str) -> LogKeys:
    ed25519, mldsa = (parse_vkey(text) for text in vectors(name)["keys"])
    keys = LogKeys(ed25519.name, log().keys.public)
    assert keys.vkeys == (ed25519, mldsa)
    return keys


def witness_keys() -> CosignerKeys:
    keys = witness(1).keys
    assert [format_vkey(key) for key in keys.vkeys] == vectors("cosignatures.json")["keys"]
    return keys


@pytest.mark.parametrize("name", sorted(make_tlog.FILES))
def test_the_published_file_is_what_the_script_makes(name: str) -> None:
    assert make_tlog.texts()[name] == (FOLDER / name).read_text("utf-8")


def test_nothing_else_is_published_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(make_tlog.FILES)


@pytest.mark.parametrize("case", cases("checkpoints.json"))
def test_a_checkpoint_is_accepted_or_refused_as_it_says(case: dict[str, Any]) -> None:
    data, keys = content(case, "checkpoint"), log_keys("checkpoints.json")
    if case["result"] == "both":
        assert verify_checkpoint(parse_signed_checkpoint(data), keys).origin == keys.name
        return
    with refused(case["code"]):
        verify_checkpoint(parse_signed_checkpoint(data), keys)
    if case["result"] == "one":
        verify_checkpoint(parse_signed_checkpoint(data), keys, require_both=False)
    else:
        with pytest.raises(VerificationError):
            verify_checkpoint(parse_signed_checkpoint(data), keys, require_both=False)


@pytest.mark.parametrize("case", cases("cosignatures.json"))
def test_a_cosignature_verifies_or_fails_as_it_says(case: dict[str, Any]) -> None:
    text, key = content(case, "text"), witness_keys().vkeys[case["key"]]
    signed = SignedCheckpoint(parse_checkpoint(text), Note(text, ()), b"")
    (line,) = parse_signature_lines(content(case, "line"))
    if case["result"] == "valid":
        assert verify_cosignature(line, key, signed) == int(case["time"])
    else:
        with pytest.raises(VerificationError):
            verify_cosignature(line, key, signed)


@pytest.mark.parametrize("case", cases("cosignatures.json", "subtrees"))
def test_a_cosigned_subtree_verifies_or_fails_as_it_says(case: dict[str, Any]) -> None:
    (line,) = parse_signature_lines(content(case, "line"))
    bounds, root = (case["start"], case["end"]), bytes.fromhex(case["hash"])
    if case["result"] == "valid":
        verify_subtree_cosignature(line, witness_keys(), case["origin"], bounds, root)
    else:
        with pytest.raises(VerificationError):
            verify_subtree_cosignature(line, witness_keys(), case["origin"], bounds, root)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_published_messages_are_those_that_were_signed(algorithm: Algorithm) -> None:
    # The first message is that of Ed25519, the second that of ML-DSA-44: a third implementation begins here.
    number = list(Algorithm).index(algorithm)
    published = vectors("cosignatures.json")["messages"][number]
    case = next(case for case in vectors("cosignatures.json")["cases"] if case["key"] == number)
    (line,) = parse_signature_lines(content(case, "line"))
    witness_keys().vkeys[number].public.verify(line.signature[8:], bytes.fromhex(published["message"]))


@pytest.mark.parametrize("case", cases("proofs.json"))
def test_a_proof_verifies_or_fails_as_it_says(case: dict[str, Any]) -> None:
    keys, policy = log_keys("proofs.json"), parse_policy(content(vectors("proofs.json"), "policy"))
    data, leaf = content(case, "proof"), leaf_hash(content(case, "entry"))
    if case["result"] == "refused":
        with pytest.raises(VerificationError) as caught:
            verify_tlog_proof(parse_tlog_proof(data), leaf, keys, policy)
        assert caught.value.code.startswith(case["code"])
        return
    proof = parse_tlog_proof(data)
    loose = verify_tlog_proof(proof, leaf, keys, policy, require_quorum=False)
    assert loose.quorum.reached == (case["result"] == "valid")
    if case["result"] == "valid":
        assert verify_tlog_proof(proof, leaf, keys, policy) == loose
        assert verify_tlog_proof(proof, leaf, None, policy) == loose
    else:
        with refused(case["code"], family=PolicyError):
            verify_tlog_proof(proof, leaf, keys, policy)


def test_there_are_enough_cases_of_each_sort() -> None:
    counted = {name: [case["result"] for case in vectors(name)["cases"]] for name in sorted(make_tlog.FILES)}
    assert {name: {kind: found.count(kind) for kind in set(found)} for name, found in counted.items()} == {
        "checkpoints.json": {"both": 8, "one": 2, "refused": 38},
        "cosignatures.json": {"valid": 7, "refused": 19},
        "proofs.json": {"valid": 8, "unwitnessed": 6, "refused": 49},
    }
    assert issubclass(PolicyError, HisnError)
