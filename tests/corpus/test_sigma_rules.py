"""All published rules: each is judged or named, and means what pySigma says it means."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import sigma.types
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule

from hisn.rules.expr import ANY_ONE, ANY_RUN, And, Expr, Not, Or
from hisn.rules.pack import Pack, decode_pack, encode_pack
from hisn.rules.sigma import RuleFile, build_pack

pytestmark = pytest.mark.corpus

Meaning: TypeAlias = tuple[Any, ...]

PLACEHOLDERS_MISSING = {
    "win_security_adcs_certighost_cdc_chase_request.yml",
    "win_security_adcs_certighost_cert_issued_via_chase.yml",
}


@pytest.fixture(scope="module", name="files")
def read_files(corpus: Path) -> list[RuleFile]:
    folder = corpus / "sigma"
    return [
        RuleFile(path.relative_to(folder).as_posix(), path.read_bytes())
        for path in sorted(folder.rglob("*.yml"))
    ]


@pytest.fixture(scope="module", name="pack")
def build(files: list[RuleFile]) -> Pack:
    return build_pack("sigma", files, {})


def test_every_rule_is_judged_or_named(files: list[RuleFile], pack: Pack) -> None:
    assert len(files) == 3_754
    assert len(pack.rules) + len(pack.refused) == len(files)
    # Placeholders are what the operator must say; nothing else is refused.
    assert {entry.path.rpartition("/")[2] for entry in pack.refused} == PLACEHOLDERS_MISSING
    for entry in pack.refused:
        assert entry.code == "E2105"
        assert entry.id
        assert entry.title
        text = next(file for file in files if file.path == entry.path).data.decode().splitlines()
        assert "known_cdcs" in text[entry.line - 1]
    assert pack.correlations == ()
    assert pack.notes == ()


def test_placeholders_make_the_rest_judged(files: list[RuleFile]) -> None:
    pack = build_pack("sigma", files, {"known_cdcs": ("dc1$", "dc2$")})
    assert len(pack.rules) == len(files)


def test_rules_keep_identity_author_and_digest(files: list[RuleFile], pack: Pack) -> None:
    by_path = {file.path: file for file in files}
    for rule in pack.rules:
        assert rule.digest == hashlib.sha256(by_path[rule.path].data).hexdigest()
        assert rule.info.author
        assert rule.info.title
        assert rule.line == 1
    assert len({rule.id for rule in pack.rules}) == len(pack.rules)
    assert [(rule.id, rule.digest) for rule in pack.rules] == sorted(
        (rule.id, rule.digest) for rule in pack.rules
    )


def test_the_order_of_files_does_not_matter(files: list[RuleFile], pack: Pack) -> None:
    assert build_pack("sigma", reversed(files), {}) == pack


def test_a_pack_survives_its_bytes_and_opens_fast(pack: Pack) -> None:
    data = encode_pack(pack)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        again = decode_pack(data)
        times.append(time.perf_counter() - begin)
    assert again == pack
    assert encode_pack(again) == data
    # Measured 0.05 s; the bar leaves room for a busy machine.
    assert min(times) < 0.3


def wanted(value: sigma.types.SigmaType, field: str | None) -> Meaning:
    """Say in a third form what pySigma's value means."""
    match value:
        case sigma.types.SigmaExpansion():
            return joined("or", [wanted(item, field) for item in value.values])
        case sigma.types.SigmaString():
            parts: list[str | int] = []
            for part in value.s:
                if isinstance(part, str):
                    parts.append(part)
                else:
                    parts.append(ANY_RUN if part is sigma.types.SpecialChars.WILDCARD_MULTI else ANY_ONE)
            if field is None:
                while parts[:1] == [ANY_RUN]:
                    parts.pop(0)
                while parts[-1:] == [ANY_RUN]:
                    parts.pop()
            return ("text", field, in_one_form(parts), isinstance(value, sigma.types.SigmaCasedString))
        case sigma.types.SigmaRegularExpression():
            flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
            return ("re", field, str(value.regexp), flags)
        case sigma.types.SigmaBool():
            return ("text", field, (str(value.boolean).lower(),), False)
        case sigma.types.SigmaNumber():
            if field is None:
                return ("text", None, (str(value.number),), False)
            return ("num", field, "eq", float(value.number))
        case sigma.types.SigmaCompareExpression():
            return ("num", field, value.op.name.lower(), float(value.number.number))
        case sigma.types.SigmaNull():
            return ("null", field)
        case sigma.types.SigmaExists():
            return ("exists", field) if value.exists else ("not", ("exists", field))
        case sigma.types.SigmaCIDRExpression():
            return ("net", field, str(value.network))
        case sigma.types.SigmaFieldReference():
            op = {(0, 0): "equals", (1, 0): "startswith", (0, 1): "endswith", (1, 1): "contains"}
            return ("ref", field, value.field, op[value.starts_with, value.ends_with])
        case _:
            raise AssertionError(value)


