"""Translate texts for people with gettext; the English text is the catalogue key.

The language belongs to the context, not to the process: a server may answer two readers at once.
English costs one look-up and loads nothing; another language loads its catalogue at first use.
Placeholders are named and filled after translation: ``_("{count} files").format(count=3)``.
"""

from __future__ import annotations

import functools
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

DOMAIN = "hisn"
LOCALE = Path(__file__).parent.parent / "locale"
LANGUAGES = ("en", "ar")
_RIGHT_TO_LEFT = frozenset({"ar"})
_LANGUAGE: ContextVar[str] = ContextVar("hisn_language", default="en")


def use_language(language: str) -> None:
    """Choose the language of this context. Raises ValueError unless it is one of `LANGUAGES`."""
    if language not in LANGUAGES:
        msg = f"no catalogue for {language!r}; there are {', '.join(LANGUAGES)}"
        raise ValueError(msg)
    _LANGUAGE.set(language)


def current_language() -> str:
    """Return the language of this context: ``en`` or ``ar``."""
    return _LANGUAGE.get()


def is_right_to_left() -> bool:
    """Tell whether the language of this context is written from right to left."""
    return _LANGUAGE.get() in _RIGHT_TO_LEFT


def language_of_locale(name: str) -> str:
    """Return the language for a locale name such as ``ar_EG.UTF-8``; English if we have none."""
    language = name.replace("-", "_").split("_", 1)[0].split(".", 1)[0].lower()
    return language if language in LANGUAGES else "en"


def _(message: str) -> str:
    """Return the message in the language of this context, or as it is where it is not translated."""
    language = _LANGUAGE.get()
    # The empty key holds the catalogue's header: it is never a text for people.
    if language == "en" or not message:
        return message
    return _catalogue(language).gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return the form of a message that `count` needs; Arabic has six."""
    language = _LANGUAGE.get()
    if language == "en":
        return singular if count == 1 else plural
    return _catalogue(language).ngettext(singular, plural, count)


def mark(message: str) -> str:
    """Mark a text for the catalogue without translating it yet: tables of texts use this."""
    return message


def mark_plural(singular: str, plural: str) -> tuple[str, str]:
    """Mark a text with two English forms for the catalogue."""
    return singular, plural


@functools.lru_cache(maxsize=len(LANGUAGES))
def _catalogue(language: str) -> NullTranslations:
    from gettext import GNUTranslations

    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    with path.open("rb") as file:
        return GNUTranslations(file)
