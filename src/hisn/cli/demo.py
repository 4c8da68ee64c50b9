"""Offer ``hisn demo``: an election evening with attacks in it, and what is found."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.present.i18n import _
from hisn.present.layout import labelled
from hisn.present.tech import prose, tech
from hisn.rules.pack import LEVELS

if TYPE_CHECKING:
    from hisn.app.demo import Check, DemoResult
    from hisn.app.demo_unit import DemoUnit, Proof
    from hisn.node.published import Published

EXIT_NOT_AS_PLANTED = 1

_VERDICT_WIDTH = 13
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
    from hisn.app.demo_unit import founded, nobody, prove
    from hisn.app.home import open_node
    from hisn.app.intake import intake_folder
    from hisn.app.publish import publish
    from hisn.app.sealer import seal_to
    from hisn.present.progress import open_progress

    folder = Path(out)
    truth = generate_evening(folder, seed, size)
    records = sum(source.records for source in truth.sources)
    click.echo(
        _(
            "Election evening of 2026-11-03 in the county of {county}: {records} records, {attacks} attacks."
        ).format(county=tech(truth.county), records=f"{records:,}", attacks=len(truth.attacks))
    )
    with founded(folder) as unit:
        _say_founded(unit, folder)
        click.echo(f"$ HISN_HOME={unit.home} hisn guard {folder / LOGS} --seal --level {level}\n")
        with open_node(unit.home, nobody) as node:
            with intake_folder(node.places.intake) as copies:
                into = seal_to(node, copies, "fields")
                played = run_demo(folder, truth, None if quiet else open_progress(), into)
            published = publish(node)
        write_results(played)
        _show(played, level)
        _compare(played)
        proof = prove(folder, unit, played.result.findings)
        _say_proof(played, published, proof, folder, unit)
    _next(played)
    is_proven = proof.verified.report.exit_code == 0 and bool(proof.tampered)
    return 0 if played.is_good and is_proven else EXIT_NOT_AS_PLANTED


def _say_founded(unit: DemoUnit, folder: Path) -> None:
    from hisn.app.demo_unit import NODES, UNIT

    click.echo(
        _(
            "Founded: {unit}. Members {members}; witnesses outside {witnesses}; five nodes under {path}."
        ).format(
            unit=prose(UNIT),
            members=tech(", ".join(unit.members)),
            witnesses=tech(", ".join(unit.witnesses)),
            path=tech(folder / NODES),
        )
    )
    text = _("Genesis digest, to be told to strangers by another way: {genesis}")
    click.echo(text.format(genesis=tech(unit.genesis)) + "\n")


def _say_proof(played: DemoResult, published: Published, proof: Proof, folder: Path, unit: DemoUnit) -> None:
    from hisn.app.demo_unit import PACK, SHOWN_FIELDS, TAMPERED
    from hisn.cli.seal import say_sealed
    from hisn.present.proof import render_proof_ending

    click.echo("\n" + _("What was sealed, and what a stranger can verify"))
    if played.result.sealed:
        say_sealed(played.result.sealed, published, err=False)
    shown = ",".join(SHOWN_FIELDS)
    command = f"hisn evidence pack {proof.finding.id[:10]} --show {shown} -o {folder / PACK}"
    click.echo(f"$ HISN_HOME={unit.home} {command}")
    click.echo(f"$ hisn verify {folder / PACK} --genesis {unit.genesis[:16]}…")
    click.echo(render_proof_ending(proof.verified.report))
    click.echo(_("One bit of it changed:"))
    click.echo(f"$ hisn verify {folder / TAMPERED}")
    click.echo("  " + _("INVALID") + f": {prose(proof.tampered)}")


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
        _row(_verdict(check), prose(check.planted.title))
        if check.missing:
            _row("", _("no finding of: {rules}").format(rules=tech(", ".join(check.missing))))
        if check.planted.note:
            _row("", prose(check.planted.note))
    if played.false_alarms:
        for finding in played.false_alarms:
            text = _("false alarm: {title} in {source}")
            click.echo("  " + text.format(title=prose(finding.title), source=tech(finding.source)))
    else:
        click.echo(
            "\n"
            + _("The surge after the polls closed, and all other ordinary traffic, raised nothing grave.")
        )


def _row(label: str, text: str) -> None:
    click.echo(labelled(label, text, indent=2, label_width=_VERDICT_WIDTH, width=None)[0])


def _verdict(check: Check) -> str:
    return {
        "found": _("found"),
        "partly": _("partly found"),
        "missed": _("MISSED"),
        "blind": _("not visible"),
    }[check.outcome.value]


def _next(played: DemoResult) -> None:
    from hisn.app.demo import FINDINGS, LOGS, REPORT
    from hisn.app.demo_unit import NODES, PACK, PAGE
    from hisn.testing.truth import FILE

    rows = (
        (REPORT, _("the report for people: open it in a browser")),
        (FINDINGS, _("the same for programs")),
        (LOGS, _("the logs; judge them yourself with hisn guard")),
        (PACK, _("the proof of one finding")),
        (PAGE, _("the page that verifies it: open it in a browser, and drop the proof on it")),
        (NODES, _("the five nodes, with their logs and keys: HISN_HOME names one of them")),
        (FILE, _("what was planted, record by record")),
    )
    click.echo("\n" + _("Open next"))
    for name, text in rows:
        click.echo(f"  {tech(played.folder / name)}  {text}")
