"""Run ``hisn guard --seal``: open or make the node, judge into its log, and say what was sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from hisn.cli.secret import passphrase
from hisn.present.i18n import _, ngettext
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.guard import GuardRequest, GuardResult, Progress
    from hisn.app.sealed import SealSummary
    from hisn.node.published import Published


def guard_sealed(
    request: GuardRequest, mode: Literal["fields", "whole"], progress: Progress | None
) -> GuardResult:
    """Judge into the log of this node; a node is made where there is none, and that is said."""
    from hisn.app.guard import guard
    from hisn.app.intake import intake_folder
    from hisn.app.make_node import open_or_make
    from hisn.app.publish import publish
    from hisn.app.sealing import SealTo
    from hisn.storage.files import home_folder

    root = home_folder()
    node, is_new = open_or_make(root, passphrase)
    with node:
        if is_new:
            _say_new(str(root), node.config.origin, node.charter.genesis.hex())
        # Before hours of reading: an old copy of the log may not seal anything.
        node.member.look_out()
        with intake_folder(node.places.intake) as folder:
            result = guard(request, progress, SealTo(node.member, node.intaker(folder), mode))
        published = publish(node)
        if result.sealed:
            say_sealed(result.sealed, published)
    return result


def _say_new(root: str, origin: str, genesis: str) -> None:
    lines = (
        _("Made a node, {origin}, in {root}.").format(origin=tech(origin), root=tech(root)),
        _("Its key lies in {path}, open for unattended starts: keep a copy of that folder apart.").format(
            path=tech(f"{root}/keys")
        ),
        _("Its genesis digest is {genesis}: give it to those who are to verify.").format(
            genesis=tech(genesis)
        ),
    )
    for line in lines:
        click.echo(line, err=True)


def say_sealed(summary: SealSummary, published: Published, *, err: bool = True) -> None:
    """Say what a run put into the log, and who has seen it."""
    events = ngettext("{count} event", "{count} events", summary.events).format(count=f"{summary.events:,}")
    batches = ngettext("{count} batch", "{count} batches", summary.batches).format(
        count=f"{summary.batches:,}"
    )
    findings = ngettext("{count} finding", "{count} findings", summary.findings).format(
        count=f"{summary.findings:,}"
    )
    line = _("Sealed: {events} in {batches}, {findings}; the log of {origin} has {size} entries.")
    click.echo(
        line.format(
            events=events,
            batches=batches,
            findings=findings,
            origin=tech(summary.origin),
            size=f"{summary.size:,}",
        ),
        err=err,
    )
    click.echo(witnessing(published), err=err)


def witnessing(published: Published) -> str:
    """Return one sentence on who has seen the log's newest state."""
    if published.setback:
        return _("A witness proves that this log is an old copy: {why}").format(
            why=prose(published.setback.message)
        )
    if published.is_published and published.signed:
        names = tech(", ".join(each.name for each in published.signed))
        return _("Witnessed by {names}, and published.").format(names=names)
    if published.is_published:
        return _("No witness is known: what is sealed is sequenced, unwitnessed.")
    missing = _(", ").join(f"{tech(each.name)} ({_(each.why.value)})" for each in published.missing)
    return _("Sequenced, unwitnessed; without cosignature: {missing}.").format(missing=missing)
