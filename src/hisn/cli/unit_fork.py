"""Offer ``hisn unit fork``: compare two rosters of one unit and write the portable proof of a fork."""

from __future__ import annotations

from pathlib import Path

import click

from hisn.cli.node_fork import say_forked
from hisn.cli.secret import passphrase
from hisn.present.i18n import _
from hisn.present.tech import prose, tech

_file = click.Path(path_type=Path)


@click.command(
    help=_(
        "Compare two rosters of this unit, and write the proof if members have signed two of one number. "
        "A and B are folders with epochs, the file of one, signed drafts, or proof packs; without B, A is "
        "compared with what this node has adopted."
    )
    + "\n\n\b\nhisn unit fork their.draft -o fork.evpack\nhisn unit fork a.evpack b.evpack -o fork.evpack\n\n"
    + _("Exit codes: 0 no difference, 2 usage, 4 the unit has forked, 6 storage.")
)
@click.argument("first", metavar="A", type=_file)
@click.argument("second", metavar="[B]", type=_file, required=False)
@click.option("-o", "--output", metavar="FILE", type=_file, default=Path("fork.evpack"), show_default=True,
              help=_("Where to write the proof."))  # fmt: skip
def fork(*, first: Path, second: Path | None, output: Path) -> int:
    """Say what was found; exit 4 where the unit has forked."""
    from hisn.app.home import open_node
    from hisn.app.roster_fork import compare_rosters
    from hisn.storage.files import home_folder, write_whole

    with open_node(home_folder(), passphrase) as mine:
        compared = compare_rosters(mine, first, second)
        genesis, name = mine.charter.genesis.hex(), mine.charter.name
    if compared.proof is None:
        epochs = tech(", ".join(map(str, compared.epochs)))
        text = _("No fork: both have the same rosters of {unit}, in epochs {epochs}.")
        click.echo(text.format(unit=prose(name), epochs=epochs))
        return 0
    write_whole(output, compared.proof.data)
    say_forked(compared.proof, output, genesis)
    return compared.proof.report.exit_code
