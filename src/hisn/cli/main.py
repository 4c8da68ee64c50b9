"""Start the command line: choose the language, find the command, render errors, exit.

Commands are imported only when they are called, so that ``hisn --help`` costs next to nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING

import click

from hisn import __version__
from hisn.errors import (
    HisnError,
    InputError,
    PolicyError,
    StorageError,
    UsageError,
    VerificationError,
)
from hisn.present.i18n import LANGUAGES, _, mark, use_language

if TYPE_CHECKING:
    from click import Context

COMMANDS: dict[str, tuple[str, str]] = {
    "guard": ("hisn.cli.guard:guard", mark("Find attacks in log files.")),
    "watch": ("hisn.cli.watch:watch", mark("Find attacks in logs as they are written.")),
    "rules": ("hisn.cli.rules:rules", mark("Get, check, explain and pack detection rules.")),
    "evidence": ("hisn.cli.evidence:evidence", mark("Show, prove and recheck what this node has sealed.")),
    "node": ("hisn.cli.node:node", mark("Make this member's node, see how it stands, check and mend it.")),
    "unit": ("hisn.cli.unit:unit", mark("Found a unit of several members, and change who is in it.")),
    "serve": ("hisn.cli.serve:serve", mark("Serve this node for the other members.")),
    "verify": ("hisn.cli.verify:verify", mark("Verify a proof pack, offline.")),
    "demo": ("hisn.cli.demo:demo", mark("Play an election evening and find the attacks in it.")),
    "explain": ("hisn.cli.explain:explain", mark("Explain an error code, offline.")),
}
"""Name → (module:attribute, one line for the list). The line is a catalogue key."""

_EXAMPLES = """

\b
hisn guard logs/
hisn demo
hisn guard --help
"""

EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_VERIFICATION = 4
EXIT_POLICY = 5
EXIT_STORAGE = 6
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141


class LazyGroup(click.Group):
    """List commands from the table and import one only when it is called."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table: the main job first."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _colon, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):  # pragma: no cover - a slip in the table above
            message = f"{module}:{attribute} is no command"
            raise TypeError(message)
        return command

    def format_commands(self, ctx: Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list without importing the commands."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(line)) for name, (_where, line) in COMMANDS.items()])


def build() -> click.Group:
    """Build the command group in the language that was chosen."""
    return click.version_option(__version__, "-V", "--version", prog_name="hisn")(
        LazyGroup(
            "hisn",
            help=_("Hisn guards elections: it finds attacks in logs and says what it did not see.")
            + _EXAMPLES,
            context_settings={"help_option_names": ["-h", "--help"]},
            no_args_is_help=True,
        )
    )


def exit_code_of(error: HisnError) -> int:
    """Return the documented exit code of an error."""
    match error:
        case UsageError():
            return EXIT_USAGE
        case InputError():
            return EXIT_INCOMPLETE
        case VerificationError():
            return EXIT_VERIFICATION
        case PolicyError():
            return EXIT_POLICY
        case StorageError():
            return EXIT_STORAGE
        case _:
            return EXIT_BUG


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process with the documented code."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; nothing escapes as a traceback."""
    with ExitStack() as stack:
        return _run(arguments, stack)


def _run(arguments: list[str], stack: ExitStack) -> int:
    from hisn.cli.output import report_bug, report_error, report_usage

    try:
        arguments, language = _take_language(arguments)
        use_language(language)
        if language != "en":
            from hisn.cli.spoken import spoken

            stack.enter_context(spoken(language))
        result = build().main(arguments, prog_name="hisn", standalone_mode=False)
        sys.stdout.flush()
    except HisnError as error:
        report_error(error)
        return exit_code_of(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except click.UsageError as error:
        report_usage(error)
        return EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo(_("Interrupted. Nothing more was written."), err=True)
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # The reader of our output went away (``hisn guard … | head``); click leaves by SystemExit
        # then.  A code of its own: 0 could hide findings from a script, 1 would claim some.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except Exception as error:  # noqa: BLE001 - the last net: a bug is reported, never thrown at the user
        report_bug(error)
        return EXIT_BUG
    return result if isinstance(result, int) else 0


def _take_language(arguments: list[str]) -> tuple[list[str], str]:
    """Take ``--lang`` out of the arguments: help texts need it before any command is imported."""
    language = os.environ.get("HISN_LANG", "en")
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest.extend([word, *words])
        elif word == "--lang":
            language = next(words, "")
        elif word.startswith("--lang="):
            language = word.partition("=")[2]
        else:
            rest.append(word)
    if language not in LANGUAGES:
        raise UsageError(
            "E1001",
            f"unknown language: {language!r}",
            hint="use --lang " + " or --lang ".join(LANGUAGES),
        )
    return rest, language
