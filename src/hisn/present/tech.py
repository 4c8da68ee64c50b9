"""Print technical values, whatever the direction of the text around them.

Inside a right-to-left paragraph a browser paints ``203.0.113.7:443 -> 10.0.0.5`` the other way
round: attacker and victim swapped.  So every path, address, name, time, digest or rule id goes
through here, and nothing else prints one: on a terminal in a right-to-left language the value
stands between U+2066 and U+2069, in HTML in ``<bdi dir="ltr">``.

The value is made harmless first (`core.display.shown`): nobody can close our isolate from inside.
"""

from __future__ import annotations

from hisn.core import limits
from hisn.core.display import shown
from hisn.present.i18n import _, is_right_to_left, is_translated

LEFT_TO_RIGHT_ISOLATE = "\u2066"
END_ISOLATE = "\u2069"


def tech(value: object, limit: int | None = limits.MAX_SHOWN_CHARS) -> str:
    """Return a technical value for a terminal: visible, at most `limit` characters, isolated."""
    text = shown(str(value), limit)
    return f"{LEFT_TO_RIGHT_ISOLATE}{text}{END_ISOLATE}" if is_right_to_left() else text


def prose(text: str, limit: int | None = limits.MAX_SHOWN_CHARS) -> str:
    """Return a text from a lower room or a rule: translated if we can, else as a technical value.

    Reasons from lower rooms are English catalogue keys; what the catalogue does not know (titles
    of other people's rules) stays as its author wrote it, and keeps its own direction.
    """
    if is_translated(text):
        return shown(_(text), limit)
    return tech(text, limit)
