from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from hisn.rules.correlation import AllSeen, AnySeen, Compare, Correlation, NotSeen, Seen
from hisn.rules.pack import Pack, decode_pack, encode_pack

Build = Callable[..., Pack]

BASE = """\
title: Failed logon
id: 53ba33fd-3a50-4468-a5ef-c583635cfa92
name: failed_logon
level: low
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4625}
    condition: selection
"""
SECOND = (
    BASE.replace("53ba33fd", "63ba33fd").replace("failed_logon", "logon").replace("4625", "4624")
    + "---\n"
    + BASE.replace("53ba33fd", "73ba33fd").replace("failed_logon", "cleared").replace("4625", "1102")
    + "---\n"
)
COUNT = """\
    type: event_count
    rules: [failed_logon]
    group-by: [User]
    timespan: 1h
    condition: {gte: 10}
"""


def correlation(body: str) -> str:
    return f"---\ntitle: Many\nid: 0e95725d-7320-415d-80f7-004da920fc11\nlevel: high\ncorrelation:\n{body}"


def temporal(body: str, kind: str = "temporal") -> str:
    return SECOND + BASE + correlation(f"    type: {kind}\n    timespan: 5m\n    group-by: Host\n{body}")


def only(pack: Pack) -> Correlation:
    assert pack.refused == ()
    (found,) = pack.correlations
    assert decode_pack(encode_pack(pack)) == pack
    return found


def refused(pack: Pack) -> tuple[str, int, str]:
    assert pack.correlations == ()
    assert pack.rules
    (entry,) = pack.refused
    assert entry.title == "Many"
    return entry.code, entry.line, entry.reason


def test_a_count_is_read_as_it_is_written(build: Build) -> None:
    pack = build(BASE + correlation(COUNT))
    found = only(pack)
    assert (found.kind, found.level, found.info.title, found.path, found.line) == (
        "event_count", "high", "Many", "a.yml", 13,
    )  # fmt: skip
    (reference,) = found.references
    assert (reference.name, reference.digests) == ("failed_logon", (pack.rules[0].digest,))
    assert found.group_by == ("User",)
    assert found.timespan_us == 3_600_000_000
    assert found.condition == (Compare("gte", "10"),)
    assert (found.fields, found.percentile, found.expression, found.generate) == ((), None, None, False)
    assert pack.notes == ()


def test_its_digest_is_of_its_own_bytes_and_all_it_refers_to(build: Build) -> None:
    text = BASE + correlation(COUNT)
    found = only(build(text))
    document = hashlib.sha256(text[text.index("---") :].encode()).hexdigest()
    base = found.references[0].digests[0]
    assert found.document == document
    assert found.digest == hashlib.sha256(f"{document}\n{base}".encode()).hexdigest()
    other = only(build(text.replace("EventID: 4625", "EventID: 4771")))
    assert other.document == document
    assert other.digest != found.digest


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("value_count", "{field: Host, gte: 3}"),
        ("value_sum", "{field: Size, gt: 1000000}"),
        ("value_avg", "{field: Size, gt: 500}"),
        ("value_percentile", "{field: Size, percentile: 95, gte: 10}"),
        ("value_median", "{field: Size, gte: 1.5}"),
    ],
)
def test_every_kind_of_value_loads(build: Build, kind: str, condition: str) -> None:
    body = f"    type: {kind}\n    rules: failed_logon\n    timespan: 10m\n    condition: {condition}\n"
    found = only(build(BASE + correlation(body)))
    assert found.kind == kind
    assert len(found.fields) == 1
    assert (found.percentile is not None) is (kind == "value_percentile")


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_temporal_kinds_ask_for_all_rules_in_the_order_written(build: Build, kind: str) -> None:
    """pySigma's default; an engine that took 'gte: 1' there fired at the first event."""
    found = only(build(temporal("    rules: [logon, failed_logon, cleared]\n", kind)))
    assert [reference.name for reference in found.references] == ["logon", "failed_logon", "cleared"]
    assert (found.condition, found.expression) == ((), None)


