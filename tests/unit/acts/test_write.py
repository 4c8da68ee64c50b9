"""Acts have one text: that of in-toto in that of DSSE."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.acts.samples import ORIGIN, OTHER, REPLY, digest, header, signer, statement

from hisn.acts.envelope import parse_envelope
from hisn.acts.write import format_envelope, sign_statement, statement_json
from hisn.core.keys import key_id_hex

KEYS = signer("north act")
LEAF = sign_statement(statement(), KEYS)


def test_the_text_is_an_in_toto_statement() -> None:
    whole = json.loads(statement_json(statement("finding", in_reply_to=REPLY)))
    assert whole["_type"] == "https://in-toto.io/Statement/v1"
    assert whole["predicateType"] == "urn:hisn:act:finding:v1"
    assert whole["subject"] == [{"name": "sealed", "digest": {"sha256": digest("map").hex()}}]
    assert whole["predicate"]["header"] == {
        "actor": ORIGIN,
        "agreement": "",
        "audience": ["*"],
        "claimed_time": "2026-11-03T19:00:00.000000Z",
        "deadline": "",
        "in_reply_to": {"origin": OTHER, "index": 3, "leaf": digest("finding").hex()},
        "origin": ORIGIN,
        "prev": digest("act 0").hex(),
        "seen": [{"origin": OTHER, "size": 17, "root": digest("head").hex()}],
        "seq": 1,
        "thread": "",
    }


def test_an_act_without_a_body_commits_to_the_empty_text() -> None:
    whole = json.loads(statement_json(statement("key-event")))
    assert whole["subject"][0] == {
        "name": "none",
        "digest": {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    }


def test_the_envelope_is_that_of_dsse() -> None:
    whole = json.loads(LEAF)
    assert list(whole) == ["payload", "payloadType", "signatures"]
    assert whole["payloadType"] == "application/vnd.in-toto+json"
    ids = [key_id_hex(KEYS.public.ed25519), key_id_hex(KEYS.public.mldsa)]
    assert [each["keyid"] for each in whole["signatures"]] == ids


def test_it_is_read_without_keys_and_written_again_the_same() -> None:
    envelope = parse_envelope(LEAF)
    assert envelope.payload == statement_json(statement())
    assert format_envelope(envelope) == LEAF


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
