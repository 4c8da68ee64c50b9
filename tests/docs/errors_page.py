"""Write the page of error codes: ``python -m tests.docs.errors_page``."""

from __future__ import annotations

from pathlib import Path

from hisn.app.explain import error_entries

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors.md"

_HEAD = """# Error codes

`hisn explain E####` prints these texts, offline.
E1 is about the request, E2 about an input, E3 about a proof, E4 about a rule of the unit, E5 about disk and network.
This page is made from `src/hisn/app/error_codes.toml`.
"""


def page() -> str:
    """Return the page as it should be."""
    parts = [_HEAD]
    for code, entry in sorted(error_entries().items()):
        text = entry.text.replace(". ", ".\n")
        parts.append(f"## {code}: {entry.title}\n\n{text}\n\nWhat to do: {entry.hint}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