def test_several_fields_of_value_count_are_kept_in_their_order(build: Build) -> None:
    body = COUNT.replace("event_count", "value_count").replace("{gte: 10}", "{field: [User, Ip], gte: 10}")
    assert only(build(BASE + correlation(body))).fields == ("User", "Ip")


def test_a_range_is_two_comparisons(build: Build) -> None:
    """The specification's own example, which pySigma refuses."""
    found = only(build(BASE + correlation(COUNT.replace("{gte: 10}", "{gt: 100, lte: 200}"))))
    assert found.condition == (Compare("gt", "100"), Compare("lte", "200"))


def test_group_by_may_be_missing(build: Build) -> None:
    """The specification calls it mandatory and optional in one breath (hayabusa #1442)."""
    assert only(build(BASE + correlation(COUNT.replace("    group-by: [User]\n", "")))).group_by == ()
    assert only(build(BASE + correlation(COUNT.replace("[User]", "")))).group_by == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("90m", 5400), ("24h", 86400), ("30d", 2_592_000), ("1w", 604_800), ("1M", 2_629_746)],
)
def test_time_spans(build: Build, text: str, seconds: int) -> None:
    found = only(build(BASE + correlation(COUNT.replace("1h", text))))
    assert found.timespan_us == seconds * 1_000_000


@pytest.mark.parametrize(
    "text", ["0s", "soon", "10", "-5m", "1.5h", "367d", "9" * 40 + "s", "2y", "", "[1h]"]
)
def test_a_time_span_that_is_none_or_absurd_is_refused(build: Build, text: str) -> None:
    code, line, _ = refused(build(BASE + correlation(COUNT.replace("1h", text))))
    assert (code, line) == ("E2214", 17)


@pytest.mark.parametrize("place", ["document", "section"])
def test_generate_is_read_where_the_specification_and_where_its_examples_have_it(
    build: Build, place: str
) -> None:
    text = BASE + correlation(COUNT)
    text += "generate: true\n" if place == "document" else "    generate: true\n"
    assert only(build(text)).generate


def test_aliases_name_rules_by_id_or_name(build: Build) -> None:
    aliases = "    aliases:\n        who:\n            63ba33fd-3a50-4468-a5ef-c583635cfa92: TargetUserName\n"
    aliases += "            failed_logon: User\n"
    body = "    rules: [logon, failed_logon]\n" + aliases
    found = only(build(temporal(body).replace("group-by: Host", "group-by: who")))
    (alias,) = found.aliases
    assert (alias.name, alias.fields) == ("who", (("failed_logon", "User"), ("logon", "TargetUserName")))


def test_conditions_of_words_are_read(build: Build) -> None:
    body = "    rules: [logon, failed_logon, cleared]\n"
    body += "    condition: cleared and not (logon or failed_logon)\n"
    assert only(build(temporal(body))).expression == AllSeen(
        (Seen("cleared"), NotSeen(AnySeen((Seen("logon"), Seen("failed_logon")))))
    )


def test_a_condition_of_words_needs_no_list_of_rules(build: Build) -> None:
    found = only(build(temporal("    condition: logon and failed_logon\n")))
    assert [reference.name for reference in found.references] == ["logon", "failed_logon"]


