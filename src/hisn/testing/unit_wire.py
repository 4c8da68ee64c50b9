"""Carry requests between the nodes of a simulated unit: in memory, with lines that can be cut.

`Wire` stands in the place of `node.client.Caller`, so publishing and mirroring run as they do over
HTTP.  What HTTP adds, signed requests and deadlines, is not played: the network says who asks.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from hisn.node.client import Ask, Caller, Reply, away

Answerer = Callable[["Request"], Reply]


@dataclass(frozen=True, slots=True)
class Request:
    """Hold one request as the node that is asked sees it; `sender` is "" for a stranger."""

    sender: str
    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Hold what passed a line, for tests that ask what somebody learned."""

    sender: str
    receiver: str
    path: str
    body: bytes
    reply: Reply


class Listener(Protocol):
    """Answer requests."""

    def answer(self, request: Request) -> Reply:
        """Return the answer to one request."""
        ...


class Network:
    """Know every node by its host, which lines are cut, and everything that has passed."""

    def __init__(self) -> None:
        self.nodes: dict[str, Listener] = {}
        self.exchanges: list[Exchange] = []
        self._cut: set[tuple[str, str]] = set()
        self._gone: set[str] = set()

    def cut(self, first: str, second: str) -> None:
        """Cut the line between two nodes, both ways."""
        self._cut |= {(first, second), (second, first)}

    def cut_off(self, name: str) -> None:
        """Cut every line of one node."""
        self._gone.add(name)

    def heal(self, *names: str) -> None:
        """Mend every line of the nodes named, without names all."""
        self._gone -= set(names or self._gone)
        self._cut = {pair for pair in self._cut if names and not set(pair) & set(names)}

    def is_cut(self, sender: str, receiver: str) -> bool:
        """Tell whether a request from one to the other is lost."""
        return receiver in self._gone or sender in self._gone or (sender, receiver) in self._cut

    def ask(self, sender: str, url: str, body: bytes | None = None) -> Reply:
        """Return the answer of the node at an address. Raises StorageError (E5402): nobody answers."""
        parts = urlsplit(url)
        node = self.nodes.get(parts.netloc)
        if node is None or self.is_cut(sender, parts.netloc):
            raise away(f"{parts.scheme}://{parts.netloc}", "the line is cut")
        reply = node.answer(Request(sender, parts.path, body))
        self.exchanges.append(Exchange(sender, parts.netloc, parts.path, body or b"", reply))
        return reply

    def caller(self, sender: str) -> Wire:
        """Return what asks in the name of a node; "" asks as a stranger."""
        return Wire(self, sender)


class Wire(Caller):
    """Ask the nodes of a network as `Caller` asks over HTTP."""

    def __init__(self, network: Network, sender: str) -> None:
        # Without the base class's making: there is no connection to anywhere.
        self._network = network
        self._sender = sender

    async def ask(self, ask: Ask) -> Reply:
        """Return the answer to one request. Raises StorageError (E5402) over a line that is cut."""
        body = ask.body
        if body is not None and ask.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return self._network.ask(self._sender, ask.url, body)
