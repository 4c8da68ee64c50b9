"""Take the passphrase of the node's key: from the environment, a file, or the person at the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from hisn.errors import UsageError
from hisn.present.i18n import _

_MAX_BYTES = 4_096


def passphrase() -> str:
    """Return the passphrase. Raises UsageError where nobody can be asked.

    ``HISN_PASSPHRASE_FILE`` goes before ``HISN_PASSPHRASE``: other processes of a user can read
    the environment.
    """
    if path := os.environ.get("HISN_PASSPHRASE_FILE"):
        return _from_file(path)
    if (text := os.environ.get("HISN_PASSPHRASE")) is not None:
        return text
    if not sys.stdin.isatty():
        raise UsageError(
            "E1302",
            "the node's key is locked by a passphrase, and nobody can be asked for it",
            hint="name a file that holds it in HISN_PASSPHRASE_FILE",
        )
    return str(click.prompt(_("Passphrase of the node's key"), hide_input=True, err=True, default=""))


def new_passphrase() -> str:
    """Return a passphrase for a new key, typed twice where a person types it."""
    if os.environ.get("HISN_PASSPHRASE_FILE") or os.environ.get("HISN_PASSPHRASE") is not None:
        return passphrase()
    if not sys.stdin.isatty():
        raise UsageError(
            "E1302",
            "a new key needs a passphrase, and nobody can be asked for it",
            hint="name a file that holds it in HISN_PASSPHRASE_FILE, or say --unattended",
        )
    return str(
        click.prompt(_("Passphrase for the node's key"), hide_input=True, confirmation_prompt=True, err=True)
    )


def _from_file(path: str) -> str:
    try:
        data = Path(path).read_bytes()[:_MAX_BYTES]
        return data.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "E1303", f"cannot read the passphrase from {path}", hint="check HISN_PASSPHRASE_FILE"
        ) from error
