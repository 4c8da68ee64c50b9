"""Take lines over HTTP: what Fluent Bit, Vector, Logstash and syslog-ng send.

``POST /NAME`` with ``Authorization: Bearer TOKEN``, NAME and TOKEN those of one source.

====  ==========================================================================================
200   kept for good; ``{"accepted": N}``, with ``"duplicate": true`` if the Idempotency-Key was
      seen before and nothing was kept again
204   (GET, HEAD) the token is right: for health checks
400   the body is not what it says, or the Idempotency-Key has no such form; nothing was kept
401   no such source, or another token
405   another method
408   the body did not come in time
413   the body is larger than `MAX_BODY_BYTES`, as sent or unpacked
415   another media type (MessagePack), another encoding than gzip
429   this source sends too many bodies at once; Retry-After says when to come again
503   nothing can be kept now: the spool is full or its disk fails; Retry-After
====  ==========================================================================================

A sender that did not get our 200 sends again.  If it gives an ``Idempotency-Key``, the same for each
try, what was kept is not kept again, also after a restart of ours.  Without one, the same bytes
twice may be two events: they are kept and counted as a possible duplicate.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hisn.core.limits import MiB
from hisn.errors import InputError
from hisn.live.bodies import (
    JSON_TYPES,
    LINE_TYPES,
    MAX_BODY_BYTES,
    BadBody,
    Lines,
    TooLarge,
    lines_of,
    unpack,
)
from hisn.live.committer import Committer
from hisn.live.feed import Position
from hisn.live.piece import FeedNote, Piece
from hisn.live.spool import Batch, Spool
from hisn.live.spool_feed import SpoolFeed
from hisn.live.stream import Notes
from hisn.live.tally import Tally

BODIES_AT_ONCE = 4
"""Bodies held in memory of all sources together; the others wait unread."""
BODIES_OF_ONE_AT_ONCE = 2
WAITING_OF_ONE = 32
BETWEEN_S = 30.0
BODY_S = 60.0
REMEMBERED_BODIES = 4_096
MIN_TOKEN_CHARS = 16
_AGAIN_SOON = {"Retry-After": "1"}
_AGAIN_LATER = {"Retry-After": "5"}
# Somebody who sends without end must not go on behind our answer.
_ENOUGH = {"Connection": "close"}
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Server(Protocol):
    """Serve an application; `node.serve.NodeServer` does."""

    def background(self) -> AbstractContextManager[str]:
        """Serve while the block runs; gives the address. Raises StorageError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpListen:
    """Say where to listen, and with which certificate (files); port 0 lets the system choose one."""

    host: str = "127.0.0.1"
    port: int = 0
    certificate: str | None = None
    key: str | None = None


class HttpFeed:
    """Give what comes for one source. `Door` has those that share an address.

    Raises InputError (E2600) for a token that could be guessed.
    """

    def __init__(self, name: str, token: str, spool: Spool, door: Door) -> None:
        if len(token) < MIN_TOKEN_CHARS:
            raise InputError(
                "E2600",
                f"{name}: the token is shorter than {MIN_TOKEN_CHARS} characters",
                hint="openssl rand -hex 32 makes a good one; give the sender the same",
                unchanged="nothing was started",
            )
        self.name = name
        self.committer = Committer(spool)
        self.tally = Tally()
        self.bodies = asyncio.Semaphore(BODIES_OF_ONE_AT_ONCE)
        self.waiting = 0
        self._token = _digest(token)
        self._spool = spool
        self._notes = Notes()
        self._feed = SpoolFeed(name, spool, self._notes)
        self._door = door
        self._bodies: OrderedDict[bytes, None] = OrderedDict()
        door.add(self)

    def resume(self, position: Position | None, now_us: int) -> None:
        """Be ready; the door opens when all of its feeds are. Raises StorageError."""
        self._feed.resume(position, now_us)
        self.committer.start()
        self._door.is_ready(self)

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
        self.tally.note(self._notes, self.name, now_us, self._feed.end)
        self.committer.note(self._notes, self.name, now_us)
        return self._feed.notes(now_us)

    def close(self) -> None:
        """Close the door, for all of its feeds, and the spool."""
        self._door.close()
        self.committer.close()
        self._feed.close()

    def admits(self, token: bytes) -> bool:
        """Tell, in the same time for every token, whether it is the source's."""
        return hmac.compare_digest(self._token, hashlib.sha256(token).digest())

    @property
    def has_room(self) -> bool:
        """Tell whether the spool has a place for a body."""
        return self._spool.room() > MAX_BODY_BYTES + MiB

    def was_seen(self, lines: bytes) -> bool:
        """Tell whether the same lines came in another body of late."""
        digest = hashlib.blake2b(lines, digest_size=16).digest()
        is_known = digest in self._bodies
        self._bodies[digest] = None
        if len(self._bodies) > REMEMBERED_BODIES:
            self._bodies.popitem(last=False)
        return is_known


class Door:
    """Serve the HTTP sources of one address."""

    def __init__(self, serve: Callable[[ASGIApp], Server]) -> None:
        self._serve = serve
        self._feeds: dict[str, HttpFeed] = {}
        self._ready: set[str] = set()
        self._serving: AbstractContextManager[str] | None = None
        self.url = ""
        """Where it serves, once it does."""

    def add(self, feed: HttpFeed) -> None:
        """Serve one more source."""
        self._feeds[feed.name] = feed

    def is_ready(self, feed: HttpFeed) -> None:
        """Open when every feed is ready. Raises StorageError."""
        self._ready.add(feed.name)
        if self._serving is None and self._ready == set(self._feeds):
            serving = self._serve(make_app(self._feeds)).background()
            self.url = serving.__enter__()
            self._serving = serving

    def close(self) -> None:
        """Take no more requests."""
        serving, self._serving = self._serving, None
        if serving:
            serving.__exit__(None, None, None)


