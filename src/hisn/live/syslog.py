"""Listen for syslog over TCP and TLS (RFC 6587, RFC 5425); `udp` has the rest.

Syslog over TCP has no answers: what a sender has written may be lost with the connection, and it
will not know.  So every piece is durable before the next one is read, and where the spool is full
nothing is read: TCP makes the sender wait.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hisn.live.committer import Committer
from hisn.live.feed import Position
from hisn.live.framing import Framer, Framing
from hisn.live.listening import Tls, address_of, bound, names_of, tls_context
from hisn.live.piece import FeedNote, Piece
from hisn.live.spool import Batch, Spool
from hisn.live.spool_feed import SpoolFeed
from hisn.live.stream import Notes
from hisn.live.tally import Tally
from hisn.live.udp import UdpReceiver

MAX_CONNECTIONS = 256
MAX_OF_ONE_ADDRESS = 64
"""Of these, so that one sender cannot take all places."""
HANDSHAKE_S = 10.0
MESSAGE_S = 300.0
"""Seconds in which a message that has begun must end; between two, a sender may be silent for ever."""
_READ_BYTES = 64 * 1024
_STOP_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Say where and how to listen; port 0 lets the system choose one."""

    transport: str  # "tcp", "tls" or "udp"
    host: str = "127.0.0.1"
    port: int = 0
    framing: Framing = "auto"
    tls: Tls | None = None
    max_connections: int = MAX_CONNECTIONS


class SyslogFeed:
    """Give the messages that come to one address."""

    def __init__(self, name: str, listen: Listen, spool: Spool) -> None:
        self.name = name
        self._notes = Notes()
        self._tally = Tally()
        self._feed = SpoolFeed(name, spool, self._notes)
        self._committer = Committer(spool)
        self._receiver: UdpReceiver | TcpReceiver
        if listen.transport == "udp":
            self._receiver = UdpReceiver(listen.host, listen.port, self._committer, self._tally)
        else:
            self._receiver = TcpReceiver(listen, self._committer, self._tally)

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens, once it does."""
        return self._receiver.address

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin to listen. Raises StorageError."""
        self._feed.resume(position, now_us)
        self._receiver.bind()
        self._committer.start()
        self._receiver.start()

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what is kept and was not given yet."""
        return self._feed.poll(max_bytes, now_us)

    def position(self) -> Position:
        """Return where the feed stands."""
        return self._feed.position()

    def committed(self, position: Position) -> None:
        """Let go of what is kept elsewhere."""
        self._feed.committed(position)

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        self._receiver.count_losses()
        self._tally.note(self._notes, self.name, now_us, self._feed.end)
        self._committer.note(self._notes, self.name, now_us)
        return self._feed.notes(now_us)

    def close(self) -> None:
        """Stop listening."""
        self._receiver.close()
        self._committer.close()
        self._feed.close()


@dataclass(slots=True)
class _Places:
    """Know how many connections there are, and from where."""

    limit: int
    taken: Counter[str] = field(default_factory=Counter)

    def take(self, address: str) -> bool:
        of_one = min(MAX_OF_ONE_ADDRESS, max(self.limit // 2, 1))
        if self.taken.total() >= self.limit or self.taken[address] >= of_one:
            return False
        self.taken[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.taken[address] -= 1
        if not self.taken[address]:
            del self.taken[address]


class TcpReceiver:
    """Take connections, in a thread of its own."""

    def __init__(self, listen: Listen, committer: Committer, tally: Tally) -> None:
        self._listen = listen
        self._committer = committer
        self._tally = tally
        self._context = tls_context(listen.tls) if listen.tls else None
        self._places = _Places(listen.max_connections)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._started = threading.Event()
        self._transports: set[asyncio.Transport] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        return address_of(self._socket)

    def bind(self) -> None:
        """Take the address. Raises StorageError (E5642)."""
        self._socket = bound(socket.SOCK_STREAM, self._listen.host, self._listen.port)
        self._socket.listen(128)

    def start(self) -> None:
        """Begin to take connections."""
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(),), name="hisn syslog", daemon=True
        )
        self._thread.start()
        self._started.wait()

    def count_losses(self) -> None:
        """Do nothing: TCP loses nothing behind our back."""

    def close(self) -> None:
        """Take no more connections, keep what has come over those there are, and end them."""
        if self._thread and self._loop and self._end:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
            self._thread = None
        if self._socket:
            self._socket.close()
            self._socket = None

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()
        accepting = asyncio.create_task(self._accept(tasks))
        self._started.set()
        await self._end.wait()
        accepting.cancel()
        # What has come over a connection that is ended can still be read.
        for transport in self._transports:
            transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_S)

    async def _accept(self, tasks: set[asyncio.Task[None]]) -> None:
        loop = asyncio.get_running_loop()
        if self._socket is None:
            return
        while True:
            try:
                connection, peer = await loop.sock_accept(self._socket)
            except OSError:
                await asyncio.sleep(0.5)  # No handle is left, or the caller is gone again.
                continue
            address = str(peer[0])
            if not self._places.take(address):
                connection.close()
                self._tally.add("refused", 1, "connections", "too many connections")
                continue
            task = asyncio.create_task(self._connection(connection, address))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _connection(self, connection: socket.socket, address: str) -> None:
        try:
            await self._secured(connection)
        except (ssl.SSLError, ConnectionError, TimeoutError, OSError):
            self._tally.add("refused", 1, "connections", "no secure connection came about")
        finally:
            connection.close()
            self._places.leave(address)

    async def _secured(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_READ_BYTES)
        timeout: dict[str, Any] = {"ssl_handshake_timeout": HANDSHAKE_S} if self._context else {}
        transport, _ = await loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader), connection, ssl=self._context, **timeout
        )
        self._transports.add(transport)
        try:
            names = self._listen.tls.client_names if self._listen.tls else frozenset()
            if names and not names & names_of(transport.get_extra_info("peercert") or {}):
                self._tally.add("refused", 1, "connections", "a certificate of somebody else")
                return
            await self._read(reader)
        finally:
            self._transports.discard(transport)
            transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        framer = Framer(self._listen.framing)
        try:
            await self._read_messages(reader, framer)
        except TimeoutError:
            self._tally.add("cut", 1, "connections", "a message was not ended in time")
        except (ConnectionError, ssl.SSLError):
            self._tally.add("cut", 1, "connections", "a connection broke")
        finally:
            rest = framer.end()
            if framer.overlong:
                self._tally.add("overlong", framer.overlong, "records", "a message beyond the cap")
            if rest:
                self._tally.add("cut", 1, "records", "a connection ended within a message")
                await asyncio.shield(self._committer.keep(Batch(rest), can_wait=True))

    async def _read_messages(self, reader: asyncio.StreamReader, framer: Framer) -> None:
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while True:
            async with asyncio.timeout_at(deadline):
                data = await reader.read(_READ_BYTES)
            if not data:
                return
            lines = framer.feed(data)
            if lines:
                await self._committer.keep(Batch(lines), can_wait=True)
            if framer.is_bad:
                self._tally.add("cut", 1, "connections", "a sender has counted octets wrongly")
                return
            if not framer.is_within:
                deadline = None
            elif lines or deadline is None:
                deadline = loop.time() + MESSAGE_S
