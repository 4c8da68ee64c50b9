from __future__ import annotations

import msgspec
import numpy as np
import pytest
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


def test_what_nothing_can_rest_on_any_more_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hisn.app.watch.batches._FEW", 0)
    found = batches()
    found._forget_at = 0
    found.forget(lambda _source: NIGHT_US + 11, dict)
    assert len(found) == 2
    found._forget_at = 0
    found.forget(lambda _source: NIGHT_US + 1_000, lambda: {"a.evtx": np.array([5, 15, 40])})
    assert len(found) == 1
    assert found._batches["a.evtx"][0].chunk.first_record == 11
    found._forget_at = 0
    found.forget(lambda _source: NIGHT_US + 1_000, dict)
    assert len(found) == 1


def test_few_batches_are_not_looked_through() -> None:
    found = batches()
    found.forget(lambda _source: NIGHT_US + 1_000, lambda: pytest.fail("nobody asks"))
    assert len(found) == 3


def test_an_attack_of_days_leaves_only_the_batches_of_its_records() -> None:
    found = Batches()
    for number in range(2_000):
        found.add(chunk(number * 10 + 1, number * 10 + 10, NIGHT_US + number), Ref("o", number, bytes(32)))
        found.forget(lambda _source: NIGHT_US + 1_000_000, lambda: {"a.evtx": np.array([7, 7_007])})
    assert len(found) < 600
    kept = [each.place.index for each in found._batches["a.evtx"]]
    assert kept[:2] == [0, 700]


def test_they_come_back_as_they_were() -> None:
    found, other = batches(), Batches()
    other.load(unpack(pack(found.dump())))
    assert pack(other.dump()) == pack(found.dump())
