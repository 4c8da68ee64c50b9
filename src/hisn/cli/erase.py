"""Offer ``hisn evidence erase``: delete keys, and say what that does not reach."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hisn.errors import UsageError
from hisn.present.i18n import _, ngettext
from hisn.present.tech import tech

if TYPE_CHECKING:
    from hisn.app.erase import Erasure

_MOST_LINES = 20


@click.command(
    help=_("Erase the keys of sealed files: what was not disclosed of them can never be shown again.")
    + "\n\n\b\nhisn evidence erase --finding f-3fd2\n"
    + "hisn evidence erase --before 2027-01-01 --bodies --yes\n\n"
    + _(
        "The erasure is an act in the log. The log itself, and what it proves about the time and the number "
        "of what was sealed, stays."
    )
)
@click.option(
    "--finding", metavar="FINDING", help=_("Erase the keys of all files that this finding rests on.")
)
@click.option("--intake", metavar="KEY", help=_("Erase this key, named by its commitment or its beginning."))
@click.option(
    "--before", metavar="TIME", help=_("Erase the keys of all files that were sealed before this time.")
)
@click.option("--bodies", is_flag=True, help=_("Erase the bodies of the findings that rest on them, too."))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def erase(*, finding: str | None, intake: str | None, before: str | None, bodies: bool, yes: bool) -> int:
    """Say what would be erased, ask, and erase."""
    from hisn.app.erase import ErasureRequest, plan_erasure
    from hisn.app.erase import erase as run
    from hisn.app.options import parse_moment
    from hisn.app.publish import publish
    from hisn.cli.recheck import opened
    from hisn.cli.seal import witnessing

    if sum(each is not None for each in (finding, intake, before)) != 1:
        raise click.UsageError(_("Say one of --finding, --intake and --before."))
    request = ErasureRequest(
        finding=finding,
        intake=intake,
        before=parse_moment(before) if before is not None else None,
        bodies=bodies,
    )
    with opened() as node:
        planned = plan_erasure(node, request)
        _say_planned(planned)
        if not yes:
            _ask()
        run(node, planned)
        published = publish(node)
    _say_done(planned)
    click.echo(witnessing(published))
    return 0


def _say_planned(planned: Erasure) -> None:
    keys, batches = len(planned.keys), planned.batches
    text = _("To be erased: {keys}, with what was sealed of {batches}.")
    click.echo(
        text.format(
            keys=ngettext("{count} key", "{count} keys", keys).format(count=keys),
            batches=ngettext("{count} batch", "{count} batches", batches).format(count=batches),
        )
    )
    _list(planned.files)
    if planned.findings:
        click.echo(_("No event of these findings can be shown or rechecked afterwards:"))
        _list(planned.findings)
    if planned.bodies:
        count = len(planned.bodies)
        text = ngettext("The body of {count} finding is erased, too.",
                        "The bodies of {count} findings are erased, too.", count)  # fmt: skip
        click.echo(text.format(count=count))


def _list(names: tuple[str, ...]) -> None:
    for name in names[:_MOST_LINES]:
        click.echo(f"  {tech(name)}")
    if len(names) > _MOST_LINES:
        click.echo("  " + _("… and {count} more").format(count=len(names) - _MOST_LINES))


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "E1316",
            "nobody can be asked whether to erase for ever",
            hint="say --yes if that is what you want",
            unchanged="nothing was erased",
        )
    click.confirm(_("Erase for ever?"), abort=True)


def _say_done(planned: Erasure) -> None:
    click.echo(_("Erased, and logged. What this does not reach:"))
    lines = [
        _("what was disclosed before: proof packs keep their fields, files for a recheck keep the keys;"),
        _("what members have fetched of findings, and what people have read, printed or written down;"),
        _(
            "copies of the keys folder: restored here they lose the keys again, but whoever has such a copy "
            "and the node's key, or an escrow key, can still open it. Destroy these copies."
        ),
        _("the log: that something was sealed, when, and how much of it, stays provable."),
    ]
    if not planned.bodies:
        lines.insert(1, _("the bodies of findings, which hold values of records: --bodies erases them here;"))
    for line in lines:
        click.echo(f"  • {line}")
