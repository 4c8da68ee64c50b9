"""Offer ``hisn unit``: found a unit of several members, and change who is in it."""

from __future__ import annotations

from pathlib import Path

import click

from hisn.cli.node import opened
from hisn.cli.unit_draft import draft as draft_command
from hisn.cli.unit_draft import say_draft, show, sign
from hisn.cli.unit_fork import fork
from hisn.present.i18n import _
from hisn.present.layout import labelled
from hisn.present.tech import prose, tech

_EXAMPLES = """

\b
hisn unit enrol --unit "Joint unit" -o vesna.enrolment
hisn unit charter --unit "Joint unit" *.enrolment --witness outside.enrolment -o unit.draft
hisn unit sign unit.draft
hisn unit adopt unit.draft
hisn unit roster
hisn unit draft --witness academy.example.enrolment -o next.draft
"""

_file = click.Path(path_type=Path)


@click.group(
    help=_("Found a unit of members who do not trust each other, and change who is in it.") + _EXAMPLES,
    no_args_is_help=True,
)
def unit() -> None:
    """Hold the commands below."""


@unit.command(
    help=_("Write this node's enrolment: its public keys, signed by each of them.")
    + '\n\n\b\nhisn unit enrol --unit "Joint unit" -o vesna.enrolment'
)
@click.option("--unit", "name", required=True, metavar="TEXT", help=_("The name of the unit."))
@click.option("-o", "--output", required=True, metavar="FILE", type=_file, help=_("Where to write it."))
@click.option("--as-witness", is_flag=True, help=_("Enrol as a witness outside the unit, not as a member."))
def enrol(*, name: str, output: Path, as_witness: bool) -> int:
    """Write the enrolment and its digest."""
    from hashlib import sha256

    from hisn.app.unit_files import own_enrolment
    from hisn.storage.files import write_whole

    with opened() as mine:
        data = own_enrolment(mine, name, as_witness=as_witness)
    write_whole(output, data)
    click.echo(_("Wrote {path}. Tell the unit its digest by another way:").format(path=tech(output)))
    click.echo(f"  {tech(sha256(data).hexdigest())}")
    return 0


@unit.command(
    help=_("Draft a new unit out of enrolments; it founds nothing before everybody has signed.")
    + '\n\n\b\nhisn unit charter --unit "Joint unit" a.enrolment b.enrolment -o unit.draft'
)
@click.argument("enrolments", nargs=-1, required=True, metavar="ENROLMENT...", type=_file)
@click.option("--unit", "name", required=True, metavar="TEXT", help=_("The name of the unit."))
@click.option("--witness", "witnesses", multiple=True, metavar="FILE", type=_file,
              help=_("The enrolment of a witness outside the unit."))  # fmt: skip
@click.option(
    "-o", "--output", required=True, metavar="FILE", type=_file, help=_("Where to write the draft.")
)
def charter(*, enrolments: tuple[Path, ...], name: str, witnesses: tuple[Path, ...], output: Path) -> int:
    """Write the draft and say what to compare."""
    from hisn.app.unit_files import draft_unit
    from hisn.app.verify import read_pack
    from hisn.storage.files import write_whole

    draft = draft_unit(
        name, [read_pack(path) for path in enrolments], [read_pack(path) for path in witnesses]
    )
    write_whole(output, draft.encode())
    say_draft(draft, output)
    return 0


@unit.command(
    help=_("Put a fully signed draft in force on this node and log it.")
    + "\n\n\b\nhisn unit adopt unit.draft"
)
@click.argument("draft", metavar="DRAFT", type=_file)
@click.option("--void-entries", is_flag=True,
              help=_("Adopt it even if entries of the own log become void."))  # fmt: skip
def adopt(*, draft: Path, void_entries: bool) -> int:
    """Adopt the draft and say what is in force."""
    from hisn.app.unit_draft import parse_draft
    from hisn.app.unit_files import adopt as run
    from hisn.app.verify import read_pack

    with opened() as mine:
        roster = run(mine, parse_draft(read_pack(draft)), may_void=void_entries)
    text = _("Epoch {epoch} of {unit} is in force on this node: {members}.")
    members = tech(", ".join(member.id for member in roster.active))
    click.echo(text.format(epoch=roster.epoch, unit=prose(roster.name), members=members))
    return 0


@unit.command(help=_("Show the roster that is in force on this node.") + "\n\n\b\nhisn unit roster")
def roster() -> int:
    """Print members, sides, addresses and outside witnesses."""
    with opened() as mine:
        found, genesis = mine.roster, mine.charter.genesis.hex()
    text = _("{unit}, epoch {epoch}, genesis {genesis}")
    click.echo(text.format(unit=prose(found.name), epoch=found.epoch, genesis=tech(genesis)))
    for member in found.members:
        state = _("active") if member.is_active else _("suspended")
        _row(member.id, member.side, state, member.url)
    for witness in found.witnesses:
        _row(witness.name, witness.side, _("witness"), witness.url)
    return 0


def _row(name: str, side: str, state: str, url: str) -> None:
    texts = ((tech(name), 32), (tech(side), 12), (state, 10))
    line = " ".join(labelled(text, "", indent=0, label_width=width, width=None)[0] for text, width in texts)
    click.echo(f"  {line} {tech(url)}")


for _command in (draft_command, show, sign, fork):
    unit.add_command(_command)
