"""Envelopes: two signatures, one text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.acts.samples import header, signer, statement

from hisn.acts.envelope import (
    ACT_TYPE,
    Envelope,
    format_envelope,
    pae,
    parse_dsse,
    parse_envelope,
    sign_payload,
    sign_statement,
    verify_envelope,
)
from hisn.core.canon import canonical
from hisn.core.keys import key_id_hex
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


def test_the_envelope_is_that_of_dsse() -> None:
    whole = json.loads(LEAF)
    assert list(whole) == ["payload", "payloadType", "signatures"]
    assert whole["payloadType"] == "application/vnd.in-toto+json"
    ids = [key_id_hex(KEYS.public.ed25519), key_id_hex(KEYS.public.mldsa)]
    assert [each["keyid"] for each in whole["signatures"]] == ids


def test_it_is_read_without_keys_and_written_again_the_same() -> None:
    envelope = parse_envelope(LEAF)
    assert envelope.payload == statement().to_json()
    assert format_envelope(envelope) == LEAF


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


def test_a_statement_that_nobody_would_take_is_not_signed() -> None:
    for bad in (
        replace(statement(), public={}),
        statement(actor="elsewhere"),
        statement(prev=None),
        statement(agreement="x" * 300),
        replace(statement(), header=header(audience=["*"])),
        statement(audience=tuple(f"member-{number:04}{'x' * 80}" for number in range(101))),
        statement("roster", seq=2**60),
    ):
        with pytest.raises(ValueError, match=r"no act|too large|does not keep"):
            sign_statement(bad, KEYS)


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
