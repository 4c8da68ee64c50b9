from __future__ import annotations

import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine import domains
from hisn.engine.domains import Domains
from hisn.engine.plan import compile_plan
from hisn.events.mapping import FieldView
from hisn.rules.expr import Or, Regex, Text

PLAN = compile_plan(pack_of(Or((Text("F", "equals", "1"), Text("F", "contains", "Read"))), Regex("F", "^x")))
VIEW = FieldView(0)


def test_a_number_and_its_text_are_two_values_with_one_answer() -> None:
    domain = Domains(PLAN, None).of(0, VIEW)
    one, text, true = (domain.codes[cell] for cell in (1, "1", "true"))
    domain.settle()
    assert one != text
    assert domain.held[one] == domain.held[text] == {0}
    assert true not in domain.held
    assert domain.rules[one] == (0,)


def test_nulls_are_noted_alone_and_among_others() -> None:
    domain = Domains(PLAN, None).of(0, VIEW)
    codes = [domain.codes[cell] for cell in (None, ("1", None), (), "")]
    domain.settle()
    assert domain.nulls == set(codes[:2])
    assert codes[1] in domain.held


def test_a_table_replaces_what_rules_see() -> None:
    together = Domains(PLAN, None)
    plain, replaced = together.of(0, VIEW), together.of(0, FieldView(0, None, {"%%1": "read it"}))
    assert plain is not replaced
    for domain in (plain, replaced):
        assert domain.codes["%%1"] == 0
    together.settle()
    assert 0 not in plain.held
    assert replaced.held[0] == {1}


def test_values_that_arrive_later_are_judged_later() -> None:
    together = Domains(PLAN, None)
    domain = together.of(0, VIEW)
    first = domain.codes["a"]
    domain.settle()
    second = domain.codes["reader"]
    together.settle_field(0)
    assert first not in domain.held
    assert domain.holds(1, second)


def test_without_hyperscan_any_value_may_match_an_expression() -> None:
    domain = Domains(PLAN, None).of(0, VIEW)
    code, other = domain.codes["xyz"], domain.codes["abc"]
    domain.settle()
    assert domain.regex_rules == {1}
    assert domain.ask(2, code)
    assert not domain.ask(2, other)
    assert domain.holds(2, code)


def test_a_flood_of_unique_values_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "MAX_KEPT_VALUES", 100)
    together = Domains(PLAN, None)
    for value in range(101):
        assert together.of(0, VIEW).codes[value] == value
    together.settle()
    together.forget_if_large()
    assert len(together.of(0, VIEW).codes) == 0


def test_long_values_are_forgotten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "MAX_KEPT_CHARS", 100)
    together = Domains(PLAN, None)
    assert together.of(0, VIEW).codes["x" * 101] == 0
    together.settle()
    together.forget_if_large()
    assert len(together.of(0, VIEW).codes) == 0


def test_answers_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "MAX_KEPT_ANSWERS", 3)
    domain = Domains(PLAN, None).of(0, VIEW)
    codes = [domain.codes[f"x{n}"] for n in range(10)]
    domain.settle()
    assert all(domain.ask(2, code) for code in codes)
    assert len(domain._answers) <= 3