def test_a_rule_that_is_named_twice_counts_once_unless_order_matters(build: Build) -> None:
    body = "    rules: [logon, cleared, logon]\n"
    assert len(only(build(temporal(body))).references) == 2
    assert len(only(build(temporal(body, "temporal_ordered"))).references) == 3


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("event_count", "odd", "E2210"),
        ("event_count", "", "E2210"),
        ("event_count", "{a: b}", "E2210"),
        ("[failed_logon]", "{a: b}", "E2210"),
        ("[failed_logon]", "[]", "E2210"),
        ("[failed_logon]", "[[a]]", "E2210"),
        ("    timespan", "    window: session\n    timespan", "E2210"),
        ("    timespan", "    generate: perhaps\n    timespan", "E2210"),
        ("{gte: 10}", "{gte: ten}", "E2215"),
        ("{gte: 10}", "{gte: .inf}", "E2215"),
        ("{gte: 10}", "{gte: [1]}", "E2215"),
        ("{gte: 10}", "{gte: " + "9" * 70 + "}", "E2215"),
        ("{gte: 10}", "{gte: 1.0e99}", "E2215"),
        ("{gte: 10}", "{}", "E2215"),
        ("{gte: 10}", "", "E2215"),
        ("{gte: 10}", "failed_logon", "E2215"),
        ("{gte: 10}", "[1]", "E2215"),
        ("{gte: 10}", "{gte: 10, lt: 5}", "E2215"),
        ("{gte: 10}", "{gte: 10, maybe: 5}", "E2215"),
        ("{gte: 10}", "{gte: 10, field: A}", "E2216"),
        ("{gte: 10}", "{gte: 10, percentile: 5}", "E2216"),
        ("[User]", "{a: b}", "E2216"),
        ("[User]", "[{a: b}]", "E2216"),
        ("[User]", "[" + ", ".join(f"F{n}" for n in range(40)) + "]", "E2217"),
        ("    timespan", "    aliases: [a]\n    timespan", "E2216"),
        ("    timespan", "    aliases: {a: b}\n    timespan", "E2216"),
        ("    timespan", "    aliases: {a: {failed_logon: [b]}}\n    timespan", "E2216"),
        ("    timespan", "    aliases: {a: {nobody: b}}\n    timespan", "E2216"),
    ],
)
def test_a_broken_correlation_is_refused_by_name(build: Build, old: str, new: str, code: str) -> None:
    pack = build(BASE + correlation(COUNT.replace(old, new)))
    assert refused(pack)[0] == code
    assert len(pack.rules) == 1


@pytest.mark.parametrize("body", ["    []\n", "    5\n"])
def test_a_correlation_that_is_no_mapping_is_refused(build: Build, body: str) -> None:
    assert refused(build(BASE + correlation(body)))[:2] == ("E2210", 13)


@pytest.mark.parametrize(
    ("kind", "condition", "code"),
    [
        ("value_count", "{gte: 10}", "E2216"),
        ("value_sum", "{gte: 10, field: [A, B]}", "E2216"),
        ("value_median", "{gte: 10, field: []}", "E2216"),
        ("value_percentile", "{gte: 10, field: A}", "E2216"),
        ("value_percentile", "{gte: 10, field: A, percentile: 101}", "E2216"),
        ("value_percentile", "{gte: 10, field: A, percentile: 99.9}", "E2216"),
        ("value_avg", "{gt: 2, lte: 2, field: A}", "E2215"),
    ],
)
def test_fields_that_do_not_fit_the_kind_are_refused(
    build: Build, kind: str, condition: str, code: str
) -> None:
    """An engine that took the first of several fields gave wrong sums (rsigma, pull request 166)."""
    body = COUNT.replace("event_count", kind).replace("{gte: 10}", condition)
    assert refused(build(BASE + correlation(body)))[0] == code


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("logon and", "E2215"),
        ("logon and nobody", "E2215"),
        ("logon", "E2215"),
        ("not logon or not cleared", "E2215"),
        ("logon and not logon and cleared", "E2215"),
        ("{gte: 3}", "E2215"),
        ("(" * 40 + "logon and cleared" + ")" * 40, "E2217"),
        ("[logon]", "E2215"),
    ],
)
def test_conditions_of_words_that_cannot_be_meant_are_refused(
    build: Build, condition: str, code: str
) -> None:
    body = f"    rules: [logon, cleared]\n    condition: {condition}\n"
    assert refused(build(temporal(body)))[0] == code


def test_pysigma_has_the_last_word(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise TypeError

    monkeypatch.setattr("sigma.correlations.SigmaCorrelationRule.from_dict", refuse)
    assert refused(build(BASE + correlation(COUNT)))[0] == "E2210"
