"""Make hostile text safe to show. The attacker writes our log lines; this is the one gate.

Two attacks are met here: terminal control sequences (a log line that clears the screen or types
into the terminal), and bidirectional controls that make text read differently from what it says.
Markup is escaped by the templates, formulas by `present.csv_out`.
"""

from __future__ import annotations

import unicodedata


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
    return "".join(char if is_safe(char) else ascii(char)[1:-1] for char in text) + cut
