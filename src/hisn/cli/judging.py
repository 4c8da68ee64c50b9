"""Hold the options of every command that judges logs: they mean the same in all of them."""

from __future__ import annotations

import click

from hisn.present.i18n import _

rules_option = click.option(
    "-r",
    "--rules",
    multiple=True,
    metavar="PATH",
    help=_("Rules: files, folders or packs (default: the bundled election rules)."),
)
exclude_option = click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help=_("Leave out rules by id, path, title or tag (* and ? allowed)."),
)
placeholders_option = click.option(
    "--placeholders", metavar="FILE", help=_("Values for placeholders in rules (TOML).")
)
sources_option = click.option(
    "--sources",
    metavar="FILE",
    help=_("Declare what sources do not say themselves (TOML): year, zone, kind, asset."),
)
hyperscan_option = click.option(
    "--no-hyperscan",
    is_flag=True,
    help=_("Judge with RE2 alone, as on macOS and Windows; the findings are the same."),
)
