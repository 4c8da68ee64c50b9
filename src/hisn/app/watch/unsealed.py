"""Run a watch that seals nothing: its feeds begin as they are configured at every start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection

from hisn.acts.statement import Ref
from hisn.app.sealed import SealedChunk
from hisn.app.watch.cycle import Cycle
from hisn.app.watch.cycle_sealer import Begun, FindingAct, Replayed, Taken
from hisn.app.watch.kept import Row


class Unsealed:
    """Stand where sealing stands, and do nothing."""

    pipes: Sequence[Connection] = ()

    def begin(self) -> Begun:
        """Begin at the beginning."""
        return Begun(Row(), None, ())

    def take(self, pieces: Sequence[tuple[str, bytes]]) -> tuple[Taken, ...]:
        """Give pieces no key."""
        return tuple(Taken(None, b"", b"", b"") for _ in pieces)

    def commit(self, cycle: Cycle, sealed: Sequence[SealedChunk]) -> tuple[Ref, ...]:
        """Commit nothing."""
        del cycle, sealed
        return ()

    def record(self, acts: Sequence[FindingAct], unjudged: Sequence[int] = ()) -> tuple[Ref, ...]:
        """Record nothing."""
        del acts, unjudged
        return ()

    def replay(self, cycle: Cycle) -> Replayed:
        """Have nothing to play again."""
        del cycle
        return Replayed(())

    def places(self, cycle: Cycle, first: int) -> Mapping[tuple[str, int], tuple[Ref, str]]:
        """Have no batches."""
        del cycle, first
        return {}

    def act_of(self, finding: str) -> Ref | None:
        """Have no acts."""
        del finding
        return None

    def snapshot(self, data: bytes) -> None:
        """Keep nothing."""
