"""Let click, which reads the command line, speak the reader's language, and lay help out for it.

Click takes its own texts ("Usage:", "Missing argument") from gettext's domain, which belongs to the
process: it is ours while a command runs, and given back after it.  English needs none of this.

A terminal turns a line that begins with an Arabic letter: whatever is typed as it stands there (a
usage line, an option and its value, a range of numbers) is isolated, and no line end falls into it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gettext import bindtextdomain, textdomain

import click

from hisn.present.i18n import DOMAIN, LOCALE, _, mark, mark_plural
from hisn.present.layout import cells, labelled, wrap
from hisn.present.tech import END_ISOLATE, ISOLATES, tech

TEXTS: tuple[str | tuple[str, str], ...] = (
    mark("Usage:"),
    mark("Options"),
    mark("Show this message and exit."),
    mark("Show the version and exit."),
    mark("default: {default}"),
    mark("required"),
    mark("Missing command."),
    mark("Missing argument"),
    mark("Missing option"),
    mark("No such command {name!r}."),
    mark("No such option {name!r}."),
    mark_plural("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    mark_plural("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    mark_plural("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    mark("Option {name!r} does not take a value."),
    mark("Invalid value: {message}"),
    mark("Invalid value for {param_hint}: {message}"),
    mark("{value!r} is not a valid {number_type}."),
    mark("{value} is not in the range {range}."),
    mark_plural("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    mark("Choose from:\n\t{choices}"),
    mark("Repeat for confirmation"),
    mark("Error: The two entered values do not match."),
    mark("Error: invalid input"),
)
"""Texts of click that a reader can meet; a test looks them up in click."""

_RANGE = re.compile(r"(?:-?[0-9.]+<=?)?x[<>]=?-?[0-9.]+")
_LEAST_WIDTH = 20


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Make click speak a language, and give back what it spoke before."""
    variable, domain, formatter = os.environ.get("LANGUAGE"), textdomain(), click.Context.formatter_class
    os.environ["LANGUAGE"] = language
    bindtextdomain(DOMAIN, str(LOCALE))
    textdomain(DOMAIN)
    click.Context.formatter_class = Formatter
    try:
        yield
    finally:
        click.Context.formatter_class = formatter
        textdomain(domain)
        if variable is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = variable


class Formatter(click.HelpFormatter):
    """Lay help out so that nothing in it is turned round."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage as one value: its dots and brackets stay where they are."""
        usage = tech(f"{prog} {args}".rstrip(), None)
        self.write(f"{' ' * self.current_indent}{_('Usage:') if prefix is None else prefix} {usage}\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs; one that begins with a backspace (click) holds commands, line by line."""
        indent = " " * self.current_indent
        lines: list[str] = []
        for paragraph in text.split("\n\n"):
            first, *rest = paragraph.splitlines()
            if first.strip() == "\b":
                lines += ["", *(line.strip() for line in rest)]
            else:
                lines += ["", *wrap(" ".join(paragraph.split()), self.width - self.current_indent)]
        self.write("".join(f"{indent}{line}".rstrip() + "\n" for line in lines[1:]))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options or commands, each with what it does."""
        rows = list(rows)
        column = min(max(cells(first) for first, _second in rows), col_max) + col_spacing
        for first, second in rows:
            label = tech(first, None)
            if cells(label) + col_spacing > column:
                self.write(f"{' ' * self.current_indent}{label}\n")
                label = ""
            text = _RANGE.sub(lambda found: tech(found[0]), second)
            lines = labelled(
                label,
                text,
                indent=self.current_indent,
                label_width=column,
                width=max(self.width, self.current_indent + column + _LEAST_WIDTH),
            )
            self.write("".join(f"{_closed(line.rstrip())}\n" for line in lines))


def _closed(line: str) -> str:
    """Close an isolate in which click has cut a text off."""
    starts = sum(line.count(char) for char in ISOLATES - {END_ISOLATE})
    return line + END_ISOLATE * (starts - line.count(END_ISOLATE))
