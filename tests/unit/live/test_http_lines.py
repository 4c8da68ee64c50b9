from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.unit.live.listeners import NOW_US, Listening, spool_in

from hisn.errors import InputError, StorageError
from hisn.live import bodies, http_lines
from hisn.live.http_lines import Door, HttpFeed
from hisn.live.spool import Batch, Full, Spool
from hisn.node.serve import Listen, NodeServer

TOKEN = "a token of more than 16 characters"


def serve(app: object) -> NodeServer:
    return NodeServer(app, Listen())  # type: ignore[arg-type]


class Served:
    """Hold one served source and a client that knows its token."""

    def __init__(self, folder: Path, name: str = "web") -> None:
        self.door = Door(serve)
        self.spool = spool_in(folder, 1 << 28)
        self.feed = HttpFeed(name, TOKEN, self.spool, self.door)
        self.there = Listening(self.feed)
        self.feed.resume(None, NOW_US)
        self.client = httpx.Client(
            base_url=self.door.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
        )

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post("/web", content=body, headers={"Content-Type": "application/json"} | named)

    def close(self) -> None:
        self.client.close()
        self.feed.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.close()


def test_lines_are_kept_when_the_sender_is_told(served: Served) -> None:
    answer = served.post(b'{"a":1}\n{"a":2}\n')
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    assert served.there.poll() == b'{"a":1}\n{"a":2}\n'


def test_a_packed_array_in_chunks(served: Served) -> None:
    packed = gzip.compress(b'[{"a":1},{"a":2}]')
    answer = served.client.post(
        "/web",
        content=iter([packed[:5], packed[5:]]),
        headers={"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"},
    )
    assert answer.json() == {"accepted": 2}
    assert served.there.poll() == b'{"a":1}\n{"a":2}\n'


def test_a_health_check_needs_the_token_alone(served: Served) -> None:
    assert served.client.get("/web").status_code == 204
    assert served.client.head("/web").status_code == 204
    assert served.client.delete("/web").status_code == 405


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_without_the_token_nothing_is_told(served: Served, authorization: str) -> None:
    for path in ("/web", "/elsewhere", "/"):
        answer = served.client.post(path, content=b"x", headers={"Authorization": authorization})
        assert (answer.status_code, answer.json()["error"]) == (401, "no such source, or another token")
    assert served.there.poll() == b""
    assert served.there.until_said("refused").reason == "a wrong token"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content_Type": "application/msgpack"}, b"\x93\x01", 415),
        ({"Content_Encoding": "zstd"}, b"x", 415),
        ({"Content_Encoding": "gzip"}, b"not gzip", 400),
        ({}, b"[1, 2", 400),
        ({"Idempotency_Key": "with space"}, b"1", 400),
        ({"Idempotency_Key": "x" * 201}, b"1", 400),
        ({"Content_Encoding": "gzip"}, gzip.compress(bytes(bodies.MAX_BODY_BYTES + 1)), 413),
        ({}, b"x" * (bodies.MAX_BODY_BYTES + 1), 413),
    ],
)
def test_what_is_refused_is_not_kept_and_is_noted(
    served: Served, headers: dict[str, str], body: bytes, status: int
) -> None:
    assert served.post(body, **headers).status_code == status
    assert served.there.poll() == b""
    assert served.there.until_said("refused").reason == f"answered with {status}"


def test_an_endless_body_is_cut_off(served: Served) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield bytes(1 << 20)

    try:
        answer = served.client.post("/web", content=endless())
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # It stopped reading while we wrote.
    assert sent < 100 << 20


def test_a_retry_with_the_same_key_is_kept_once(served: Served, tmp_path: Path) -> None:
    assert served.post(b"1\n2\n", Idempotency_Key="k").json() == {"accepted": 2}
    assert served.post(b"1\n2\n", Idempotency_Key="k").json() == {"accepted": 2, "duplicate": True}
    assert served.there.until(2) == b"1\n2\n"
    assert served.there.until_said("duplicate").count == 2
    served.close()
    again = Served(tmp_path)
    assert again.post(b"1\n2\n", Idempotency_Key="k").json()["duplicate"]
    again.close()


def test_a_retry_without_a_key_is_kept_and_counted_as_possible(served: Served) -> None:
    for _ in range(2):
        assert served.post(b"1\n2\n").json() == {"accepted": 2}
    assert served.there.until(4) == b"1\n2\n1\n2\n"
    assert served.there.until_said("possible-duplicate").count == 2


@pytest.mark.parametrize("trouble", [Full("full"), StorageError("E5641", "the disk failed")])
def test_what_cannot_be_kept_is_asked_for_again(
    served: Served, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def refuse(self: Spool, batches: list[Batch]) -> list[bool]:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "append", refuse)
        answer = served.post(b"1\n")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert served.there.until_said("waiting").reason
    assert served.post(b"1\n").status_code == 200


def test_a_full_spool_reads_no_body(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.spool, "room", lambda: 0)
    assert served.post(b"1\n").status_code == 503


def test_too_many_bodies_of_one_source(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_lines, "WAITING_OF_ONE", 0)
    answer = served.post(b"1\n")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_who_sends_slowly_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_lines, "BODY_S", 0.5)
    host, port = served.door.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        head = (
            f"POST /web HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n"
        )
        slow.sendall(head.encode())
        for _ in range(3):
            slow.sendall(b"x")
            time.sleep(0.05)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
    assert served.post(b"1\n").status_code == 200


def test_many_senders_at_once_lose_nothing(served: Served) -> None:
    def send(number: int) -> None:
        with httpx.Client(headers=served.client.headers, timeout=30) as client:
            for part in range(20):
                body = b"".join(b'{"n":"%d-%d-%d"}\n' % (number, part, line) for line in range(50))
                answer = client.post(f"{served.door.url}/web", content=body)
                assert answer.status_code == 200

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    served.there.until(4 * 20 * 50)
    for thread in threads:
        thread.join()
    assert len(set(served.there.data.splitlines())) == 4 * 20 * 50


def test_a_token_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shorter than 16"):
        HttpFeed("web", "secret", spool_in(tmp_path), Door(serve))


def test_sources_of_one_address_have_their_own_tokens(tmp_path: Path) -> None:
    door = Door(serve)
    one = HttpFeed("one", TOKEN, spool_in(tmp_path / "x"), door)
    two = HttpFeed("two", "another token of its own", spool_in(tmp_path / "y"), door)
    one.resume(None, NOW_US)
    assert door.url == ""
    two.resume(None, NOW_US)
    with httpx.Client(base_url=door.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        assert client.get("/one").status_code == 204
        assert client.get("/two").status_code == 401
    one.close()
    two.close()
