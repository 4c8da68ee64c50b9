"""Say why a peer gives no signature: the reasons that witnesses and mirrors have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from hisn.errors import StorageError
from hisn.present.i18n import mark

FUTURE_S = 300
"""A cosignature of a later time than this from now is refused: it would bracket nothing."""


class Why(StrEnum):
    """Say why a cosignature is missing."""

    AWAY = mark("does not answer")
    LATE = mark("had no time left")
    WRONG = mark("answers nonsense")
    DECLINED = mark("declines")
    UNSIGNED = mark("answers without its own signatures")
    FUTURE = mark("signs a time in the future")
    CLAIMS = mark("claims another tree without proof")
    PROVES = mark("proves that this log is an old copy")
    NO_ADDRESS = mark("has no address")


@dataclass(frozen=True, slots=True)
class Missing:
    """Say who has not cosigned, and why."""

    name: str
    why: Why
    detail: str = ""


class Without(Exception):  # noqa: N818 -- a signal within this room, never shown
    """Say why a peer gives no cosignature."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(why)
        self.why = why
        self.detail = detail


@contextmanager
def of_peer() -> Iterator[None]:
    """Turn the errors that a peer causes into a missing signature; those of our own disk pass."""
    try:
        yield
    except StorageError as error:
        reasons = {"E5402": Why.AWAY, "E5403": Why.WRONG}
        if error.code not in reasons:
            raise
        raise Without(reasons[error.code], error.message) from error
