"""Serve a node over HTTP: the thin skin around log, witness and mirror.

============================================  =====================================================
GET  /log/<hash>/checkpoint, tile/<L>/...     anybody; the node's own log, up to what is published
GET  /log/<hash>/tile/entries/...             members
GET  /witness/<hash>/checkpoint               anybody; the last checkpoint cosigned of another log
POST /witness/add-checkpoint, sign-subtree    anybody: the checkpoint's signature decides
GET  /mirror/<hash>/...                       as /log; the copy of another member's log
GET  /head/<hash>/checkpoint                  anybody; the newest state kept of another member's log, with
                                              all its cosignatures
POST /mirror/add-checkpoint, sign-subtree     anybody
POST /mirror/add-entries                      anybody: every entry is proven before it is kept
GET  /blob/sha256/<digest>                    members who may read that body
============================================  =====================================================

Whatever a caller sends is answered here or in the services, never by a trace.  What the disk cannot
do is 503; after `DurabilityLost` the process must end, and `on_lost` is told so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hisn.errors import InputError, StorageError, VerificationError
from hisn.node.answer import BINARY, PLAIN, Answer, refusal
from hisn.node.auth import SCHEME, Doorkeeper
from hisn.node.gunzip import Gunzip
from hisn.node.intake import Patience, TooLong, read_body, read_pieces
from hisn.node.mirror import Mirror
from hisn.node.quota import Quota
from hisn.node.ratchet import MAX_BODY_BYTES
from hisn.node.stream import Streamed
from hisn.node.upload import Upload
from hisn.node.witness import Witness
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.ports import Blobs, DurabilityLost
from hisn.tlog.tile import ENTRIES, TilePath, parse_tile_path, width_at

MAX_UPLOADS = 16
"""Uploads at one time, each of 20 MiB at most: strangers who pause within theirs keep no member out,
who has as many places of his own."""
MAX_STREAMS = 4
"""Blobs that one member takes at one time, each of which costs a part of 1 MiB in memory."""
_HASH = re.compile(r"[0-9a-f]{64}")
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_PRIVATE = {"Cache-Control": "private, no-store"}
_NOT_KEPT = {"Cache-Control": "no-cache"}
_GZIP = {"Accept-Encoding": "gzip"}


def _ignore(_error: DurabilityLost) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Hold what one node serves.

    `blobs` is the node's home, with `log/` and `blob/`; `own_log` the origin hash of its own log.
    `may_read` says whether a member, by its origin, is among those a body was written for; `head`
    gives by origin hash the newest state of another's log that a quorum has cosigned.  `stream`
    gives size and parts of a blob; without it blobs are answered from memory.
    """

    blobs: Blobs
    own_log: str
    door: Doorkeeper
    may_read: Callable[[str, str], bool]
    head: Callable[[str], bytes | None] | None = None
    stream: Callable[[str], tuple[int, Iterator[bytes]] | None] | None = None
    witness: Witness | None = None
    mirror: Mirror | None = None
    quota: Quota | None = None
    patience: Patience = field(default_factory=Patience)
    on_lost: Callable[[DurabilityLost], None] = _ignore


def make_app(services: Services, more_routes: tuple[BaseRoute, ...] = ()) -> Starlette:
    """Return the ASGI application of a node."""
    reading, asking = _Reading(services), _Asking(services)
    routes: list[BaseRoute] = [
        Route("/log/{log}/{name:path}", reading.log),
        Route("/blob/sha256/{digest}", reading.blob),
    ]
    if services.head:
        routes.append(Route("/head/{log}/checkpoint", reading.head))
    if services.witness:
        routes += [
            Route("/witness/add-checkpoint", asking.of(services.witness.add_checkpoint), methods=["POST"]),
            Route("/witness/sign-subtree", asking.of(services.witness.sign_subtree), methods=["POST"]),
            Route("/witness/{log}/checkpoint", reading.witnessed),
        ]
    if services.mirror:
        routes += [
            Route("/mirror/add-checkpoint", asking.of(services.mirror.add_checkpoint), methods=["POST"]),
            Route("/mirror/sign-subtree", asking.of(services.mirror.sign_subtree), methods=["POST"]),
            Route("/mirror/add-entries", asking.entries, methods=["POST"]),
            Route("/mirror/{log}/{name:path}", reading.mirrored),
        ]

    async def lost(_request: Request, error: Exception) -> Response:
        if isinstance(error, DurabilityLost):
            services.on_lost(error)
        return _response(refusal(503, "the node cannot store or read now"))

    async def failed(_request: Request, _error: Exception) -> Response:
        return _response(refusal(500, "the node failed"))

    return Starlette(
        routes=[*routes, *more_routes],
        exception_handlers={StorageError: lost, Exception: failed},
    )


