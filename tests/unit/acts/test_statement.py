"""Statements: one text each, every part in its place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.acts.samples import GENESIS, ORIGIN, OTHER, REPLY, digest, header, statement

from hisn.acts.kinds import KINDS
from hisn.acts.statement import BodyRef, Head, Statement, check_body, check_place, parse_statement
from hisn.acts.write import statement_json
from hisn.core.canon import canonical
from hisn.errors import VerificationError


def refused(payload: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        parse_statement(payload)
    return caught.value.code


def changed(at: list[Any], value: Any, kind: str = "observation", **changes: Any) -> bytes:
    """Return a statement's text with one value replaced, or with `...` removed."""
    whole = json.loads(statement_json(statement(kind, **changes)))
    place = whole
    for step in at[:-1]:
        place = place[step]
    if value is ...:
        del place[at[-1]]
    else:
        place[at[-1]] = value
    return canonical(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_reads_back_as_it_was_written(kind: str) -> None:
    assert parse_statement(statement_json(statement(kind))) == statement(kind)


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [
        (["_type"], "https://in-toto.io/Statement/v0.1", "E3305"),
        (["predicateType"], "urn:hisn:act:claim:v1", "E3305"),
        (["predicateType"], "urn:hisn:act:observation:v2", "E3305"),
        (["predicateType"], ["urn:hisn:act:observation:v1"], "E3305"),
        (["subject"], [], "E3305"),
        (["subject"], {}, "E3305"),
        (["subject", 0], "none", "E3305"),
        (["subject", 0, "name"], "all", "E3308"),
        (["subject", 0, "digest"], {"sha512": "00"}, "E3305"),
        (["subject", 0, "digest", "sha256"], "00", "E3305"),
        (["subject", 0, "digest", "sha256"], "00" * 32, "E3308"),
        (["predicate"], [], "E3305"),
        (["predicate", "more"], 1, "E3305"),
        (["predicate", "public", "digest"], ..., "E3307"),
        (["predicate", "header"], "x", "E3305"),
        (["predicate", "header", "extra"], "x", "E3309"),
        (["predicate", "header", "thread"], ..., "E3309"),
        (["predicate", "header", "seq"], "1", "E3309"),
        (["predicate", "header", "seq"], -1, "E3309"),
        (["predicate", "header", "seq"], 0, "E3309"),
        (["predicate", "header", "prev"], None, "E3309"),
        (["predicate", "header", "prev"], "", "E3309"),
        (["predicate", "header", "actor"], OTHER, "E3309"),
        (["predicate", "header", "audience"], [], "E3309"),
        (["predicate", "header", "audience"], ["*", "a"], "E3309"),
        (["predicate", "header", "audience"], ["b", "a"], "E3309"),
        (["predicate", "header", "audience"], ["a", "a"], "E3309"),
        (["predicate", "header", "audience"], "a", "E3309"),
        (["predicate", "header", "deadline"], "soon", "E3309"),
        (["predicate", "header", "claimed_time"], "", "E3309"),
        (["predicate", "header", "in_reply_to"], {"origin": OTHER}, "E3309"),
        (["predicate", "header", "in_reply_to"], "", "E3309"),
        (["predicate", "header", "seen"], None, "E3309"),
        (["predicate", "header", "thread"], "two words", "E3309"),
    ],
)
def test_every_part_has_its_form(at: list[Any], value: Any, code: str) -> None:
    assert refused(changed(at, value)) == code


def test_a_kind_cannot_pass_as_another() -> None:
    assert (
        refused(changed(["predicateType"], "urn:hisn:act:recheck:v1", "finding", in_reply_to=REPLY))
        == "E3307"
    )
    assert refused(changed(["predicateType"], "urn:hisn:act:dissent:v1", "recheck")) == "E3307"
    assert refused(changed(["predicateType"], "urn:hisn:act:finding:v1", "key-event")) == "E3307"
    assert refused(changed(["subject", 0, "name"], "body", "finding")) == "E3308"


@pytest.mark.parametrize("kind", ["recheck", "dissent"])
def test_an_answer_names_the_act_that_it_answers(kind: str) -> None:
    assert refused(statement_json(statement(kind, in_reply_to=None))) == "E3309"


def test_a_charter_commits_to_its_genesis() -> None:
    other = replace(statement("charter"), body=BodyRef("body", digest("another")))
    assert refused(statement_json(other)) == "E3308"


def test_a_text_in_another_spelling_is_refused() -> None:
    payload = statement_json(statement())
    for spelling in (payload + b"\n", payload.replace(b":", b": ", 1), b"\xef\xbb\xbf" + payload):
        assert refused(spelling) in ("E3100", "E3101")


def test_an_act_counts_in_its_own_log_only() -> None:
    check_place(statement(), ORIGIN)
    with pytest.raises(VerificationError) as caught:
        check_place(statement(), OTHER)
    assert caught.value.code == "E3310"


def test_a_body_is_the_one_committed_to() -> None:
    check_body(statement("charter"), GENESIS)
    for act, blob in ((statement("charter"), b"another"), (statement("key-event"), b"")):
        with pytest.raises(VerificationError) as caught:
            check_body(act, blob)
        assert caught.value.code == "E3311"


def test_the_first_act_has_no_predecessor() -> None:
    first = Statement("key-event", header(seq=0, prev=None, seen=()), statement("key-event").public)
    assert parse_statement(statement_json(first)) == first
    assert json.loads(statement_json(first))["predicate"]["header"]["prev"] is None


def test_audiences_and_threads_are_kept() -> None:
    act = statement(audience=("a", "b"), thread="t/1", agreement="g", deadline="2026-11-04T00:00:00.000000Z")
    assert parse_statement(statement_json(act)) == act


def test_heads_and_references_can_be_members_of_sets() -> None:
    assert len({Head("a", 1, b"x"), Head("a", 1, b"x"), REPLY}) == 2
