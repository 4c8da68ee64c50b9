"""Offer ``hisn demo``: an election evening with attacks in it, and what is found."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.present.i18n import _
from hisn.rules.pack import LEVELS

if TYPE_CHECKING:
    from hisn.app.demo import Check, DemoResult

EXIT_NOT_AS_PLANTED = 1

_SEED = 2026
_SIZE = 40_000


@click.command(
    help=_("Play an election evening and find the attacks in it.")
    + "\n\n\b\nhisn demo\nhisn demo --seed 7 --out evening\n\n"
    + _(
        "The logs are generated: nobody in them is real. Exit codes: 0 everything planted was found "
        "and nothing else was grave, 1 not so, 2 usage, 6 storage."
    )
)
@click.option("--seed", type=click.IntRange(min=0), default=_SEED, show_default=True, metavar="N",
              help=_("Another seed is another evening."))  # fmt: skip
@click.option("--size", type=click.IntRange(min=0), default=_SIZE, show_default=True, metavar="N",
              help=_("How many ordinary records, about."))  # fmt: skip
@click.option("--out", default="demo-out", show_default=True, metavar="DIR",
              help=_("Where to write logs, truth and report."))  # fmt: skip
@click.option("--level", type=click.Choice(LEVELS), default="high", show_default=True,
              help=_("Show findings from this level on."))  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help=_("No progress on standard error."))
def demo(*, seed: int, size: int, out: str, level: str, quiet: bool) -> int:
    """Play the demonstration; 0 if it went as planted."""
    from hisn.app.demo import LOGS, generate_evening, run_demo, write_results
    from hisn.present.progress import open_progress

    folder = Path(out)
    truth = generate_evening(folder, seed, size)
    records = sum(source.records for source in truth.sources)
    click.echo(
        _(
            "Election evening of 2026-11-03 in the county of {county}: {records} records, {attacks} attacks."
        ).format(county=truth.county, records=f"{records:,}", attacks=len(truth.attacks))
    )
    click.echo(f"$ hisn guard {folder / LOGS} --level {level}\n")
    played = run_demo(folder, truth, None if quiet else open_progress())
    write_results(played)
    _show(played, level)
    _compare(played)
    _next(played)
    return 0 if played.is_good else EXIT_NOT_AS_PLANTED


def _show(played: DemoResult, level: str) -> None:
    from hisn.app.render import render

    to_terminal = sys.stdout.isatty()
    text = render(
        played.result,
        "text",
        level,
        width=shutil.get_terminal_size().columns if to_terminal else None,
        colour=to_terminal and not os.environ.get("NO_COLOR"),
    )
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def _compare(played: DemoResult) -> None:
    click.echo("\n" + _("What was planted, and what was found"))
    for check in played.checks:
        click.echo(f"  {_verdict(check):<12} {_(check.planted.title)}")
        if check.missing:
            click.echo(f"  {'':<12} " + _("no finding of: {rules}").format(rules=", ".join(check.missing)))
        if check.planted.note:
            click.echo(f"  {'':<12} {_(check.planted.note)}")
    if played.false_alarms:
        for finding in played.false_alarms:
            click.echo(
                "  "
                + _("false alarm: {title} in {source}").format(title=_(finding.title), source=finding.source)
            )
    else:
        click.echo(
            "\n"
            + _("The surge after the polls closed, and all other ordinary traffic, raised nothing grave.")
        )


def _verdict(check: Check) -> str:
    return {
        "found": _("found"),
        "partly": _("partly found"),
        "missed": _("MISSED"),
        "blind": _("not visible"),
    }[check.outcome.value]


def _next(played: DemoResult) -> None:
    from hisn.app.demo import FINDINGS, LOGS, REPORT
    from hisn.testing.truth import FILE

    rows = (
        (REPORT, _("the report for people: open it in a browser")),
        (FINDINGS, _("the same for programs")),
        (LOGS, _("the logs; judge them yourself with hisn guard")),
        (FILE, _("what was planted, record by record")),
    )
    click.echo("\n" + _("Open next"))
    for name, text in rows:
        click.echo(f"  {played.folder / name}  {text}")
