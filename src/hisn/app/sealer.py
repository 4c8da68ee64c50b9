"""Do the half of a sealed run that needs the node's keys, from opening the node to publishing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from hisn.app.sealed import ChunkSealer, SealedChunk, SealSummary
from hisn.errors import HisnError
from hisn.node.published import Outcome

if TYPE_CHECKING:
    from hisn.app.home import Node
    from hisn.app.sealing import Bounds, Sealing, SealTo
    from hisn.events.declare import Declarations
    from hisn.events.tasks import Discovery
    from hisn.evidence.batch import Mode
    from hisn.findings.model import Finding

Taking: TypeAlias = "Callable[[], tuple[Discovery, RunSealer]]"
"""Wait until every file is taken in; return what is to be read instead, and what seals it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Say which node was opened, and whether it was made for that."""

    origin: str
    genesis: str
    is_new: bool


class RunSealer(Protocol):
    """Commit what one run reads, and what it finds."""

    @property
    def compute(self) -> ChunkSealer:
        """Return the half that workers do."""
        ...

    @property
    def pipes(self) -> Sequence[Connection]:
        """Return the ways to the process that holds the keys: no worker may keep one."""
        ...

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Put batches into the log, durably; one that comes again is no new one. Raises StorageError."""
        ...

    def record_findings(self, findings: Sequence[Finding], window: Bounds | None = None) -> None:
        """Put findings into the log, durably. Raises StorageError."""
        ...

    def summary(self) -> SealSummary:
        """Return what was put into the log."""
        ...


class SealTarget(Protocol):
    """Say where a run seals to."""

    def begin(self, discovery: Discovery, declarations: Declarations, mapping_digest: str) -> Taking:
        """Begin to take the files in. Raises StorageError, or what is returned does."""
        ...


def seal_to(node: Node, folder: Path, mode: Mode) -> SealTo:
    """Return what seals into a node's log, with copies in a folder, citing what it has of others' logs."""
    from hisn.app.heads import Heads
    from hisn.app.sealing import SealTo

    return SealTo(node.member, node.intaker(folder), mode, Heads(node).cite)


class NodeSealer:
    """Seal one run into this machine's node. To be closed; one thread uses it."""

    pipes: Sequence[Connection] = ()

    def __init__(self, root: Path, mode: Mode, passphrase: Callable[[], str]) -> None:
        self._root = root
        self._mode: Mode = mode
        self._passphrase = passphrase
        self._stack = ExitStack()
        self._copies = ExitStack()
        self._node: Node | None = None
        self._sealing: Sealing | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Opened:
        """Open the node, or make one where there is none. Raises as `open_or_make` does.

        Raises StorageError, too, if somebody has seen more of its log than is here: an old copy may
        not seal anything, and that is said before hours of reading.
        """
        from hisn.app.make_node import open_or_make

        self._node, is_new = open_or_make(self._root, self._passphrase)
        self._stack.enter_context(self._node)
        self._node.member.look_out()
        return Opened(self._node.config.origin, self._node.charter.genesis.hex(), is_new)

    def take_in(
        self, discovery: Discovery, declarations: Declarations, mapping_digest: str
    ) -> tuple[Discovery, ChunkSealer]:
        """Take the files in; return what is to be read instead, and the workers' half."""
        from hisn.app.intake import intake_folder

        node = self._opened()
        folder = self._copies.enter_context(intake_folder(node.places.intake))
        into = seal_to(node, folder, self._mode)
        taken, self._sealing = into.take_in(discovery, declarations, mapping_digest)
        return taken, self._sealing.compute

    def begin(self, discovery: Discovery, declarations: Declarations, mapping_digest: str) -> Taking:
        """Take the files in when they are waited for."""
        return lambda: (self.take_in(discovery, declarations, mapping_digest)[0], self)

    @property
    def compute(self) -> ChunkSealer:
        """Return the workers' half."""
        return self._begun().compute

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Put batches into the log."""
        self._begun().commit(sealed)

    def record_findings(self, findings: Sequence[Finding], window: Bounds | None = None) -> None:
        """Put findings into the log."""
        self._begun().record_findings(findings, window)

    def summary(self) -> SealSummary:
        """Return what was put into the log."""
        return self._begun().summary()

    def finish(self) -> Outcome:
        """Remove the copies of what was read, and publish. Raises StorageError."""
        from hisn.app.publish import publish

        self._copies.close()
        return publish(self._opened()).outcome

    def close(self) -> None:
        """Remove the copies, and close the node."""
        self._copies.close()
        self._stack.close()

    def _opened(self) -> Node:
        if self._node is None:
            raise HisnError("E1099", "the node was not opened")
        return self._node

    def _begun(self) -> Sealing:
        if self._sealing is None:
            raise HisnError("E1099", "nothing was taken in")
        return self._sealing
