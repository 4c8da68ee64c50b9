from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from socket import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.unit.node import hostile
from tests.unit.node.certificates import write_certificate
from tests.unit.node.samples import OWN
from tests.unit.node.services import NORTH_ACT, Node, run

from hisn.errors import StorageError
from hisn.node.auth import RequestSigner
from hisn.node.client import Ask, Caller, Deadlines, Reply, peer_of
from hisn.node.serve import Listen, NodeServer
from hisn.testing.fake_clock import FakeClock

QUICK = Deadlines(connect_s=0.5, step_s=0.3, whole_s=0.6)


def ask(
    url: str,
    max_bytes: int = 1_000,
    body: bytes | None = None,
    tls: ssl.SSLContext | None = None,
    deadlines: Deadlines | None = None,
) -> Reply:
    async def work() -> Reply:
        async with Caller(deadlines=deadlines, tls=tls) as caller:
            return await caller.ask(Ask(url, max_bytes, body))

    return run(work())


async def echo(request: Request) -> Response:
    cookie = request.headers.get("cookie", "").encode()
    body = request.method.encode() + await request.body() + cookie
    return PlainTextResponse(body, headers={"Set-Cookie": "a=b"})


ECHO = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])])


def test_an_answer_comes_back_with_status_and_type() -> None:
    with hostile.raw_server(hostile.answers("409 Conflict\r\nContent-Type: text/x.tlog.size", b"5\n")) as url:
        assert ask(url) == Reply(409, "text/x.tlog.size", b"5\n")


def test_a_body_makes_it_a_post() -> None:
    with NodeServer(ECHO, Listen()).background() as url:
        assert ask(url).body == b"GET"
        assert ask(url, body=b"").body == b"POST"
        assert ask(url, body=b"x").body == b"POSTx"


@pytest.mark.parametrize(
    "behave",
    [
        hostile.silent,
        hostile.drips_head,
        hostile.drips_body,
        hostile.garbage,
        hostile.breaks_off,
        hostile.endless_head,
        hostile.endless_hints,
    ],
)
def test_a_peer_that_does_not_answer_costs_its_deadline_and_no_more(
    behave: Callable[[socket], None],
) -> None:
    with hostile.raw_server(behave) as url:
        start = time.monotonic()
        with pytest.raises(StorageError) as caught:
            ask(url, max_bytes=100_000, deadlines=QUICK)
        assert caught.value.code == "E5402"
        assert time.monotonic() - start < 5


def test_an_endless_answer_is_cut_at_its_cap() -> None:
    with hostile.raw_server(hostile.endless) as url, pytest.raises(StorageError) as caught:
        ask(url, max_bytes=100_000)
    assert caught.value.code == "E5403"


def test_a_redirect_is_not_followed() -> None:
    target = hostile.answers("200 OK", b"inside")
    with hostile.raw_server(target) as inside:
        for head in ("302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            with (
                hostile.raw_server(hostile.answers(f"{head}\r\nLocation: {inside}/")) as url,
                pytest.raises(StorageError) as caught,
            ):
                ask(url)
            assert caught.value.code == "E5403"


def test_a_packed_answer_could_be_a_bomb_and_is_refused() -> None:
    with (
        hostile.raw_server(hostile.answers("200 OK\r\nContent-Encoding: gzip", b"x")) as url,
        pytest.raises(StorageError) as caught,
    ):
        ask(url)
    assert caught.value.code == "E5403"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "ftp://127.0.0.1/",
        "nonsense",
        "",
        "http://",
        "http://[::1",
        "http://a b/",
        "http://x:99999/",
    ],
)
def test_a_peer_without_an_address_does_not_answer(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        ask(url)
    assert caught.value.code == "E5402"


def test_cookies_are_not_kept() -> None:
    async def work() -> list[Reply]:
        async with Caller() as caller:
            return [await caller.ask(Ask(url, 1_000)) for _ in range(2)]

    with NodeServer(ECHO, Listen()).background() as url:
        assert [reply.body for reply in run(work())] == [b"GET", b"GET"]


def test_the_environment_sends_no_request_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with NodeServer(ECHO, Listen()).background() as url:
        assert ask(url).status == 200


def test_a_certificate_must_be_trusted(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    with NodeServer(ECHO, Listen(certificate=str(certificate), key=str(key))).background() as url:
        assert ask(url, tls=ssl.create_default_context(cafile=str(certificate))).status == 200
        with pytest.raises(StorageError) as caught:
            ask(url)
        assert caught.value.code == "E5402"


def test_what_only_members_get_is_asked_for_with_a_signature() -> None:
    node = Node(())
    signer = RequestSigner("north.example/log", NORTH_ACT, FakeClock())

    async def work(transport: httpx.AsyncBaseTransport, to: str, with_signer: bool) -> int:
        async with Caller(signer if with_signer else None, transport=transport) as caller:
            return (await caller.ask(Ask("http://node/blob/sha256/ab?x=1", 1_000, to=to))).status

    for to, with_signer, status in (
        (OWN, True, 404),
        ("", True, 401),
        ("other", True, 401),
        (OWN, False, 401),
    ):
        assert run(work(httpx.ASGITransport(node.app()), to, with_signer)) == status


@pytest.mark.parametrize("is_body_signed", [True, False])
def test_a_streamed_body_is_signed_as_an_empty_one(is_body_signed: bool) -> None:
    node = Node(())
    signer = RequestSigner("north.example/log", NORTH_ACT, FakeClock())

    async def admit(request: Request) -> Response:
        signed = await request.body() if is_body_signed else b""
        node.door.admit(request.headers["authorization"], "POST", "/p", signed)
        return PlainTextResponse("in")

    async def work() -> Reply:
        transport = httpx.ASGITransport(Starlette(routes=[Route("/p", admit, methods=["POST"])]))
        async with Caller(signer, transport=transport) as caller:
            return await caller.ask(
                Ask("http://node/p", 1_000, b"body", to=OWN, is_body_signed=is_body_signed)
            )

    assert run(work()).body == b"in"


def test_messages_name_the_peer_and_not_the_whole_address() -> None:
    assert peer_of("https://node.example:8/secret/path?token=x") == "https://node.example:8"
    assert peer_of("http://[::1") == "a peer without a valid address"
