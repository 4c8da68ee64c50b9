"""Offer ``hisn serve``: this member's node, for the other members."""

from __future__ import annotations

import click

from hisn.cli.secret import asked_once
from hisn.present.i18n import _, mark
from hisn.present.tech import tech

_LINES = {
    "listening": mark("Listening on {text}"),
    "published": mark("Published (size; cosigned by; missing): {text}"),
    "unwitnessed": mark("Sequenced, unwitnessed (size; cosigned by; missing): {text}"),
    "mirrored": mark("Mirrored by {text} entries"),
    "unmirrored": mark("Not mirrored by {text}"),
    "overrun": mark("Asked for too much, and refused: {text}"),
    "overrun-logged": mark("Put into the log that a member overran its quota: {text}"),
    "fetched": mark("Fetched bodies of acts, of {text}"),
    "bodiless": mark("Bodies of acts are missing, at the entries of {text}"),
    "forgotten": mark(
        "Signed before and forgotten, as after a restore; nothing is cosigned until hisn node recover: {text}"
    ),
    "learnt": mark("Learnt again what was cosigned, entries of {text}"),
    "trouble": mark("Trouble: {text}"),
}


@click.command(
    help=_("Serve this node: its log, its witness and its mirror for the other members.")
    + "\n\n\b\nhisn serve --listen 0.0.0.0:8470 --certificate node.pem --key node.key\n\n"
    + _(
        "It publishes what is sealed and brings it to the mirrors, every few seconds. "
        "It ends by Ctrl-C or SIGTERM."
    )
)
@click.option(
    "--listen", default="127.0.0.1:8470", show_default=True, metavar="HOST:PORT", help=_("Where to listen.")
)
@click.option(
    "--certificate", metavar="FILE", help=_("TLS certificate (PEM); without it, put a proxy in front.")
)
@click.option("--key", metavar="FILE", help=_("The certificate's key (PEM)."))
@click.option(
    "--interval", type=click.FloatRange(0.1, 3600), default=2.0, show_default=True, metavar="SECONDS",
    help=_("How often to look for something to publish."),
)  # fmt: skip
def serve(*, listen: str, certificate: str | None, key: str | None, interval: float) -> int:
    """Serve until a signal."""
    from hisn.app.home import open_node
    from hisn.app.options import address_in
    from hisn.app.serve import RunningNode, ServeOptions
    from hisn.node.serve import Listen
    from hisn.storage.files import home_folder

    host, port = address_in(listen)
    # The node is opened twice, for reading and for publishing; a person is asked once.
    once = asked_once()

    def say(code: str, text: str) -> None:
        click.echo(_(_LINES[code]).format(text=tech(text, None)), err=True)

    options = ServeOptions(Listen(host, port, certificate, key), interval)
    RunningNode(lambda: open_node(home_folder(), once), options, say).run()
    return 0
