"""Offer ``hisn node fork``: compare two states of a log and write the portable proof that it forked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.cli.secret import passphrase
from hisn.present.i18n import _
from hisn.present.tech import tech

if TYPE_CHECKING:
    from hisn.app.fork_pack import Compared, Proof

_EXAMPLES = """

\b
hisn node fork https://a.example/mirror/5f1c… https://b.example/mirror/5f1c… -o fork.evpack
hisn node fork their.checkpoint our-copy/ -o fork.evpack
"""


@click.command(
    help=_(
        "Compare two states of one log, and write the proof if they exclude each other. A and B are files "
        "with a checkpoint, folders with a log's files, or addresses that end in /log/HASH, /mirror/HASH "
        "or /witness/HASH."
    )
    + _EXAMPLES
    + "\n"
    + _("Exit codes: 0 one goes on from the other, 2 usage, 4 the log has forked, 6 storage or network."),
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), default=Path("fork.evpack"),
    show_default=True, help=_("Where to write the proof."),
)  # fmt: skip
@click.option(
    "--without-entries", is_flag=True,
    help=_("Show entries by their hashes alone: they are for members, and the hashes prove as much."),
)  # fmt: skip
def fork(*, first: str, second: str, output: Path, without_entries: bool) -> int:
    """Say what was found; exit 4 where the log has forked."""
    from hisn.app.fork_pack import compare
    from hisn.app.home import open_node
    from hisn.storage.files import home_folder, write_whole

    with open_node(home_folder(), passphrase) as mine:
        compared = compare(mine, first, second, without_entries=without_entries)
        genesis = mine.charter.genesis.hex()
    if compared.proof is None:
        _say_agreed(compared)
        return 0
    write_whole(output, compared.proof.data)
    _say_forked(compared.proof, output, genesis)
    return compared.proof.report.exit_code


def _say_agreed(compared: Compared) -> None:
    sizes = sorted((compared.first.size, compared.second.size))
    text = _("No fork: the log {origin} of {larger} entries goes on from the one of {smaller}.")
    click.echo(
        text.format(origin=tech(compared.first.origin), smaller=f"{sizes[0]:,}", larger=f"{sizes[1]:,}")
    )


def _say_forked(proof: Proof, output: Path, genesis: str) -> None:
    from hisn.present.proof import render_proof_ending

    click.echo(render_proof_ending(proof.report).strip("\n"))
    if proof.hashed:
        text = _("Of {count} entries the hash alone is shown.")
        click.echo(text.format(count=proof.hashed))
    click.echo(_("Wrote {path}. Anybody verifies it with:").format(path=tech(output)))
    click.echo(f"  hisn verify {output} --genesis {genesis}")
