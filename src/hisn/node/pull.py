"""Read files of another node as if they were here: for checks, recovery and members' copies.

What comes back is hostile until it is verified: tiles lead to a signed root or are refused by
`TileReader`, and a body must be the one that its act commits to.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from hisn.acts.statement import BodyRef
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import VerificationError
from hisn.node.auth import RequestSigner
from hisn.node.client import Ask, Caller, Deadlines, away, peer_of, wrong
from hisn.node.fetched import check_fetched
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.merkle import HASH_BYTES
from hisn.tlog.tile import ENTRIES, MAX_ENTRY_BYTES, WIDTH, Get, TileReader, parse_tile_path

_LATER = (429, 503)
"""Our share is used up, or the node has no room now: nothing is wrong, and asking later is right."""


class RemoteNode:
    """Read from one node over kept connections; a context manager, used by one thread at a time.

    `to` is the node's id: with it and a signer, entries and bodies are asked for as a member.
    """

    def __init__(
        self,
        url: str,
        to: str = "",
        signer: RequestSigner | None = None,
        *,
        deadlines: Deadlines | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._to = to
        self._caller = Caller(signer, deadlines=deadlines or Deadlines(whole_s=60), tls=tls)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        """Start the event loop behind the calls."""
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._stack.enter_context(self._portal.wrap_async_context_manager(self._caller))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._stack.close()

    def file(self, folder: str, name: str) -> bytes | None:
        """Return a file of a log, or None if it is not there; `folder` is as `log/<origin hash>`.

        Raises StorageError (E5402, E5403), VerificationError (E3223) for a name that no log has.
        """
        cap, is_private = MAX_NOTE_BYTES, False
        if name != "checkpoint":
            path = parse_tile_path(name)
            is_private = path.level == ENTRIES
            cap = WIDTH * (2 + MAX_ENTRY_BYTES if is_private else HASH_BYTES)
        return self._read(f"{folder}/{name}", cap, is_private=is_private)

    def body(self, ref: BodyRef, max_bytes: int) -> bytes | None:
        """Return the body that an act commits to, or None if it is not there, or not for us.

        Raises StorageError (E5402, E5403).
        """
        data = self._read(f"blob/sha256/{ref.sha256.hex()}", max_bytes, is_private=True)
        if data is not None:
            try:
                check_fetched(ref, data)
            except VerificationError as error:
                why = f"it gives another body than the one asked for: {error.message}"
                raise wrong(peer_of(self._url), why) from error
        return data

    def _read(self, path: str, max_bytes: int, *, is_private: bool) -> bytes | None:
        if self._portal is None:
            raise RuntimeError("a remote node is read within its context")
        to = self._to if is_private else ""
        reply = self._portal.call(self._caller.ask, Ask(f"{self._url}/{path}", max_bytes, to=to))
        if reply.status == 404:
            return None
        if reply.status in _LATER:
            raise away(peer_of(self._url), f"it answers {reply.status}")
        if reply.status != 200:
            raise wrong(peer_of(self._url), f"status {reply.status} where a file was asked for")
        return reply.body


def proven_entries(get: Get, head: Checkpoint) -> Callable[[int, int], Iterator[bytes]]:
    """Return how to read entries `[start, end)` of a verified checkpoint's tree from files of anybody.

    What is read is proven to be under that root, or raises VerificationError.
    """
    reader = TileReader(get, head.size, head.root)

    def entries(start: int, end: int) -> Iterator[bytes]:
        for index in range(start // WIDTH, -(-end // WIDTH)):
            low = index * WIDTH
            yield from reader.bundle(index)[max(start - low, 0) : end - low]

    return entries
