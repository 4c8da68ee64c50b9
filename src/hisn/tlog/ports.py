"""Say what the log needs of the world: a store of blobs, one register, a clock, chance.

The exact promises are the base of the commit order: each step of an append is durable before the
next one begins, because these methods return only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from hisn.core.clock import Clock
from hisn.errors import StorageError

__all__ = ["Blobs", "Clock", "Conflict", "DurabilityLost", "Entropy", "Register", "Swap"]


class Conflict(StorageError):  # noqa: N818 -- the name that the contract of the port uses
    """Say that a register holds another value than the one that was to be replaced."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "E5201",
            f"the register {name} was changed by another writer",
            hint="do it again; if it happens often, look for a second process of this node",
            unchanged="the register holds what the other writer stored",
        )
        self.name = name

    def __reduce__(self) -> tuple[object, ...]:
        return (Conflict, (self.name,))


class DurabilityLost(StorageError):  # noqa: N818 -- the name that the contract of the port uses
    """Say that the system could not keep what was written: the process must end now.

    After a failed sync nobody knows what the disk holds, and a second sync would say "done" of
    pages that are lost.  The next start looks at what is really there.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            "E5200",
            reason,
            hint="check the disk, then start again: what is whole is found, what is not is done again",
            unchanged="what was acknowledged before stands",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (DurabilityLost, (self.message,))


class Blobs(Protocol):
    """Keep named bytes.

    Names are relative paths of ``[A-Za-z0-9._-]`` with single slashes; no part begins with a dot.
    What was stored is durable when a method returns: it survives loss of power.  A method that
    raises may have done its work or not; done again, it ends in the same state.  Calls from several
    threads and processes are safe.  Every failure of the disk is a `StorageError`; after
    `DurabilityLost`, everything but reading raises it again.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store a blob that is never changed again.

        The same bytes once more are accepted; other bytes under a name that exists raise
        StorageError and change nothing, so that a late writer cannot overwrite a tile.
        """
        ...

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many blobs as `put` does, with one barrier for all.

        Raising leaves any subset of them stored, each of them whole.
        """
        ...

    def get(self, name: str) -> bytes | None:
        """Return the bytes, or None if there are none of that name."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with the prefix, in order."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Store or replace in one step: a reader sees the old bytes or the new. For `checkpoint` only."""
        ...

    def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is no error. For staging and partial tiles only.

        The one act that is not durable: after loss of power the blob may be there again.
        """
        ...


class Swap(NamedTuple):
    """Replace, in the row `name`, `old` (None: nothing) by `new`."""

    name: str
    old: bytes | None
    new: bytes


class Register(Protocol):
    """Keep one small value per name, changed by compare-and-swap.

    Serialisable over all threads and processes that share it; what was read or swapped is seen by
    every later reader, also after a restart.  Durable when a method returns.  Failures of the disk
    are `StorageError`: then the swap may have happened or not, and only reading again tells;
    after `DurabilityLost`, only a new process.
    """

    def get(self, name: str) -> bytes | None:
        """Return the value, or None if none was ever stored."""
        ...

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Replace `old` (None: nothing) by `new`; raises `Conflict` if the value is another one."""
        ...

    def swap_all(self, rows: Sequence[Swap]) -> None:
        """Replace several rows of different names in one step: all of them, or none.

        Raises `Conflict` with the name of the first row that holds another value.
        """
        ...


class Entropy(Protocol):
    """Give bytes that nobody can guess."""

    def read(self, size: int) -> bytes:
        """Return that many fresh random bytes."""
        ...
