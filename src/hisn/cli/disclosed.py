"""Run ``hisn evidence recheck --disclosed``: judge the events of a proof pack by what it shows of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hisn.cli.recheck import EXIT_DIFFERENT, EXIT_INCOMPARABLE, EXIT_UNWITNESSED, reason_text
from hisn.present.i18n import _, ngettext
from hisn.present.tech import tech

if TYPE_CHECKING:
    from hisn.app.partial import PartlyRechecked, Told
    from hisn.rules.pack import Pack

_MOST_LINES = 50
_WORDS = {True: "holds", False: "fails", None: "unknown"}


def recheck_disclosed(file: Path, pack: Pack, genesis: str | None, *, as_json: bool) -> int:
    """Print for each event whether the rule hits it; return the exit code."""
    from hisn.app.partial import recheck_shown

    done = recheck_shown(file, pack, _pinned(genesis))
    if as_json:
        click.echo(json.dumps(_as_json(done), indent=1))
    else:
        _say(done)
    answers = Counter(told.holds for told in done.told)
    if answers[False]:
        return EXIT_DIFFERENT
    if answers[None] or not answers:
        return EXIT_INCOMPARABLE
    return 0 if done.is_witnessed else EXIT_UNWITNESSED


def _pinned(genesis: str | None) -> bytes | None:
    """Return the digest that was given, else that of this machine's node, if there is one."""
    from hisn.app.home import read_unit
    from hisn.app.places import Places
    from hisn.app.verify import digest_in
    from hisn.storage.files import home_folder

    places = Places(home_folder())
    if genesis is None and places.config.exists():
        return read_unit(places)[0].genesis
    return digest_in(genesis)


def _say(done: PartlyRechecked) -> None:
    if done.report.shown and not done.report.shown.is_pinned:
        click.echo(_("You gave no genesis digest: whose unit this is was not checked."), err=True)
    if done.reason:
        click.echo(_("Cannot be compared."))
        click.echo(reason_text(done.reason.value, done.claim))
        return
    if not done.told:
        click.echo(_("The pack shows no event: there is nothing to judge."))
    for told in done.told[:_MOST_LINES]:
        click.echo(_line(told))
    if len(done.told) > _MOST_LINES:
        more = len(done.told) - _MOST_LINES
        click.echo(ngettext("… and {count} more event", "… and {count} more events", more).format(count=more))
    answers = Counter(told.holds for told in done.told)
    text = _("The rule hits {yes} of the events shown, does not hit {no}, and cannot be told for {unknown}.")
    click.echo(text.format(yes=answers[True], no=answers[False], unknown=answers[None]))
    if done.is_correlation:
        click.echo(
            _(
                "The finding is of a correlation: for each event it was judged whether one of its rules hits "
                "it. Whether the events are enough and belong together cannot be told from a pack."
            )
        )
    if done.others:
        text = ngettext(
            "{count} further event is named by the finding, and not shown.",
            "{count} further events are named by the finding, and not shown.",
            done.others,
        )
        click.echo(text.format(count=done.others))


def _line(told: Told) -> str:
    place = _("event {index} of batch {batch}").format(index=tech(told.index), batch=tech(told.act))
    if told.holds is not None:
        return f"{place}: {_('the rule holds') if told.holds else _('the rule does NOT hold')}"
    names = {
        "_raw": _("the record itself"),
        "declaration": _("what was declared about the source"),
    }
    hidden = _(", ").join(names.get(name) or tech(name) for name in told.needs)
    return f"{place}: {_('cannot be told, because this is hidden: {names}').format(names=hidden)}"


def _as_json(done: PartlyRechecked) -> dict[str, object]:
    return {
        "schema": "hisn.recheck-disclosed.v1",
        "finding": done.claim.text("id"),
        "rule_digest": done.claim.text("rule_digest"),
        "reason": done.reason.value if done.reason else None,
        "events": [
            {
                "batch": told.act,
                "event": told.index,
                "record": told.record,
                "rule": _WORDS[told.holds],
                "needs": list(told.needs),
            }
            for told in done.told
        ],
        "others": done.others,
        "correlation": done.is_correlation,
        "witnessed": done.is_witnessed,
    }
