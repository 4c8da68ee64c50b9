"""Ask other nodes: with a deadline for everything, a cap on every answer, and no trust at all.

A peer may be away, slow, wrong or hostile; each is an error that says so, and none of them costs
more than the deadline and the cap.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from hisn.errors import StorageError
from hisn.node.auth import RequestSigner


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Say how long a peer may take, in seconds: to connect, for each step, and for one request in all."""

    connect_s: float = 3.0
    step_s: float = 5.0
    whole_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Ask:
    """Hold one request: a POST if it has a body.

    `to` is the id of the node that is asked, if it answers members only; then the request is signed.
    A streamed body, as of an upload, is signed as an empty one.
    """

    url: str
    max_bytes: int
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    to: str = ""
    is_body_signed: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold an answer whose body was short enough."""

    status: int
    content_type: str
    body: bytes


class Caller:
    """Ask nodes over kept connections, within one event loop; an async context manager.

    With `signer`, requests that name a node in `to` are signed for it.  `tls` names the
    authorities that are trusted, those of the system if it is absent.
    """

    def __init__(
        self,
        signer: RequestSigner | None = None,
        *,
        deadlines: Deadlines | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._signer = signer
        self._deadlines = deadlines or Deadlines()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(self._deadlines.step_s, connect=self._deadlines.connect_s),
            verify=tls or _system_authorities(),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            # Compressed answers could be bombs, and their caps would be of the wrong bytes.
            headers={"Accept-Encoding": "identity", "User-Agent": "hisn"},
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def ask(self, ask: Ask) -> Reply:
        """Return the answer to one request.

        Raises StorageError: E5402 if the peer does not answer in time, E5403 if its answer is none.
        """
        peer = peer_of(ask.url)
        try:
            async with asyncio.timeout(self._deadlines.whole_s):
                return await self._exchange(ask, peer)
        except TimeoutError as error:
            raise away(peer, f"it took more than {self._deadlines.whole_s:g} s") from error
        except httpx.TimeoutException as error:
            raise away(peer, "it is too slow") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            raise away(peer, type(error).__name__) from error
        finally:
            self._client.cookies.clear()

    async def _exchange(self, ask: Ask, peer: str) -> Reply:
        method = "GET" if ask.body is None else "POST"
        request = self._client.build_request(method, ask.url, content=ask.body, headers=ask.headers)
        if self._signer and ask.to:
            target = request.url.raw_path.decode("ascii")
            signed = ask.body if ask.body and ask.is_body_signed else b""
            request.headers["Authorization"] = self._signer.header(method, target, ask.to, signed)
        response = await self._client.send(request, stream=True)
        try:
            if response.is_redirect:
                # It could lead a request into our own network, or to a third node.
                raise wrong(peer, "it redirects")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise wrong(peer, "it answers in an encoding that was not asked for")
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > ask.max_bytes:
                    raise wrong(peer, f"its answer has more than {ask.max_bytes} bytes")
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers.get("content-type", ""), bytes(body))


@cache
def _system_authorities() -> ssl.SSLContext:
    # Once for all callers: it reads some hundred certificates.
    return ssl.create_default_context()


def peer_of(url: str) -> str:
    """Return the part of an address that names the peer, for messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a peer without a valid address"
    return f"{parts.scheme}://{parts.netloc}"


def away(peer: str, why: str) -> StorageError:
    """Return the error for a peer that does not answer."""
    return StorageError(
        "E5402",
        f"{peer} does not answer: {why}",
        hint="check that the node runs and can be reached; what it missed is caught up later",
        unchanged="nothing was stored of it",
    )


def wrong(peer: str, why: str) -> StorageError:
    """Return the error for an answer that is none."""
    return StorageError(
        "E5403",
        f"{peer} answers what no node answers: {why}",
        hint="check the address in the roster; tell the peer's operator",
        unchanged="nothing was stored of it",
    )
