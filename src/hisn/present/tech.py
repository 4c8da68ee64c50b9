"""Print technical values, whatever the direction of the text around them.

Inside a right-to-left paragraph a browser paints ``203.0.113.7:443 -> 10.0.0.5`` the other way
round: attacker and victim swapped.  So every path, address, name, time, digest or rule id goes
through a `Medium` from here, and nothing else prints one.

The value is made harmless first (`core.display.shown`): nobody can close our isolate from inside.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Protocol

from hisn.core import limits
from hisn.core.display import shown
from hisn.present.i18n import _, is_right_to_left

if TYPE_CHECKING:
    from markupsafe import Markup

LEFT_TO_RIGHT_ISOLATE = "\u2066"
FIRST_STRONG_ISOLATE = "\u2068"
END_ISOLATE = "\u2069"
ISOLATES = frozenset("\u2066\u2067\u2068\u2069")


class Medium(Protocol):
    """Describe where text for people goes: it prints values, foreign prose and our own sentences."""

    def tech(self, value: object, limit: int | None = limits.MAX_SHOWN_CHARS) -> str:
        """Return a technical value, harmless, cut visibly, isolated left to right."""
        ...

    def prose(self, text: str, limit: int | None = limits.MAX_SHOWN_CHARS) -> str:
        """Return a sentence of a rule or a lower room: translated if we can, else isolated."""
        ...

    def say(self, template: str, **values: object) -> str:
        """Fill a translated template; texts among the values come from this medium."""
        ...


class Terminal:
    """Print on a terminal: isolates where the language or the value is right-to-left."""

    def tech(self, value: object, limit: int | None = limits.MAX_SHOWN_CHARS) -> str:
        """Return the value between U+2066 and U+2069 where direction matters."""
        return _isolated(shown(str(value), limit), LEFT_TO_RIGHT_ISOLATE)

    def prose(self, text: str, limit: int | None = limits.MAX_SHOWN_CHARS) -> str:
        """Return the text in its own direction."""
        said = _(text)
        if said != text:
            return said  # from our catalogue: its isolates are our own
        return _isolated(shown(text, limit), FIRST_STRONG_ISOLATE)

    def say(self, template: str, **values: object) -> str:
        """Fill the template."""
        return template.format(**values)


class Html:
    """Print in HTML: everything escaped, values in ``<bdi dir="ltr">``, prose in ``<bdi>``."""

    def tech(self, value: object, limit: int | None = limits.MAX_SHOWN_CHARS) -> Markup:
        """Return the escaped value in ``<bdi dir="ltr">``."""
        return markup('<bdi dir="ltr">{value}</bdi>', value=shown(str(value), limit))

    def prose(self, text: str, limit: int | None = limits.MAX_SHOWN_CHARS) -> Markup:
        """Return the escaped text; ``<bdi>`` finds its direction from its first letter."""
        said = _(text)
        if said != text:
            return self.say("{text}", text=said)
        return markup("<bdi>{text}</bdi>", text=shown(text, limit))

    def say(self, template: str, **values: object) -> Markup:
        """Fill the escaped template; values that are no markup are escaped, too."""
        from markupsafe import escape

        return escape(template).format(**values)


def markup(template: str, **values: object) -> Markup:
    """Fill a template of markup that stands in our own source; values are escaped."""
    from markupsafe import Markup

    return Markup(template).format(**values)  # noqa: S704 - callers pass literals, a test says so


TERMINAL = Terminal()
tech = TERMINAL.tech
prose = TERMINAL.prose


def _isolated(text: str, start: str) -> str:
    if is_right_to_left() or not (text.isascii() or _is_left_to_right(text)):
        return f"{start}{text}{END_ISOLATE}"
    return text


def _is_left_to_right(text: str) -> bool:
    # One Hebrew or Arabic letter from a log would reorder the numbers and marks beside it.
    return not any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text)
