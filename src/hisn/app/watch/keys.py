"""Hold the node's keys in a process of their own while a watch runs.

It parses nothing, and it is patient: a signal to the whole group does not end it in the middle of
a commit.  It ends when the first process is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from hisn.acts.statement import Ref
from hisn.app.apart import KeysApart, keys_apart
from hisn.app.home import Node
from hisn.app.places import Places
from hisn.app.sealed import SealedChunk
from hisn.app.sealer import Opened
from hisn.app.watch.cycle import Cycle
from hisn.app.watch.cycle_sealer import Begun, CycleSealer, FindingAct, Ports, Replayed, Sources, Taken
from hisn.errors import HisnError, StorageError
from hisn.node.published import Outcome
from hisn.storage.lock import held_now

_CALLS = frozenset(
    {
        "open",
        "prepare",
        "forget",
        "begin",
        "take",
        "commit",
        "record",
        "replay",
        "places",
        "act_of",
        "snapshot",
        "publish",
    }
)


class NodeCycles:
    """Seal the cycles of one watch into this machine's node. To be closed; one thread uses it."""

    def __init__(self, root: Path, passphrase: Callable[[], str]) -> None:
        self._root = root
        self._passphrase = passphrase
        self._stack = ExitStack()
        self._node: Node | None = None
        self._sealer: CycleSealer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self) -> Opened:
        """Open the node, or make one where there is none. Raises as `open_or_make` does."""
        from hisn.app.make_node import open_or_make

        self._node, is_new = open_or_make(self._root, self._passphrase)
        self._stack.enter_context(self._node)
        self._node.member.look_out()
        return Opened(self._node.config.origin, self._node.charter.genesis.hex(), is_new)

    def prepare(self, name: str, sources: Sources) -> None:
        """Take the watch of this name for this process. Raises StorageError (E5606) if another has it."""
        from hisn.app.heads import Heads

        node = self._opened()
        if not self._stack.enter_context(held_now(node.places.state / f"watch-{name}.lock")):
            raise StorageError(
                "E5606",
                f"another process runs the watch {name}",
                hint="stop that one, or give this one another name in its configuration",
                unchanged="nothing was read",
            )
        ports = Ports(
            node.member,
            node.vault(),
            node.blobs,
            node.register,
            node.identity.source_salt,
            Heads(node).cite,
        )
        self._sealer = CycleSealer(name, ports, sources)

    def forget(self) -> None:
        """Begin anew: what is sealed stands, everything else is dropped."""
        self._begun().forget()

    def begin(self) -> Begun:
        """Return where the watch stands."""
        return self._begun().begin()

    def take(self, pieces: Sequence[tuple[str, bytes]]) -> tuple[Taken, ...]:
        """Make pieces encrypted and durable."""
        return self._begun().take(pieces)

    def commit(self, cycle: Cycle, sealed: Sequence[SealedChunk]) -> tuple[Ref, ...]:
        """Put the batches and the record of a cycle in place."""
        return self._begun().commit(cycle, sealed)

    def record(self, acts: Sequence[FindingAct], unjudged: Sequence[int] = ()) -> tuple[Ref, ...]:
        """Put the findings of the newest cycle in place."""
        return self._begun().record(acts, unjudged)

    def replay(self, cycle: Cycle) -> Replayed:
        """Return the pieces of a sealed cycle."""
        return self._begun().replay(cycle)

    def places(self, cycle: Cycle, first: int) -> Mapping[tuple[str, int], tuple[Ref, str]]:
        """Return where the batches of a cycle stand."""
        return self._begun().places(cycle, first)

    def act_of(self, finding: str) -> Ref | None:
        """Return the place of the newest act of a finding."""
        return self._begun().act_of(finding)

    def snapshot(self, data: bytes) -> None:
        """Keep the state behind the newest cycle."""
        self._begun().snapshot(data)

    def publish(self) -> Outcome:
        """Bring the log before the witnesses, and publish it with a quorum."""
        from hisn.app.publish import publish

        return publish(self._opened()).outcome

    def _opened(self) -> Node:
        if self._node is None:
            raise HisnError("E1099", "the node was not opened")
        return self._node

    def _begun(self) -> CycleSealer:
        if self._sealer is None:
            raise HisnError("E1099", "the watch was not prepared")
        return self._sealer


class CyclesApart(KeysApart):
    """Have cycles sealed by the process that holds the keys; one thread uses it."""

    def prepare(self, name: str, sources: Sources) -> None:
        """Take the watch of this name for this process."""
        self.ask(type(None), "prepare", name, sources)

    def forget(self) -> None:
        """Begin anew."""
        self.ask(type(None), "forget")

    def begin(self) -> Begun:
        """Return where the watch stands."""
        return self.ask(Begun, "begin")

    def take(self, pieces: Sequence[tuple[str, bytes]]) -> tuple[Taken, ...]:
        """Make pieces encrypted and durable."""
        return self.ask(tuple, "take", pieces) if pieces else ()

    def commit(self, cycle: Cycle, sealed: Sequence[SealedChunk]) -> tuple[Ref, ...]:
        """Put the batches and the record of a cycle in place."""
        return self.ask(tuple, "commit", cycle, sealed)

    def record(self, acts: Sequence[FindingAct], unjudged: Sequence[int] = ()) -> tuple[Ref, ...]:
        """Put the findings of the newest cycle in place."""
        return self.ask(tuple, "record", acts, unjudged) if acts or unjudged else ()

    def replay(self, cycle: Cycle) -> Replayed:
        """Return the pieces of a sealed cycle."""
        return self.ask(Replayed, "replay", cycle)

    def places(self, cycle: Cycle, first: int) -> Mapping[tuple[str, int], tuple[Ref, str]]:
        """Return where the batches of a cycle stand."""
        return self.ask(dict, "places", cycle, first)

    def act_of(self, finding: str) -> Ref | None:
        """Return the place of the newest act of a finding."""
        return self.ask(object, "act_of", finding)  # type: ignore[return-value] # a Ref or None

    def snapshot(self, data: bytes) -> None:
        """Keep the state behind the newest cycle."""
        self.ask(type(None), "snapshot", data)

    def publish(self) -> Outcome:
        """Bring the log before the witnesses, and publish it with a quorum."""
        return self.ask(Outcome, "publish")


@contextmanager
def cycles_apart(root: Path, passphrase: Callable[[], str]) -> Generator[CyclesApart]:
    """Give what seals cycles into a node; its process is over when the block is left."""
    with keys_apart(lambda ask: NodeCycles(root, ask), _CALLS, _load, is_patient=True) as (process, pipe):
        yield CyclesApart(process, pipe, passphrase, is_there=Places(root).config.exists())


def _load() -> None:
    """Load what will be needed, while the other process loads the rules."""
    from hisn.app import heads, make_node, publish, sealing  # noqa: F401
