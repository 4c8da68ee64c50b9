"""Remember which logs this node must not cosign, because it may have forgotten what it has signed.

A restored backup brings back old rows of witness and mirror.  Whoever signs on from them may sign a
second history of a log that it had cosigned further.
"""

from __future__ import annotations

from enum import StrEnum

from hisn.errors import StorageError
from hisn.node.known import origin_hash
from hisn.tlog.ports import Conflict, Register


class Hold(StrEnum):
    """Say why a log is not cosigned."""

    RESTORED = "restored"
    """This node has signed more than it knows: nothing is signed until it has recovered."""
    UNLEARNT = "unlearnt"
    """What was signed of this log could not be learnt again yet: nobody who knows has answered."""
    FORKED = "forked"
    """The log has signed two histories, and this node one of them: it signs neither on."""


class Holds:
    """Keep one row for each log that was ever held; durable when a method returns."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def get(self, origin: str) -> Hold | None:
        """Return why a log is not cosigned, or None. Raises StorageError (E5400)."""
        row = self._register.get(name := _row(origin))
        if not row:
            return None
        try:
            return Hold(row.decode("ascii", "replace"))
        except ValueError as error:
            raise StorageError(
                "E5400",
                f"the row {name} of the register is damaged",
                hint="stop the node, keep the register's file, and run: hisn node doctor",
                unchanged="nothing was signed",
            ) from error

    def put(self, origin: str, hold: Hold | None) -> None:
        """Hold a log, or let it go; a fork is held for ever."""
        new = hold.encode() if hold else b""
        while True:
            row = self._register.get(name := _row(origin))
            if row == Hold.FORKED.encode() or (row or b"") == new:
                return
            try:
                self._register.swap(name, row, new)
            except Conflict:
                continue
            return


def _row(origin: str) -> str:
    return f"cosign-hold/{origin_hash(origin)}"