def in_one_form(parts: list[str | int]) -> tuple[str | int, ...]:
    """Write ``*?`` and ``?*``, which mean the same, as the latter."""
    result = list(parts)
    for _ in parts:
        for index in range(len(result) - 1):
            if result[index : index + 2] == [ANY_RUN, ANY_ONE]:
                result[index : index + 2] = [ANY_ONE, ANY_RUN]
    return tuple(result)


def joined(kind: str, items: list[Meaning]) -> Meaning:
    flat: set[Meaning] = set()
    for item in items:
        flat |= item[1] if item[0] == kind else {item}
    return next(iter(flat)) if len(flat) == 1 else (kind, frozenset(flat))


def wanted_condition(node: object) -> Meaning:
    match node:
        case ConditionAND():
            return joined("and", [wanted_condition(item) for item in node.args])
        case ConditionOR():
            return joined("or", [wanted_condition(item) for item in node.args])
        case ConditionNOT():
            inner = wanted_condition(node.args[0])
            return inner[1] if inner[0] == "not" else ("not", inner)
        case ConditionFieldEqualsValueExpression():
            return wanted(node.value, node.field)
        case ConditionValueExpression():
            return wanted(node.value, None)
        case _:
            raise AssertionError(node)


def ours(expr: Expr) -> Meaning:
    """Say in the same form what our expression means."""
    match expr:
        case And():
            return joined("and", [ours(item) for item in expr.items])
        case Or():
            return joined("or", [ours(item) for item in expr.items])
        case Not():
            return ("not", ours(expr.item))
        case _:
            return atom_of(expr)


def atom_of(expr: Expr) -> Meaning:
    fields = {each: getattr(expr, each) for each in expr.__struct_fields__}
    match name := type(expr).__name__:
        case "Text":
            text = (fields["value"],) if fields["value"] else ()
            before = (ANY_RUN,) if fields["op"] in ("contains", "endswith") else ()
            after = (ANY_RUN,) if fields["op"] in ("contains", "startswith") else ()
            return ("text", fields["field"], before + text + after, fields["cased"])
        case "Wildcard":
            return ("text", fields["field"], fields["parts"], fields["cased"])
        case "Keyword":
            return ("text", None, fields["parts"], fields["cased"])
        case "Regex":
            return ("re", fields["field"], fields["pattern"], fields["flags"])
        case "KeywordRegex":
            return ("re", None, fields["pattern"], fields["flags"])
        case "Number":
            return ("num", fields["field"], fields["op"], float(fields["value"]))
        case "Network":
            return ("net", fields["field"], fields["network"])
        case "Null" | "Exists":
            return (name.lower(), fields["field"])
        case "FieldRef":
            return ("ref", fields["field"], fields["other"], fields["op"])
        case _:
            raise AssertionError(expr)


def test_every_rule_means_what_pysigma_says(files: list[RuleFile], pack: Pack) -> None:
    """Compare our modifiers and conditions with pySigma's, rule by rule."""
    data_of = {file.path: file.data for file in files}
    different = []
    compared: Counter[str] = Counter()
    for rule in pack.rules:
        try:
            parsed = SigmaRule.from_yaml(data_of[rule.path].decode())
            conditions = [wanted_condition(each.parsed) for each in parsed.detection.parsed_condition]
        except sigma.exceptions.SigmaError as error:
            compared[f"pySigma refuses: {type(error).__name__}"] += 1
            different.append((rule.path, str(error)))
            continue
        compared["compared"] += 1
        if ours(rule.condition) != joined("or", conditions):
            different.append((rule.path, "differs"))
    assert different == []
    assert compared == {"compared": 3_752}
