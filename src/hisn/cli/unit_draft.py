"""Offer the commands of ``hisn unit`` about a draft: make one, see what it changes, sign it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.cli.secret import passphrase
from hisn.errors import UsageError
from hisn.present.i18n import _, ngettext
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.home import Node
    from hisn.app.unit_draft import UnitDraft

_file = click.Path(path_type=Path)
_ROLES = ("act", "log", "mirror", "root", "witness")


def _opened() -> Node:
    from hisn.app.home import open_node
    from hisn.storage.files import home_folder

    return open_node(home_folder(), passphrase)


@click.command(
    help=_("Draft the next epoch of this node's unit: who comes, who goes, whose keys are replaced.")
    + "\n\n\b\nhisn unit draft --witness academy.example.enrolment -o next.draft\n"
    + "hisn unit draft south.example.enrolment -o next.draft\n"
    + "hisn unit draft --suspend south.example -o next.draft\n"
    + "hisn unit draft --replace act --replace log --room 500 -o next.draft\n\n"
    + _(
        "ENROLMENT takes a member in, or back. No member is ever removed, for old acts need the keys: it is "
        "suspended. How many must sign follows from the charter. The draft changes nothing before it is "
        "signed and adopted."
    )
)
@click.argument("enrolments", nargs=-1, metavar="[ENROLMENT...]", type=_file)
@click.option("--witness", "witnesses", multiple=True, metavar="FILE", type=_file,
              help=_("Take in an outside witness by its enrolment."))  # fmt: skip
@click.option("--suspend", multiple=True, metavar="ID",
              help=_("What this member signs from now on counts no more."))  # fmt: skip
@click.option("--drop", multiple=True, metavar="NAME",
              help=_("Drop an outside witness; an enrolment beside it replaces its key."))  # fmt: skip
@click.option("--replace", multiple=True, metavar="ROLE", type=click.Choice(_ROLES),
              help=_("Replace this node's own keys of a role."))  # fmt: skip
@click.option("--room", metavar="COUNT", type=click.IntRange(0), default=0,
              help=_("Entries that the old keys may still sign while the draft goes round."))  # fmt: skip
@click.option("--stolen-from", metavar="ENTRY", type=click.IntRange(0),
              help=_("A thief may have had the old keys from this entry of the own log on."))  # fmt: skip
@click.option("--url", metavar="URL", help=_("The new address of this node."))
@click.option("-o", "--output", required=True, metavar="FILE", type=_file,
              help=_("Where to write the draft."))  # fmt: skip
def draft(  # noqa: PLR0913 - click passes each option by its name
    *,
    enrolments: tuple[Path, ...],
    witnesses: tuple[Path, ...],
    suspend: tuple[str, ...],
    drop: tuple[str, ...],
    replace: tuple[str, ...],
    room: int,
    stolen_from: int | None,
    url: str | None,
    output: Path,
) -> int:
    """Write the draft, and say what it changes and who has to sign."""
    from hisn.app.unit_changes import ChangeRequest, changes_of
    from hisn.app.unit_files import draft_epoch
    from hisn.app.verify import read_pack
    from hisn.storage.files import write_whole

    request = ChangeRequest(
        members=[read_pack(path) for path in enrolments],
        witnesses=[read_pack(path) for path in witnesses],
        suspend=suspend,
        drop=drop,
        replace=replace,
        room=room,
        stolen_from=stolen_from,
        url=url,
    )
    with _opened() as mine:
        drafted = draft_epoch(mine, changes_of(mine, request))
        _say_changes(mine, drafted)
    write_whole(output, drafted.encode())
    say_draft(drafted, output)
    return 0


@click.command(
    help=_("Show what a draft changes against the epoch in force, as this node computes it.")
    + "\n\n\b\nhisn unit show next.draft"
)
@click.argument("draft", metavar="DRAFT", type=_file)
def show(*, draft: Path) -> int:
    """Print every change, and who has to sign."""
    from hisn.app.unit_draft import parse_draft
    from hisn.app.verify import read_pack

    drafted = parse_draft(read_pack(draft))
    with _opened() as mine:
        _say_changes(mine, drafted)
    say_draft(drafted, draft)
    return 0


@click.command(
    help=_(
        "Show what a draft changes, and sign it with this node's keys; the file then goes to the next one."
    )
    + "\n\n\b\nhisn unit sign unit.draft\nhisn unit sign unit.draft --yes"
)
@click.argument("draft", metavar="DRAFT", type=_file)
@click.option("--yes", is_flag=True, help=_("Do not ask: the changes were read before, by hisn unit show."))
def sign(*, draft: Path, yes: bool) -> int:
    """Check the draft, say what it changes, add the signatures, and write the file back."""
    from hisn.app.unit_draft import parse_draft
    from hisn.app.unit_files import sign_draft
    from hisn.app.verify import read_pack
    from hisn.storage.files import write_whole

    drafted = parse_draft(read_pack(draft))
    with _opened() as mine:
        _say_changes(mine, drafted)
        if not yes:
            _confirm()
        # The bytes that were read and shown are signed, whatever the file holds by now.
        signed = sign_draft(mine, drafted)
    write_whole(draft, signed.encode())
    say_draft(signed, draft)
    return 0


def _confirm() -> None:
    """Ask a person. Raises UsageError where nobody can be asked, or the answer is no."""
    is_asked = sys.stdin.isatty()
    if is_asked and click.confirm(_("Sign all of this?"), default=False, err=True):
        return
    raise UsageError(
        "E1335",
        "the changes were not confirmed" if is_asked else "nobody can be asked whether to sign these changes",
        hint="read them, by hisn unit show, then sign with --yes",
        unchanged="nothing was signed",
    )


def _say_changes(mine: Node, drafted: UnitDraft) -> None:
    from hisn.app.unit_review import review
    from hisn.present.epoch import say_differences, say_needed

    reviewed = review(mine, drafted)
    if reviewed.old is None:
        click.echo(_("Epoch 0 of {unit}, a new unit:").format(unit=prose(reviewed.new.name)))
    else:
        text = _("What changes from epoch {old} to epoch {new} of {unit}:")
        numbers = {"old": reviewed.old.epoch, "new": reviewed.new.epoch}
        click.echo(text.format(unit=prose(reviewed.new.name), **numbers))
    for sentence in say_differences(reviewed.differences):
        click.echo(f"  • {sentence}")
    click.echo(_("Nothing else changes."))
    for sentence in say_needed(reviewed.needed):
        click.echo(f"  {sentence}")
    if reviewed.void:
        text = ngettext(
            "{count} entry of this node's own log would be void: draft again.",
            "{count} entries of this node's own log would be void: draft again.",
            reviewed.void,
        )
        click.echo(text.format(count=f"{reviewed.void:,}"))


def say_draft(draft: UnitDraft, path: Path) -> None:
    """Say what to compare by another way, and who has still to sign."""
    from hisn.app.unit_review import missing_from
    from hisn.unit.rosterdoc import parse_charter, parse_roster

    roster = parse_roster(draft.document)
    click.echo(_("Genesis digest: {digest}").format(digest=tech(parse_charter(draft.charter).genesis.hex())))
    if roster.epoch:
        click.echo(_("Digest of this epoch: {digest}").format(digest=tech(roster.digest.hex())))
    text = _("Epoch {epoch} of {unit}: {members}.")
    members = tech(", ".join(f"{member.id} ({member.side})" for member in roster.active))
    click.echo(text.format(epoch=roster.epoch, unit=prose(roster.name), members=members))
    missing = missing_from(draft)
    if missing:
        text = _("Still to sign, by hisn unit sign {path}: {names}")
        click.echo(text.format(path=tech(path), names=tech(", ".join(missing))))
        return
    text = _("Everybody has signed. Each member puts it in force: hisn unit adopt {path}")
    if roster.epoch:
        text = _("Enough have signed. Each member and witness puts it in force: hisn unit adopt {path}")
    click.echo(text.format(path=tech(path)))
