"""Every threat has a test named after it, and the table that says so is true."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
THREATS = {
    "split view",
    "equivocation: two acts with one number",
    "equivocation: two rosters with one number",
    "a draft that hides a change",
    "rollback after restore",
    "backdating",
    "stale `seen`",
    "replay of an act",
    "transplanting a proof to another claim",
    "withholding a tile, a body or a mirror",
    "silence on a request",
    "forced silence of a member",
    "veto by withheld cosignature",
    "a colluding witness",
    "key theft and revocation",
    "a key in another role",
    "retroactive voiding",
    "two values for one field",
    "guessing hidden fields",
    "erased key restored",
    "flooding",
    "hostile rule",
    "hostile EVTX",
    "compression bombs",
    "hostile pack sizes",
    "hostile JSON",
    "path names from origins",
    "confusable and bidirectional text",
    "every single byte of a pack flipped",
}
PLAYED = ("test_log_attacks.py", "test_unit_attacks.py", "test_evidence_attacks.py")
_ROW = re.compile(r"\| ([^|]+) \| `([^`]+)` \| (`[^|]+`) \|")


@cache
def rows() -> list[tuple[str, str, tuple[str, ...]]]:
    text = (HERE / "README.md").read_text("utf-8")
    found = [_ROW.fullmatch(line) for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert all(found), "a line of the table is not in its form"
    return [(row[1], row[2], tuple(re.findall(r"`([^`]+)`", row[3]))) for row in found if row]


@cache
def named_in(file: Path) -> tuple[str, ...]:
    tree = ast.parse(file.read_bytes())
    functions = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return tuple(name for name in functions if name.startswith("test_"))


@pytest.mark.parametrize("threat", sorted(THREATS))
def test_every_threat_has_tests(threat: str) -> None:
    assert [row for row in rows() if row[0] == threat]


def test_the_table_names_no_other_threats() -> None:
    assert {threat for threat, _, _ in rows()} == THREATS


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{file}: {pattern}"
        for _, file, patterns in rows()
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for name in named_in(REPOSITORY / file))
    ]
    assert missing == []


@pytest.mark.parametrize("file", PLAYED)
def test_every_attack_stands_in_the_table(file: str) -> None:
    patterns = [pattern for _, path, named in rows() if Path(path).name == file for pattern in named]
    unnamed = [
        name for name in named_in(HERE / file) if not any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
    assert unnamed == []
