"""Look up what an error code means."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from hisn.errors import UsageError


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """Hold the explanation of one error code."""

    code: str
    title: str
    text: str
    hint: str


def error_entries() -> dict[str, ErrorEntry]:
    """Return every known code with its explanation."""
    table = tomllib.loads(files("hisn.app").joinpath("error_codes.toml").read_text("utf-8"))
    return {
        code: ErrorEntry(code, entry["title"], entry["text"], entry["hint"]) for code, entry in table.items()
    }


def explain_code(code: str) -> ErrorEntry:
    """Return the explanation of a code such as ``E2001``. Raises UsageError for an unknown one."""
    entries = error_entries()
    wanted = code.strip().upper()
    if wanted not in entries:
        raise UsageError(
            "E1002",
            f"no such error code: {code}",
            hint="codes look like E2001; docs/reference/errors.md lists them",
        )
    return entries[wanted]
