"""Sigma strings against a naive matcher."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hisn.engine.reference import holds
from hisn.rules.expr import ANY_ONE, ANY_RUN, Expr
from hisn.rules.sigma.documents import Scalar
from hisn.rules.sigma.modifiers import apply_chain, parse_chain
from hisn.rules.sigma.values import lower_value, parse_pattern

alphabet = "aB*?\\-"
strings = st.text(alphabet=alphabet, max_size=7)
texts = st.text(alphabet="aAbB*?\\-", max_size=7)
modifiers = st.sampled_from(
    ((), ("contains",), ("startswith",), ("endswith",), ("cased",), ("contains", "cased"))
)


def naive_parts(text: str) -> list[str | int]:
    """Read the specification's escapes one character after the other."""
    parts: list[str | int] = []
    index = 0
    while index < len(text):
        char, follower = text[index], text[index + 1 : index + 2]
        if char == "\\" and follower in ("*", "?", "\\") and follower:
            parts.append(follower)
            index += 1
        elif char == "*":
            parts.append(ANY_RUN)
        elif char == "?":
            parts.append(ANY_ONE)
        else:
            parts.append(char)
        index += 1
    return parts


def naive_match(parts: list[str | int], text: str) -> bool:
    if not parts:
        return not text
    if parts[0] == ANY_RUN:
        return any(naive_match(parts[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and parts[0] in (ANY_ONE, text[0]) and naive_match(parts[1:], text[1:])


def lowered(names: tuple[str, ...], value: str) -> Expr:
    (parsed,) = apply_chain(parse_chain(names, 1), Scalar(1, value, str), {})
    return lower_value("F", parsed, 1)


@given(strings)
def test_strings_are_read_as_the_specification_says(text: str) -> None:
    flat = [piece for part in parse_pattern(text) for piece in ([part] if isinstance(part, int) else part)]
    assert flat == naive_parts(text)


@given(modifiers, strings, texts)
def test_values_match_what_a_naive_matcher_matches(names: tuple[str, ...], value: str, text: str) -> None:
    parts = naive_parts(value)
    if "contains" in names or "endswith" in names:
        parts = [ANY_RUN, *parts]
    if "contains" in names or "startswith" in names:
        parts = [*parts, ANY_RUN]
    if "cased" not in names:
        parts = [part.lower() if isinstance(part, str) else part for part in parts]
    expected = naive_match(parts, text if "cased" in names else text.lower())
    assert holds(lowered(names, value), {"F": text}) is expected
