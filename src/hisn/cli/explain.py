"""Offer ``hisn explain E####``."""

from __future__ import annotations

import click

from hisn.app.explain import explain_code
from hisn.present.i18n import _
from hisn.present.tech import prose


@click.command(
    help=_("Explain an error code: what it means and what to do. Works offline.")
    + "\n\n\b\nhisn explain E2001"
)
@click.argument("code", metavar="E####")
def explain(code: str) -> None:
    """Print the explanation of an error code."""
    entry = explain_code(code)
    click.echo(f"{entry.code}: {_(entry.title)}\n")
    click.echo(_(entry.text))
    click.echo(f"\n{_('hint')}: {prose(entry.hint, None)}")
