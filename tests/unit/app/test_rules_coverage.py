from __future__ import annotations

from hisn.app.rules_coverage import cover, reach_of_mapping, served_by
from hisn.events.mapping import load_mapping
from hisn.events.schema import Layout
from hisn.rules.expr import Exists
from hisn.rules.pack import Pack, Rule, RuleInfo, RuleSource


def test_the_reach_of_a_kind_holds_what_its_records_can_be() -> None:
    reach = reach_of_mapping()
    layout = Layout(
        "windows", ("Image",), (("Channel", "Microsoft-Windows-Sysmon/Operational"), ("EventID", 1))
    )
    found = load_mapping().shape(layout).logsource
    assert found.products <= reach["windows"].products
    assert found.categories <= reach["windows"].categories
    assert found.services <= reach["windows"].services
    assert served_by(RuleSource(product="windows", category="process_creation"), reach) == ("windows",)
    assert served_by(RuleSource(product="toaster"), reach) == ()


def rule(number: int, tags: tuple[str, ...], author: str) -> Rule:
    return Rule(
        id=str(number),
        digest=str(number),
        path="a",
        level="low",
        logsource=RuleSource(product="toaster"),
        condition=Exists("A"),
        info=RuleInfo(title="T", tags=tags, author=author),
    )


def test_tags_authors_and_levels_are_counted_once_a_rule() -> None:
    pack = Pack(
        name="p",
        digest="d",
        rules=(
            rule(1, ("attack.t1059.001", "attack.T1059.001", "attack.defense_evasion", "cve.2024.1"), "A, B"),
            rule(2, ("attack.defense-evasion", "attack.g0001", "detection.threat-hunting"), "B,"),
        ),
    )
    found = cover(pack)
    assert found.techniques == {"T1059.001": 1}
    assert found.tactics == {"defense-evasion": 2}
    assert found.authors == 2
    assert found.levels == {"low": 2}
    assert (found.rules, found.served) == (2, 0)