def make_app(feeds: Mapping[str, HttpFeed]) -> Starlette:
    """Return the application for the sources of one address."""
    intake = _Intake(feeds)
    return Starlette(routes=[Route("/{name:path}", intake.answer, methods=["GET", "HEAD", "POST", "PUT"])])


class _Refused(Exception):  # noqa: N818 -- an answer
    def __init__(self, status: int, why: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(why)
        self.answer = JSONResponse({"error": why}, status, headers=headers)


class _Intake:
    def __init__(self, feeds: Mapping[str, HttpFeed]) -> None:
        self._feeds = feeds
        self._bodies = asyncio.Semaphore(BODIES_AT_ONCE)
        self._nobody = _digest("")

    async def answer(self, request: Request) -> Response:
        feed = self._admitted(request)
        if feed is None:
            return _unauthorized()
        if request.method in ("GET", "HEAD"):
            return Response(status_code=204)
        try:
            return await self._taken(feed, request)
        except _Refused as refusal:
            # Told to the sender, and to whoever reads the coverage: its operator may not look.
            status = refusal.answer.status_code
            if status not in (429, 503):
                feed.tally.add("refused", 1, "requests", f"answered with {status}")
            return refusal.answer
        except ClientDisconnect:
            return Response(status_code=400)

    def _admitted(self, request: Request) -> HttpFeed | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1", "replace")
        feed = self._feeds.get(request.path_params["name"])
        if feed is None:
            hmac.compare_digest(self._nobody, hashlib.sha256(given).digest())
            return None
        is_right = feed.admits(given) and scheme.lower() == "bearer"
        if not is_right:
            feed.tally.add("refused", 1, "requests", "a wrong token")
        return feed if is_right else None

    async def _taken(self, feed: HttpFeed, request: Request) -> Response:
        media_type, is_packed, key = _described(request)
        if feed.waiting >= WAITING_OF_ONE:
            raise _Refused(429, "too many bodies of this source at once", _AGAIN_SOON)
        feed.waiting += 1
        try:
            async with feed.bodies, self._bodies:
                if not feed.has_room:
                    raise _Refused(503, "nothing can be kept now", _AGAIN_LATER)
                body = await _body(request)
                lines = await asyncio.to_thread(_lines, body, media_type, is_packed=is_packed)
                return await self._kept(feed, lines, key)
        finally:
            feed.waiting -= 1

    async def _kept(self, feed: HttpFeed, lines: Lines, key: str) -> Response:
        if lines.overlong:
            feed.tally.add("overlong", lines.overlong, "records", "a record beyond the cap")
        if not lines.count:
            return JSONResponse({"accepted": 0})
        digest = hashlib.sha256(key.encode()).digest()[:16] if key else b""
        outcome = await feed.committer.keep(Batch(lines.data, digest), can_wait=False)
        if outcome == "duplicate":
            feed.tally.add("duplicate", lines.count, "records", "an Idempotency-Key came again")
            return JSONResponse({"accepted": lines.count, "duplicate": True})
        if outcome != "kept":
            raise _Refused(503, "nothing can be kept now", _AGAIN_LATER)
        if not key and feed.was_seen(lines.data):
            feed.tally.add("possible-duplicate", lines.count, "records", "the same body came again")
        return JSONResponse({"accepted": lines.count})


def _described(request: Request) -> tuple[str, bool, str]:
    """Return the media type, whether the body is packed, and the key. Raises _Refused."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in JSON_TYPES | LINE_TYPES:
        raise _Refused(415, "send JSON lines, a JSON array or text, not another media type")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise _Refused(415, "send it unpacked, or by gzip", {"Accept-Encoding": "gzip"})
    key = request.headers.get("idempotency-key", "")
    if key and not _KEY.fullmatch(key):
        raise _Refused(400, "the Idempotency-Key must have 1 to 200 visible ASCII characters")
    return media_type, encoding == "gzip", key


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise _Refused(413, f"a body has at most {MAX_BODY_BYTES} bytes", _ENOUGH)
    body = bytearray()
    pieces = request.stream()
    try:
        async with asyncio.timeout(BODY_S):
            while (piece := await asyncio.wait_for(anext(pieces, None), BETWEEN_S)) is not None:
                body += piece
                if len(body) > MAX_BODY_BYTES:
                    raise _Refused(413, f"a body has at most {MAX_BODY_BYTES} bytes", _ENOUGH)
    except TimeoutError:
        raise _Refused(408, "the body did not come in time", _ENOUGH) from None
    return bytes(body)


def _lines(body: bytes, media_type: str, *, is_packed: bool) -> Lines:
    try:
        return lines_of(unpack(body) if is_packed else body, media_type)
    except TooLarge:
        raise _Refused(413, f"a body unpacks to at most {MAX_BODY_BYTES} bytes") from None
    except BadBody as error:
        raise _Refused(400, str(error)) from None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _unauthorized() -> Response:
    answer = {"error": "no such source, or another token"}
    return JSONResponse(answer, 401, headers={"WWW-Authenticate": "Bearer"} | _ENOUGH)
