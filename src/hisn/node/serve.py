"""Run the node's application on a socket, until it is told to stop.

uvicorn waits for ever for a caller who has connected and says nothing, who sends a request's head
one byte a minute, or who takes nothing of an answer.  Each of them would hold a place until none
is left, so connections have deadlines here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from hisn.errors import StorageError
from hisn.tlog.ports import DurabilityLost

HEAD_S = 20.0
"""Seconds from the connection to the end of the head of its first request."""
TAIL_S = 60.0
"""Seconds in which a caller takes the answer, ends a body that was answered early, and asks again."""
MAX_CONNECTIONS = 512
STOP_S = 5


@dataclass(frozen=True, slots=True)
class Listen:
    """Say where to listen, and with which certificate; without one, a proxy in front has TLS."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: str | None = None
    key: str | None = None


class PatientProtocol(H11Protocol):
    """Serve one connection, and end it when its caller keeps it waiting between two requests."""

    head_s = HEAD_S
    tail_s = TAIL_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait(self.head_s)

    def data_received(self, data: bytes) -> None:
        """Take bytes; while a request is being answered, its handler has the deadlines."""
        super().data_received(data)
        if not self._is_between:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Begin to wait for the rest of the exchange and the next request."""
        super().on_response_complete()
        if self._is_between:
            self._wait(self.tail_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End all waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _is_between(self) -> bool:
        # uvicorn declares that there always is a cycle; before the first request there is none.
        cycle = cast(RequestResponseCycle | None, self.cycle)
        return cycle is None or cycle.response_complete

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        # Not `close`, which waits until the caller has taken everything.
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Server(uvicorn.Server):
    """End by a signal as by `stop`; uvicorn raises it again, which kills us before we have cleaned up."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


class NodeServer:
    """Hold one server. `stop` and `fail` may be called from any thread."""

    def __init__(
        self, app: ASGIApp, listen: Listen, protocol: type[PatientProtocol] = PatientProtocol
    ) -> None:
        self._listen = listen
        self._lost: DurabilityLost | None = None
        self._server = _Server(self._configured(app, protocol))
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Return the address it listens on, once it does."""
        if self._socket is None:
            raise RuntimeError("the server does not listen yet")
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._listen.certificate else 'http'}://{shown}:{port}"

    def bind(self) -> None:
        """Take the socket. Raises StorageError (E5404)."""
        try:
            family = socket.AF_INET6 if ":" in self._listen.host else socket.AF_INET
            self._socket = socket.create_server(
                (self._listen.host, self._listen.port), family=family, backlog=MAX_CONNECTIONS
            )
        except OSError as error:
            raise self._cannot(error) from error

    def run(self) -> None:
        """Serve until `stop`, or a signal if this is the main thread. Raises StorageError.

        Raises `DurabilityLost` if that is why it stopped: then the process must end.
        """
        if self._socket is None:
            self.bind()
        sockets = [self._socket] if self._socket else []
        self._server.run(sockets=sockets)
        if self._lost:
            raise self._lost

    @contextmanager
    def background(self) -> Iterator[str]:
        """Serve in a thread of its own while the block runs; gives the address. For demos and tests."""
        self.bind()
        ended: list[BaseException] = []

        def run() -> None:
            try:
                self.run()
            except BaseException as error:  # noqa: BLE001 -- told to the thread that waits for us
                ended.append(error)

        thread = threading.Thread(target=run, name="hisn node", daemon=True)
        thread.start()
        try:
            while not self._server.started and thread.is_alive():
                thread.join(0.01)
            yield self.url
        finally:
            self.stop()
            thread.join(2 * STOP_S)
        if ended:
            raise ended[0]

    def stop(self) -> None:
        """Take no more requests, finish those that run, and end."""
        self._server.should_exit = True

    def fail(self, error: DurabilityLost) -> None:
        """Stop because nothing can be made durable any more; `run` raises the error."""
        self._lost = error
        self.stop()

    def _configured(self, app: ASGIApp, protocol: type[PatientProtocol]) -> uvicorn.Config:
        secured: dict[str, Any] = {}
        if self._listen.certificate:
            secured = {"ssl_certfile": self._listen.certificate, "ssl_keyfile": self._listen.key}
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=STOP_S,
            **secured,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise self._cannot(error) from error
        return config

    def _cannot(self, error: OSError) -> StorageError:
        return StorageError(
            "E5404",
            f"cannot serve on {self._listen.host} port {self._listen.port}: {error.strerror or error}",
            hint="choose another port, or check the certificate and its key",
            unchanged="nothing was started",
        )
