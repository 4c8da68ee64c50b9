"""Offer ``hisn node``: make this member's node, see how it stands, check and mend it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.cli.node_fork import fork
from hisn.cli.node_keys import escrow, recover, rotate
from hisn.cli.node_keys import passphrase as passphrase_command
from hisn.cli.secret import new_passphrase, passphrase
from hisn.present.i18n import _, mark
from hisn.present.layout import labelled
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.home import Node
    from hisn.app.node_status import Checked, NodeStatus

EXIT_UNSOUND = 4
EXIT_UNWITNESSED = 5

_EXAMPLES = """

\b
hisn node init --name vesna.example --side county
hisn node status
hisn node doctor
hisn node fsck
"""

_ADVICE = {
    "refuses": mark("Nothing can be signed: {why}. Run hisn node recover."),
    "keys-lost": mark(
        "The signing keys are lost: what was sealed can be shown, and nothing is added. "
        "Make a node with a new name, and let the unit take it in."
    ),
    "not-cosigned": mark(
        "This node may have forgotten what it cosigned of {logs}, and cosigns no more of it. "
        "Run hisn node recover."
    ),
    "no-witness": mark(
        "No witness sees this log: its owner could show different logs to different people. "
        "Take witnesses in: hisn unit draft --witness, or hisn unit charter."
    ),
    "few-outside": mark("Fewer than two witnesses are outside the unit."),
    "open-key": mark(
        "The node's key {path} is not locked: whoever reads it is this member. Lock it: hisn node passphrase."
    ),
    "no-escrow": mark(
        "Nobody holds an escrow copy: if {path} is lost, everything sealed is lost. Run hisn node escrow."
    ),
    "keys-without-escrow": mark("{count} keys have no escrow copy yet. Run hisn node escrow."),
    "keys-readable": mark("Others can read {path} (mode {mode}). Run chmod 700 on it."),
    "unpublished": mark("{count} entries are sequenced and not published. Run hisn node publish."),
}


def opened() -> Node:
    """Open this machine's node."""
    from hisn.app.home import open_node
    from hisn.storage.files import home_folder

    return open_node(home_folder(), passphrase)


@click.group(help=_("Make this member's node, see how it stands, check and mend it.") + _EXAMPLES,
             no_args_is_help=True)  # fmt: skip
def node() -> None:
    """Hold the commands below."""


@node.command(
    help=_("Make a node: keys, a log, and a unit of one member.")
    + "\n\n\b\nhisn node init --name vesna.example --side county\n"
    + "hisn node init --name vesna.example --unattended --witness outside.enrolment\n\n"
    + _("HISN_HOME names the folder. Nothing that exists is ever replaced.")
)
@click.option("--name", metavar="ID", help=_("The member's id, such as a domain (default: the host's name)."))
@click.option("--side", metavar="SIDE", default="hisn", show_default=True,
              help=_("The side that the member stands on."))  # fmt: skip
@click.option("--unit", metavar="TEXT", help=_("The name of the unit (default: the member's id)."))
@click.option("--url", metavar="URL", default="", help=_("Where other members reach this node."))
@click.option("--unattended", is_flag=True, help=_("Do not lock the node's key: it starts without a person."))
@click.option("--escrow", multiple=True, metavar="KEY",
              help=_("An escrow key that can open everything sealed here."))  # fmt: skip
@click.option("--witness", "witnesses", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
              help=_("The enrolment of a witness outside the unit."))  # fmt: skip
def init(  # noqa: PLR0917 - click passes by name
    name: str | None,
    side: str,
    unit: str | None,
    url: str,
    unattended: bool,  # noqa: FBT001 - click passes by name
    escrow: tuple[str, ...],
    witnesses: tuple[Path, ...],
) -> int:
    """Make a node and say what to keep."""
    from hisn.app.home import NewNode, init_node
    from hisn.app.make_node import own_hostname
    from hisn.app.verify import read_pack
    from hisn.storage.files import home_folder

    origin = name or own_hostname()
    wanted = NewNode(
        origin=origin,
        side=side,
        unit=unit or origin,
        url=url,
        passphrase=None if unattended else new_passphrase(),
        escrow=escrow,
        outside=tuple(read_pack(path) for path in witnesses),
    )
    with init_node(home_folder(), wanted) as made:
        click.echo(
            _("Made the node {origin} in {root}.").format(origin=tech(origin), root=tech(made.places.root))
        )
        click.echo(_("Genesis digest: {digest}").format(digest=tech(made.charter.genesis.hex())))
        text = _("Keep a copy of {path} apart from ordinary backups: whoever has it can act as this member.")
        click.echo(text.format(path=tech(made.places.keys)))
    return 0


