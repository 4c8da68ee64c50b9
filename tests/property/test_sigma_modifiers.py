"""Chains of modifiers against pySigma's, wherever pySigma accepts the chain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from hypothesis import assume, given
from hypothesis import strategies as st
from sigma.conditions import ConditionAND
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetectionItem
from sigma.types import SigmaCasedString, SigmaExpansion, SigmaString, SigmaType, SpecialChars

from hisn.engine.reference import holds
from hisn.rules.expr import Expr
from hisn.rules.sigma import RuleFile, build_pack

MODIFIERS = (
    "contains",
    "startswith",
    "endswith",
    "windash",
    "base64",
    "base64offset",
    "wide",
    "utf16be",
    "cased",
)
chains = st.lists(st.sampled_from(MODIFIERS), max_size=3, unique=True).map(tuple)
# With escapes still two bytes: `base64offset` of one is refused here, and an empty text in pySigma.
written = st.text(alphabet="aB -/*?\\", min_size=4, max_size=8)
linking = st.sampled_from(((), ("all",), ("neq",), ("all", "neq")))


def lowered(key: str, values: list[str]) -> Expr | None:
    rule = {
        "title": "T",
        "level": "low",
        "logsource": {"product": "p"},
        "detection": {"selection": {key: values}, "condition": "selection"},
    }
    pack = build_pack("p", [RuleFile("a.yml", json.dumps(rule).encode())])
    return pack.rules[0].condition if pack.rules else None


def as_python(value: SigmaString, *, cased: bool) -> re.Pattern[str]:
    text = "".join(
        re.escape(part) if isinstance(part, str) else ".*" if part is SpecialChars.WILDCARD_MULTI else "."
        for part in value.s
    )
    return re.compile(text, re.DOTALL | (0 if cased else re.IGNORECASE))


def alternatives(value: SigmaType) -> Iterator[SigmaString]:
    if isinstance(value, SigmaExpansion):
        for each in value.values:
            yield from alternatives(each)
    else:
        assert isinstance(value, SigmaString)
        yield value


def near(value: SigmaString) -> Iterator[str]:
    """Yield texts that match, or miss by little."""
    core = "".join(part if isinstance(part, str) else "x" for part in value.s)
    for text in (
        core,
        core.swapcase(),
        core.replace("x", ""),
        core.replace("-", "\u2013"),
        core[1:],
        core[:-1],
    ):
        yield from (text, f"y{text}", f"{text}y", f"y{text}y")


def parsed(key: str, values: list[str]) -> SigmaDetectionItem | None:
    try:
        return SigmaDetectionItem.from_mapping(key, list(values))
    except SigmaError:
        return None


@given(chains, linking, st.lists(written, min_size=1, max_size=2))
def test_modifiers_match_what_pysigma_matches(
    chain: tuple[str, ...], links: tuple[str, ...], values: list[str]
) -> None:
    key = "|".join(("F", *chain, *links))
    # UTF-16 of UTF-16 is refused here: nobody means it.
    assume(not {"wide", "utf16be"} <= set(chain))
    item = parsed(key, values)
    assume(item is not None)
    assert item is not None
    # pySigma loses `cased` under what follows it; the chain means it for all.
    cased = "cased" in chain
    ours = lowered(key, values)
    assert ours is not None, f"refused here and not by pySigma: {key}: {values}"
    wanted = [[as_python(each, cased=cased) for each in alternatives(value)] for value in item.value]
    link = all if item.value_linking is ConditionAND else any
    for value in item.value:
        for each in alternatives(value):
            assert cased or not isinstance(each, SigmaCasedString)
            for text in near(each):
                expected = link(any(one.fullmatch(text) for one in group) for group in wanted)
                assert holds(ours, {"F": text}) is (expected != item.negated), (key, values, text)
