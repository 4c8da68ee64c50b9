from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine.plan import PLAN_VERSION, Plan, compile_plan, decode_plan, encode_plan
from hisn.errors import InputError
from hisn.rules.expr import And, Const, Exists, Expr, Keyword, Not, Null, Number, Or, Regex, Text
from hisn.rules.pack import RuleSource

CONDITIONS: tuple[Expr, ...] = (
    And((Text("Image", "endswith", "\\CMD.exe"), Not(Text("User", "equals", "SYSTEM")))),
    Or((Text("Image", "endswith", "\\cmd.EXE"), Regex("CommandLine", "(?i)iex"))),
    Keyword(("evil",)),
    And((Null("A"), Exists("B"))),
    Number("EventID", "eq", "4688"),
)


def plan_bytes() -> bytes:
    return encode_plan(compile_plan(pack_of(*CONDITIONS)))


def parts_of(data: bytes) -> list[Any]:
    parts: list[Any] = msgspec.msgpack.decode(data)
    return parts


def test_a_plan_comes_back_from_the_cache_as_it_was() -> None:
    plan = compile_plan(pack_of(*CONDITIONS))
    assert decode_plan(encode_plan(plan)) == plan
    assert [plan.condition(rule) for rule in range(len(CONDITIONS))] == list(CONDITIONS)


def test_the_same_pack_gives_the_same_bytes() -> None:
    assert plan_bytes() == plan_bytes()


def test_another_condition_or_log_source_gives_another_digest() -> None:
    base = pack_of(Text("A", "equals", "x"))
    others = [
        pack_of(Text("A", "equals", "y")),
        pack_of(Text("A", "equals", "X")),
        pack_of(Text("A", "equals", "x"), sources=[RuleSource(product="windows")]),
        pack_of(Text("A", "equals", "x"), Text("A", "equals", "x")),
    ]
    digests = {compile_plan(pack).digest for pack in (base, *others)}
    assert len(digests) == 5


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"{}", b"\x90", b"null", b"\x00" * 64, b"\xdd\xff\xff\xff\xff"]
)
def test_foreign_bytes_are_no_plan(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        decode_plan(data)
    assert caught.value.code == "E2150"


@pytest.mark.parametrize("version", [0, PLAN_VERSION - 1, PLAN_VERSION + 1, -1])
def test_a_plan_of_another_version_is_refused(version: int) -> None:
    parts = parts_of(plan_bytes())
    parts[0] = version
    with pytest.raises(InputError, match=f"version {version}") as caught:
        decode_plan(msgspec.msgpack.encode(parts))
    assert caught.value.code == "E2150"


def test_a_cut_plan_is_refused_wherever_it_was_cut() -> None:
    data = plan_bytes()
    for end in range(len(data)):
        with pytest.raises(InputError) as caught:
            decode_plan(data[:end])
        assert caught.value.code == "E2150"


def test_flipped_bits_raise_nothing_but_the_one_error() -> None:
    data = plan_bytes()
    dice = random.Random(2150)
    codes: list[str] = []
    for _ in range(3000):
        hostile = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            hostile[dice.randrange(len(hostile))] = dice.randrange(256)
        try:
            decode_plan(bytes(hostile))
        except InputError as error:
            codes.append(error.code)
    assert len(codes) > 100
    assert set(codes) == {"E2150"}


def test_lists_in_lists_do_not_break_the_stack() -> None:
    parts = bytearray(plan_bytes())
    parts[0] += 1  # one part more than a plan has, and a deep one
    with pytest.raises(InputError) as caught:
        decode_plan(bytes(parts) + b"\x91" * 100_000 + b"\x90")
    assert caught.value.code == "E2150"


@pytest.mark.parametrize("position", range(1, 9))
def test_a_part_of_another_type_is_refused(position: int) -> None:
    parts = parts_of(plan_bytes())
    parts[position] = {"hostile": 1}
    with pytest.raises(InputError) as caught:
        decode_plan(msgspec.msgpack.encode(parts))
    assert caught.value.code == "E2150"


def triggering(plan: Plan) -> dict[int, set[str]]:
    """Return for each rule the fields whose values trigger it."""
    found: dict[int, set[str]] = {}
    for position, name in enumerate(plan.names):
        for rules in plan.field_tests(position).triggers.values():
            for rule in rules:
                found.setdefault(rule, set()).add(name)
    return found


def test_every_rule_is_triggered_by_a_value_or_always_judged() -> None:
    plan = compile_plan(pack_of(*CONDITIONS))
    assert triggering(plan) == {0: {"Image"}, 1: {"Image", "CommandLine"}, 2: {""}, 4: {"EventID"}}
    assert [source.always for source in plan.sources] == [(3,)]
    assert {plan.names[field] for field in plan.sources[0].fields} == {"Image", "CommandLine", "", "EventID"}


def test_a_rule_that_never_holds_is_neither() -> None:
    plan = compile_plan(pack_of(Const(holds=False)))
    assert triggering(plan) == {}
    assert plan.sources[0].always == ()


def test_rules_that_ask_the_same_share_one_test() -> None:
    plan = compile_plan(pack_of(*CONDITIONS))
    image = plan.names.index("Image")
    assert plan.places[0][:2] == plan.places[1][:2]
    assert len(plan.field_tests(image).ends) == 1


def test_rules_stay_with_their_log_source() -> None:
    sources = [RuleSource(product="windows"), RuleSource(service="sshd"), RuleSource(product="windows")]
    plan = compile_plan(pack_of(Null("A"), Null("B"), Null("C"), sources=sources))
    assert plan.rule_sources == (0, 1, 0)
    assert [(part.source, part.always) for part in plan.sources] == [(sources[0], (0, 2)), (sources[1], (1,))]


def test_a_pack_without_rules_is_a_plan_that_finds_nothing() -> None:
    plan = decode_plan(encode_plan(compile_plan(pack_of())))
    assert (plan.sources, plan.names, plan.programs) == ((), (), ())
