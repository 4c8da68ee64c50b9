"""Offer the commands of ``hisn node`` that change or bring back what a node cannot lose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.cli.secret import asked_once, changed_passphrase, new_passphrase
from hisn.present.i18n import _, ngettext
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.node_recover import Recovered
    from hisn.app.recall import Learnt

EXIT_HELD = 5
_file = click.Path(path_type=Path)


@click.command(
    help=_("Lock the node's key by another passphrase.")
    + "\n\n\b\nhisn node passphrase\nhisn node passphrase --unattended\n\n"
    + _(
        "Copies of the old key file still open with the old passphrase. For programs, HISN_PASSPHRASE_FILE "
        "names the file of the old passphrase and HISN_NEW_PASSPHRASE_FILE that of the new one."
    )
)
@click.option(
    "--unattended", is_flag=True, help=_("Leave the node's key open: the node starts without a person.")
)
def passphrase(*, unattended: bool) -> int:
    """Lock the key again."""
    from hisn.app.home import open_node
    from hisn.app.node_keys import change_passphrase
    from hisn.storage.files import home_folder

    with open_node(home_folder(), asked_once()) as mine:
        change_passphrase(mine, None if unattended else changed_passphrase())
    click.echo(
        _("The node's key is open: its file's permissions protect it.")
        if unattended
        else _("The node's key is locked by the new passphrase.")
    )
    return 0


@click.command(
    help=_("Replace the node's key, and wrap the keys of everything sealed by the new one.")
    + "\n\n\b\nhisn node rotate\n\n"
    + _("Do so when somebody may have read the old one. Signing keys stay: see hisn unit draft --replace.")
)
def rotate() -> int:
    """Replace the key and say so."""
    from hisn.app.home import open_node
    from hisn.app.node_keys import is_locked
    from hisn.app.node_keys import rotate as run
    from hisn.storage.files import home_folder

    ask = asked_once()
    with open_node(home_folder(), ask) as mine:
        run(mine, ask() if is_locked(mine) else None)
        path = tech(mine.places.keys)
    click.echo(
        _("The node has a new key. Keep a new copy of {path} apart from ordinary backups.").format(path=path)
    )
    return 0


@click.command(
    help=_("Give others a second way to what is sealed here: copies that only an escrow key opens.")
    + "\n\n\b\nhisn node escrow --new escrow.secret\nhisn node escrow hisn-escrow1…\nhisn node escrow\n\n"
    + _("Without a key, the copies that are missing are made. The log names every escrow key.")
)
@click.argument("keys", nargs=-1, metavar="[KEY...]")
@click.option("--new", "made", metavar="FILE", type=_file,
              help=_("Make an escrow key, and write its secret half to a new file."))  # fmt: skip
def escrow(*, keys: tuple[str, ...], made: Path | None) -> int:
    """Add escrow keys and make the copies."""
    from hisn.app.home import open_node
    from hisn.app.node_keys import escrow as run
    from hisn.app.node_keys import make_escrow_key
    from hisn.storage.files import home_folder

    with open_node(home_folder(), asked_once()) as mine:
        if made:
            public = make_escrow_key(made, mine.entropy)
            keys = (*keys, public)
            click.echo(_("Made an escrow key: {key}").format(key=tech(public, None)))
            text = _("Its secret half is in {path}: take it to where it is kept well and can be found.")
            click.echo(text.format(path=tech(made)))
        done = run(mine, keys)
        total = len(mine.escrow())
    if not total:
        click.echo(_("There is no escrow key yet: hisn node escrow --new FILE makes one."))
        return 0
    text = ngettext("{count} sealed file got a copy.", "{count} sealed files got copies.", done.copies)
    click.echo(text.format(count=f"{done.copies:,}"))
    return 0


@click.command(
    help=_("Bring a node back: its log after a loss or from an old backup, or its evidence by an escrow key.")
    + "\n\n\b\nhisn node recover\nhisn node recover --from north.example=https://new.north.example:8470\n"
    + "hisn node recover --escrow-secret escrow.secret\n\n"
    + _(
        "The log goes on from the highest state that any witness has seen, with the entries that the "
        "other members mirror. Nothing is ever signed over what was seen."
    )
    + "\n\n"
    + _(
        "What this node had cosigned of the logs of others is learnt again from them, too; a log whose "
        "owner does not answer is not cosigned until then."
    )
)
@click.option("--from", "addresses", multiple=True, metavar="NAME=URL",
              help=_("Ask a member or witness at another address than the roster's."))  # fmt: skip
@click.option("--without", multiple=True, metavar="NAME",
              help=_("Go on without a witness that is gone for good."))  # fmt: skip
@click.option("--accept", multiple=True, metavar="NAME",
              help=_("Cosign this member's log again, although nobody tells what was cosigned."))  # fmt: skip
@click.option("--escrow-secret", "secret", metavar="FILE", type=_file,
              help=_("The node's key is lost: open what is sealed by this escrow key."))  # fmt: skip
@click.option("--unattended", is_flag=True,
              help=_("With --escrow-secret: do not lock the node's new key."))  # fmt: skip
def recover(
    *,
    addresses: tuple[str, ...],
    without: tuple[str, ...],
    accept: tuple[str, ...],
    secret: Path | None,
    unattended: bool,
) -> int:
    """Recover the log, or the evidence."""
    if secret:
        return _recover_by_escrow(secret, unattended=unattended)
    from hisn.app.node_recover import RecoverRequest, addresses_in, recover_log
    from hisn.storage.files import home_folder

    request = RecoverRequest(at=addresses_in(addresses), without=without, accept=accept)
    done = recover_log(home_folder(), asked_once(), request)
    if done is None or not done.source:
        click.echo(_("Nothing was lost: the log here holds everything that its witnesses have seen."))
    else:
        _say_recovered(done)
    for each in done.learnt if done else ():
        _say_learnt(each)
    return EXIT_HELD if done and any(each.hold for each in done.learnt) else 0


def _say_learnt(learnt: Learnt) -> None:
    from hisn.node.holds import Hold

    origin, why = tech(learnt.origin), prose(learnt.why)
    if learnt.new != learnt.old:
        text = _("Cosigned before, and learnt again: {new} entries of {origin}; {old} were known here.")
        click.echo(text.format(new=f"{learnt.new:,}", old=f"{learnt.old:,}", origin=origin))
    if learnt.hold is Hold.FORKED:
        text = _("{origin} signed two histories, and is cosigned no more: both are in state/suspect ({why}).")
        click.echo(text.format(origin=origin, why=why))
    elif learnt.hold:
        text = _("{origin} is not cosigned until it is known what was: {why}. Or say --accept {origin}")
        click.echo(text.format(origin=origin, why=why))


def _say_recovered(done: Recovered) -> None:
    from hisn.app.node_recover import OWN_FILES

    text = _("The log has {new} entries again; before, {old} were here. They came from {source}.")
    source = _("this node's own files") if done.source == OWN_FILES else tech(done.source)
    click.echo(text.format(new=f"{done.new:,}", old=f"{done.old:,}", source=source))
    if done.new != done.old:
        click.echo(_("The log names the gap. Publish it: hisn node publish"))
    if done.missing_bodies:
        text = ngettext(
            "{count} text that the log commits to is not here: hisn node fsck names it.",
            "{count} texts that the log commits to are not here: hisn node fsck names them.",
            done.missing_bodies,
        )
        click.echo(text.format(count=f"{done.missing_bodies:,}"))


def _recover_by_escrow(path: Path, *, unattended: bool) -> int:
    from hisn.app.node_keys import recover_by_escrow
    from hisn.app.verify import read_pack
    from hisn.evidence.escrow import parse_escrow_secret
    from hisn.storage.files import home_folder

    secret = parse_escrow_secret(read_pack(path).decode("ascii", "replace"))
    opened, lost = recover_by_escrow(home_folder(), secret, None if unattended else new_passphrase())
    text = ngettext("{count} sealed file opens again.", "{count} sealed files open again.", opened)
    click.echo(text.format(count=f"{opened:,}"))
    if lost:
        text = ngettext("{count} has no copy for this key.", "{count} have no copy for this key.", lost)
        click.echo(text.format(count=f"{lost:,}"))
    click.echo(_("The signing keys stay lost: the node shows what it has sealed, and adds nothing."))
    return 0
