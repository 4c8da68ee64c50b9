"""Listen for syslog over UDP (RFC 5426): nothing can be held back, so what is lost is counted."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from pathlib import Path

from hisn.live.committer import Committer
from hisn.live.framing import line_of
from hisn.live.listening import address_of, bound
from hisn.live.tally import Tally

_RXQ_OVFL = 40
"""SO_RXQ_OVFL of Linux: each datagram tells how many were dropped before it."""
_RECEIVE_BUFFER = 8 * 1024 * 1024
_MAX_DATAGRAM = 65_535
_AT_ONCE = 2_000
_WAIT_MS = 200
_COUNTER = struct.Struct("=I")


class UdpReceiver:
    """Take datagrams, in a thread of its own."""

    def __init__(self, host: str, port: int, committer: Committer, tally: Tally) -> None:
        self._place = (host, port)
        self._committer = committer
        self._tally = tally
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._told = 0
        self._dropped_by_kernel = 0

    @property
    def address(self) -> tuple[str, int]:
        """Return where it listens."""
        return address_of(self._socket)

    def bind(self) -> None:
        """Take the address. Raises StorageError (E5642)."""
        made = bound(socket.SOCK_DGRAM, *self._place)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        try:
            made.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)
        except OSError:
            self._told = 0  # Not this system: /proc may know.
        self._socket = made

    def start(self) -> None:
        """Begin to take datagrams."""
        self._thread = threading.Thread(target=self._run, name="hisn udp", daemon=True)
        self._thread.start()

    def count_losses(self) -> None:
        """Count what the kernel has dropped since the last call, also while nothing comes any more."""
        if self._socket is None:
            return
        dropped = max(self._dropped_by_kernel, dropped_by_kernel(self._socket))
        if dropped > self._told:
            self._tally.add("dropped", dropped - self._told, "records", "by the kernel: its buffer was full")
            self._told = dropped

    def close(self) -> None:
        """Take what has come, and end."""
        self._is_closing = True
        if self._thread:
            self._thread.join()
            self._thread = None
        if self._socket:
            self.count_losses()
            self._socket.close()
            self._socket = None

    def _run(self) -> None:
        if self._socket is None:
            return
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while True:
            is_last = self._is_closing
            poll.poll(_WAIT_MS)
            self._take(self._socket)
            if is_last:
                return

    def _take(self, source: socket.socket) -> None:
        lines = []
        for _ in range(_AT_ONCE):
            try:
                data, more, _, _ = source.recvmsg(_MAX_DATAGRAM, 64)
            except BlockingIOError:
                break
            except OSError:
                continue  # What a datagram of ours has caused elsewhere; we send none.
            for level, kind, value in more:
                if (level, kind) == (socket.SOL_SOCKET, _RXQ_OVFL) and len(value) == _COUNTER.size:
                    (self._dropped_by_kernel,) = _COUNTER.unpack(value)
            if line := line_of(data):
                lines.append(line)
        if lines:
            self._offer(lines)

    def _offer(self, lines: list[bytes]) -> None:
        def dropped() -> None:
            self._tally.add("dropped", len(lines), "records", "by us: the spool was full")

        if not self._committer.offer(b"".join(lines), dropped):
            dropped()


def dropped_by_kernel(source: socket.socket) -> int:
    """Return how many datagrams the kernel says that it dropped for this socket; 0 where it says nothing."""
    table = "/proc/net/udp6" if source.family == socket.AF_INET6 else "/proc/net/udp"
    try:
        inode = str(os.fstat(source.fileno()).st_ino)
        rows = Path(table).read_text("ascii").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return 0
    for row in rows:
        columns = row.split()
        if len(columns) > 12 and columns[9] == inode and columns[-1].isdecimal():
            return int(columns[-1])
    return 0
