"""Offer ``hisn evidence``: what is in the log, proof packs, and rechecking what others found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from hisn.cli.erase import erase
from hisn.cli.recheck import disclose, recheck
from hisn.cli.secret import passphrase
from hisn.present.i18n import _
from hisn.present.layout import labelled
from hisn.present.tech import TERMINAL, prose, tech

if TYPE_CHECKING:
    from hisn.app.evidence_pack import Packed
    from hisn.app.home import Node

_EXAMPLES = """

\b
hisn evidence list
hisn evidence show f-3fd2
hisn evidence pack f-3fd2 --show CommandLine,User -o f.evpack
hisn evidence disclose f-3fd2 -o f.evdata
hisn evidence recheck f.evdata --rules sigma/
hisn evidence erase --before 2027-01-01
"""


class _PackOptions(TypedDict):
    """Hold what may be said of a pack; `shown_around` are fields of context."""

    shown: tuple[str, ...]
    records: str | None
    most: int
    whole: bool
    context: int
    whole_batch: bool
    shown_around: tuple[str, ...]
    unwitnessed: bool
    timestamp: str | None


@click.group(help=_("Show, prove and recheck what this node has sealed.") + _EXAMPLES, no_args_is_help=True)
def evidence() -> None:
    """Hold the commands below."""


def _opened() -> Node:
    from hisn.app.home import open_node
    from hisn.storage.files import home_folder

    return open_node(home_folder(), passphrase)


@evidence.command("list", help=_("List the findings in this node's log.") + "\n\n\b\nhisn evidence list")
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document."))
def list_findings(*, as_json: bool) -> int:
    """Print one line per finding, in the order of the log."""
    from hisn.app.evidence_list import findings_of
    from hisn.present.wording import level_name

    with _opened() as node:
        rows = findings_of(node)
    if as_json:
        click.echo(json.dumps([row.to_json() for row in rows], indent=1))
        return 0
    for row in rows:
        if row.id:
            text = f"{prose(row.title)}  ({tech(row.place)})"
            level = labelled(level_name(TERMINAL, row.level), text, indent=0, label_width=15, width=None)[0]
            click.echo(f"{tech(row.id)}  {level}")
        else:
            click.echo(_("entry {place}: its body is not there").format(place=tech(row.place)))
    if not rows:
        click.echo(_("No finding is in the log yet: hisn guard --seal PATH puts them there."))
    return 0


@evidence.command(
    help=_("Show a finding as it was sealed, and which fields its events have.")
    + "\n\n\b\nhisn evidence show f-3fd2"
)
@click.argument("finding", metavar="FINDING")
def show(*, finding: str) -> int:
    """Print the finding's fields, its batches, and the names that can be disclosed."""
    from hisn.app.evidence_list import describe

    with _opened() as node:
        described = describe(node, finding)
    for name, value in described.fields:
        click.echo(labelled(tech(name), tech(value), indent=0, label_width=25, width=None)[0])
    click.echo("\n" + _("Records"))
    for source, numbers, place in described.records:
        text = _("{source}: {numbers} (entry {place})")
        click.echo("  " + text.format(source=tech(source), numbers=tech(numbers), place=tech(place)))
    click.echo("\n" + _("Fields of its first event; each can be shown by --show"))
    click.echo("  " + tech(", ".join(described.names), None))
    return 0


@evidence.command(
    help=_("Write a proof pack: one file that a stranger verifies offline, with the fields you choose.")
    + "\n\n\b\nhisn evidence pack f-3fd2 --show CommandLine,User -o f.evpack\n"
    + "hisn evidence pack f-3fd2 --records 2180,2197 --whole-record -o f.evpack\n"
    + "hisn evidence pack f-3fd2 --show User --context 5 --show-context EventID -o f.evpack\n\n"
    + _(
        "Exit codes: 0 written and witnessed by a quorum, 2 usage, 4 the node's files do not fit its log, "
        "5 not witnessed by a quorum (written only with --unwitnessed), 6 storage or network."
    )
)
@click.argument("finding", metavar="FINDING")
@click.option(
    "--show",
    "shown",
    multiple=True,
    metavar="FIELD,...",
    help=_("Fields of events and of the finding to show."),
)
@click.option("--records", metavar="N,...", help=_("Show these records (default: the first --most)."))
@click.option(
    "--most", type=click.IntRange(0, 10_000), default=10, show_default=True, metavar="N",
    help=_("Show at most so many events."),
)  # fmt: skip
@click.option("--whole-record", "whole", is_flag=True, help=_("Show the whole records of the events, too."))
@click.option(
    "--context", type=click.IntRange(0, 1_000), default=0, metavar="N",
    help=_("Show so many events of the source before and after each of them, too."),
)  # fmt: skip
@click.option(
    "--whole-batch", "whole_batch", is_flag=True,
    help=_("Show every event of their batches: it is proven then that none is withheld."),
)  # fmt: skip
@click.option(
    "--show-context", "shown_around", multiple=True, metavar="FIELD,...",
    help=_("Fields to show of events that the finding does not name (default: those of --show)."),
)  # fmt: skip
@click.option("--unwitnessed", is_flag=True, help=_("Pack what no quorum of witnesses has seen yet."))
@click.option(
    "--timestamp", metavar="URL", help=_("Ask this time-stamping service for a token (RFC 3161) and add it.")
)
@click.option(
    "-o", "--output", required=True, metavar="FILE", type=click.Path(path_type=Path),
    help=_("Where to write the pack."),
)  # fmt: skip
def pack(*, finding: str, output: Path, **options: Unpack[_PackOptions]) -> int:
    """Write a pack and say how to verify it."""
    from hisn.app.evidence_pack import PackRequest, make_pack
    from hisn.app.options import numbers_in
    from hisn.storage.files import write_whole

    around = options["shown_around"]
    if around and not options["context"] and not options["whole_batch"]:
        raise click.UsageError(_("--show-context goes with --context or --whole-batch."))
    records = options["records"]
    request = PackRequest(
        finding=finding,
        show=_names_in(options["shown"]),
        records=numbers_in(records) if records else (),
        most=options["most"],
        whole=options["whole"],
        context=options["context"],
        whole_batch=options["whole_batch"],
        show_context=_names_in(around) if around else None,
        unwitnessed=options["unwitnessed"],
        timestamp_url=options["timestamp"],
    )
    with _opened() as node:
        packed = make_pack(node, request)
        genesis = node.charter.genesis.hex()
    write_whole(output, packed.data)
    _say_packed(packed, output, genesis)
    return packed.report.exit_code


def _names_in(lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for names in lists for name in names.split(",") if name.strip())


def _say_packed(packed: Packed, output: Path, genesis: str) -> None:
    for name in packed.unknown:
        click.echo(
            _("Neither an event nor the finding has a field {name}.").format(name=tech(name)), err=True
        )
    for origin in packed.unfit:
        text = _("An answer of {origin} to this finding does not verify, and is left out.")
        click.echo(text.format(origin=tech(origin)), err=True)
    if packed.left_out:
        text = _("{count} further events of the finding are named, and not shown.")
        click.echo(text.format(count=packed.left_out), err=True)
    if packed.context:
        text = _("Events shown that the finding does not name, as context: {count}")
        click.echo(text.format(count=packed.context), err=True)
    click.echo(_("Wrote {path}. Anybody verifies it with:").format(path=tech(output)))
    click.echo(f"  hisn verify {output} --genesis {genesis}")


for _command in (disclose, recheck, erase):
    evidence.add_command(_command)
