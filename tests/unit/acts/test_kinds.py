"""The closed set of acts: exact fields, exact types."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.acts.samples import BATCH, HEAD, statement

from hisn.acts.kinds import (
    KINDS,
    check_body_sort,
    is_heads,
    is_id,
    is_text,
    is_time,
    is_token,
    parse_public,
    parse_shape,
)
from hisn.core.instant import MAX_INSTANT, MIN_INSTANT, format_instant
from hisn.core.proof_limits import MAX_SEEN
from hisn.errors import VerificationError


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_its_own_fields_and_no_others(kind: str) -> None:
    public = statement(kind).public
    assert parse_public(kind, public) == public
    with pytest.raises(VerificationError, match="unknown field 'colour'") as caught:
        parse_public(kind, public | {"colour": "red"})
    assert caught.value.code == "E3307"
    for name in public:
        with pytest.raises(VerificationError, match=f"lacks '{name}'"):
            parse_public(kind, {key: value for key, value in public.items() if key != name})
        hostile: Any = public | {name: [1.5]}
        with pytest.raises(VerificationError, match=f"{name} is not what its format says"):
            parse_public(kind, hostile)


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(VerificationError, match="is no object"):
        parse_shape(value, {}, "this")


@pytest.mark.parametrize(
    "value",
    ["", "A.example", "a b", "a//b", "/a", "a/", "a/..", "a/.hidden", "..", ".a", "-a", "a\n", "a/b\n",
     "аpple.example", "a\u200b", "a\u202eb", "ａ", "a+b", "a" * 101, None, 1],
)  # fmt: skip
def test_confusable_and_path_like_member_ids_are_refused(value: Any) -> None:
    assert not is_id(value)


@pytest.mark.parametrize("value", ["a", "0", "north.example/log", "a-b.c/_d/e.f", "a" * 100])
def test_plain_ids_are_taken(value: str) -> None:
    assert is_id(value)


@pytest.mark.parametrize(
    "value",
    ["2026-02-29T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01T00:00:60.000000Z",
     "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000+00:00", "2026-01-01 00:00:00.000000Z",
     "0000-01-01T00:00:00.000000Z", "٢026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z\n", "", 0, None],
)  # fmt: skip
def test_a_time_has_one_spelling(value: Any) -> None:
    assert not is_time(value)


def test_every_time_that_we_write_is_a_time() -> None:
    for instant in (MIN_INSTANT, 0, MAX_INSTANT):
        assert is_time(format_instant(instant))


def test_tokens_are_visible_ascii() -> None:
    assert is_token("")
    assert is_token("urn:x/~!")
    for value in ("a b", "a\n", "é", "\u202e", "x" * 257, None):
        assert not is_token(value)
    assert is_text("é \u202e")
    assert is_text("two\nlines")
    assert not is_text("")


def test_heads_are_one_for_each_log_in_order() -> None:
    assert isinstance(HEAD, dict)
    first: Any = HEAD | {"origin": "a"}
    assert is_heads([])
    assert is_heads([first, HEAD])
    hostile: list[Any] = [
        [HEAD, first],
        [HEAD, HEAD],
        [1],
        {},
        [HEAD | {"size": -1}],
        [HEAD | {"size": True}],
    ]
    for value in hostile:
        assert not is_heads(value)
    many: list[Any] = [HEAD | {"origin": f"a{number:04}"} for number in range(MAX_SEEN + 1)]
    assert is_heads(many[1:])
    assert not is_heads(many)


@pytest.mark.parametrize(
    "changes",
    [
        {"ordinal": 1},
        {"prev": "00" * 32},
        {"count": None},
        {"count": None, "unparsed": None},
        {"unparsed": None},
        {"first": None},
        {"mode": "some"},
        {"count": -1},
        {"count": True},
        {"part": 2**53},
        {"first": "yesterday"},
        {"root": "AA" * 32},
        {"parser": ""},
    ],
)
def test_a_batch_says_all_or_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as caught:
        parse_public("batch", BATCH | changes)
    assert caught.value.code == "E3307"


@pytest.mark.parametrize(
    "changes",
    [
        {"ordinal": 1, "prev": "00" * 32},
        {"first": None, "last": None},
        {"first": None, "last": None, "count": None, "unparsed": None},
        {"mode": "whole"},
    ],
)
def test_a_batch_may_keep_its_counts_and_times_secret(changes: dict[str, Any]) -> None:
    parse_public("batch", BATCH | changes)


@pytest.mark.parametrize(
    "detail", [None, {"a": None}, {"a": [1]}, {"a": -1}, {"": 1}, {"a": True}, {"a": "x" * 257}]
)
def test_details_of_a_key_event_are_flat(detail: Any) -> None:
    with pytest.raises(VerificationError):
        parse_public("key-event", {"event": "gap", "detail": detail})


def test_details_of_a_key_event_may_be_empty() -> None:
    parse_public("key-event", {"event": "revoke", "detail": {}})
    parse_public("key-event", {"event": "erase", "detail": {"why": ""}})


def test_a_kind_has_its_sort_of_body() -> None:
    check_body_sort("observation", "none")
    check_body_sort("finding", "sealed")
    for kind, sort in (
        ("finding", "none"),
        ("finding", "body"),
        ("charter", "sealed"),
        ("key-event", "body"),
    ):
        with pytest.raises(VerificationError) as caught:
            check_body_sort(kind, sort)
        assert caught.value.code == "E3308"
