"""Write the page of commands and options: ``python -m tests.docs.options_page``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from hisn.cli.main import build

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "options.md"

_HEAD = """# Options of every command

This page is made from the program's own help: `hisn COMMAND --help` says the same.
`--lang en` and `--lang ar` may stand anywhere.
"""


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:  # the group named it itself
            raise LookupError(name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def page() -> str:
    """Return the page as it should be."""
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands(build(), "hisn"))])


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command)
    arguments = " ".join(
        parameter.make_metavar(context)
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    )
    first = re.split(r"\n\s*\n", (command.help or "").strip())[0].replace("\n", " ")
    lines = [f"## {name}", "", first, "", f"    {name} [OPTIONS] {arguments}".rstrip(), ""]
    rows = [
        record
        for parameter in command.params
        if isinstance(parameter, click.Option) and (record := parameter.get_help_record(context))
    ]
    if rows:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
