"""Whatever bytes stand in a rule file or a pack: an answer, never a crash."""

from __future__ import annotations

import contextlib
import hashlib

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from hisn.errors import InputError
from hisn.rules.pack import PACK_MAGIC, Pack, decode_pack, encode_pack
from hisn.rules.sigma import RuleFile, build_pack

RULE = b"""title: T
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
level: low
tags: [attack.t1059]
logsource:
    product: windows
detection:
    selection:
        Image|endswith: ['\\a.exe', 5]
        CommandLine|re|i: 'a+'
        Ip|cidr: 10.0.0.0/8
    keywords: ['x*y', 4]
    filter:
        User|windash|contains: ' -a'
        Size|gte: 10
    condition: selection and keywords and not 1 of filter*
"""
CORRELATION = b"""
---
title: C
level: high
correlation:
    type: temporal
    rules: [929a690e-bef0-4204-a928-ef5e620d6fcc]
    group-by: [User]
    aliases: {User: {929a690e-bef0-4204-a928-ef5e620d6fcc: Name}}
    timespan: 5m
    condition: 929a690e-bef0-4204-a928-ef5e620d6fcc
"""
PACK = encode_pack(build_pack("p", [RuleFile("a.yml", RULE + CORRELATION)]))
START = len(PACK_MAGIC) + 32

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 2**70), st.floats(), st.text(max_size=20),
    st.sampled_from(("*", "?", "\\", "%a%", "1 of them", "selection", "not selection", "(", "attack.t1")),
)  # fmt: skip
keys = st.sampled_from(
    (
        "title", "id", "level", "logsource", "detection", "condition", "selection", "filter", "rules", "any",
        "correlation", "type", "timespan", "aliases", "generate", "gte", "lt", "field", "percentile", "group-by", "action", "product", "tags", "date", "related", "name",
        "taxonomy", "references", "F", "F|re", "F|contains|all", "F|cidr", "F|gt", "F|windash", "F|base64",
        "F|base64offset", "F|wide", "F|expand", "F|exists", "F|hour", "F|fieldref", "|re", "F|neq", "",
    )
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=15,
)


def sound(pack: Pack, files: int) -> None:
    for entry in (*pack.refused, *pack.notes):
        assert entry.line >= 1
        assert entry.reason
        assert entry.code.startswith(("E21", "E22"))
    assert decode_pack(encode_pack(pack)) == pack
    assert files or not pack.rules


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
@example(b"\xef\xbb\xbf")
@example(b"a: \xc2\x85")
@example(b"? a\n: b")
def test_any_bytes_give_a_pack(data: bytes) -> None:
    sound(build_pack("p", [RuleFile("a.yml", data)]), 1)


@given(st.lists(st.dictionaries(keys, values, max_size=8), min_size=1, max_size=3))
def test_any_structure_gives_a_pack(documents: list[dict[str, object]]) -> None:
    text = b"\n---\n".join(msgspec.json.encode(document) for document in documents)
    sound(build_pack("p", [RuleFile("a.yml", text)]), 1)


@given(values, st.sampled_from(("selection", "keywords", "condition", "filter")))
def test_any_detection_is_judged_or_refused(value: object, name: str) -> None:
    detection = {"selection": {"A": "v"}, "condition": "1 of them"} | {name: value}
    rule = {"title": "T", "level": "low", "logsource": {"product": "p"}, "detection": detection}
    pack = build_pack("p", [RuleFile("a.yml", msgspec.json.encode(rule))], {"a": ("x", "y*")})
    sound(pack, 1)
    assert len(pack.rules) + len(pack.refused) == 1


def test_the_pack_that_is_forged_has_a_correlation() -> None:
    assert len(decode_pack(PACK).correlations) == 1


@given(st.integers(0, len(CORRELATION)), st.binary(max_size=8))
def test_a_damaged_correlation_gives_a_pack(place: int, noise: bytes) -> None:
    text = CORRELATION[:place] + noise + CORRELATION[place + len(noise) :]
    sound(build_pack("p", [RuleFile("a.yml", RULE + text)]), 1)


@given(st.integers(0, len(RULE)), st.binary(max_size=8))
def test_a_damaged_rule_gives_a_pack(place: int, noise: bytes) -> None:
    sound(build_pack("p", [RuleFile("a.yml", RULE[:place] + noise + RULE[place + len(noise) :])]), 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_pack_or_an_input_error(data: bytes) -> None:
    for blob in (data, PACK_MAGIC + data, PACK_MAGIC + hashlib.sha256(data).digest() + data):
        with contextlib.suppress(InputError):
            decode_pack(blob)


@given(st.integers(START, len(PACK) - 1), st.binary(min_size=1, max_size=6))
def test_a_forged_pack_is_a_pack_or_an_input_error(place: int, noise: bytes) -> None:
    body = PACK[START:place] + noise + PACK[place + len(noise) :]
    with contextlib.suppress(InputError):
        decode_pack(PACK_MAGIC + hashlib.sha256(body).digest() + body)


@given(
    values,
    st.sampled_from(
        ("type", "rules", "timespan", "group-by", "aliases", "condition", "generate", "odd", "field", "gte")
    ),
    st.sampled_from(("event_count", "value_count", "temporal", "temporal_ordered", "value_percentile")),
)
def test_any_correlation_is_judged_or_refused(value: object, name: str, kind: str) -> None:
    section: dict[str, object] = {"type": kind, "rules": ["a"], "timespan": "5m", "group-by": ["F"]}
    if kind.startswith("temporal"):
        section |= {} if name in ("field", "gte") else {name: value}
    else:
        inner = {"gte": 2} | ({"field": "F"} if kind != "event_count" else {})
        section["condition"] = inner | ({name: value} if name in ("field", "gte") else {})
        section |= {} if name in ("field", "gte") else {name: value}
    base = {"title": "A", "name": "a", "level": "low", "logsource": {"product": "p"}}
    base["detection"] = {"s": {"A": "v"}, "condition": "s"}
    documents = (base, {"title": "T", "level": "low", "correlation": section})
    pack = build_pack("p", [RuleFile("a.yml", b"\n---\n".join(map(msgspec.json.encode, documents)))])
    sound(pack, 1)
    assert len(pack.rules) == 1
    assert len(pack.correlations) + len(pack.refused) == 1
