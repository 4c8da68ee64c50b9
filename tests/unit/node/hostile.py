"""Be a server that does not keep to any protocol."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run `behave` for each connection, in a thread of its own; give the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            behave(peer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read_request(peer: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.recv(65_536)


def silent(peer: socket.socket) -> None:
    read_request(peer)
    time.sleep(30)


def drips_head(peer: socket.socket) -> None:
    read_request(peer)
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        peer.sendall(bytes([byte]))
        time.sleep(0.02)


def drips_body(peer: socket.socket) -> None:
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1_000):
        peer.sendall(b"x")
        time.sleep(0.02)


def endless(peer: socket.socket) -> None:
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        peer.sendall(bytes(65_536))


def endless_head(peer: socket.socket) -> None:
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X-More: " + b"y" * 1_000 + b"\r\n")


def endless_hints(peer: socket.socket) -> None:
    read_request(peer)
    while True:
        peer.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def garbage(peer: socket.socket) -> None:
    read_request(peer)
    peer.sendall(bytes(range(256)) * 10)


def breaks_off(peer: socket.socket) -> None:
    read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")


def answers(head: str, body: bytes = b"") -> Callable[[socket.socket], None]:
    """Return the behaviour of one fixed answer."""

    def behave(peer: socket.socket) -> None:
        read_request(peer)
        lines = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        peer.sendall(lines.encode() + body)

    return behave
