"""Processes share the work; one that dies costs its own source and nothing else."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

import numpy as np
import pytest

from hisn.app.judge import Judge, Part, Placed
from hisn.app.pool import judge_groups
from hisn.app.sealed import SealedChunk
from hisn.engine.hits import HitBlock
from hisn.engine.ledger import CoverageLedger
from hisn.errors import HisnError, InputError, StorageError
from hisn.events.tasks import Task
from hisn.rules.pack import Pack

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="needs fork")


class RehearsedJudge(Judge):
    """Judge without reading: a task's name says what happens to the process."""

    def __init__(self) -> None:
        """Need no scanner."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Part]:
        """Yield one hit per task, unless the task kills the process first."""
        for task in tasks:
            if task.name == "deadly":
                os.kill(os.getpid(), signal.SIGKILL)
            if task.name == "broken rules":
                raise InputError("E2100", "the rules are broken", hint="mend them")
            if task.name == "bug":
                raise ZeroDivisionError
            numbers = np.array([1], np.int64)
            yield Part((HitBlock(0, task.name, "asset", numbers, numbers, ()),), CoverageLedger(), 1, 10)


def groups_of(*groups: tuple[str, ...]) -> list[tuple[Task, ...]]:
    return [tuple(Task(name, name) for name in group) for group in groups]


def sources_of(parts: Sequence[Part]) -> list[str]:
    return sorted(block.source for part in parts for block in part.hits)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_group_is_judged_once(processes: int) -> None:
    groups = groups_of(("a", "b"), ("c",), ("d", "e", "f"), ("g",))
    assert sources_of(list(judge_groups(groups, RehearsedJudge, processes))) == list("abcdefg")


@needs_fork
def test_hostile_file_that_kills_the_parser_costs_its_own_source_only() -> None:
    """A parser crash must neither lose the neighbours' hits nor count them twice."""
    groups = groups_of(("a", "b", "deadly", "c"), ("d",))
    parts = list(judge_groups(groups, RehearsedJudge, 2))
    assert sources_of(parts) == ["a", "b", "c", "d"]
    ledger = CoverageLedger()
    for part in parts:
        ledger.merge(part.ledger)
    coverage = ledger.build(Pack(name="none", digest="", rules=()))
    assert not coverage.complete
    assert [(source.name, source.status) for source in coverage.sources] == [("deadly", "partial")]
    assert "died" in coverage.sources[0].reason


@needs_fork
def test_error_in_a_process_reaches_the_user_whole() -> None:
    with pytest.raises(InputError) as caught:
        list(judge_groups(groups_of(("a",), ("broken rules",)), RehearsedJudge, 2))
    assert (caught.value.code, caught.value.hint) == ("E2100", "mend them")


@needs_fork
def test_bug_in_a_process_is_no_silent_skip() -> None:
    with pytest.raises(HisnError, match="ZeroDivisionError"):
        list(judge_groups(groups_of(("a",), ("bug",)), RehearsedJudge, 2))


@needs_fork
def test_no_process_is_left_behind() -> None:
    parts = judge_groups(groups_of(*((str(number),) for number in range(20))), RehearsedJudge, 2)
    next(parts)
    parts.close()
    assert not multiprocessing.active_children()


def nothing_sealed(_placed: Sequence[Placed]) -> Sequence[SealedChunk]:
    return ()


class RehearsedSealer:
    """Keep what is committed; fail from the n-th request on."""

    compute = staticmethod(nothing_sealed)
    pipes: Sequence[Connection] = ()

    def __init__(self, fails_at: int | None = None) -> None:
        self.requests = 0
        self.fails_at = fails_at

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Count, or fail as a full disk does."""
        if self.requests == self.fails_at:
            raise StorageError("E5203", "no space left")
        self.requests += 1


class SealingJudge(RehearsedJudge):
    """Ask for the seal of every task before it gives its hit."""

    def run(self, tasks: Sequence[Task]) -> Iterator[Part]:
        """Yield one hit per task, once it is sealed."""
        for task in tasks:
            assert self.seal is not None
            wait = self.seal([])
            assert wait is not None
            wait()
            yield from super().run([task])


@needs_fork
@pytest.mark.parametrize("processes", [1, 2, 5])
def test_every_batch_is_committed_by_the_parent_before_its_hits_come(processes: int) -> None:
    sealer = RehearsedSealer()
    groups = groups_of(("a", "b"), ("c",), ("d",))
    assert sources_of(list(judge_groups(groups, SealingJudge, processes, sealer))) == list("abcd")
    assert sealer.requests == 4


@needs_fork
@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_is_judged_that_was_not_committed(processes: int) -> None:
    """A full disk under the log: the run ends, and no hit of the unsealed comes out."""
    sealer = RehearsedSealer(fails_at=2)
    got: list[Part] = []
    with pytest.raises(StorageError):
        got.extend(judge_groups(groups_of(("a", "b", "c", "d")), SealingJudge, processes, sealer))
    assert got == []
    assert not multiprocessing.active_children()


@needs_fork
def test_with_a_sealer_nothing_is_parsed_by_the_process_that_holds_the_keys() -> None:
    """A parser crash would take the signing keys' process with it, and a hostile parser the keys."""
    groups = groups_of(("deadly",))
    (part,) = judge_groups(groups, SealingJudge, 1, RehearsedSealer())
    assert part.hits == ()


ORPHANS = """
import os, time
from hisn.app.judge import Judge, Part
from hisn.app.pool import judge_groups
from hisn.events.tasks import Task

class Slow(Judge):
    def __init__(self) -> None:
        pass
    def run(self, tasks):
        os.write(1, b"here\\n")
        time.sleep(0.2)
        return iter(())

groups = [(Task(name, name),) for name in "abcdefgh"]
list(judge_groups(groups, Slow, 3))
"""


@needs_fork
def test_workers_end_when_their_parent_is_killed() -> None:
    """Orphans that wait for ever would keep plain logs open, and the lock on them."""
    with subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(3)] == ["here\n"] * 3
        parent.kill()
        # The pipe ends when the last process that can write to it is gone.
        parent.communicate(timeout=30)


def test_factory_may_be_partial() -> None:
    assert sources_of(list(judge_groups(groups_of(("a",)), functools.partial(RehearsedJudge), 3))) == ["a"]
