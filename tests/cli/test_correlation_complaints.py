"""What users of other engines complained of, from logs to the findings of ``hisn guard``.

Each test is named after the complaint, and says where it was made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from hisn.cli.main import run

Json = dict[str, Any]
Guard = Callable[..., Json]
START = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)


def event(second: float, event_id: int, computer: str = "EMS-01", **data: str | int) -> Json:
    time = (START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
        "EventID": event_id,
        "TimeCreated": {"#attributes": {"SystemTime": time}},
        "Channel": "Security",
        "Computer": computer,
    }
    return {"Event": {"System": system, "EventData": data}}


def base(name: str, event_id: int, extra: str = "") -> str:
    return (
        f"title: Rule {name}\nname: {name}\nid: {event_id:08}-0000-4000-8000-000000000000\nlevel: low\n"
        f"logsource: {{product: windows, service: security}}\n"
        f"detection: {{s: {{EventID: {event_id}}}, condition: s}}\n{extra}"
    )


def correlation(
    title: str, kind: str, rules: str, *, span: str = "5m", extra: str = "", name: str = ""
) -> str:
    """Return a correlation; `extra` are further lines of its section."""
    number = sum(title.encode())
    head = f"title: {title}\nid: {number:08}-0000-4000-8000-00000000000c\nlevel: high\n"
    head += f"name: {name}\n" if name else ""
    lines = (f"type: {kind}", f"rules: [{rules}]", f"timespan: {span}", *extra.split("; "))
    return head + "correlation:\n" + "".join(f"    {line}\n" for line in lines if line)


A, B, C = base("a", 4624), base("b", 4625), base("c", 1102)


@pytest.fixture(name="guard")
def guard_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Guard:
    """Judge logs (one file for each keyword, or one of all) by rules; return the JSON document."""
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    folder = tmp_path / "logs"
    folder.mkdir()

    def judge(
        rules: Iterable[str], events: Iterable[Json] = (), *words: str, **files: Iterable[Json]
    ) -> Json:
        (tmp_path / "rules.yml").write_text("---\n".join(rules))
        for name, lines in (files or {"all": events}).items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        arguments = ["guard", folder, "--rules", tmp_path / "rules.yml", "--json", "--quiet", *words]
        code = run([str(argument) for argument in arguments])
        document = cast("Json", json.loads(capsys.readouterr().out))
        assert (code == 0) is document["summary"]["complete"]
        return document

    return judge


def titles(document: Json) -> list[str]:
    return [finding["title"] for finding in document["findings"]]


# Order and groups


ORDERED = correlation("In order", "temporal_ordered", "a, b, c", extra="group-by: [Computer]")


@pytest.mark.parametrize(("order", "fires"), [((4624, 4625, 1102), True), ((4624, 1102, 4625), False)])
def test_temporal_ordered_does_not_enforce_order_beyond_the_first_rule(
    guard: Guard, order: tuple[int, ...], fires: bool
) -> None:
    """Yamato-Security/hayabusa, issue 1810: A, C, B met a rule that asks for A, B, C."""
    found = guard([A, B, C, ORDERED], [event(10 * at, number) for at, number in enumerate(order)])
    assert titles(found) == (["In order"] if fires else [])


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_events_of_different_computers_are_correlated(guard: Guard, kind: str) -> None:
    """Yamato-Security/hayabusa, pull request 1839: group-by was not compared."""
    rules = [A, B, correlation("Both", kind, "a, b", extra="group-by: [Computer]")]
    assert titles(guard(rules, [event(0, 4624, "HOST-1"), event(1, 4625, "HOST-2")])) == []
    assert titles(guard(rules, [event(0, 4624, "HOST-1"), event(1, 4625, "HOST-1")])) == ["Both"]


def test_group_by_is_mandatory(guard: Guard) -> None:
    """Yamato-Security/hayabusa, issue 1442: without it a rule was refused."""
    rules = [B, correlation("Many", "event_count", "b", extra="condition: {gte: 2}")]
    found = guard(rules, [event(0, 4625, "HOST-1"), event(1, 4625, "HOST-2")])
    assert titles(found) == ["Many"]
    assert found["findings"][0]["group"] == []


# Windows


SPAN = correlation(
    "Values", "value_count", "b", extra="group-by: [Computer]; condition: {field: TargetUserName, gte: 3}"
)


def test_the_events_of_an_alert_span_longer_than_the_time_frame(guard: Guard) -> None:
    """Yamato-Security/hayabusa, issue 1811: the window took in a record behind its end."""
    users = [(0, "anna"), (240, "anna"), (280, "bela"), (541, "cora")]
    events = [event(second, 4625, TargetUserName=user) for second, user in users]
    assert titles(guard([B, SPAN], events)) == []


def test_a_window_includes_both_its_ends(guard: Guard) -> None:
    events = [
        event(at, 4625, TargetUserName=user) for at, user in ((0, "anna"), (100, "bela"), (300, "cora"))
    ]
    assert titles(guard([B, SPAN], events)) == ["Values"]


def test_a_count_ignores_its_time_frame(guard: Guard) -> None:
    """WithSecureLabs/chainsaw counts over the whole input: ten failures in ten days are no attack."""
    rules = [B, correlation("Many", "event_count", "b", span="10m", extra="condition: {gte: 10}")]
    day = 86_400
    assert titles(guard(rules, [event(at * day, 4625) for at in range(10)])) == []
    assert titles(guard(rules, [event(at * 50, 4625) for at in range(10)])) == ["Many"]


def test_windows_that_stand_on_the_clock_split_what_belongs_together(guard: Guard) -> None:
    """SigmaHQ/sigma-specification, issue 214: buckets by the hour miss what crosses the hour."""
    rules = [B, correlation("Many", "event_count", "b", span="1h", extra="condition: {gte: 4}")]
    assert titles(guard(rules, [event(3540 + 40 * at, 4625) for at in range(4)])) == ["Many"]


# Several correlations


def test_when_two_correlations_share_the_same_source_rule_only_one_fires(guard: Guard) -> None:
    """Velocidex/velociraptor, issue 4832."""
    rules = [
        base("touched", 4663),
        correlation("Correlation A", "event_count", "touched", span="10s", extra="condition: {gte: 1}"),
        correlation("Correlation B", "event_count", "touched", span="10s", extra="condition: {gte: 1}"),
    ]
    assert sorted(titles(guard(rules, [event(0, 4663)]))) == ["Correlation A", "Correlation B"]


NESTED = [
    A,
    B,
    correlation("Ports", "event_count", "a", extra="group-by: [Ip]; condition: {gte: 2}", name="ports"),
    correlation("Drops", "event_count", "b", extra="group-by: [Ip]; condition: {gte: 2}", name="drops"),
    correlation("Both", "temporal", "ports, drops", span="1h", extra="group-by: [Ip]"),
]


def test_rule_nesting_is_not_supported(guard: Guard) -> None:
    """timescale/rsigma, issue 458: the outer correlation judged, and was never heard."""
    events = [event(at, number, Ip="10.1.1.1") for at, number in enumerate((4624, 4624, 4625, 4625))]
    found = guard(NESTED, events)
    assert titles(found) == ["Both"]
    assert sum(len(part["records"]) for part in found["findings"][0]["evidence"]) == 4


def test_a_temporal_correlation_without_a_condition_fires_at_the_first_rule(guard: Guard) -> None:
    """timescale/rsigma, issue 458: there it meant 'gte: 1'; the specification asks for all."""
    assert titles(guard(NESTED, [event(at, 4624, Ip="10.1.1.1") for at in range(5)])) == []


def test_the_chain_of_the_specification_cannot_be_judged(guard: Guard) -> None:
    """SigmaHQ/sigma-specification, issue 186: its own example of many failures and a success."""
    rules = [
        base("failed_login", 4625),
        base("successful_login", 4624),
        correlation(
            "Multiple failed logons",
            "event_count",
            "failed_login",
            span="10m",
            extra="group-by: [User]; condition: {gte: 10}",
            name="multiple_failed_login",
        ),
        correlation(
            "Failures, then success",
            "temporal_ordered",
            "multiple_failed_login, successful_login",
            span="10m",
            extra="group-by: [User]",
        ),
    ]
    failures = [event(at, 4625, User="clerk") for at in range(10)]
    assert titles(guard(rules, [*failures, event(60, 4624, User="clerk")])) == ["Failures, then success"]
    assert titles(guard(rules, [*failures, event(60, 4624, User="other")])) == []
    assert titles(guard(rules, [event(-5, 4624, User="clerk"), *failures])) == []


# Values


TUPLES = correlation("Tuples", "value_count", "b", extra="condition: {field: [User, SrcIp], gte: 3}")


def test_only_the_first_of_several_fields_is_counted(guard: Guard) -> None:
    """timescale/rsigma, pull request 166: one user from three addresses was one value."""
    pairs = [("anna", "1"), ("anna", "2"), ("anna", "3")]
    assert titles(guard([B, TUPLES], [event(0, 4625, User=user, SrcIp=ip) for user, ip in pairs])) == [
        "Tuples"
    ]


def test_tuples_run_together(guard: Guard) -> None:
    """The same pull request joined the values with a separator that a value may hold."""
    pairs = [("a\x1fb", "c"), ("a", "b\x1fc"), ("a", "b\x1fc")]
    assert titles(guard([B, TUPLES], [event(0, 4625, User=user, SrcIp=ip) for user, ip in pairs])) == []


def test_further_fields_of_a_sum_are_ignored_silently(guard: Guard) -> None:
    """The same pull request: it is refused, and its base rule is heard."""
    total = correlation("Sum", "value_sum", "b", extra="condition: {field: [In, Out], gte: 3}")
    found = guard([B, total], [event(0, 4625, In=5, Out=5)])
    assert titles(found) == ["Rule b"]
    (row,) = [row for row in found["coverage"]["rules"] if row["status"] == "refused"]
    assert (row["title"], row["kind"]) == ("Sum", "correlation")
    assert not found["summary"]["complete"]


def test_the_median_of_nothing_is_zero(guard: Guard) -> None:
    """The same pull request: events without the field met 'lte: 0'."""
    median = correlation("Median", "value_median", "b", extra="condition: {field: Size, lte: 0}")
    assert titles(guard([B, median], [event(0, 4625), event(1, 4625, Size="none")])) == []


# What is heard, and what is said


FAILED = base("failed", 4625)


def test_referenced_rules_are_reported_although_generate_is_not_set(guard: Guard) -> None:
    """Yamato-Security/hayabusa, pull request 1372."""
    rules = [FAILED, correlation("Many", "event_count", "failed", extra="condition: {gte: 3}")]
    found = guard(rules, [event(at, 4625) for at in range(4)])
    assert titles(found) == ["Many"]
    rows = {row["title"]: row for row in found["coverage"]["rules"]}
    assert (rows["Rule failed"]["silent"], rows["Many"]["silent"]) == (True, False)


def test_referenced_rules_only_hit_when_the_correlation_hits(guard: Guard) -> None:
    """Yamato-Security/suzaku, issue 103: with 'generate: true' they speak for themselves."""
    many = correlation("Many", "event_count", "failed", extra="condition: {gte: 3}; generate: true")
    assert titles(guard([FAILED, many], [event(0, 4625)])) == ["Rule failed"]
    both = titles(guard([FAILED, many], [event(at, 4625) for at in range(3)]))
    assert sorted(both) == ["Many", "Rule failed"]


def test_a_missing_referenced_rule_is_not_said(guard: Guard) -> None:
    """Yamato-Security/hayabusa, issue 1444: and the other rule of the correlation is not silenced."""
    found = guard([A, correlation("Gone", "temporal", "a, nobody")], [event(0, 4624)])
    assert titles(found) == ["Rule a"]
    (row,) = [row for row in found["coverage"]["rules"] if row["status"] == "refused"]
    assert "'nobody'" in row["reason"]


def test_the_rule_that_triggered_is_reported_instead_of_the_correlation(guard: Guard) -> None:
    """Velocidex/velociraptor, pull request 4239."""
    rules = [A, B, correlation("Both", "temporal", "a, b")]
    (finding,) = guard(rules, [event(0, 4624), event(1, 4625)])["findings"]
    assert (finding["title"], finding["level"]) == ("Both", "high")


def test_rows_of_correlations_cannot_be_traced_to_records(guard: Guard) -> None:
    """Yamato-Security/mecha-hayabusa, issue 38: no record numbers, so nothing could be checked."""
    rules = [A, B, correlation("Both", "temporal", "a, b")]
    one, two = [event(0, 4688), event(1, 4624)], [event(2, 4625), event(3, 4688), event(4, 4625)]
    (finding,) = guard(rules, one=one, two=two)["findings"]
    assert [(part["source"], part["rule_id"][:8], part["records"]) for part in finding["evidence"]] == [
        ("one.jsonl", "00004624", [2]),
        ("two.jsonl", "00004625", [1, 3]),
    ]
    assert (finding["source"], finding["records"], finding["records_complete"]) == ("one.jsonl", [2], True)


# The same result every time


@pytest.mark.parametrize("words", [("--processes", "1", "--batch-rows", "1"), ("--processes", "3")])
def test_passes_that_finish_out_of_order_make_false_alerts(guard: Guard, words: tuple[str, ...]) -> None:
    """Karib0u/rustinel, issue 535: state that took events as they came evicted the wrong ones."""
    rules = [B, correlation("Three", "event_count", "b", span="10s", extra="condition: {gte: 3}")]
    late = [event(at, 4625) for at in (30, 0, 23, 60)]
    early = [event(at, 4625) for at in (100, 50, 11, 104)]
    plain = guard(rules, late=late, early=early)
    assert titles(plain) == []
    assert guard(rules, (), *words, late=[*late, event(49, 4625)], early=early)["findings"] == []
    hit = guard(rules, (), *words, late=[*late, event(50, 4625)], early=early)
    assert [finding["records"] for finding in hit["findings"]] == [[2]]


def test_results_differ_from_run_to_run(guard: Guard) -> None:
    """Yamato-Security/hayabusa, issues 639, 1466, 1519, 1566, 1768; wagga40/Zircolite, issue 117."""
    rules = [A, B, C, ORDERED, SPAN, *NESTED[2:]]
    numbers = (4624, 4625, 1102)
    files = {
        name: [
            event((at * 37) % 600, numbers[(at * 7 + shift) % 3], f"H{at % 2}", TargetUserName=f"u{at % 5}")
            for at in range(60)
        ]
        for shift, name in enumerate(("x", "y", "z"))
    }
    plain = guard(rules, (), "--processes", "1", **files)
    assert len(plain["findings"]) >= 2
    for words in (("--processes", "3"), ("--processes", "2", "--batch-rows", "7")):
        assert guard(rules, (), *words, **files) == plain