class _Reading:
    """Answer requests that read."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._streams = Counter[str]()

    async def log(self, request: Request) -> Response:
        """Answer for the node's own log."""
        if request.path_params["log"] != self._services.own_log:
            return _response(refusal(404, "this is the log of somebody else"))
        folder = f"log/{self._services.own_log}/"

        def get(name: str) -> bytes | None:
            return self._services.blobs.get(folder + name)

        return await self._file(request, get)

    async def mirrored(self, request: Request) -> Response:
        """Answer for the copy of another log."""
        mirror, log = self._services.mirror, request.path_params["log"]
        if mirror is None or not _HASH.fullmatch(log):
            return _missing()

        def get(name: str) -> bytes | None:
            return mirror.checkpoint(log) if name == "checkpoint" else mirror.file(log, name)

        return await self._file(request, get)

    async def witnessed(self, request: Request) -> Response:
        """Answer which checkpoint was cosigned last."""
        witness, log = self._services.witness, request.path_params["log"]
        if witness is None or not _HASH.fullmatch(log):
            return _missing()
        note = await run_in_threadpool(witness.checkpoint, log)
        return _missing() if note is None else Response(note, media_type=PLAIN, headers=_NOT_KEPT)

    async def head(self, request: Request) -> Response:
        """Answer which state of a log is known here with its cosignatures."""
        log = request.path_params["log"]
        if self._services.head is None or not _HASH.fullmatch(log):
            return _missing()
        note = await run_in_threadpool(self._services.head, log)
        return _missing() if note is None else Response(note, media_type=PLAIN, headers=_NOT_KEPT)

    async def blob(self, request: Request) -> Response:
        """Answer with a body, to a member for whom it was written."""
        digest = request.path_params["digest"]
        member = _member(self._services.door, request)
        if isinstance(member, Response):
            return member
        # Who may not read it learns not even whether it is here.
        if not _HASH.fullmatch(digest) or not await run_in_threadpool(
            self._services.may_read, member, digest
        ):
            return _missing()
        name = f"blob/sha256/{digest[:2]}/{digest}"
        if self._services.stream is None:
            return self._private(member, await run_in_threadpool(self._services.blobs.get, name))
        found = await run_in_threadpool(self._services.stream, name)
        return self._streamed(member, *found) if found else _missing()

    def _streamed(self, member: str, size: int, parts: Iterator[bytes]) -> Response:
        """Answer with a blob from its file: sealed files are larger than any memory."""
        if self._streams[member] >= MAX_STREAMS:
            return _response(_with(refusal(503, "too many at one time"), {"Retry-After": "10"}))
        if not self._admits(member, size):
            return _too_much()
        self._streams[member] += 1

        def ended() -> None:
            self._streams[member] -= 1

        return Streamed(parts, size, self._services.patience, ended, _PRIVATE)

    async def _file(self, request: Request, get: Callable[[str], bytes | None]) -> Response:
        """Answer with one file of a log: nothing beyond the tree that its checkpoint names."""
        name = request.path_params["name"]
        note = await run_in_threadpool(get, "checkpoint")
        if note is None:
            return _missing()
        if name == "checkpoint":
            return Response(note, media_type=PLAIN, headers=_NOT_KEPT)
        try:
            path = parse_tile_path(name)
        except VerificationError:
            return _missing()
        if path.level == ENTRIES:
            member = _member(self._services.door, request)
            if isinstance(member, Response):
                return member
            return self._private(member, await run_in_threadpool(_tile, get, note, path))
        data = await run_in_threadpool(_tile, get, note, path)
        return _missing() if data is None else Response(data, media_type=BINARY, headers=_FOR_EVER)

    def _private(self, member: str, data: bytes | None) -> Response:
        if data is None:
            return _missing()
        if not self._admits(member, len(data)):
            return _too_much()
        return Response(data, media_type=BINARY, headers=_PRIVATE)

    def _admits(self, member: str, size_bytes: int) -> bool:
        return self._services.quota is None or self._services.quota.admits(member, size_bytes)


