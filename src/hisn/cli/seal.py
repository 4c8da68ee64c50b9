"""Run ``hisn guard --seal``: open or make the node, judge into its log, and say what was sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import click

from hisn.cli.secret import passphrase
from hisn.present.i18n import _, ngettext
from hisn.present.tech import prose, tech

if TYPE_CHECKING:
    from hisn.app.guard import GuardRequest, GuardResult, Progress
    from hisn.app.sealed import SealSummary
    from hisn.app.sealer import Opened
    from hisn.node.published import Outcome, Published


def guard_sealed(
    make_request: Callable[[], GuardRequest],
    mode: Literal["fields", "whole"],
    open_progress: Callable[[], Progress | None],
) -> GuardResult:
    """Judge into the log of this node; a node is made where there is none, and that is said."""
    from hisn.app.apart import sealer_apart
    from hisn.storage.files import home_folder

    root = home_folder()
    with sealer_apart(root, mode, passphrase) as sealer:
        # The node is opened in another process while this one loads what judges.
        from hisn.app.guard import guard

        request = make_request()
        opened = sealer.open()
        if opened.is_new:
            say_new(str(root), opened)
        result = guard(request, open_progress(), sealer)
        outcome = sealer.finish()
        if result.sealed:
            say_sealed(result.sealed, outcome)
    return result


def say_new(root: str, opened: Opened) -> None:
    """Say that a node was made, and where its key lies."""
    lines = (
        _("Made a node, {origin}, in {root}.").format(origin=tech(opened.origin), root=tech(root)),
        _("Its key lies in {path}, open for unattended starts: keep a copy of that folder apart.").format(
            path=tech(f"{root}/keys")
        ),
        _("Its genesis digest is {genesis}: give it to those who are to verify.").format(
            genesis=tech(opened.genesis)
        ),
    )
    for line in lines:
        click.echo(line, err=True)


def say_sealed(summary: SealSummary, published: Outcome | Published, *, err: bool = True) -> None:
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


def witnessing(published: Outcome | Published) -> str:
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
