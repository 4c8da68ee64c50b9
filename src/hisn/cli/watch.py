"""Offer ``hisn watch``: logs as they are written, findings as they happen."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, TypedDict, Unpack

import click

from hisn.cli.judging import (
    exclude_option,
    hyperscan_option,
    placeholders_option,
    rules_option,
    sources_option,
)
from hisn.present.i18n import _
from hisn.rules.pack import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hisn.app.sealer import Opened
    from hisn.app.watch.config import Config
    from hisn.app.watch.cycle import Cycle
    from hisn.app.watch.outbox import Told
    from hisn.app.watch.run import Watch
    from hisn.engine.coverage import Coverage
    from hisn.present.watch_view import Status

EXIT_INCOMPLETE = 3

_EXAMPLES = """

\b
hisn watch /var/log/nginx/
hisn watch county.toml
hisn watch access.log --jsonl - --no-seal
hisn watch logs/ --once

"""


class Options(TypedDict):
    """Hold what click parsed; the names are those of the options below."""

    rules: tuple[str, ...]
    exclude: tuple[str, ...]
    placeholders: str | None
    sources: str | None
    level: str | None
    jsonl: str | None
    once: bool
    seal: bool | None
    seal_mode: Literal["fields", "whole"] | None
    no_hyperscan: bool
    forget: bool
    quiet: bool


def _help() -> str:
    return (
        _("Watch logs as they are written: seal every piece, judge it, tell what is attacked.")
        + _EXAMPLES
        + _(
            "PATH is a file or a folder to follow, or one configuration (TOML) that also names what to "
            "listen to. It goes on where it stopped, whatever stopped it, and ends by Ctrl-C or SIGTERM; "
            "a second signal ends it at once, and loses nothing either. Exit codes: 0 done, 2 usage, "
            "3 incomplete (with --once), 6 storage, 70 a bug."
        )
    )


@click.command(help=_help())
@click.argument("paths", nargs=-1, required=True, metavar="CONFIG|PATH...")
@rules_option
@exclude_option
@placeholders_option
@sources_option
@click.option("--level", type=click.Choice(LEVELS), help=_("Show findings from this level on."))
@click.option(
    "--jsonl", metavar="FILE", help=_("Append what changes of findings to a file, one a line; - prints it.")
)
@click.option("--once", is_flag=True, help=_("Judge what is there, close every finding, and stop."))
@click.option(
    "--seal/--no-seal", default=None, help=_("Commit every piece to this node's log first (the default).")
)
@click.option(
    "--seal-mode",
    type=click.Choice(("fields", "whole")),
    help=_("What can be shown later: single fields, or whole records only (faster)."),
)
@hyperscan_option
@click.option(
    "--forget",
    is_flag=True,
    help=_("Begin anew: what is sealed stands, open findings and places in files are dropped."),
)
@click.option("-q", "--quiet", is_flag=True, help=_("Show nothing but errors."))
def watch(paths: tuple[str, ...], **options: Unpack[Options]) -> int:
    """Watch logs; see `_help` for the text users read."""
    from hisn.app.watch.config import read_config
    from hisn.app.watch.start import WatchRequest, run_watch
    from hisn.cli.secret import passphrase
    from hisn.storage.files import home_folder

    config = _merged(read_config(paths), options)
    with ExitStack() as stack:
        screen = _Screen(config.level, is_quiet=options["quiet"], is_once=options["once"])
        if config.jsonl:
            screen.lines = stack.enter_context(_lines_to(config.jsonl))
        stop = stack.enter_context(_stopped_by_signals())
        request = WatchRequest(
            config=config,
            root=home_folder(),
            is_once=options["once"],
            forget=options["forget"],
            use_hyperscan=not options["no_hyperscan"],
            listeners=(screen.listen,),
        )
        coverage = run_watch(request, screen, stop, passphrase)
    if options["once"] and not stop.is_set() and not coverage.complete:
        return EXIT_INCOMPLETE
    return 0


def _merged(config: Config, options: Options) -> Config:
    """Let what the command line says go before what the file says."""
    import msgspec

    given = {
        "rules": options["rules"],
        "exclude": options["exclude"],
        "placeholders": options["placeholders"],
        "sources": options["sources"],
        "level": options["level"],
        "jsonl": options["jsonl"],
        "seal": options["seal"],
        "seal_mode": options["seal_mode"],
    }
    said = {name: value for name, value in given.items() if value not in (None, ())}
    return msgspec.structs.replace(config, **said)


@contextmanager
def _lines_to(path: str) -> Iterator[IO[bytes]]:
    from hisn.errors import StorageError

    if path == "-":
        yield sys.stdout.buffer
        return
    try:
        file = Path(path).open("ab")  # noqa: SIM115 -- the next block closes it
    except OSError as error:
        raise StorageError(
            "E5607",
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and free space",
            unchanged="nothing was read",
        ) from error
    with file:
        yield file


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Give what the first signal sets; the second one ends the program at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    former = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Screen:
    """Show a watch: a view on a terminal, lines elsewhere."""

    lines: IO[bytes] | None = None

    def __init__(self, level: str, *, is_quiet: bool, is_once: bool) -> None:
        self._floor = LEVELS.index(level)
        self._is_quiet = is_quiet
        self._is_view = sys.stdout.isatty() and not is_once

    @property
    def _prints_lines(self) -> bool:
        return self.lines is not None and self.lines is sys.stdout.buffer

    def listen(self, cycle: Cycle, told: Sequence[Told]) -> None:
        """Take what changed."""
        del cycle
        from hisn.errors import StorageError
        from hisn.present.layout import wants_colour
        from hisn.present.watch_view import change_json, change_text

        shown = [each for each in told if LEVELS.index(each.change.finding.level) >= self._floor]
        try:
            if self.lines is not None and shown:
                self.lines.write(b"".join(change_json(each.at_us, each.change) for each in shown))
                self.lines.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StorageError(
                "E5607",
                f"cannot write what changed: {error.strerror or error}",
                hint="check the folder's permissions and free space; what was not written comes again",
            ) from error
        if self._is_quiet or self._is_view or self._prints_lines:
            return
        for each in shown:
            click.echo(change_text(each.at_us, each.change, colour=wants_colour(sys.stdout)))

    def opened(self, opened: Opened) -> None:
        """Say which node is sealed into."""
        from hisn.cli.seal import say_new

        if opened.is_new:
            from hisn.storage.files import home_folder

            say_new(str(home_folder()), opened)

    def begun(self, watch: Watch) -> None:
        """Say from where it goes on."""
        figures = watch.figures
        if self._is_quiet:
            return
        if figures.was_other_rules:
            click.echo(_("The rules or settings are others than before: open windows begin anew."), err=True)
        if figures.read_otherwise:
            click.echo(
                _("This version reads some of what was sealed in another way: compare with hisn evidence."),
                err=True,
            )

    def status(self, status: Status) -> None:
        """Show how it stands."""
        if self._is_quiet or not self._is_view or self._prints_lines:
            return
        from hisn.present.layout import wants_colour
        from hisn.present.watch_view import status_text

        size = shutil.get_terminal_size()
        text = status_text(status, width=size.columns, height=size.lines, colour=wants_colour(sys.stdout))
        sys.stdout.write(f"\x1b[H\x1b[J{text}")
        sys.stdout.flush()

    def ended(self, watch: Watch, coverage: Coverage) -> None:
        """Say what was judged, and what was not."""
        from hisn.present.json_out import coverage_line

        if self.lines is not None:
            self.lines.write(coverage_line(coverage))
            self.lines.flush()
        if self._is_quiet:
            return
        from hisn.present import wording

        figures = watch.figures
        click.echo(
            _("Judged {records} records in {cycles} cycles; {findings} findings were told.").format(
                records=wording.number(figures.records),
                cycles=wording.number(figures.cycles),
                findings=wording.number(figures.findings),
            ),
            err=True,
        )
        for reason in wording.incomplete_reasons(coverage):
            click.echo(_("INCOMPLETE: {reason}").format(reason=reason), err=True)
