from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from hisn.core import limits
from hisn.rules.correlation import silenced, silenced_correlations
from hisn.rules.pack import Pack, decode_pack, encode_pack
from hisn.rules.sigma import RuleFile, build_pack

Build = Callable[..., Pack]


def rule(number: int, name: str = "", event: int = 1) -> str:
    head = f"title: Rule {number}\nid: {number:08}-0000-4000-8000-000000000000\nlevel: low\n"
    head += f"name: {name}\n" if name else ""
    return head + f"logsource: {{product: windows}}\ndetection: {{s: {{EventID: {event}}}, condition: s}}\n"


def counts(number: int, *names: str, name: str = "", extra: str = "") -> str:
    head = f"title: Counts {number}\nid: {number:08}-0000-4000-8000-00000000000c\nlevel: high\n"
    head += f"name: {name}\n" if name else ""
    section = "{type: event_count, rules: [" + ", ".join(names) + "], timespan: 1m, condition: {gte: 2}"
    return head + f"correlation: {section}{extra}}}\n"


def docs(*texts: str) -> str:
    return "---\n".join(texts)


def codes(pack: Pack) -> list[tuple[str, str]]:
    assert decode_pack(encode_pack(pack)) == pack
    return sorted((entry.title, entry.code) for entry in pack.refused)


def test_a_reference_into_nothing_refuses_the_correlation_and_silences_nothing(build: Build) -> None:
    pack = build(docs(rule(1, "a"), counts(1, "a", "nobody")))
    assert codes(pack) == [("Counts 1", "E2211")]
    assert "'nobody'" in pack.refused[0].reason
    assert len(pack.rules) == 1
    assert silenced(pack) == frozenset()


def test_a_title_is_no_name_and_that_is_said(build: Build) -> None:
    pack = build(docs(rule(1, "a"), counts(1, "'Rule 1'")))
    assert "title" in pack.refused[0].reason


def test_a_refused_rule_refuses_what_refers_to_it(build: Build) -> None:
    broken = rule(2, "b").replace("EventID", "EventID|odd")
    pack = build(docs(rule(1, "a"), broken, counts(1, "a", "b", name="c1"), counts(2, "c1")))
    assert codes(pack) == [("Counts 1", "E2212"), ("Counts 2", "E2212"), ("Rule 2", "E2103")]
    assert "a.yml" in pack.refused[-1].reason
    assert silenced(pack) == frozenset()


def test_correlations_of_correlations_are_resolved_in_any_order(build: Build) -> None:
    chain = [counts(3, "c2", name="c3"), counts(2, "c1", name="c2"), counts(1, "a", name="c1"), rule(1, "a")]
    pack = build(docs(*chain))
    assert pack.refused == ()
    assert pack == build_pack("test", [RuleFile("a.yml", docs(*chain).encode())])
    by_name = {each.name: each for each in pack.correlations}
    assert by_name["c3"].references[0].digests == (by_name["c2"].digest,)
    assert silenced(pack) == frozenset((0,))
    assert [pack.correlations[at].name for at in sorted(silenced_correlations(pack))] == ["c1", "c2"]


@pytest.mark.parametrize("circle", [("c1",), ("c2", "c1"), ("c2", "c3", "c1")])
def test_circles_are_refused_with_all_that_lead_into_them(build: Build, circle: Iterable[str]) -> None:
    members = [counts(at, target, name=f"c{at}") for at, target in enumerate(circle, 1)]
    pack = build(docs(rule(1, "a"), *members, counts(9, "c1", "a"), counts(8, "a", name="fine")))
    assert {code for _, code in codes(pack)} == {"E2213"}
    assert len(pack.refused) == len(members) + 1
    assert [each.name for each in pack.correlations] == ["fine"]


def test_a_chain_longer_than_the_limit_is_refused_at_its_head(build: Build) -> None:
    depth = limits.MAX_CORRELATION_DEPTH
    chain = [counts(at, f"c{at - 1}" if at else "a", name=f"c{at}") for at in range(depth + 2)]
    pack = build(docs(rule(1, "a"), *chain))
    assert len(pack.correlations) == depth
    assert {code for _, code in codes(pack)} == {"E2213"}


def test_a_name_that_several_rules_bear_means_all_of_them(build: Build) -> None:
    pack = build(docs(rule(1, "a", 1), rule(2, "a", 2), counts(1, "a")))
    (found,) = pack.correlations
    assert found.references[0].digests == tuple(sorted(each.digest for each in pack.rules))
    assert [entry.code for entry in pack.notes] == ["E2218"]


def test_too_many_rules_are_refused(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CORRELATION_REFERENCES", 3)
    pack = build(docs(rule(1, "a", 1), rule(2, "a", 2), counts(1, "a"), counts(2, "a")))
    assert codes(pack) == [("Counts 2", "E2217")]
    monkeypatch.setattr(limits, "MAX_CORRELATIONS", 0)
    assert codes(build(docs(rule(1, "a"), counts(1, "a")))) == [("Counts 1", "E2217")]


def test_copies_are_judged_once_and_twins_of_an_id_both(build: Build) -> None:
    other = counts(1, "a").replace("1m", "2m")
    pack = build(docs(rule(1, "a"), counts(1, "a"), counts(1, "a"), other))
    assert len(pack.correlations) == 2
    assert [entry.code for entry in pack.notes] == ["E2108", "E2108"]


def test_generate_lets_the_base_rule_be_heard(build: Build) -> None:
    texts = (rule(1, "a"), counts(1, "a"))
    assert silenced(build(docs(*texts))) == {0}
    assert silenced(build(docs(*texts, counts(2, "a", extra=", generate: true")))) == frozenset()


def test_a_correlation_refers_to_rules_with_their_filters() -> None:
    filtered = (
        "title: F\nlogsource: {product: windows}\nfilter: {rules: [a], s: {User: x}, condition: not s}\n"
    )
    plain = build_pack("p", [RuleFile("a.yml", docs(rule(1, "a"), counts(1, "a")).encode())])
    pack = build_pack("p", [RuleFile("a.yml", docs(rule(1, "a"), counts(1, "a"), filtered).encode())])
    assert pack.correlations[0].references[0].digests == (pack.rules[0].digest,)
    assert pack.correlations[0].digest != plain.correlations[0].digest


def test_an_alias_with_two_fields_for_one_rule_is_refused(build: Build) -> None:
    alias = ", aliases: {w: {a: F, 00000001-0000-4000-8000-000000000000: G}}"
    assert codes(build(docs(rule(1, "a"), counts(1, "a", extra=alias)))) == [("Counts 1", "E2216")]
    same = alias.replace("G", "F")
    assert codes(build(docs(rule(1, "a"), counts(1, "a", extra=same)))) == []
