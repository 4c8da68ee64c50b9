"""Before anything is signed, the witnesses are asked whether this log is an old copy."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket

import pytest
from tests.unit.app.units import MEMBERS, alone, copied, opened, served
from tests.unit.node import hostile

from hisn.app import lookout
from hisn.app.home import Node
from hisn.app.lookout import look_out
from hisn.app.member import Draft
from hisn.app.publish import publish
from hisn.errors import StorageError
from hisn.node.client import Deadlines
from hisn.node.published import Haste

EAST, NORTH, SOUTH = MEMBERS
Linked = tuple[dict[str, Path], dict[str, str]]


def note(text: str) -> Draft:
    return Draft(kind="observation", public={"what": text, "digest": "00" * 32})


@pytest.fixture
def restored(linked_unit: Linked, tmp_path: Path) -> Iterator[tuple[Node, Linked]]:
    """Give a node whose folder is older than what its witnesses have seen; nobody has told it yet."""
    roots, urls = copied(linked_unit[0], tmp_path), linked_unit[1]
    with served({name: root for name, root in roots.items() if name != EAST}, urls):
        shutil.copytree(roots[EAST], tmp_path / "backup")
        with opened(roots[EAST]) as node:
            node.member.record([note("later")])
            assert publish(node, Haste(whole_s=5, grace_s=5)).is_published
    shutil.rmtree(roots[EAST])
    shutil.copytree(tmp_path / "backup", roots[EAST])
    with opened(roots[EAST]) as node:
        yield node, (roots, urls)


def test_one_witness_that_has_seen_more_is_enough(restored: tuple[Node, Linked]) -> None:
    node, (roots, urls) = restored
    with served({SOUTH: roots[SOUTH]}, urls):
        for _ in range(2):
            with pytest.raises(StorageError) as caught:
                node.member.record([note("a fork")])
            assert caught.value.code == "E5207"
    with opened(roots[EAST]) as again:
        assert again.log.refusal is not None


def test_witnesses_that_are_away_keep_nobody_from_sealing(restored: tuple[Node, Linked]) -> None:
    node, _ = restored
    began = time.monotonic()
    node.member.record([note("sequenced, unwitnessed")])
    assert time.monotonic() - began < 5


def test_the_witnesses_are_asked_once(restored: tuple[Node, Linked]) -> None:
    node, (roots, urls) = restored
    node.member.record([note("sequenced")])
    with served({SOUTH: roots[SOUTH]}, urls):
        node.member.record([note("within the same run")])


def test_nothing_to_say_asks_nobody(restored: tuple[Node, Linked]) -> None:
    node, (roots, urls) = restored
    with served({SOUTH: roots[SOUTH]}, urls):
        assert node.member.record([]) == []


def test_the_question_can_be_asked_within_an_event_loop(restored: tuple[Node, Linked]) -> None:
    node, (roots, urls) = restored

    async def live_source() -> None:
        node.member.record([note("from a live source")])

    with served({SOUTH: roots[SOUTH]}, urls), pytest.raises(StorageError):
        asyncio.run(live_source())


@pytest.mark.parametrize(
    "behave",
    [
        hostile.silent,
        hostile.drips_head,
        hostile.endless,
        hostile.garbage,
        hostile.answers("200 OK", b"lies\n"),
    ],
    ids=["silent", "drips", "endless", "garbage", "lies"],
)
def test_a_hostile_witness_stops_nobody(
    tmp_path: Path, behave: Callable[[socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "_PATIENCE", Deadlines(whole_s=0.4))
    with alone(tmp_path) as node, hostile.raw_server(behave) as url:
        began = time.monotonic()
        look_out(node.log, [f"{url}/witness"])
        assert time.monotonic() - began < 4
        assert node.log.refusal is None


def test_what_another_log_signed_stops_nobody(tmp_path: Path) -> None:
    """A witness that shows the checkpoint of somebody else's log under this log's name."""
    with alone(tmp_path / "one", "one.example") as one, alone(tmp_path / "two", "two.example") as two:
        two.member.record([note("longer"), note("than one")])
        with hostile.raw_server(hostile.answers("200 OK", two.log.head().raw)) as url:
            look_out(one.log, [url])
        assert one.log.refusal is None