class _Asking:
    """Answer requests that change something."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._uploads = Counter[str]()

    def of(self, service: Callable[[bytes], Answer]) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a service that takes a whole body."""

        async def endpoint(request: Request) -> Response:
            try:
                body = await read_body(request, MAX_BODY_BYTES, self._services.patience)
            except TooLong:
                return _response(refusal(413, "the request is too long"))
            except (TimeoutError, ClientDisconnect):
                return _response(refusal(408, "the request did not arrive"))
            return _response(await run_in_threadpool(service, body))

        return endpoint

    async def entries(self, request: Request) -> Response:
        """Answer add-entries, as its body arrives.

        A member may sign the request, with the digest of an empty body: its entries are proven by
        themselves, and a stream has no digest before its end.
        """
        mirror, headers = self._services.mirror, request.headers
        encoding = headers.get("content-encoding", "identity").lower()
        if mirror is None or headers.get("content-type") != BINARY:
            return _response(refusal(415, "the body of an upload is application/octet-stream"))
        if encoding not in ("identity", "gzip"):
            return _response(_with(refusal(415, "send the body as it is, or gzip"), _GZIP))
        lane = "strangers"
        if "authorization" in headers:
            lane = "members"
            member = _member(self._services.door, request)
            if isinstance(member, Response):
                return member
        if self._uploads[lane] >= MAX_UPLOADS:
            return _response(_with(refusal(503, "too many uploads"), {"Retry-After": "10"}))
        self._uploads[lane] += 1
        try:
            answer = await self._take(request, mirror.add_entries(), is_packed=encoding == "gzip")
        finally:
            self._uploads[lane] -= 1
        return _response(_with(answer, _GZIP))

    async def _take(self, request: Request, upload: Upload, *, is_packed: bool) -> Answer:
        try:
            async for piece in self._unpacked(request, is_packed=is_packed):
                early = await run_in_threadpool(upload.feed, piece)
                if early:
                    return early
        except (ClientDisconnect, TimeoutError, InputError):
            # Broken off, paused for too long or damaged: what was proven until here is kept.
            pass
        return await run_in_threadpool(upload.finish)

    async def _unpacked(self, request: Request, *, is_packed: bool) -> AsyncIterator[bytes]:
        patience, member = self._services.patience, Gunzip()
        async for piece in read_pieces(request, patience.between_pieces_s, patience.whole_upload_s):
            if is_packed:
                for part in member.feed(piece):
                    yield part
            else:
                yield piece


def _tile(get: Callable[[str], bytes | None], note: bytes, path: TilePath) -> bytes | None:
    """Return a tile or bundle of the tree that a checkpoint of our own names, and no other one."""
    size = parse_signed_checkpoint(note).checkpoint.size
    if path.width > width_at(path.level, path.index, size):
        return None
    return get(str(path))


def _member(door: Doorkeeper, request: Request) -> str | Response:
    """Return the member who signed a request, or the answer to a request that nobody may make."""
    target = request.scope["raw_path"].decode("latin-1")
    if query := request.scope["query_string"]:
        target += "?" + query.decode("latin-1")
    try:
        return door.admit(request.headers.get("authorization"), request.method, target)
    except InputError as error:
        return _response(_with(refusal(401, error.message), {"WWW-Authenticate": SCHEME} | _PRIVATE))


def _too_much() -> Response:
    return _response(_with(refusal(429, "this member asks for too much"), {"Retry-After": "600"}))


def _with(answer: Answer, headers: dict[str, str]) -> Answer:
    return replace(answer, headers=answer.headers | headers)


def _missing() -> Response:
    return _response(refusal(404, "there is nothing of that name"))


def _response(answer: Answer) -> Response:
    # As a header, since Starlette would add a charset to `text/x.tlog.size`.
    return Response(answer.body, answer.status, {"Content-Type": answer.content_type} | answer.headers)
