"""Give the election rules that come with the program: Sigma rules of our own, under Apache-2.0."""

from __future__ import annotations

from importlib.resources import files

from hisn.rules.sigma.load import RuleFile

NAME = "hisn-elections"
LICENCE = "Apache-2.0"


def bundled_rules() -> tuple[RuleFile, ...]:
    """Return the rule files of the pack in the order of their names."""
    folder = files(__package__) / "rules"
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yml")), key=lambda e: e.name)
    return tuple(RuleFile(entry.name, entry.read_bytes(), LICENCE) for entry in found)


def bundled_examples() -> dict[str, bytes]:
    """Return the examples of the rules, TOML documents, by the name of the rule file without suffix."""
    folder = files(__package__) / "examples"
    entries = sorted(folder.iterdir(), key=lambda e: e.name)
    return {e.name.removesuffix(".toml"): e.read_bytes() for e in entries if e.name.endswith(".toml")}
