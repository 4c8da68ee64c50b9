"""A live source hands over one piece after another; each is sealed as it came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hisn.app.home import NewNode, Node, init_node
from hisn.app.reopen import own_act, reopener
from hisn.app.seal_batch import seal_batch

LINE = b'203.0.113.7 - - [03/Nov/2026:20:00:00 +0000] "GET /%d HTTP/1.1" 200 12 "-" "curl/8"\n'


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with init_node(tmp_path / "n", NewNode(origin="vesna.example", side="county", unit="Vesna")) as made:
        yield made


def piece(first: int, count: int) -> bytes:
    return b"".join(LINE % number for number in range(first, first + count))


def test_pieces_are_in_the_log_one_after_another_and_can_be_opened(node: Node) -> None:
    one, _ = seal_batch(node, "portal/access.log", piece(0, 3))
    two, _ = seal_batch(node, "portal/access.log", piece(3, 2), mode="whole")
    assert [place.index for place in (*one, *two)] == [1, 2]
    with reopener(node) as opener:
        assert opener.batch(1).batch.sealed.count == 3
        opened = opener.batch(2)
        assert opened.batch.record(1).record == (LINE % 4).rstrip(b"\n")


def test_a_source_that_sent_nothing_has_an_empty_batch(node: Node) -> None:
    places, rows = seal_batch(node, "portal/access.log", b"")
    assert len(places) == 1
    act = own_act(node, places[0].index)
    assert act.statement.public["count"] == 0
    assert [row.status for row in rows] == ["read"]


def test_what_is_no_log_is_named_and_its_bytes_are_kept(node: Node) -> None:
    places, rows = seal_batch(node, "portal/access.log", bytes(range(256)) * 16)
    assert places == ()
    assert [row.status for row in rows] == ["skipped"]
    assert any(True for _ in node.blobs.list("blob/"))


def test_no_copy_stays_behind(node: Node) -> None:
    seal_batch(node, "portal/access.log", piece(0, 3))
    assert [path.name for path in node.places.intake.iterdir()] == ["lock"]
