"""Offer ``hisn guard``: logs in, findings out."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import click

from hisn.app.options import parse_moment, zone_of
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
    from hisn.app.guard import GuardRequest, GuardResult, Progress

EXIT_FINDINGS = 1
EXIT_INCOMPLETE = 3

_FORMATS = ("json", "jsonl", "csv")


_EXAMPLES = """

\b
hisn guard logs/
hisn guard Security.evtx access.log.gz --level high
hisn guard logs/ --rules sigma/rules --html report.html
hisn guard logs/ --jsonl > findings.jsonl
hisn guard logs/ --seal
hisn guard messages --assume-year 2026 --assume-zone +01:00
zcat access.log.gz | hisn guard - --fail-on medium

"""


class Options(TypedDict):
    """Hold what click parsed; the names are those of the options below."""

    rules: tuple[str, ...]
    exclude: tuple[str, ...]
    placeholders: str | None
    level: str
    fail_on: str | None
    start: str | None
    end: str | None
    form: Literal["json", "jsonl", "csv"] | None
    output: str | None
    html: str | None
    sources: str | None
    calendar: str | None
    countries: str | None
    assume_year: int | None
    assume_zone: str | None
    processes: int
    no_hyperscan: bool
    batch_rows: int | None
    timings: bool
    quiet: bool
    seal: bool
    seal_mode: Literal["fields", "whole"]


def _help() -> str:
    return (
        _("Find attacks in log files: judge every record by every rule.")
        + _EXAMPLES
        + _(
            "PATH is a file, a folder or - for standard input; formats are recognised by content. "
            "Exit codes: 0 done, 1 findings at or above --fail-on, 2 usage, 3 incomplete (something "
            "was not read or not judged), 6 storage, 70 a bug."
        )
    )


@click.command(help=_help())
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@rules_option
@exclude_option
@placeholders_option
@click.option(
    "--level", type=click.Choice(LEVELS), default="informational", help=_("Show findings from this level on.")
)
@click.option(
    "--fail-on", type=click.Choice(LEVELS), help=_("Exit with 1 if there are findings from this level on.")
)
@click.option(
    "--from",
    "start",
    metavar="TIME",
    help=_("Judge records from this time on (ISO; UTC where no zone is given)."),
)
@click.option("--to", "end", metavar="TIME", help=_("Judge records before this time."))
@click.option("--json", "form", flag_value="json", help=_("Print one JSON document."))
@click.option("--jsonl", "form", flag_value="jsonl", help=_("Print one finding a line, then the coverage."))
@click.option("--csv", "form", flag_value="csv", help=_("Print findings as CSV, safe for spreadsheets."))
@click.option(
    "-o", "--output", metavar="FILE", help=_("Write the results to a file instead of standard output.")
)
@click.option("--html", metavar="FILE", help=_("Write a report for people, one file that needs no network."))
@sources_option
@click.option(
    "--calendar",
    metavar="FILE",
    help=_("Phases of the election (TOML): look for surges of web requests, too."),
)
@click.option(
    "--countries",
    metavar="FILE",
    help=_("Country database for surges (MaxMind format, .mmdb; none comes with the program)."),
)
@click.option(
    "--assume-year",
    type=click.IntRange(1970, 9999),
    metavar="YEAR",
    help=_("Year of lines that do not say it."),
)
@click.option(
    "--assume-zone", metavar="ZONE", help=_("Offset from UTC of lines that do not say it: Z, +01:00.")
)
@click.option(
    "-j",
    "--processes",
    type=click.IntRange(0, 256),
    default=0,
    metavar="N",
    help=_("Processes (0: as many as the work deserves)."),
)
@hyperscan_option
@click.option(
    "--batch-rows",
    type=click.IntRange(1, 1 << 24),
    default=None,
    metavar="N",
    help=_("Records judged together; changes memory and speed only."),
)
@click.option(
    "--seal",
    is_flag=True,
    help=_("Commit every batch to this node's log before it is judged, and every finding after."),
)
@click.option(
    "--seal-mode",
    type=click.Choice(("fields", "whole")),
    default="fields",
    show_default=True,
    help=_("What can be shown later: single fields, or whole records only (faster)."),
)
@click.option("--timings", is_flag=True, help=_("Print the seconds of each stage to standard error."))
@click.option("-q", "--quiet", is_flag=True, help=_("No progress on standard error."))
def guard(paths: tuple[str, ...], **options: Unpack[Options]) -> int:
    """Judge logs; see `_help` for the text users read."""
    if options["seal"]:
        from hisn.cli.seal import guard_sealed

        result = guard_sealed(
            lambda: _request(paths, options), options["seal_mode"], lambda: _progress(options)
        )
    else:
        from hisn.app.guard import guard as run_guard

        result = run_guard(_request(paths, options), _progress(options))
    _write(result, options)
    if options["timings"]:
        for stage, seconds in result.stages.items():
            click.echo(f"{stage:>10} {seconds:8.3f} s", err=True)
    return _exit_code(result, options["fail_on"])


def _progress(options: Options) -> Progress | None:
    from hisn.present.progress import open_progress

    return None if options["quiet"] else open_progress()


def _request(paths: tuple[str, ...], options: Options) -> GuardRequest:
    from hisn.app.guard import GuardRequest
    from hisn.app.judge import BatchLimits
    from hisn.app.options import declarations_from, phases_from
    from hisn.engine.scan import Window

    zone_s = zone_of(options["assume_zone"]) if options["assume_zone"] else None
    start = parse_moment(options["start"]) if options["start"] else None
    end = parse_moment(options["end"]) if options["end"] else None
    calendar, countries = phases_from(options["calendar"], options["countries"])
    return GuardRequest(
        paths=paths,
        declarations=declarations_from(options["sources"], options["assume_year"], zone_s),
        rules=tuple(Path(path) for path in options["rules"]),
        placeholders=Path(options["placeholders"]) if options["placeholders"] else None,
        exclude=options["exclude"],
        window=None if start is None and end is None else Window(start, end),
        processes=options["processes"],
        use_hyperscan=not options["no_hyperscan"],
        batch=BatchLimits(rows=options["batch_rows"]) if options["batch_rows"] else BatchLimits(),
        calendar=calendar,
        countries=countries,
    )


def _write(result: GuardResult, options: Options) -> None:
    from hisn.app.render import render, render_html
    from hisn.storage.files import write_whole

    if options["html"]:
        write_whole(Path(options["html"]), render_html(result, options["level"]))
    to_terminal = options["output"] is None and sys.stdout.isatty()
    text = render(
        result,
        options["form"] or "text",
        options["level"],
        width=shutil.get_terminal_size().columns if to_terminal else None,
        colour=to_terminal and not os.environ.get("NO_COLOR"),
    )
    if options["output"]:
        write_whole(Path(options["output"]), text)
    else:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()


def _exit_code(result: GuardResult, fail_on: str | None) -> int:
    if fail_on is not None:
        floor = LEVELS.index(fail_on)
        if any(LEVELS.index(finding.level) >= floor for finding in result.findings):
            return EXIT_FINDINGS
    return 0 if result.coverage.complete else EXIT_INCOMPLETE
