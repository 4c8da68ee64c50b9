"""Answer with a large blob, part by part as it is taken, and no longer than it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hisn.errors import StorageError
from hisn.node.answer import BINARY
from hisn.node.intake import Patience


class Streamed(Response):
    """Send parts of together `size` bytes; one part at a time is in memory. There are no ranges.

    A caller who takes nothing for too long, a blob that is erased meanwhile and a disk that fails
    end the connection before the size that was announced: the caller sees that it is not whole.
    `ended` is called once.
    """

    def __init__(
        self,
        parts: Iterator[bytes],
        size: int,
        patience: Patience,
        ended: Callable[[], None],
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(None, 200, {**headers, "Content-Type": BINARY, "Content-Length": str(size)})
        self._parts = parts
        self._size = size
        self._patience = patience
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        """Send the answer (ASGI)."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            async with asyncio.timeout(self._patience.whole_upload_s):
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                await self._send_parts(send, gone)
        except (TimeoutError, StorageError):
            # Not finished: the server ends the connection.
            return
        finally:
            gone.cancel()
            self._ended()
            await run_in_threadpool(self._close)

    async def _send_parts(self, send: Send, gone: asyncio.Future[None]) -> None:
        sent = 0
        while sent < self._size and not gone.done():
            part = await run_in_threadpool(next, self._parts, b"")
            if not part:
                return
            sent += len(part)
            message = {"type": "http.response.body", "body": part, "more_body": sent < self._size}
            async with asyncio.timeout(self._patience.between_pieces_s):
                await send(message)
        if not self._size:
            await send({"type": "http.response.body", "body": b""})

    def _close(self) -> None:
        close = getattr(self._parts, "close", None)
        if close:
            with suppress(ValueError):  # a thread still reads a part; the handle goes with it
                close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
