from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping

import pytest

from hisn.rules.expr import Expr
from hisn.rules.pack import Pack
from hisn.rules.sigma import RuleFile, build_pack

HEAD = """\
title: A rule
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
level: low
logsource:
    product: windows
"""

Placeholders = Mapping[str, tuple[str, ...]]


def build(text: str, placeholders: Placeholders | None = None) -> Pack:
    return build_pack("test", [RuleFile("a.yml", textwrap.dedent(text).encode())], placeholders)


@pytest.fixture(name="build")
def build_fixture() -> Callable[..., Pack]:
    """Build a pack of one file."""
    return build


def section(text: str) -> str:
    return HEAD + "detection:\n" + textwrap.indent(textwrap.dedent(text), "    ")


@pytest.fixture
def detect() -> Callable[..., Expr]:
    """Lower a detection section; without a condition it is `selection`."""

    def lower(text: str, placeholders: Placeholders | None = None) -> Expr:
        body = textwrap.dedent(text)
        if "condition:" not in body:
            body = "selection:\n" + textwrap.indent(body, "    ") + "\ncondition: selection\n"
        pack = build(section(body), placeholders)
        assert pack.refused == ()
        (rule,) = pack.rules
        return rule.condition

    return lower


@pytest.fixture
def refuse() -> Callable[..., tuple[str, int, str]]:
    """Return code, line in the section and reason of a detection section that is refused."""

    def lower(text: str, placeholders: Placeholders | None = None) -> tuple[str, int, str]:
        body = textwrap.dedent(text)
        if "condition:" not in body:
            body = "selection:\n" + textwrap.indent(body, "    ") + "\ncondition: selection\n"
        pack = build(section(body), placeholders)
        assert pack.rules == ()
        (entry,) = pack.refused
        return entry.code, entry.line - HEAD.count("\n") - 1, entry.reason

    return lower
