"""Spread groups of tasks over processes and survive a process that dies.

A parser fed with hostile bytes may crash its process.  Then the group's tasks are tried again one
by one, so that the one bad source is named and the others lose nothing.  Parts of a group count
only when the whole group is done: nothing is counted twice.
"""

from __future__ import annotations

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

from hisn.app.judge import Judge, Part
from hisn.engine.ledger import CoverageLedger
from hisn.errors import HisnError
from hisn.events.source import SourceNote
from hisn.events.tasks import Task

Group = tuple[Task, ...]
JudgeFactory = Callable[[], Judge]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    group: Group
    parts: list[Part]


def judge_groups(groups: Sequence[Group], make_judge: JudgeFactory, processes: int) -> Generator[Part]:
    """Yield the parts of all groups, in no promised order.

    One process judges here; more are forked (spawned where there is no fork) after the rules are
    loaded, so that they share them.
    """
    if processes <= 1 or (len(groups) <= 1 and sum(map(len, groups)) <= 1):
        judge = make_judge()
        for group in groups:
            yield from judge.run(group)
        return
    pool = _Pool(make_judge)
    try:
        yield from pool.run(deque(groups), processes)
    finally:
        pool.stop()


class _Pool:
    def __init__(self, make_judge: JudgeFactory) -> None:
        self._make_judge = make_judge
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
                elif isinstance(message, HisnError):
                    raise message
                else:
                    yield from worker.parts
                    self._next(worker, waiting)

    def _start(self, group: Group) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._make_judge), daemon=True)
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


def _work(pipe: Connection, make_judge: JudgeFactory) -> None:
    # Ctrl-C goes to the whole process group; the parent decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    judge = make_judge()
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
