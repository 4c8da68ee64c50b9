"""The node is open in a process that outlives signals to the group and no first process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from tests.unit.app.units import alone, nobody, opened
from tests.unit.app.watch.world import scanner, web_log

from hisn.app.watch.cycle import Cycle
from hisn.app.watch.cycle_sealer import Sources
from hisn.app.watch.keys import cycles_apart
from hisn.app.watch.pieces import PieceJudge, ToRead
from hisn.errors import StorageError
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.events.tasks import Task

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
SOURCES = Sources(Declarations(), load_mapping().digest)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    alone(tmp_path / "home").close()
    return tmp_path / "home"


def empty(number: int, previous: str = "") -> Cycle:
    return Cycle(number=number, now_us=number, previous=previous, first=-1, positions={})


def test_a_cycle_is_sealed_there_and_found_again(home: Path) -> None:
    with cycles_apart(home, nobody) as cycles:
        assert cycles.open().origin == "vesna.example"
        cycles.prepare("w", SOURCES)
        assert cycles.begin().cycles == ()
        (taken,) = cycles.take([("a.log", web_log(1))])
        read = PieceJudge(scanner()).read([ToRead(Task("", "a.log", first_record=1), web_log(1), taken.by)])
        os.kill(cycles._process.pid or 0, signal.SIGTERM)
        (place,) = cycles.commit(empty(1), read.sealed)
        assert place.index == 1
        assert cycles.publish().is_published
        assert cycles.act_of("f-none") is None
    with cycles_apart(home, nobody) as cycles:
        cycles.open()
        cycles.prepare("w", SOURCES)
        begun = cycles.begin()
        assert begun.row.sealed == 1
        (cycle,) = begun.cycles
        cycles.snapshot(b"state")
        assert cycles.begin().snapshot == b"state"
        cycles.forget()
        assert cycles.begin().row.sealed == 0
        assert cycle.number == 1
    with opened(home) as node:
        assert node.log.head().checkpoint.size == 2


def test_one_watch_is_run_by_one_process(home: Path) -> None:
    with cycles_apart(home, nobody) as one, cycles_apart(home, nobody) as other:
        for each in (one, other):
            each.open()
        one.prepare("w", SOURCES)
        other.prepare("another", SOURCES)
        with pytest.raises(StorageError) as caught:
            other.prepare("w", SOURCES)
        assert caught.value.code == "E5606"


def test_what_cannot_be_called_is_refused(home: Path) -> None:
    with cycles_apart(home, nobody) as cycles:
        cycles.open()
        with pytest.raises(Exception, match="no such call"):
            cycles.ask(object, "_opened")
        with pytest.raises(Exception, match="was not prepared"):
            cycles.begin()
