"""Spread groups of tasks over processes and survive a process that dies.

A parser fed with hostile bytes may crash its process.  Then the group's tasks are tried again one
by one, so that the one bad source is named and the others lose nothing.  Parts of a group count
only when the whole group is done: nothing is counted twice.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Protocol, TypeAlias

from hisn.app.judge import Judge, Part, Placed, Wait
from hisn.engine.ledger import CoverageLedger
from hisn.errors import HisnError
from hisn.events.source import SourceNote
from hisn.events.tasks import Task

if TYPE_CHECKING:
    # A run that seals nothing does not load what sealing needs.
    from hisn.app.sealed import SealedChunk

Group = tuple[Task, ...]
JudgeFactory = Callable[[], Judge]


Compute: TypeAlias = "Callable[[Sequence[Placed]], Sequence[SealedChunk]]"
"""Compute the commitments to chunks; crosses to worker processes."""


class Sealer(Protocol):
    """Seal what a worker has read: half of it there, half of it in the process that holds the keys."""

    @property
    def compute(self) -> Compute:
        """Return the worker's half."""
        ...

    @property
    def pipes(self) -> Sequence[Connection]:
        """Return the ways to the process that holds the keys: a worker closes them before it reads."""
        ...

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Make the commitments durable. Runs in the parent; a chunk that comes again is no new one."""
        ...


@dataclass(frozen=True, slots=True)
class _Request:
    """Ask the parent to commit; the worker reads on, and waits for the answer before it judges."""

    sealed: Sequence[SealedChunk]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    group: Group
    parts: list[Part]


def judge_groups(
    groups: Sequence[Group], make_judge: JudgeFactory, processes: int, sealer: Sealer | None = None
) -> Generator[Part]:
    """Yield the parts of all groups, in no promised order.

    One process judges here; more are forked (spawned where there is no fork) after the rules are
    loaded, so that they share them.  With a `sealer` nothing is parsed here: the process that
    holds the signing keys reads no hostile bytes.
    """
    if sealer is None and (processes <= 1 or (len(groups) <= 1 and sum(map(len, groups)) <= 1)):
        judge = make_judge()
        for group in groups:
            yield from judge.run(group)
        return
    pool = _Pool(make_judge, sealer)
    try:
        yield from pool.run(deque(groups), processes)
    finally:
        pool.stop()


class _Pool:
    def __init__(self, make_judge: JudgeFactory, sealer: Sealer | None) -> None:
        self._make_judge = make_judge
        self._sealer = sealer
        # Fork shares the loaded rules; only Linux has it safely (no threads run here yet).
        self._context: ForkContext | SpawnContext = (
            multiprocessing.get_context("fork")
            if sys.platform == "linux"
            else multiprocessing.get_context("spawn")
        )
        self._workers: dict[Connection, _Worker] = {}

    def run(self, waiting: deque[Group], processes: int) -> Iterator[Part]:
        for _slot in range(min(processes, len(waiting))):
            self._start(waiting.popleft())
        while self._workers:
            for ready in multiprocessing.connection.wait(list(self._workers)):
                if not isinstance(ready, Connection):  # pragma: no cover - only pipes are waited for
                    continue
                worker = self._workers[ready]
                try:
                    message = ready.recv()
                except (EOFError, OSError):
                    yield from self._bury(worker, waiting)
                    continue
                if isinstance(message, Part):
                    worker.parts.append(message)
                elif isinstance(message, _Request) and self._sealer:
                    self._sealer.commit(message.sealed)
                    self._answer(worker)
                elif isinstance(message, HisnError):
                    raise message
                else:
                    yield from worker.parts
                    self._next(worker, waiting)

    @staticmethod
    def _answer(worker: _Worker) -> None:
        # A worker that died meanwhile is buried when its pipe is read next.
        with contextlib.suppress(OSError):
            worker.pipe.send(None)

    def _start(self, group: Group) -> None:
        ours, theirs = self._context.Pipe()
        seal = self._sealer.compute if self._sealer else None
        # A forked worker has our ends of all pipes, too.  With them open it would never see that we
        # are gone, and wait for ever; and with a way to the keys it could have signed what it likes.
        others = [*self._workers, *(self._sealer.pipes if self._sealer else ())]
        foreign = [ours, *others] if isinstance(self._context, ForkContext) else []
        process = self._context.Process(
            target=_work, args=(theirs, foreign, self._make_judge, seal), daemon=True
        )
        process.start()
        theirs.close()
        self._workers[ours] = _Worker(process, ours, group, [])
        ours.send(group)

    def _next(self, worker: _Worker, waiting: deque[Group]) -> None:
        worker.parts = []
        if waiting:
            worker.group = waiting.popleft()
            worker.pipe.send(worker.group)
        else:
            worker.pipe.send(None)
            worker.process.join()
            worker.pipe.close()
            del self._workers[worker.pipe]

    def _bury(self, worker: _Worker, waiting: deque[Group]) -> Iterator[Part]:
        """Take a dead worker's group back: split it, or name the one task that killed it."""
        worker.process.join()
        worker.pipe.close()
        del self._workers[worker.pipe]
        if len(worker.group) > 1:
            waiting.extendleft((task,) for task in reversed(worker.group))
        else:
            yield _died(worker.group[0], worker.process.exitcode)
        if waiting:
            self._start(waiting.popleft())

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.process.terminate()
            worker.process.join()
        self._workers.clear()


def _died(task: Task, exit_code: int | None) -> Part:
    ledger = CoverageLedger()
    ledger.add_note(
        SourceNote(task.name, "", "partial", f"the process that read it died (status {exit_code})", "E1006")
    )
    return Part((), ledger, 0, 0)


def _work(
    pipe: Connection, foreign: Sequence[Connection], make_judge: JudgeFactory, seal: Compute | None
) -> None:
    for each in foreign:
        each.close()
    # Ctrl-C goes to the whole process group; the parent decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    judge = make_judge()
    if seal:

        def begin(placed: Sequence[Placed]) -> Wait:
            pipe.send(_Request(seal(placed)))
            # The next message is the answer: whoever asked for a batch gets nothing else.
            return pipe.recv

        judge.seal = begin
    # The parent is gone: there is nobody to work for, and nobody to tell.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(pipe, judge)


def _serve(pipe: Connection, judge: Judge) -> None:
    while (group := pipe.recv()) is not None:
        try:
            for part in judge.run(group):
                pipe.send(part)
        except HisnError as error:
            pipe.send(error)
            return
        except Exception as error:  # noqa: BLE001 (it goes to the parent, which raises it)
            # A bug in the engine: the run stops and says so, as it does in one process.
            if os.environ.get("HISN_DEBUG"):
                traceback.print_exc()
            pipe.send(HisnError("E1099", f"the program failed ({type(error).__name__}: {error})"))
            return
        pipe.send(None)
