from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.findings.samples import NIGHT_US
from tests.unit.rules.correlations import correlate, pack_of, rule

from hisn.core import limits
from hisn.engine.correlate.episode import Episode, Part
from hisn.findings.correlated import CorrelatedFindings, order_of
from hisn.findings.model import Evidence, Finding, Reason
from hisn.rules.correlation import AllSeen, AnySeen, Compare, NotSeen, Seen
from hisn.rules.pack import Pack

RULES = (rule(1), rule(2))
MINUTE_US = 60_000_000


def episode(**fields: Any) -> Episode:
    values: dict[str, Any] = {
        "correlation": 0,
        "group": (("User", "alice"),),
        "fired_us": NIGHT_US + MINUTE_US,
        "first_us": NIGHT_US,
        "last_us": NIGHT_US + 2 * MINUTE_US,
        "first_source": "b.log",
        "first_record": 7,
        "count": 4,
        "value": "2",
        "extreme": "3",
        "evidence": (
            Part("a.log", RULES[0].digest, (1, 2), is_complete=True),
            Part("b.log", RULES[0].digest, (7,), is_complete=True),
            Part("b.log", RULES[1].digest, (3, 7), is_complete=True),
        ),
        "is_closed": True,
        "first_asset": "EMS-01",
    }
    return Episode(**(values | fields))


def pack(**fields: Any) -> Pack:
    return pack_of(RULES, (correlate(1, *RULES, **fields),))


def makes(pack: Pack, declared: str = "", mapping: str = "m", engine: str = "e") -> CorrelatedFindings:
    return CorrelatedFindings(pack, mapping, engine, lambda source: f"{declared}{source}")


def made(pack: Pack, episode: Episode) -> Finding:
    finding = makes(pack).finding(episode)
    assert finding is not None
    return finding


def test_a_finding_names_every_record_that_it_rests_on() -> None:
    finding = made(pack(), episode())
    assert finding.evidence == (
        Evidence(source="a.log", rule_id=RULES[0].id, records=(1, 2), complete=True),
        Evidence(source="b.log", rule_id=RULES[0].id, records=(7,), complete=True),
        Evidence(source="b.log", rule_id=RULES[1].id, records=(3, 7), complete=True),
    )
    assert (finding.source, finding.records, finding.records_complete) == ("b.log", (3, 7), True)
    assert (finding.title, finding.level, finding.count) == ("Correlation 1", "high", 4)
    assert (finding.asset, finding.group) == ("EMS-01", (("User", "alice"),))
    assert (finding.first, finding.last) == ("2026-11-03T18:20:00.000000Z", "2026-11-03T18:22:00.000000Z")


def test_it_says_what_was_measured_and_what_the_records_have_in_common() -> None:
    finding = made(pack(), episode())
    assert finding.why == (
        Reason(field="", test="correlation event_count|1m", pattern="≥ 2", value="3"),
        Reason(field="User", test="User", pattern="", value="alice"),
    )
    assert finding.sentence == (
        "Seen 4 times on EMS-01 from 2026-11-03 18:20:00 UTC to 2026-11-03 18:22:00 UTC:"
        " 3 records within 1m, where the rule asks for ≥ 2; User is “alice”."
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "value_count", "fields": ("F", "G")}, "3 different F, G within 1m, where the rule asks for ≥ 2"),
        ({"kind": "value_sum", "fields": ("F",)}, "F adds up to 3 within 1m, where the rule asks for ≥ 2"),
        ({"kind": "value_avg", "fields": ("F",)}, "F is 3 on average within 1m, where"),
        (
            {"kind": "value_percentile", "fields": ("F",), "percentile": 95},
            "the percentile of F is 3 within 1m, where",
        ),
        ({"kind": "value_median", "fields": ("F",)}, "half of F reach 3 within 1m, where"),
        ({"condition": (Compare("lt", "9"), Compare("neq", "4"))}, "2 records within 1m, where the rule asks for < 9, ≠ 4"),
        ({"kind": "temporal", "condition": ()}, "within 1m: Rule 1 + Rule 2;"),
        ({"kind": "temporal_ordered", "condition": ()}, "within 1m and in this order: Rule 1 → Rule 2;"),
        ({"kind": "temporal", "condition": (Compare("gte", "1"),)}, "within 1m: ≥ 1: Rule 1 + Rule 2;"),
        (
            {
                "kind": "temporal",
                "condition": (),
                "expression": AllSeen((Seen("r0"), NotSeen(AnySeen((Seen("r1"), Seen("r1")))))),
            },
            "within 1m: (Rule 1) and (not ((Rule 2) or (Rule 2)));",
        ),
    ],
)  # fmt: skip
def test_every_kind_has_its_sentence(fields: dict[str, Any], said: str) -> None:
    assert said in made(pack(**fields), episode()).sentence


def test_one_that_is_heard_through_another_is_no_finding() -> None:
    inner = correlate(1, *RULES)
    both = pack_of(RULES, (inner, correlate(2, inner)))
    found = makes(both).findings([episode(), episode(correlation=1)])
    assert [finding.title for finding in found] == ["Correlation 2"]


def test_the_id_is_the_same_while_it_grows_and_differs_for_all_else() -> None:
    first = made(pack(), episode(is_closed=False, count=2, extreme="2"))
    assert made(pack(), episode()).id == first.id
    others = [
        made(pack(generate=True, document="d" * 64), episode()),
        made(pack(), episode(group=(("User", "bob"),))),
        made(pack(), episode(fired_us=NIGHT_US)),
        made(pack(), episode(first_record=8)),
        *(
            each
            for makers in (
                makes(pack(), declared="x"),
                makes(pack(), mapping="x"),
                makes(pack(), engine="x"),
            )
            if (each := makers.finding(episode()))
        ),
    ]
    assert len({first.id, *(each.id for each in others)}) == len(others) + 1


def test_a_flood_is_cut_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RECORDS_PER_FINDING", 10)
    monkeypatch.setattr(limits, "MIN_RECORDS_PER_FINDING", 2)
    parts = (
        Part("a.log", RULES[0].digest, tuple(range(50)), is_complete=True),
        Part("b.log", RULES[0].digest, (7, 8), is_complete=True),
        Part("c.log", RULES[0].digest, tuple(range(50)), is_complete=True),
    )
    finding = made(pack(), episode(evidence=parts, count=102))
    assert [len(each.records) for each in finding.evidence] == [4, 2, 4]
    assert [each.complete for each in finding.evidence] == [False, True, False]
    assert not finding.records_complete
    assert finding.count == 102


def test_what_was_cut_before_stays_incomplete() -> None:
    parts = (Part("b.log", RULES[0].digest, (7,), is_complete=False),)
    assert not made(pack(), episode(evidence=parts)).records_complete


def test_a_long_value_is_cut_in_the_reasons_only() -> None:
    text = "x" * (limits.MAX_REASON_CHARS + 5)
    finding = made(pack(), episode(group=(("User", text),)))
    assert finding.group == (("User", text),)
    assert str(finding.why[1].value).endswith("… (+5)")


def test_findings_are_in_order() -> None:
    early = episode(first_us=NIGHT_US - MINUTE_US)
    found = makes(pack()).findings([episode(), early, episode(first_source="a.log")])
    assert [order_of(finding) for finding in found] == sorted(order_of(finding) for finding in found)
    assert found[0].first == "2026-11-03T18:19:00.000000Z"


def test_findings_of_correlations_survive_their_bytes() -> None:
    finding = made(pack(), episode())
    assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding
