from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.watch.world import World, web_log

from hisn.app.watch.cycle import Cycle
from hisn.app.watch.cycle_sealer import CycleSealer, Sources
from hisn.errors import HisnError, StorageError
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.evidence.key_record import key_commitment
from hisn.evidence.vault import Vault
from hisn.testing.seeded_entropy import SeededEntropy

STREAMS = {"a.log": web_log(1)}


def test_an_act_goes_on_from_the_one_that_opened_it(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    world.run()
    acts = [(act, body) for act, body in world.acts() if act.kind == "finding"]
    threads = {act.header.thread for act, _body in acts}
    assert 1 < len(threads) < len(acts)
    for thread in threads:
        first, *others = [act for act, _body in acts if act.header.thread == thread]
        assert first.header.in_reply_to is None
        for other in others:
            assert other.header.in_reply_to is not None
            assert other.header.in_reply_to.index < other.header.seq


def test_a_finding_names_its_batches(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    world.run()
    acts = world.acts()
    for act, body in acts:
        if act.kind != "finding":
            continue
        named: Any = body["batches"]
        assert sum(len(events) for _index, _root, events in named) == body["count"]
        for index, root, _events in named:
            assert acts[index][0].public["root"] == root


def test_a_piece_whose_key_was_erased_is_left_out_of_the_replay(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    with world.process() as (watch, _feeds):
        cycle = watch.step()
    assert cycle is not None
    Vault(world.keys, bytes(32), SeededEntropy(0)).erase([bytes.fromhex(cycle.pieces[0].key)])
    with world.process() as (watch, feeds):
        assert watch.figures.replayed == 1
        coverage = watch._analysis.coverage()
        assert [source.status for source in coverage.sources] == ["partial"]
        assert "erased" in coverage.sources[0].reason
        world.drain(watch, feeds)
    world.check_sealed_once()


def test_what_is_stored_is_encrypted(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    with world.process() as (watch, _feeds):
        cycle = watch.step()
    assert cycle is not None
    with world.ports() as ports:
        name = f"blob/sha256/{cycle.pieces[0].ciphertext[:2]}/{cycle.pieces[0].ciphertext}"
        blob = ports.blobs.get(name)
        key = ports.keys.get(bytes.fromhex(cycle.pieces[0].key))
    assert blob is not None
    assert b"GET" not in blob
    assert key_commitment(key.key).hex() == cycle.pieces[0].key


def test_a_cycle_that_does_not_follow_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    with world.ports() as ports:
        sealer = CycleSealer("w", ports, Sources(Declarations(), load_mapping().digest))
        with pytest.raises(HisnError, match="does not follow"):
            sealer.commit(Cycle(number=2, now_us=0, previous="", first=-1, positions={}), ())


def test_another_process_under_the_same_name_is_noticed(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    with world.process() as (one, _), world.process() as (other, _feeds):
        one.step()
        with pytest.raises(StorageError) as caught:
            other.step()
        assert caught.value.code == "E5201"


def test_more_findings_than_one_append_takes_are_recorded_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hisn.app.watch.cycle_sealer._ACTS_AT_ONCE", 2)
    expected = World(tmp_path / "x", STREAMS)
    (tmp_path / "x").mkdir()
    expected.run()
    for number in range(0, 60, 7):
        (tmp_path / str(number)).mkdir()
        world = World(tmp_path / str(number), STREAMS)
        with world.process() as (watch, feeds):
            while not feeds[0].is_drained:
                watch.step()
            world.faults.before[world.faults.calls + 150 + number * 3] = world.faults.fail
            with suppress(StorageError):
                watch.finish()
        world.faults.before.clear()
        world.run()
        assert world.final_findings() == expected.final_findings()
