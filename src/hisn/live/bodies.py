"""Turn the body of a request into lines, whatever of the usual forms its sender chose.

=========================================  ==========================================================
JSON lines                                 Fluent Bit ``json_lines``, Vector ``newline_delimited``
JSON array                                 Fluent Bit ``json``, Vector's default, Logstash ``json_batch``
one JSON document, over several lines too  Logstash ``json``
JSON documents without anything between    Fluent Bit ``json_stream``
plain lines                                Vector ``text``
=========================================  ==========================================================

A line of such a body that is no JSON stays a line: the engine will call it a hole.  Refusing the
body for it would lose the others, for senders throw away what is refused.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass

import msgspec

from hisn.core.limits import MAX_LINE_BYTES

MAX_BODY_BYTES = 16 * 1024 * 1024
"""As sent, and as unpacked; Vector sends up to 10 MB by default."""
JSON_TYPES = {"application/json", "application/x-json-stream", "text/json"}
LINE_TYPES = {
    "",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-lines",
    "text/plain",
    "application/octet-stream",
}
_PIECE_BYTES = 64 * 1024
_GZIP = 31
_BREAKS = re.compile(rb"[\r\n]+")

_array = msgspec.json.Decoder(list[msgspec.Raw])
_document = msgspec.json.Decoder(msgspec.Raw)


class BadBody(Exception):  # noqa: N818 -- becomes an answer, never shown as an error
    """Say that a body is not what it says; nothing of it is kept."""


class TooLarge(Exception):  # noqa: N818 -- the same
    """Say that a body is larger than it may be."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Hold the lines of a body, how many they are, and how many were too long."""

    data: bytes
    count: int
    overlong: int


def unpack(body: bytes, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return what gzip members unpack to, never holding more than `max_bytes`. Raises BadBody, TooLarge."""
    parts = []
    size = 0
    member = zlib.decompressobj(_GZIP)
    while True:
        limit = min(_PIECE_BYTES, max_bytes - size + 1)
        try:
            part = member.decompress(body, limit)
        except zlib.error as error:
            raise BadBody("the body is not valid gzip") from error
        size += len(part)
        if size > max_bytes:
            raise TooLarge
        parts.append(part)
        body = member.unconsumed_tail
        if member.eof:
            body = member.unused_data
            if not body:
                return b"".join(parts)
            member = zlib.decompressobj(_GZIP)
        elif not body and len(part) < limit:
            raise BadBody("the body ends in the middle of its gzip stream")


def lines_of(body: bytes, media_type: str) -> Lines:
    """Return the records of a body, a line each. Raises BadBody."""
    if media_type not in JSON_TYPES:
        return _counted(body.split(b"\n"))
    start = body.lstrip()[:1]
    if start == b"[":
        try:
            return _counted([_on_one_line(bytes(each)) for each in _array.decode(body)])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BadBody("the body is no JSON array") from error
    if start == b"{" and (documents := _documents(body)):
        return _counted(documents)
    return _counted(body.split(b"\n"))


def _documents(body: bytes) -> list[bytes] | None:
    """Return the documents of a body that are not on lines of their own; None: they are, or are none."""
    try:
        return [_on_one_line(bytes(_document.decode(body)))]
    except (msgspec.MsgspecError, RecursionError):
        pass
    first, _, rest = body.strip().partition(b"\n")
    try:
        _document.decode(first)
    except (msgspec.MsgspecError, RecursionError):
        return _run_together(body)
    return None if rest else [first]


def _run_together(body: bytes) -> list[bytes] | None:
    """Return the documents of a stream without separators."""
    decoder = json.JSONDecoder()
    documents = []
    try:
        text = body.decode()
        at = 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            _, end = decoder.raw_decode(text, at)
            documents.append(_on_one_line(text[at:end].encode()))
            at = end
    except (ValueError, RecursionError):
        return None
    return documents


def _on_one_line(document: bytes) -> bytes:
    """Join the lines of a JSON document: within its texts there are no breaks, they are escaped."""
    return _BREAKS.sub(b" ", document.strip())


def _counted(lines: list[bytes]) -> Lines:
    kept = [line for each in lines if (line := each.rstrip(b"\r")) and len(line) <= MAX_LINE_BYTES]
    overlong = sum(1 for line in lines if len(line.rstrip(b"\r")) > MAX_LINE_BYTES)
    return Lines(b"".join(line + b"\n" for line in kept), len(kept), overlong)
