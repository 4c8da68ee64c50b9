from __future__ import annotations

import hashlib

import pytest

from hisn.events.mapping import load_mapping
from hisn.events.schema import Layout
from hisn.rules.expr import And, Number, Text
from hisn.rules.pack import Pack
from hisn.rules.sigma import RuleFile, build_pack

RULE = """\
title: R
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
level: low
logsource: {product: windows}
detection:
    selection: {Image: a}
    condition: selection
"""


def pack_of(**texts: str) -> Pack:
    return build_pack("p", [RuleFile(f"{name}.yml", text.encode()) for name, text in texts.items()])


def test_a_rule_keeps_its_bytes_digest_and_place() -> None:
    (rule,) = pack_of(a="# c\n" + RULE).rules
    assert rule.digest == hashlib.sha256(("# c\n" + RULE).encode()).hexdigest()
    assert (rule.path, rule.line, rule.level) == ("a.yml", 2, "low")


def test_a_bad_rule_stops_no_other() -> None:
    pack = pack_of(
        a=RULE, b="title: [", c=RULE.replace("Image", "Image|odd").replace("929a", "929b"), d="x: y\n"
    )
    assert [rule.path for rule in pack.rules] == ["a.yml"]
    assert [(entry.path, entry.line, entry.code, entry.title) for entry in pack.refused] == [
        ("b.yml", 2, "E2100", ""),
        ("c.yml", 6, "E2103", "R"),
        ("d.yml", 1, "E2101", ""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "title: T\n",
        "title: T\nlogsource: {product: p}\n",
        "title: T\nlogsource: {product: p}\ndetection: x\n",
    ],
)
def test_a_file_without_detection_is_refused_unless_empty(text: str) -> None:
    pack = pack_of(a=text)
    assert pack.rules == ()
    assert len(pack.refused) == (1 if text else 0)


def test_a_rule_without_a_title_is_known_by_its_file() -> None:
    (rule,) = (pack := pack_of(a=RULE.replace("title: R\n", ""))).rules
    assert rule.info.title == "a"
    assert [entry.code for entry in pack.notes] == ["E2109"]


def test_several_rules_in_one_file_have_their_own_digests() -> None:
    second = "---\n" + RULE.replace("929a", "929b").replace("Image", "User")
    one, two = pack_of(a=RULE + second).rules
    assert one.digest == hashlib.sha256(RULE.encode()).hexdigest()
    assert two.digest == hashlib.sha256(second.encode()).hexdigest()
    assert (one.line, two.line) == (1, 9)


GLOBAL = """\
action: global
title: Shared
level: high
detection:
    condition: selection
---
logsource: {product: windows, service: system}
detection:
    selection: {EventID: 7045}
---
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4697}
"""


def test_global_parts_are_shared_by_the_documents_behind_them() -> None:
    pack = pack_of(a=GLOBAL)
    assert pack.refused == ()
    assert {(rule.logsource.service, rule.level, rule.info.title) for rule in pack.rules} == {
        ("system", "high", "Shared"),
        ("security", "high", "Shared"),
    }
    assert {rule.condition for rule in pack.rules} == {
        Number("EventID", "eq", "7045"),
        Number("EventID", "eq", "4697"),
    }


def test_a_change_in_the_shared_part_changes_every_digest() -> None:
    before = {rule.digest for rule in pack_of(a=GLOBAL).rules}
    after = {rule.digest for rule in pack_of(a=GLOBAL.replace("high", "low")).rules}
    assert not before & after


def test_reset_ends_sharing_and_repeat_builds_on_the_last() -> None:
    pack = pack_of(
        a=GLOBAL
        + "---\naction: repeat\ndetection:\n    selection: {User: x}\n---\naction: reset\n---\nlogsource: {product: p}\n"
        + "---\naction: odd\n"
    )
    conditions = {rule.condition for rule in pack.rules}
    assert And((Number("EventID", "eq", "4697"), Text("User", "equals", "x"))) in conditions
    assert [entry.line for entry in pack.refused] == [21, 23]


def test_repeat_without_anything_before_it_is_refused() -> None:
    assert [entry.code for entry in pack_of(a="action: repeat\ntitle: T\n").refused] == ["E2101"]


def test_the_same_rule_twice_is_judged_once_and_said() -> None:
    pack = pack_of(a=RULE, b=RULE)
    assert [rule.path for rule in pack.rules] == ["a.yml"]
    (note,) = pack.notes
    assert (note.path, note.code) == ("b.yml", "E2108")
    assert "a.yml:1" in note.reason


def test_two_rules_under_one_id_are_both_judged_and_said() -> None:
    """Which of them the operator means is not ours to guess; a finding too few is never seen."""
    pack = pack_of(a=RULE, b=RULE.replace("Image: a", "Image: b"))
    assert {rule.path for rule in pack.rules} == {"a.yml", "b.yml"}
    assert [(note.path, note.code) for note in pack.notes] == [("b.yml", "E2108")]


def test_equal_rules_make_equal_packs_wherever_they_stand() -> None:
    texts = [RULE.replace("Image: a", f"Image: {letter}") for letter in "abc"]
    one = pack_of(a=texts[0], b=texts[1], c=texts[2])
    two = pack_of(x=texts[2], y=texts[0], z=texts[1])
    assert one.digest == two.digest
    # Plans are kept by the pack's digest and name rules by their place in it.
    assert [rule.digest for rule in one.rules] == [rule.digest for rule in two.rules]


def test_placeholders_are_part_of_the_digest_of_rules_that_use_them() -> None:
    file = RuleFile("a.yml", RULE.replace("Image: a", "Image|expand: '%x%'").encode())
    plain = RuleFile("b.yml", RULE.replace("929a", "929b").encode())
    one = build_pack("p", [file, plain], {"x": ("1",)})
    two = build_pack("p", [file, plain], {"x": ("2",)})
    assert one.rules[0].digest != two.rules[0].digest
    assert one.rules[1].digest == two.rules[1].digest == hashlib.sha256(plain.data).hexdigest()


def test_the_licence_of_the_file_reaches_the_rule() -> None:
    (rule,) = build_pack("p", [RuleFile("a.yml", RULE.encode(), "DRL-1.1")]).rules
    assert rule.info.licence == "DRL-1.1"


@pytest.mark.parametrize(
    ("service", "channel", "provider", "looks"),
    [
        ("sysmon", "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", True),
        ("sysmon", "Microsoft-Windows-Kernel-PnP/Configuration", "Microsoft-Windows-Kernel-PnP", False),
        (
            "windefend",
            "Microsoft-Windows-Windows Defender/Operational",
            "Microsoft-Windows-Windows Defender",
            True,
        ),
        ("windefend", "Microsoft-Windows-Wcmsvc/Operational", "Microsoft-Windows-Wcmsvc", False),
    ],
)
def test_an_event_id_counts_only_in_the_rules_own_log(
    service: str, channel: str, provider: str, looks: bool
) -> None:
    """Rules fired on equal event ids of other providers, or on none after the repair.

    WithSecureLabs/chainsaw#122 and #131, wagga40/Zircolite#110.
    """
    text = RULE.replace("{product: windows}", f"{{product: windows, service: {service}}}")
    (rule,) = pack_of(a=text.replace("Image: a", "EventID: 27")).rules
    constants = (("Channel", channel), ("EventID", 27), ("Provider_Name", provider))
    source = load_mapping().shape(Layout("windows", ("Computer",), constants)).logsource
    asked = rule.logsource
    assert source.satisfies(asked.product, asked.category, asked.service) is looks
