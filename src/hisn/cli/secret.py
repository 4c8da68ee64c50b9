"""Take the passphrase of the node's key: from the environment, a file, or the person at the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
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


def asked_once() -> Callable[[], str]:
    """Return a way to the passphrase that asks a person once, however often it is needed."""
    return cache(passphrase)


def new_passphrase() -> str:
    """Return a passphrase for a new key, typed twice where a person types it."""
    if os.environ.get("HISN_PASSPHRASE_FILE") or os.environ.get("HISN_PASSPHRASE") is not None:
        return passphrase()
    return _typed_twice("HISN_PASSPHRASE_FILE")


def changed_passphrase() -> str:
    """Return the passphrase that is to replace another one, from places of its own."""
    if path := os.environ.get("HISN_NEW_PASSPHRASE_FILE"):
        return _from_file(path)
    if (text := os.environ.get("HISN_NEW_PASSPHRASE")) is not None:
        return text
    return _typed_twice("HISN_NEW_PASSPHRASE_FILE")


def _typed_twice(variable: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "E1302",
            "a new key needs a passphrase, and nobody can be asked for it",
            hint=f"name a file that holds it in {variable}, or say --unattended",
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
            "E1303", f"cannot read the passphrase from {path}", hint="check the variable that names the file"
        ) from error
