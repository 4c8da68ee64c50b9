"""Read the body of a request: no more than it may have, and no longer than it may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request


@dataclass(frozen=True, slots=True)
class Patience:
    """Say how long this node waits for a body, in seconds.

    Somebody who sends one byte and pauses would keep a connection and its memory for ever.
    """

    between_pieces_s: float = 30
    whole_body_s: float = 60
    whole_upload_s: float = 600


class TooLong(Exception):  # noqa: N818 -- a signal between two functions of this room, never shown
    """Say that a body is longer than it may be."""


async def read_body(request: Request, max_bytes: int, patience: Patience) -> bytes:
    """Return the whole body. Raises TooLong, TimeoutError, ClientDisconnect."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise TooLong
    body = bytearray()
    async for piece in read_pieces(request, patience.between_pieces_s, patience.whole_body_s):
        body += piece
        if len(body) > max_bytes:
            raise TooLong
    return bytes(body)


async def read_pieces(request: Request, between_s: float, whole_s: float) -> AsyncIterator[bytes]:
    """Yield the body as it arrives. Raises TimeoutError, ClientDisconnect."""
    deadline = asyncio.get_running_loop().time() + whole_s
    while True:
        left = deadline - asyncio.get_running_loop().time()
        message = await asyncio.wait_for(request.receive(), min(between_s, left))
        if message["type"] != "http.request":
            raise ClientDisconnect
        if piece := message.get("body", b""):
            yield piece
        if not message.get("more_body", False):
            return
