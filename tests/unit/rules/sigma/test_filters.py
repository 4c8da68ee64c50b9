from __future__ import annotations

from collections.abc import Callable

import pytest

from hisn.rules.expr import And, Not, Text
from hisn.rules.pack import Pack

RULE = """\
title: R
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
name: the_rule
level: low
logsource: {product: windows, category: process_creation}
detection:
    selection: {Image: a}
    condition: selection
"""


def filter_of(rules: str, logsource: str = "{product: windows}", condition: str = "not selection") -> str:
    return f"""---
title: F
logsource: {logsource}
filter:
    rules: {rules}
    selection: {{User|startswith: adm_}}
    condition: {condition}
"""


PLAIN = Text("Image", "equals", "a")
EXCLUDED = And((PLAIN, Not(Text("User", "startswith", "adm_"))))


@pytest.mark.parametrize(
    "rules",
    [
        "any",
        "Any",
        "the_rule",
        "[the_rule]",
        "929A690E-BEF0-4204-A928-EF5E620D6FCC",
        "[x, 929a690e-bef0-4204-a928-ef5e620d6fcc]",
        "[]",
    ],
)
def test_a_filter_applies_to_the_rules_it_names(build: Callable[..., Pack], rules: str) -> None:
    (rule,) = build(RULE + filter_of(rules)).rules
    assert rule.condition == EXCLUDED


def test_a_filter_joins_its_condition_as_it_stands(build: Callable[..., Pack]) -> None:
    """As in pySigma: the specification's own example keeps what its condition matches."""
    (rule,) = build(RULE + filter_of("any", condition="selection")).rules
    assert rule.condition == And((PLAIN, Text("User", "startswith", "adm_")))


@pytest.mark.parametrize(
    "text",
    [
        filter_of("other_rule"),
        filter_of("any", "{product: linux}"),
        filter_of("the_rule", "{product: windows, service: security}"),
    ],
)
def test_a_filter_that_applies_to_nothing_is_said(build: Callable[..., Pack], text: str) -> None:
    pack = build(RULE + text)
    assert pack.rules[0].condition == PLAIN
    assert [(entry.code, entry.line) for entry in pack.notes] == [("E2110", 10)]


def test_a_filter_changes_the_digest_of_what_it_filters(build: Callable[..., Pack]) -> None:
    (plain,) = build(RULE).rules
    (one,) = build(RULE + filter_of("any")).rules
    (two,) = build(RULE + filter_of("the_rule")).rules
    assert len({plain.digest, one.digest, two.digest}) == 3


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (filter_of("{a: b}"), "E2110", 13),
        (filter_of("[[a]]"), "E2110", 13),
        (filter_of("any", condition="[a, b]"), "E2110", 15),
        (filter_of("any", condition="nothing"), "E2102", 15),
        (filter_of("any", "{}"), "E2101", 11),
        ("---\ntitle: F\nlogsource: {product: windows}\nfilter: x\n", "E2110", 12),
        ("---\ntitle: F\nlogsource: {product: windows}\nfilter: {a: {A: v}, condition: a}\n", "E2110", 12),
        ("---\ntitle: F\nlogsource: {product: windows}\nfilter: {rules: any, condition: a}\n", "E2101", 12),
    ],
)
def test_a_broken_filter_is_refused_and_the_rule_judged_without_it(
    build: Callable[..., Pack], text: str, code: str, line: object
) -> None:
    pack = build(RULE + text)
    assert [(entry.code, entry.line) for entry in pack.refused] == [(code, line)]
    assert pack.rules[0].condition == PLAIN
