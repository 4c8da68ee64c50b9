"""Processes share the work; one that dies costs its own source and nothing else."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from hisn.app.judge import Judge, Part
from hisn.app.pool import judge_groups
from hisn.engine.hits import HitBlock
from hisn.engine.ledger import CoverageLedger
from hisn.errors import HisnError, InputError
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


def test_factory_may_be_partial() -> None:
    assert sources_of(list(judge_groups(groups_of(("a",)), functools.partial(RehearsedJudge), 3))) == ["a"]
