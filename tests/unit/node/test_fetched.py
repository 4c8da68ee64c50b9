"""A body is the one that its act commits to, or it is refused, whatever bytes come."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.acts.statement import BodyRef
from hisn.core.canon import canonical
from hisn.errors import VerificationError
from hisn.evidence.disclosure import SALT_BYTES
from hisn.evidence.sealed_map import format_map, present, presented_json, seal_map
from hisn.node.fetched import check_fetched

SEALED = seal_map({"expected": 3, "got": 4}, bytes(range(SALT_BYTES * 8)))
REF = BodyRef("sealed", hashlib.sha256(SEALED.leaf).digest())


def clear(data: bytes) -> BodyRef:
    return BodyRef("body", hashlib.sha256(data).digest())


def test_a_body_is_known_by_its_bytes_or_by_the_leaf_of_its_map() -> None:
    check_fetched(clear(b"body"), b"body")
    check_fetched(REF, format_map(SEALED))
    for ref, data in ((clear(b"body"), b"forged"), (REF, format_map(seal_map({"got": 4}, bytes(128))))):
        with pytest.raises(VerificationError) as caught:
            check_fetched(ref, data)
        assert caught.value.code in ("E3311", "E3340")


def test_a_part_of_a_map_does_not_keep_the_whole_out() -> None:
    """It would lead to the same leaf, and lie where the whole map belongs."""
    part = canonical(presented_json(present(SEALED, ["got"])))
    with pytest.raises(VerificationError):
        check_fetched(REF, part)


def test_a_leaf_offered_as_a_clear_body_does_not_take_the_place_of_the_sealed_one() -> None:
    """Anybody reads the leaf of a sealed map in a pack; as a clear body it would have the map's name."""
    leaf = SEALED.leaf
    with pytest.raises(VerificationError):
        check_fetched(clear(leaf), leaf)


@given(st.binary(max_size=300), st.sampled_from(["body", "sealed"]))
def test_a_hostile_body_raises_nothing_but_that_it_does_not_verify(data: bytes, sort: str) -> None:
    with suppress(VerificationError):
        check_fetched(BodyRef(sort, bytes(32)), data)
