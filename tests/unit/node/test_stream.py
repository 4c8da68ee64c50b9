"""Large blobs go out part by part, to a member who takes them, and hold nobody's memory or places."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from tests.unit.node.samples import OWN
from tests.unit.node.services import Node

from hisn.acts.statement import BodyRef
from hisn.errors import StorageError
from hisn.node import http as http_module
from hisn.node.http import make_app
from hisn.node.intake import Patience
from hisn.node.pull import RemoteNode
from hisn.node.quota import Allowance, Overrun, Quota
from hisn.node.serve import Listen, NodeServer

PART = bytes(1 << 20)
DIGEST = hashlib.sha256(b"large").hexdigest()
PATH = f"/blob/sha256/{DIGEST}"


class Source:
    """Give a blob of many parts, and count how many were taken and how many readers ended."""

    def __init__(self, count: int, announced: int | None = None) -> None:
        self.count = count
        self.size = len(PART) * count if announced is None else announced
        self.given = 0
        self.ended = 0

    def __call__(self, name: str) -> tuple[int, Iterator[bytes]] | None:
        return (self.size, self.parts()) if DIGEST in name else None

    def parts(self) -> Iterator[bytes]:
        try:
            for _ in range(self.count):
                self.given += 1
                yield PART
        finally:
            self.ended += 1


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


def serving(node: Node, source: Source, patience: Patience | None = None) -> NodeServer:
    services = replace(node.services, stream=source, patience=patience or Patience())
    return NodeServer(make_app(services), Listen())


def signed(node: Node, path: str = PATH) -> dict[str, str]:
    return {"Authorization": node.north.header("GET", path, OWN)}


def test_a_blob_larger_than_memory_goes_out_part_by_part() -> None:
    node, source = Node(()), Source(64)
    with (
        serving(node, source).background() as url,
        httpx.stream("GET", url + PATH, headers=signed(node)) as answer,
    ):
        assert int(answer.headers["content-length"]) == 64 << 20
        assert answer.headers["cache-control"] == "private, no-store"
        taken, ahead = 0, 0
        for piece in answer.iter_raw(1 << 20):
            taken += len(piece)
            ahead = max(ahead, (source.given << 20) - taken)
    assert taken == 64 << 20
    # What the system's own buffers hold between two programs is a few parts at the most.
    assert ahead <= 16 << 20
    until(lambda: source.ended == 1)


def test_what_is_not_there_or_empty_is_answered_as_ever() -> None:
    node = Node(())
    other = f"/blob/sha256/{hashlib.sha256(b'none').hexdigest()}"
    with serving(node, Source(0)).background() as url:
        assert httpx.get(url + other, headers=signed(node, other)).status_code == 404
        answer = httpx.get(url + PATH, headers=signed(node))
        assert (answer.status_code, answer.content) == (200, b"")
        assert httpx.get(url + PATH).status_code == 401


def test_a_member_who_takes_nothing_loses_the_connection_and_no_part_is_read_for_him() -> None:
    node, source = Node(()), Source(512)
    patience = Patience(between_pieces_s=0.3)
    with serving(node, source, patience).background() as url:
        header = signed(node)["Authorization"]
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as slow:
            slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n".encode())
            until(lambda: source.ended == 1)
            assert source.given < 32


def test_a_member_who_takes_a_drop_at_a_time_is_ended_too() -> None:
    node, source = Node(()), Source(512)
    patience = Patience(whole_upload_s=0.5)
    with serving(node, source, patience).background() as url:
        header = signed(node)["Authorization"]
        with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as slow:
            slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {header}\r\n\r\n".encode())
            while source.ended == 0:
                slow.recv(1_000)
                time.sleep(0.02)


def test_a_member_who_goes_away_frees_his_place() -> None:
    node, source = Node(()), Source(512)
    with serving(node, source).background() as url:
        with httpx.stream("GET", url + PATH, headers=signed(node)) as answer:
            next(answer.iter_raw(1 << 20))
        until(lambda: source.ended == 1)
        assert source.given < 64


def test_one_member_takes_so_many_at_one_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_STREAMS", 1)
    node, source = Node(()), Source(64)
    with serving(node, source).background() as url:
        with httpx.stream("GET", url + PATH, headers=signed(node)) as first:
            next(taking := first.iter_raw(1 << 10))
            refused = httpx.get(url + PATH, headers=signed(node))
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
            with RemoteNode(url, OWN, node.north) as remote, pytest.raises(StorageError) as caught:
                remote.body(BodyRef("body", bytes.fromhex(DIGEST)), 100)
            assert caught.value.code == "E5402", "whoever asked is told to ask later"
            assert next(taking)
        until(lambda: source.ended == 1)
        assert len(httpx.get(url + PATH, headers=signed(node)).content) == 64 << 20


def test_the_share_of_a_member_is_counted_before_anything_is_sent() -> None:
    node, source, reports = Node(()), Source(8), list[Overrun]()
    node.quota = Quota(Allowance(requests=100, size_bytes=10 << 20), node.clock, reports.append)
    with serving(node, source).background() as url:
        assert httpx.get(url + PATH, headers=signed(node)).status_code == 200
        assert httpx.get(url + PATH, headers=signed(node)).status_code == 429
    assert source.given == 8


def test_a_blob_that_is_erased_while_it_is_sent_does_not_look_whole() -> None:
    node, source = Node(()), Source(3, announced=5 << 20)
    with serving(node, source).background() as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url + PATH, headers=signed(node))


def test_a_disk_that_fails_in_the_middle_does_not_look_like_an_end() -> None:
    class Failing(Source):
        def parts(self) -> Iterator[bytes]:
            yield PART
            raise StorageError("E5203", "cannot read")

    node = Node(())
    with serving(node, Failing(3)).background() as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url + PATH, headers=signed(node))
