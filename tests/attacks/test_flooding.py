"""Flood a unit with acts: the flooder waits for himself, nobody else does, and it is in the log once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app import nodes
from tests.unit.app.nodes import EAST, NORTH, SOUTH, World, mirror
from tests.unit.app.units import opened

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.mirrored import mirrored
from hisn.app.serve import RunningNode, ServeOptions
from hisn.node.quota import Overrun
from hisn.node.serve import Listen
from hisn.testing.fake_clock import START, FakeClock

QUOTA = 5
PATIENCE_S = 20


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return nodes.world(tmp_path_factory.mktemp("unit"))


@pytest.fixture
def unit(founded: World, tmp_path: Path) -> World:
    return founded.copy(tmp_path / "unit")


def with_quota(node: Node) -> Node:
    node.charter = replace(node.charter, acts_per_hour=QUOTA)
    return node


def log(unit: World, name: str, count: int) -> None:
    """Let a member log so many acts, and EAST's mirror take all of them."""
    draft = Draft(kind="observation", public={"what": "flood", "digest": "00" * 32})
    with unit.open(name, EAST) as (node, east):
        if count:
            node.member.record([draft] * count)
        unit.publish(node)
        mirror(node, east)


def taken_over(east: Node, name: str) -> int:
    with mirrored(east, name) as copy:
        assert copy is not None
        return copy.fold.table.folded()[0]


def test_a_flood_delays_the_flooders_acts_alone_and_none_is_lost(unit: World) -> None:
    """Whatever times the acts claim: what counts is when they came."""
    log(unit, NORTH, 0)
    log(unit, SOUTH, 0)
    clock = FakeClock()
    with unit.open(EAST) as (east,):
        with_quota(east).clock = clock
        begun = [taken_over(east, name) for name in (NORTH, SOUTH)]
    log(unit, NORTH, 12)
    log(unit, SOUTH, 3)
    with unit.open(EAST) as (east,):
        with_quota(east).clock = clock
        assert taken_over(east, NORTH) == begun[0] + QUOTA
        assert taken_over(east, SOUTH) == begun[1] + 3
        counts = []
        for _ in range(3):
            clock.advance(3_600)
            counts.append(taken_over(east, NORTH) - begun[0])
        assert counts == [10, 12, 12]


@contextmanager
def serving(unit: World) -> Iterator[RunningNode]:
    running = RunningNode(
        lambda: with_quota(opened(unit.roots[EAST])), ServeOptions(Listen(), 0.02), lambda _code, _text: None
    )
    with running.background():
        yield running


def overruns(unit: World) -> list[str]:
    with unit.open(EAST) as (east,):
        east.member.fold.catch_up(east.log)
        acts = [
            parse_statement(parse_envelope(east.log.read_entry(at)).payload)
            for at in east.member.fold.table.positions("observation")
        ]
        return [str(act.public["what"]) for act in acts]


def test_the_overrun_is_in_the_log_once_per_window_also_after_restarts(unit: World) -> None:
    for name in (NORTH, SOUTH):
        log(unit, name, 0)
        with unit.open(EAST) as (east,):
            taken_over(with_quota(east), name)
    log(unit, NORTH, 12)
    for _ in range(2):
        with serving(unit):
            end = time.monotonic() + PATIENCE_S
            while not overruns(unit) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.3)
    found = overruns(unit)
    # Two, if the hour ended while the test ran.
    assert 1 <= len(found) == len(set(found)) <= 2
    assert all(text.startswith(f"quota overrun: acts of {NORTH} in the hour from ") for text in found)


def test_a_flood_of_requests_is_logged_too(unit: World) -> None:
    with serving(unit) as running:
        for _ in range(3):
            running._overrun(Overrun(SOUTH, START, 7))
        end = time.monotonic() + PATIENCE_S
        while not overruns(unit) and time.monotonic() < end:
            time.sleep(0.05)
    assert overruns(unit) == [
        f"quota overrun: requests of {SOUTH} in the hour from 2026-11-04T00:00:00.000000Z"
    ]
