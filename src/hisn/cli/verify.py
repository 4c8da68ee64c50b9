"""Offer ``hisn verify``: read a proof pack and say what it proves and what it does not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from hisn.present.i18n import _

_EXAMPLES = """

\b
hisn verify f.evpack --genesis 5f1c…
hisn verify f.evpack --json
"""


@click.command(
    help=_("Verify a proof pack offline: numbered steps, what is proven and what is not.")
    + _EXAMPLES
    + "\n"
    + _(
        "Exit codes: 0 valid, 2 usage, 4 invalid or a proven fork, 5 valid but not witnessed by a quorum, "
        "6 the file cannot be read."
    )
)
@click.argument("pack", metavar="EVPACK", type=click.Path(path_type=Path))
@click.option(
    "--genesis",
    metavar="DIGEST",
    help=_("The unit's genesis digest, from somebody other than the sender of the pack."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document."))
@click.option(
    "--timestamp-root",
    "roots",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=_("A time-stamping service's root certificate (PEM): check the pack's RFC 3161 tokens by it."),
)
def verify(*, pack: Path, genesis: str | None, as_json: bool, roots: tuple[Path, ...]) -> int:
    """Print the report and return its exit code."""
    from hisn.app.verify import verify_file
    from hisn.present.proof import render_proof, render_proof_json

    checked = verify_file(pack, genesis, roots)
    if as_json:
        text = render_proof_json(checked.report, checked.stamps)
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        text = render_proof(checked.report, checked.stamps, colour=colour).encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
    return checked.report.exit_code
