"""Hold the one tree of errors.

::

    HisnError
    ├── UsageError         the caller asked for something that cannot be      E1###
    ├── InputError         a file, a line or a rule cannot be used            E2###
    ├── VerificationError  a proof is hostile or broken                       E3###
    ├── PolicyError        a quorum, marking or roster forbids it             E4###
    └── StorageError       the disk or the network failed                     E5###

Every error says what happened to which thing (`message`), where (`place`, mostly a `core.place.Place`),
what to do (`hint`) and what was left as it was (`unchanged`).  Codes are listed in
`docs/reference/errors.md` and explained offline by ``hisn explain E####``.
"""

from __future__ import annotations

from typing import Any


class HisnError(Exception):
    """Carry a code, a message, and what the user can do about it."""

    def __init__(
        self, code: str, message: str, *, hint: str = "", unchanged: str = "", place: object | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.unchanged = unchanged
        self.place = place

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; Exception's own pickling would lose the keyword arguments.
        named = {"hint": self.hint, "unchanged": self.unchanged, "place": self.place}
        return (_rebuild, (type(self), self.code, self.message, named))


def _rebuild(kind: type[HisnError], code: str, message: str, named: dict[str, Any]) -> HisnError:
    return kind(code, message, **named)


class UsageError(HisnError):
    """Say that the request itself is wrong (exit 2)."""


class InputError(HisnError):
    """Say that an input cannot be read, parsed or compiled (exit 3)."""


class VerificationError(HisnError):
    """Say that a proof does not hold (exit 4)."""


class PolicyError(HisnError):
    """Say that a rule of the unit forbids it (exit 5)."""


class StorageError(HisnError):
    """Say that disk or network failed (exit 6)."""
