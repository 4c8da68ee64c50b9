from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.unit.node.certificates import write_certificate

from hisn.errors import StorageError
from hisn.node.serve import Listen, NodeServer, PatientProtocol
from hisn.tlog.ports import DurabilityLost


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def large(_request: Request) -> Response:
    return PlainTextResponse(b"x" * 64_000_000)


APP = Starlette(routes=[Route("/", hello, methods=["GET", "POST"]), Route("/large", large)])


class HastyProtocol(PatientProtocol):
    head_s = 0.8
    tail_s = 0.8


def connect(url: str) -> socket.socket:
    parts = httpx.URL(url)
    return socket.create_connection((parts.host, parts.port or 0), timeout=10)


def drip(peer: socket.socket, data: bytes) -> None:
    for byte in data:
        peer.sendall(bytes([byte]))
        time.sleep(0.02)


def is_ended(peer: socket.socket) -> bool:
    try:
        while peer.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


def test_a_node_serves_while_the_block_runs() -> None:
    with NodeServer(APP, Listen()).background() as url:
        answer = httpx.get(url)
        assert answer.text == "hello"
        assert "server" not in answer.headers
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_taken_port_is_told() -> None:
    with NodeServer(APP, Listen()).background() as url:
        port = httpx.URL(url).port or 0
        with pytest.raises(StorageError) as caught:
            NodeServer(APP, Listen(port=port)).run()
        assert caught.value.code == "E5404"


def test_an_address_of_the_sixth_version_is_written_in_brackets() -> None:
    server = NodeServer(APP, Listen("::1"))
    try:
        server.bind()
    except StorageError:
        pytest.skip("this machine has no IPv6")
    with pytest.raises(StorageError):
        NodeServer(APP, Listen("::1", httpx.URL(server.url).port or 0)).bind()
    assert server.url.startswith("http://[::1]:")
    server.stop()
    server.run()


def test_no_address_before_it_listens() -> None:
    with pytest.raises(RuntimeError):
        _ = NodeServer(APP, Listen()).url


def test_tls_is_served_and_a_missing_key_is_told(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    with NodeServer(APP, Listen(certificate=str(certificate), key=str(key))).background() as url:
        assert url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(certificate))
        assert httpx.get(url, verify=trust).text == "hello"
    with pytest.raises(StorageError) as caught:
        NodeServer(APP, Listen(certificate=str(certificate), key=str(tmp_path / "none")))
    assert caught.value.code == "E5404"


def test_a_node_that_lost_data_ends_with_that_error() -> None:
    server = NodeServer(APP, Listen())
    server.bind()
    threading.Timer(0.3, server.fail, [DurabilityLost("fsync failed")]).start()
    with pytest.raises(DurabilityLost):
        server.run()


def test_the_thread_behind_a_block_tells_how_it_ended() -> None:
    server = NodeServer(APP, Listen())
    with pytest.raises(DurabilityLost), server.background():
        server.fail(DurabilityLost("fsync failed"))


def test_who_connects_and_says_nothing_is_cut_off() -> None:
    with NodeServer(APP, Listen(), HastyProtocol).background() as url, connect(url) as peer:
        assert is_ended(peer)


def test_who_drips_the_head_of_a_request_is_cut_off() -> None:
    with NodeServer(APP, Listen(), HastyProtocol).background() as url, connect(url) as peer:
        start = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(peer, b"GET / HTTP/1.1\r\nHost: node\r\nX-Long: " + b"x" * 1_000)
        assert time.monotonic() - start < 10


def test_who_drips_the_head_of_a_second_request_is_cut_off() -> None:
    with NodeServer(APP, Listen(), HastyProtocol).background() as url, connect(url) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n")
        while b"hello" not in peer.recv(65_536):
            pass
        peer.sendall(b"GET")
        assert is_ended(peer)


def test_who_takes_nothing_of_an_answer_is_cut_off() -> None:
    with NodeServer(APP, Listen(), HastyProtocol).background() as url, connect(url) as peer:
        peer.sendall(b"GET /large HTTP/1.1\r\nHost: node\r\n\r\n")
        time.sleep(2)
        taken = 0
        try:
            while piece := peer.recv(1 << 20):
                taken += len(piece)
        except ConnectionError:
            pass
        assert taken < 64_000_000


def test_who_never_ends_a_body_that_was_answered_is_cut_off() -> None:
    with NodeServer(APP, Listen(), HastyProtocol).background() as url, connect(url) as peer:
        peer.sendall(b"POST / HTTP/1.1\r\nHost: node\r\nContent-Length: 1000000000\r\n\r\n")
        start = time.monotonic()
        with pytest.raises(ConnectionError):
            drip(peer, bytes(1_000))
        assert time.monotonic() - start < 10


def test_many_requests_on_one_connection_are_answered() -> None:
    with NodeServer(APP, Listen()).background() as url, httpx.Client() as client:
        assert {client.get(url).text for _ in range(20)} == {"hello"}


def test_requests_sent_one_behind_the_other_are_all_answered() -> None:
    with NodeServer(APP, Listen(), HastyProtocol).background() as url, connect(url) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n" * 3)
        received = b""
        while received.count(b"hello") < 3:
            received += peer.recv(65_536)
