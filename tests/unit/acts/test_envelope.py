"""Envelopes: two signatures, one text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.acts.samples import signer, statement

from hisn.acts.envelope import ACT_TYPE, Envelope, pae, parse_dsse, verify_envelope
from hisn.acts.write import format_envelope, sign_payload, sign_statement
from hisn.core.canon import canonical
from hisn.core.proof_limits import MAX_LEAF_BYTES
from hisn.errors import VerificationError

KEYS = signer("north act")
LEAF = sign_statement(statement(), KEYS)


def refused(leaf: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_envelope(leaf, KEYS.public)
    return caught.value.code


def changed(**changes: Any) -> bytes:
    return canonical(json.loads(LEAF) | changes)


def test_the_signed_text_is_that_of_dsse() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_signed_act_opens_with_the_keys_of_its_author() -> None:
    assert verify_envelope(LEAF, KEYS.public) == statement()
    assert len(LEAF) < MAX_LEAF_BYTES


@pytest.mark.parametrize(
    ("leaf", "code"),
    [
        (b"", "E3100"),
        (b"[]", "E3300"),
        (LEAF + b" ", "E3101"),
        (changed(payloadType="application/json"), "E3300"),
        (changed(more=1), "E3300"),
        (changed(payload=1), "E3300"),
        (changed(payload="AA"), "E3102"),
        (changed(signatures=[]), "E3302"),
        (changed(signatures={}), "E3300"),
        (changed(signatures=[1, 2]), "E3300"),
        (changed(signatures=json.loads(LEAF)["signatures"] * 2), "E3300"),
        (changed(signatures=json.loads(LEAF)["signatures"][:1]), "E3302"),
        (changed(signatures=json.loads(LEAF)["signatures"][::-1]), "E3303"),
        (b" " * (MAX_LEAF_BYTES + 1), "E3301"),
    ],
)
def test_every_part_has_its_form(leaf: bytes, code: str) -> None:
    assert refused(leaf) == code


def test_an_envelope_of_another_type_is_read_by_who_expects_it() -> None:
    text = b"a text"
    envelope = Envelope("text/plain", text, sign_payload("text/plain", text, KEYS))
    data = format_envelope(envelope)
    assert parse_dsse(data, "text/plain", max_bytes=8_000, max_signatures=2) == envelope
    with pytest.raises(VerificationError):
        parse_dsse(data, ACT_TYPE, max_bytes=8_000, max_signatures=2)
    with pytest.raises(VerificationError):
        parse_dsse(data, "text/plain", max_bytes=8_000, max_signatures=1)
    with pytest.raises(VerificationError):
        parse_dsse(data, "text/plain", max_bytes=100, max_signatures=2)
