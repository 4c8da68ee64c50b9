"""Make hostile text safe to show. The attacker writes our log lines; this is the one gate.

Three attacks are met here: terminal control sequences (a log line that clears the screen or
types into the terminal), bidirectional controls that make text read differently from what it
says, and spreadsheet formulas in CSV cells.  Markup is escaped by the templates, not here.
"""

from __future__ import annotations

import unicodedata

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def _visible(char: str) -> str:
    code = ord(char)
    if char == "\t":
        return "\\t"
    if char == "\n":
        return "\\n"
    if char == "\r":
        return "\\r"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    return f"\\U{code:08x}"


def is_safe(char: str) -> bool:
    """Tell whether a character can be shown as itself: no control, format, private or lone surrogate."""
    if " " <= char <= "~":
        return True
    category = unicodedata.category(char)
    # Cf holds the bidirectional controls, zero-width joiners and tags; Zl and Zp break lines.
    return category[0] != "C" and category not in ("Zl", "Zp")


def shown(text: str, limit: int | None = None) -> str:
    """Return the text with everything invisible or active written as an escape.

    With `limit`, at most so many characters of the text are shown and the cut is said:
    ``… (+1234)``.  Nothing is ever cut silently.
    """
    cut = ""
    if limit is not None and len(text) > limit:
        cut = f"… (+{len(text) - limit})"
        text = text[:limit]
    if text.isascii() and text.isprintable():
        return text + cut
    return "".join(char if is_safe(char) else _visible(char) for char in text) + cut


def csv_cell(text: str) -> str:
    """Return the text for a CSV cell: visible, and never a formula (CWE-1236)."""
    safe = shown(text)
    return "'" + safe if text.startswith(_FORMULA_STARTS) or safe.startswith(_FORMULA_STARTS) else safe
