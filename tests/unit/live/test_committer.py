from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.live import committer as module
from hisn.live.committer import Committer, Outcome
from hisn.live.spool import Batch, Full, Spool


class SlowSpool(Spool):
    """Append what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.trouble: Exception | None = None
        self.may_go = threading.Event()
        self.may_go.set()

    def append(self, batches: list[Batch]) -> list[bool]:  # type: ignore[override]
        self.may_go.wait(10)
        if self.trouble:
            raise self.trouble
        self.groups.append([batch.lines for batch in batches])
        return [batch.key != b"again" for batch in batches]


@pytest.fixture
def spool() -> SlowSpool:
    return SlowSpool()


@pytest.fixture
def committer(spool: SlowSpool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Committer]:
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    made = Committer(spool)
    made.start()
    yield made
    spool.may_go.set()
    made.close()


def until(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_what_waits_is_kept_by_one_sync(committer: Committer, spool: SlowSpool) -> None:
    outcomes: list[Outcome] = []
    spool.may_go.clear()
    for number in range(5):
        committer.put(Batch(b"%d\n" % number), outcomes.append, can_wait=True)
    spool.may_go.set()
    until(lambda: len(outcomes) == 5)
    assert len(spool.groups) <= 2
    assert [each for group in spool.groups for each in group] == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]


def test_a_batch_that_was_kept_before_is_told_so(committer: Committer) -> None:
    outcomes: list[Outcome] = []
    committer.put(Batch(b"x\n", b"again"), outcomes.append, can_wait=False)
    until(lambda: outcomes)
    assert outcomes == ["duplicate"]


@pytest.mark.parametrize(
    ("trouble", "outcome"), [(Full("full"), "full"), (StorageError("E5641", "the disk failed"), "failed")]
)
def test_who_can_wait_waits_and_the_others_are_told(
    committer: Committer, spool: SlowSpool, trouble: Exception, outcome: Outcome
) -> None:
    spool.trouble = trouble
    told: list[Outcome] = []
    waited: list[Outcome] = []
    committer.put(Batch(b"wait\n"), waited.append, can_wait=True)
    committer.put(Batch(b"now\n"), told.append, can_wait=False)
    until(lambda: told)
    assert told == [outcome]
    assert committer.trouble
    assert waited == []
    spool.trouble = None
    until(lambda: waited)
    assert (waited, spool.groups) == (["kept"], [[b"wait\n"]])
    until(lambda: committer.trouble is None)


def test_who_cannot_wait_is_held_in_bounds(
    committer: Committer, spool: SlowSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OFFERED_BYTES", 10)
    dropped: list[int] = []
    spool.may_go.clear()
    assert committer.offer(b"12345\n", lambda: dropped.append(1))
    assert not committer.offer(b"12345\n", lambda: dropped.append(1))
    spool.may_go.set()
    until(lambda: committer.offer(b"12345\n", lambda: dropped.append(1)))
    assert dropped == []


def test_closing_keeps_what_waits(spool: SlowSpool, tmp_path: Path) -> None:
    made = Committer(spool)
    outcomes: list[Outcome] = []
    made.put(Batch(b"x\n"), outcomes.append, can_wait=True)
    made.start()
    made.close()
    assert outcomes == ["kept"]
    made.put(Batch(b"y\n"), outcomes.append, can_wait=True)
    assert outcomes[-1] == "closed"


def test_closing_does_not_wait_for_a_full_spool(spool: SlowSpool) -> None:
    spool.trouble = Full("full")
    made = Committer(spool)
    outcomes: list[Outcome] = []
    made.start()
    made.put(Batch(b"x\n"), outcomes.append, can_wait=True)
    until(lambda: made.trouble)
    made.close()
    assert outcomes == ["closed"]
