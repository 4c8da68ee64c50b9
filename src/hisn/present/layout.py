"""Lay text out on a terminal: colours, widths, wrapping that keeps directions intact."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from typing import TextIO

from hisn.present.tech import END_ISOLATE, ISOLATES

NARROW = 60
WIDE = 110
_COLOURS = {
    "critical": "\x1b[1;97;41m",
    "high": "\x1b[1;31m",
    "medium": "\x1b[33m",
    "low": "\x1b[36m",
    "informational": "\x1b[2m",
    "heading": "\x1b[1m",
    "faint": "\x1b[2m",
    "warning": "\x1b[1;30;43m",
}
_RESET = "\x1b[0m"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def wants_colour(stream: TextIO) -> bool:
    """Tell whether to colour: on a terminal, unless NO_COLOR (no-color.org) or a dumb terminal."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Return the width to lay out for, within what reads well."""
    return max(NARROW, min(WIDE, shutil.get_terminal_size((100, 24)).columns))


def paint(text: str, style: str, *, colour: bool) -> str:
    """Return the text in one of our styles, or as it is."""
    return f"{_COLOURS[style]}{text}{_RESET}" if colour and style in _COLOURS else text


def cells(text: str) -> int:
    """Return how many columns a terminal needs: two for wide characters, none for marks and our colours."""
    text = _COLOUR.sub("", text)
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if char in ISOLATES or unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def labelled(label: str, text: str, *, indent: int, label_width: int, width: int | None) -> list[str]:
    """Return lines of ``  label  text``, wrapped behind the label; without `width` nothing is wrapped."""
    head = " " * indent + label + " " * max(1, label_width - cells(label))
    hanging = " " * (indent + label_width)
    if width is None:
        return [head + text]
    lines = wrap(text, max(20, width - indent - label_width))
    return [head + lines[0], *(hanging + line for line in lines[1:])]


def wrap(text: str, width: int) -> list[str]:
    """Wrap at spaces. Longer words stay whole, so that paths and commands can be copied.

    A line end closes every isolate (Unicode UAX 9, X8): what a break falls into is closed there
    and opened again on the next line.
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and cells(line) + 1 + cells(word) > width:
            start = _open_isolate(line)
            lines.append(line + END_ISOLATE if start else line)
            line = start + word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _open_isolate(line: str) -> str:
    start = ""
    for char in line:
        if char == END_ISOLATE:
            start = ""
        elif char in ISOLATES:
            start = char
    return start
