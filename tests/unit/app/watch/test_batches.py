from __future__ import annotations

import msgspec
from tests.unit.findings.samples import NIGHT_US, block, rule

from hisn.acts.statement import Ref
from hisn.app.sealed import Run, SealedChunk
from hisn.app.watch.batches import Batches
from hisn.core.packed import pack, unpack
from hisn.events.tasks import Task
from hisn.findings.build import FindingBuilder


def chunk(first: int, last: int, time: int = NIGHT_US, source: str = "a.evtx") -> SealedChunk:
    runs = (Run(first, last, 0),) if last >= first else ()
    return SealedChunk(
        Task("0", source), source, "k", 0, bytes(32), max(0, last - first + 1), runs, time, time, ()
    )


def batches() -> Batches:
    found = Batches()
    for number, (first, last) in enumerate([(1, 10), (11, 20), (21, 20), (21, 30)]):
        found.add(chunk(first, last, NIGHT_US + first), Ref("o", number, bytes(32)))
    return found


def test_a_finding_names_the_batches_and_events_of_its_records() -> None:
    builder = FindingBuilder((rule(0),), "m", "1")
    builder.add(block(0, [(NIGHT_US, 3), (NIGHT_US, 12), (NIGHT_US, 13)]))
    (finding,) = builder.findings()
    evidence = batches().evidence(finding)
    assert [(place.index, events) for place, _chunk, events in evidence] == [(0, (2,)), (1, (1, 2))]
    elsewhere = msgspec.structs.replace(finding, source="other")
    assert batches().evidence(elsewhere) == ()


def test_what_nothing_can_rest_on_any_more_is_forgotten() -> None:
    found = batches()
    assert len(found) == 3
    found.forget(lambda _source: NIGHT_US + 11, {})
    assert len(found) == 2
    found.forget(lambda _source: NIGHT_US + 1_000, {"a.evtx": 15})
    assert len(found) == 2
    found.forget(lambda _source: NIGHT_US + 1_000, {})
    assert len(found) == 1


def test_they_come_back_as_they_were() -> None:
    found, other = batches(), Batches()
    other.load(unpack(pack(found.dump())))
    assert pack(other.dump()) == pack(found.dump())