@node.command(help=_("Say how this node stands.") + "\n\n\b\nhisn node status\nhisn node status --json")
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document."))
def status(*, as_json: bool) -> int:
    """Print the status; exit 4 where nothing can be signed."""
    from hisn.app.node_status import status_of

    with opened() as mine:
        found = status_of(mine)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1, sort_keys=True))
    else:
        _say_status(found)
    return EXIT_UNSOUND if found.refusal else 0


def _say_status(found: NodeStatus) -> None:
    acts = ", ".join(f"{count:,} {kind}" for kind, count in found.acts.items())
    rows = (
        (_("member"), f"{tech(found.origin)} ({tech(found.side)})"),
        (
            _("unit"),
            _("{unit}, epoch {epoch}: {members}").format(
                unit=prose(found.unit), epoch=found.epoch, members=tech(", ".join(found.members))
            ),
        ),
        (_("genesis"), tech(found.genesis)),
        (_("log"), _("{size} entries, root {root}").format(size=f"{found.size:,}", root=tech(found.root))),
        (_("published"), _("{size} entries").format(size=f"{found.published:,}")),
        (_("witnesses"), tech(", ".join(found.witnesses)) if found.witnesses else _("none")),
        (_("acts"), tech(acts)),
    )
    for label, text in rows:
        click.echo(labelled(label, text, indent=0, label_width=13, width=None)[0])
    if found.refusal:
        click.echo(_("Nothing can be signed: {why}").format(why=prose(found.refusal)))


@node.command(help=_("Ask the witnesses for cosignatures and publish.") + "\n\n\b\nhisn node publish")
def publish() -> int:
    """Publish the newest state; exit 5 without quorum."""
    from hisn.app.publish import publish as run
    from hisn.cli.seal import witnessing

    with opened() as mine:
        published = run(mine)
    click.echo(witnessing(published))
    return 0 if published.is_published else EXIT_UNWITNESSED


@node.command(
    help=_("Derive the whole log again, look at every body and sealed file, and say which are wrong.")
    + "\n\n\b\nhisn node fsck"
)
def fsck() -> int:
    """Check everything; exit 4 where something is not as it was signed."""
    from hisn.app.node_status import check_node

    with opened() as mine:
        checked = check_node(mine)
    _say_checked(checked)
    return 0 if checked.is_sound else EXIT_UNSOUND


def _say_checked(checked: Checked) -> None:
    from hisn.app.node_status import FILE

    report = checked.log
    text = _("{files} files of the log and {entries} entries lead to the root that was signed.")
    click.echo(text.format(files=f"{report.files:,}", entries=f"{report.entries:,}"))
    for problem in report.problems:
        click.echo(f"  {tech(problem.kind.value)}  {tech(problem.name)}  {prose(problem.why)}")
    for label, places in ((_("missing"), checked.missing), (_("changed"), checked.changed)):
        for position, kind in places:
            click.echo(f"  {label}  {tech(position)}  {_('sealed file') if kind == FILE else tech(kind)}")
    if checked.is_sound:
        click.echo(_("Everything is as it was signed."))


@node.command(help=_("Say what a careful operator would change.") + "\n\n\b\nhisn node doctor")
def doctor() -> int:
    """Print advice; exit 5 where something grave is to be done."""
    from hisn.app.node_status import advise

    with opened() as mine:
        found = advise(mine)
    for advice in found:
        sign = "!!" if advice.is_grave else " •"
        values = {name: tech(value) for name, value in advice.args.items()}
        click.echo(f"{sign} {_(_ADVICE[advice.code]).format(**values)}")
    if not found:
        click.echo(_("Nothing to change."))
    return EXIT_UNWITNESSED if any(advice.is_grave for advice in found) else 0


node.add_command(fork)


for _command in (passphrase_command, rotate, escrow, recover):
    node.add_command(_command)
