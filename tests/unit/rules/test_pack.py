from __future__ import annotations

import hashlib
import typing

import msgspec
import pytest
from tests.unit.rules.correlations import correlate
from tests.unit.rules.correlations import pack_of as correlated

from hisn.errors import InputError
from hisn.rules import expr
from hisn.rules.correlation import Alias, AllSeen, AnySeen, NotSeen, Seen
from hisn.rules.expr import And, Const, Exists, Keyword, Not, Or, Text, Wildcard
from hisn.rules.pack import (
    PACK_MAGIC,
    Pack,
    Refused,
    Rule,
    RuleInfo,
    RuleSource,
    decode_pack,
    digest_of,
    encode_pack,
    join_packs,
    leave_out,
    pick,
)


def rule(number: int, path: str = "a.yml", condition: expr.Expr = Exists("A")) -> Rule:  # noqa: B008
    return Rule(
        id=f"00000000-0000-0000-0000-{number:012}",
        digest=f"{number:064}",
        path=path,
        level="low",
        logsource=RuleSource(product="windows"),
        condition=condition,
        info=RuleInfo(title=f"Rule {number}", author="Somebody", licence="DRL-1.1"),
    )


def pack_of(*rules: Rule, name: str = "p") -> Pack:
    return Pack(
        name=name,
        digest=digest_of(rules),
        rules=rules,
        refused=(Refused(path="b.yml", line=3, reason="why", code="E2103"),),
    )


def test_every_expression_survives_its_bytes() -> None:
    atoms: list[expr.Expr] = [
        Text("F", "contains", "v\0\ud7ff", cased=True),
        Wildcard("F", ("a", 0, "b", 1)),
        expr.Regex("F", "a", "i"),
        expr.Number("F", "gte", "1.5"),
        expr.Network("F", "10.0.0.0/8"),
        Exists("F"),
        expr.Null("F"),
        expr.FieldRef("F", "G", "endswith", cased=True),
        expr.TimeOf("F", "hour", "lt", 5),
        Keyword(("a", 0, "b")),
        expr.KeywordRegex("a", "s"),
        Const(holds=True),
    ]
    assert {type(atom) for atom in atoms} | {And, Or, Not} == set(typing.get_args(expr.Expr))
    pack = pack_of(rule(1, condition=And((Or(tuple(atoms)), Not(Exists("X"))))))
    assert decode_pack(encode_pack(pack)) == pack


def test_equal_packs_have_equal_bytes() -> None:
    assert encode_pack(pack_of(rule(1), rule(2))) == encode_pack(pack_of(rule(1), rule(2)))


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_a_flipped_bit_is_seen(place: int) -> None:
    data = bytearray(encode_pack(pack_of(rule(1))))
    data[place % len(data)] ^= 1
    with pytest.raises(InputError) as caught:
        decode_pack(bytes(data))
    assert caught.value.code in ("E2120", "E2121")


def sealed(body: bytes) -> bytes:
    return PACK_MAGIC + hashlib.sha256(body).digest() + body


def test_a_pack_cut_short_is_refused() -> None:
    data = encode_pack(pack_of(rule(1)))
    for length in range(0, len(data), 11):
        with pytest.raises(InputError):
            decode_pack(data[:length])


def raw(pack: Pack) -> dict[str, typing.Any]:
    decoded: dict[str, typing.Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(pack))
    return decoded


def nested(depth: int) -> list[typing.Any]:
    condition: list[typing.Any] = ["exists", "F"]
    for _ in range(depth):
        condition = ["not", condition]
    return condition


@pytest.mark.parametrize(
    "condition",
    [
        ["and", []],
        ["or", []],
        ["num", "F", "eq", "five"],
        ["num", "F", "eq", "9" * 100_000],
        ["net", "F", "here"],
        ["re", "F", "(?=a)", ""],
        ["re", "F", "a", "x"],
        ["re", "F", "a", "si"],
        ["keyre", "(", ""],
        ["wild", "F", ["a", 2], False],
        ["wild", "F", [], False],
        ["key", [], False],
        ["odd", "F"],
        nested(200),
        nested(100_000),
    ],
)
def test_a_forged_pack_cannot_reach_the_engine_with_what_no_rule_says(condition: object) -> None:
    """Whoever makes a pack can make its digest, too: the content is checked as well."""
    forged = raw(pack_of(rule(1)))
    forged["rules"][0]["condition"] = condition
    with pytest.raises(InputError) as caught:
        decode_pack(sealed(encode_deep(forged)))
    assert caught.value.code == "E2121"


def encode_deep(value: dict[str, typing.Any]) -> bytes:
    """Encode without recursion, since the encoder has its own limit of depth."""
    try:
        return msgspec.msgpack.encode(value)
    except RecursionError:
        depth = 0
        inner = value["rules"][0]["condition"]
        while inner[0] == "not":
            inner, depth = inner[1], depth + 1
        value["rules"][0]["condition"] = "CONDITION"
        body = msgspec.msgpack.encode(value)
        deep = b"\x92\xa3not" * depth + msgspec.msgpack.encode(inner)
        return body.replace(msgspec.msgpack.encode("CONDITION"), deep)


