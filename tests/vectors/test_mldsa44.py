"""Hold our published ML-DSA-44 vectors, their maker and the library that we rely on against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from vectors.make_mldsa44 import Key, write

from hisn.core.keys import Algorithm, parse_public_key
from hisn.errors import VerificationError

VERIFY = Path(__file__).resolve().parents[2] / "vectors" / "mldsa44" / "verify.json"
TESTS = json.loads(VERIFY.read_text("utf-8"))["tests"]


def is_valid(test: dict[str, Any]) -> bool:
    public, message, signature = (bytes.fromhex(test[name]) for name in ("public", "message", "signature"))
    try:
        parse_public_key(Algorithm.ML_DSA_44, public).verify(signature, message)
    except VerificationError:
        return False
    return True


def test_the_published_file_is_what_its_maker_makes(tmp_path: Path) -> None:
    write(tmp_path)
    assert (tmp_path / VERIFY.name).read_bytes() == VERIFY.read_bytes()


def test_the_maker_makes_the_keys_that_the_library_makes() -> None:
    for seed in (bytes(32), bytes(range(32))):
        theirs = MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()
        assert Key(seed).public == theirs


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test["comment"])
def test_the_library_finds_what_the_vectors_say(test: dict[str, Any]) -> None:
    assert is_valid(test) == test["valid"]
