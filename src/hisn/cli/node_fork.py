"""Offer ``hisn node fork``: find what a log contradicts itself by, and write the portable proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.cli.secret import passphrase
from hisn.present.i18n import _, ngettext
from hisn.present.tech import tech

if TYPE_CHECKING:
    from hisn.app.fork_pack import Compared, Proof, Scanned

_EXAMPLES = """

\b
hisn node fork https://a.example/mirror/5f1c… https://b.example/mirror/5f1c… -o fork.evpack
hisn node fork their.checkpoint our-copy/ -o fork.evpack
hisn node fork north.example -o fork.evpack
"""


@click.command(
    help=_(
        "Compare two states of one log, and write the proof if they exclude each other. Of A alone, all "
        "entries are looked through for two acts with one number. A and B are members whose logs this node "
        "mirrors, files with a checkpoint, folders with a log's files, or addresses that end in /log/HASH, "
        "/mirror/HASH or /witness/HASH."
    )
    + _EXAMPLES
    + "\n"
    + _("Exit codes: 0 no contradiction, 2 usage, 4 the log contradicts itself, 6 storage or network."),
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="[B]", required=False)
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), default=Path("fork.evpack"),
    show_default=True, help=_("Where to write the proof."),
)  # fmt: skip
@click.option(
    "--without-entries", is_flag=True,
    help=_("Show entries by their hashes alone: they are for members, and the hashes prove as much."),
)  # fmt: skip
def fork(*, first: str, second: str | None, output: Path, without_entries: bool) -> int:
    """Say what was found; exit 4 where the log contradicts itself."""
    from hisn.app.fork_pack import compare, scan
    from hisn.app.home import open_node
    from hisn.storage.files import home_folder, write_whole

    with open_node(home_folder(), passphrase) as mine:
        genesis = mine.charter.genesis.hex()
        if second is None:
            scanned = scan(mine, first)
            _say_scanned(scanned)
            proof = scanned.proof
        else:
            compared = compare(mine, first, second, without_entries=without_entries)
            proof = compared.proof
            if proof is None:
                _say_agreed(compared)
    if proof is None:
        return 0
    write_whole(output, proof.data)
    say_forked(proof, output, genesis)
    return proof.report.exit_code


def _say_scanned(scanned: Scanned) -> None:
    text = _("Looked through {size} entries of the log {origin}.")
    click.echo(text.format(origin=tech(scanned.head.origin), size=f"{scanned.head.size:,}"))
    if scanned.misplaced:
        text = ngettext(
            "{count} act stands elsewhere than its number says: it counts nowhere.",
            "{count} acts stand elsewhere than their numbers say: they count nowhere.",
            scanned.misplaced,
        )
        click.echo(text.format(count=f"{scanned.misplaced:,}"))
    if scanned.unread:
        text = ngettext("{count} entry is no act.", "{count} entries are no acts.", scanned.unread)
        click.echo(text.format(count=f"{scanned.unread:,}"))
    if scanned.proof is None:
        click.echo(_("No author says two things under one number."))


def _say_agreed(compared: Compared) -> None:
    sizes = sorted((compared.first.size, compared.second.size))
    text = _("No fork: the log {origin} of {larger} entries goes on from the one of {smaller}.")
    click.echo(
        text.format(origin=tech(compared.first.origin), smaller=f"{sizes[0]:,}", larger=f"{sizes[1]:,}")
    )


def say_forked(proof: Proof, output: Path, genesis: str) -> None:
    """Say what is proven, and how anybody verifies it."""
    from hisn.present.proof import render_proof_ending

    click.echo(render_proof_ending(proof.report).strip("\n"))
    if proof.hashed:
        text = _("Of {count} entries the hash alone is shown.")
        click.echo(text.format(count=proof.hashed))
    click.echo(_("Wrote {path}. Anybody verifies it with:").format(path=tech(output)))
    click.echo(f"  hisn verify {output} --genesis {genesis}")
