from __future__ import annotations

from collections.abc import Callable

import pytest

from hisn.rules.pack import Pack

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


def correlation(body: str) -> str:
    return f"---\ntitle: Many\nid: 0e95725d-7320-415d-80f7-004da920fc11\nlevel: high\ncorrelation:\n{body}"


COUNT = """\
    type: event_count
    rules: [failed_logon]
    group-by: [User]
    timespan: 1h
    condition: {gte: 10}
"""


def test_a_correlation_is_listed_and_its_base_rule_judged(build: Callable[..., Pack]) -> None:
    """Silencing base rules for a correlation that nobody judges would hide what they see."""
    pack = build(BASE + correlation(COUNT))
    assert [rule.info.title for rule in pack.rules] == ["Failed logon"]
    assert pack.refused == ()
    assert pack.notes == ()
    (entry,) = pack.correlations
    assert (entry.path, entry.line, entry.title, entry.code) == ("a.yml", 13, "Many", "E2107")


@pytest.mark.parametrize(
    "kind",
    [
        "value_count",
        "value_sum",
        "value_avg",
        "value_percentile",
        "value_median",
        "temporal",
        "temporal_ordered",
    ],
)
def test_every_kind_loads(build: Callable[..., Pack], kind: str) -> None:
    body = f"    type: {kind}\n    rules: [failed_logon]\n    group-by: [User]\n    timespan: 10m\n"
    if kind.startswith("value"):
        body += "    condition: {field: Size, gte: 10}\n"
    pack = build(BASE + correlation(body))
    assert (len(pack.rules), len(pack.correlations), pack.refused) == (1, 1, ())


@pytest.mark.parametrize(
    "body",
    [
        COUNT.replace("event_count", "odd"),
        COUNT.replace("1h", "soon"),
        COUNT.replace("{gte: 10}", "{gte: ten}"),
        COUNT.replace("[failed_logon]", "{a: b}"),
        "    []\n",
        "    type: 5\n",
        "    type: {a: b}\n    rules: []\n",
    ],
)
def test_a_broken_correlation_is_refused(build: Callable[..., Pack], body: str) -> None:
    pack = build(BASE + correlation(body))
    assert [(entry.code, entry.line, entry.title) for entry in pack.refused] == [("E2107", 13, "Many")]
    assert len(pack.rules) == 1


def test_a_reference_into_nothing_is_said(build: Callable[..., Pack]) -> None:
    pack = build(BASE + correlation(COUNT.replace("failed_logon", "nobody")))
    assert len(pack.correlations) == 1
    (note,) = pack.notes
    assert "'nobody'" in note.reason


def test_correlations_of_correlations_are_known(build: Callable[..., Pack]) -> None:
    second = correlation(COUNT.replace("failed_logon", "0E95725D-7320-415D-80F7-004DA920FC11")).replace(
        "id: 0e95725d-7320-415d-80f7-004da920fc11", "id: 1e95725d-7320-415d-80f7-004da920fc11"
    )
    pack = build(BASE + correlation(COUNT) + second)
    assert len(pack.correlations) == 2
    assert pack.notes == ()