@pytest.mark.parametrize(
    ("key", "value"),
    [("level", "odd"), ("digest", "zz"), ("id", "\x1b[2J"), ("line", -1), ("path", 5)],
)
def test_a_forged_rule_is_refused(key: str, value: str | int) -> None:
    forged = raw(pack_of(rule(1)))
    forged["rules"][0][key] = value
    if key == "digest":
        forged["digest"] = hashlib.sha256(b"zz").hexdigest()
    with pytest.raises(InputError):
        decode_pack(sealed(msgspec.msgpack.encode(forged)))


def test_rules_out_of_order_are_refused() -> None:
    """Plans name rules by their place in the pack."""
    forged = raw(pack_of(rule(1), rule(2)))
    forged["rules"].reverse()
    with pytest.raises(InputError):
        decode_pack(sealed(msgspec.msgpack.encode(forged)))


def test_a_pack_whose_digest_is_not_its_rules_is_refused() -> None:
    forged = raw(pack_of(rule(1)))
    forged["digest"] = "0" * 64
    with pytest.raises(InputError, match="not that of its rules"):
        decode_pack(sealed(msgspec.msgpack.encode(forged)))


def test_joined_packs_judge_each_rule_once() -> None:
    one, two = pack_of(rule(2), rule(3)), pack_of(rule(1), rule(2, "z.yml"))
    joined = join_packs("both", [one, two])
    assert [each.digest for each in joined.rules] == [f"{number:064}" for number in (1, 2, 3)]
    assert joined.rules[1].path == "a.yml"
    assert joined.digest == digest_of(joined.rules)
    assert len(joined.refused) == 2


def test_the_digest_depends_on_rules_not_on_their_order() -> None:
    assert digest_of((rule(1), rule(2))) == digest_of((rule(2), rule(1)))
    assert digest_of((rule(1),)) != digest_of((rule(2),))


def with_chain() -> Pack:
    inner = correlate(1, rule(1), rule(2))
    return correlated([rule(1), rule(2), rule(3)], [inner, correlate(2, inner), correlate(3, rule(3))])


def test_correlations_survive_their_bytes() -> None:
    expression = AllSeen((Seen("r0"), NotSeen(AnySeen((Seen("r1"), Seen("r0"))))))
    alias = Alias(name="a", fields=(("r0", "F"),))
    each = correlate(
        4, rule(1), rule(2), kind="temporal", condition=(), expression=expression, aliases=(alias,)
    )
    pack = correlated([rule(1), rule(2)], [each, correlate(5, rule(1), group_by=("H",), generate=True)])
    assert decode_pack(encode_pack(pack)) == pack


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timespan_us", 0),
        ("timespan_us", 2**62),
        ("kind", "odd"),
        ("references", []),
        ("references", [{"name": "r0", "digests": []}]),
        ("references", [{"name": "r0", "digests": ["e" * 64]}]),
        ("group_by", ["F"] * 1000),
        ("condition", [["gte", "ten"]]),
        ("condition", [["odd", "10"]]),
        ("condition", []),
        ("expression", ["seen", "r0"]),
        ("percentile", 5),
        ("document", "e" * 64),
    ],
)
def test_a_forged_correlation_is_refused(key: str, value: object) -> None:
    forged = raw(with_chain())
    forged["correlations"][0][key] = value
    with pytest.raises(InputError) as caught:
        decode_pack(sealed(msgspec.msgpack.encode(forged)))
    assert caught.value.code == "E2121"


def test_correlations_out_of_order_are_refused() -> None:
    forged = raw(with_chain())
    forged["correlations"].reverse()
    with pytest.raises(InputError, match="out of order"):
        decode_pack(sealed(msgspec.msgpack.encode(forged)))


def test_joined_packs_keep_correlations_once() -> None:
    pack = with_chain()
    joined = join_packs("both", [pack, pack_of(rule(4)), pack])
    assert joined.correlations == pack.correlations
    assert joined.digest == digest_of(joined.rules, joined.correlations)
    assert decode_pack(encode_pack(joined)) == joined
    assert digest_of(joined.rules) != joined.digest


def test_leaving_a_rule_out_leaves_out_the_correlations_that_rest_on_it() -> None:
    pack = leave_out(with_chain(), {rule(2).digest})
    assert [each.info.title for each in pack.rules] == ["Rule 1", "Rule 3"]
    assert [each.info.title for each in pack.correlations] == ["Correlation 3"]
    assert decode_pack(encode_pack(pack)) == pack


def test_a_correlation_can_be_left_out_itself() -> None:
    whole = with_chain()
    pack = leave_out(whole, {whole.correlations[0].digest})
    assert [each.info.title for each in pack.correlations] == ["Correlation 3"]
    assert len(pack.rules) == 3


def test_a_correlation_is_picked_with_everything_that_it_rests_on() -> None:
    whole = with_chain()
    outer = next(each for each in whole.correlations if each.info.title == "Correlation 2")
    picked = pick(whole, outer)
    assert [each.info.title for each in picked.correlations] == ["Correlation 1", "Correlation 2"]
    assert [each.info.title for each in picked.rules] == ["Rule 1", "Rule 2"]
    assert decode_pack(encode_pack(picked)) == picked


def test_a_rule_is_picked_alone() -> None:
    picked = pick(with_chain(), rule(3))
    assert (picked.rules, picked.correlations) == ((rule(3),), ())
