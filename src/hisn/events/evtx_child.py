"""Parse EVTX in a child process that may hang, crash or ask for 14 GB without harm.

A crafted file can make a parser loop or allocate without end, with every checksum right.  So the
binding never runs in our own process.  One child lives as long as the process that uses it and
reads file after file: it costs one fork for all files (2 ms), and 30 µs a file for the pipe,
where a child for each of 156 small files would cost more than parsing them.  It has a limit of
memory, and for each 64 KiB chunk a limit of time; when it dies or stalls, the chunk is a hole and
a new child goes on behind it.

Wire: the request is one JSON line ``[path, first_chunk]``.  The answer is a frame for each chunk,
``index, number of records, bytes of records, bytes of holes`` (four little-endian uint32), then
the records as JSON lines and the holes as JSON; a frame with index 2**32 - 1 ends the file.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from hisn.core import limits
from hisn.errors import InputError

_FRAME = struct.Struct("<IIII")
_END = 0xFFFF_FFFF
_MEMORY_BYTES = 1024 * limits.MiB
_MAX_FRAME_BYTES = 256 * limits.MiB
_GIVE_UP_AFTER = 3


@dataclass(frozen=True, slots=True)
class ChunkRecords:
    """Hold what a chunk gave: JSON lines, their number, and holes as (reason, offset, count)."""

    index: int
    records: int
    lines: bytes
    holes: tuple[tuple[str, int, int], ...]


class EvtxChild:
    """Own the child process; make it when it is needed, replace it when it failed."""

    def __init__(self, stall_s: float = limits.EVTX_STALL_S) -> None:
        self._stall_s = stall_s
        self._pid = 0
        self._requests: BinaryIO | None = None
        self._answers = -1

    def read(self, path: str) -> Iterator[ChunkRecords]:
        """Yield the chunks of a file in order.

        A chunk at which the child dies or stalls comes as a hole.  Raises `InputError` (E2012)
        after the third such chunk: such a file is made to cost us time.
        """
        first = 0
        failures = 0
        while True:
            self._ensure()
            try:
                for chunk in self._request(path, first):
                    first = chunk.index + 1
                    yield chunk
                return
            except _ChildFailedError as failure:
                self.close()
                failures += 1
                yield ChunkRecords(first, 0, b"", ((failure.reason, 0, 0),))
                first += 1
                if failures >= _GIVE_UP_AFTER:
                    raise InputError(
                        "E2012", "the parser failed three times in this file; the rest was not read"
                    ) from failure
            except GeneratorExit:
                # The answer was not read to its end, the pipe is in the middle of a frame.
                self.close()
                raise

    def close(self) -> None:
        """Kill the child and free its pipes."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._answers >= 0:
            os.close(self._answers)
            self._answers = -1
        if self._pid > 0:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
            self._pid = 0

    def _ensure(self) -> None:
        if self._pid:
            return
        request_out, request_in = os.pipe()
        answer_out, answer_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(request_in)
            os.close(answer_out)
            _live(request_out, answer_in)
        os.close(request_out)
        os.close(answer_in)
        self._pid = pid
        self._requests = os.fdopen(request_in, "wb", buffering=0)
        self._answers = answer_out

    def _request(self, path: str, first: int) -> Iterator[ChunkRecords]:
        assert self._requests is not None
        try:
            self._requests.write(json.dumps([path, first]).encode() + b"\n")
        except OSError as error:
            raise _ChildFailedError("the parser died") from error
        while True:
            index, records, size, holes_size = _FRAME.unpack(self._take(_FRAME.size))
            if index == _END:
                if holes_size:
                    raise InputError("E2010", self._take(holes_size).decode("utf-8", "replace"))
                return
            if size + holes_size > _MAX_FRAME_BYTES:
                raise _ChildFailedError("the parser gave more than any chunk can hold")
            lines = self._take(size)
            holes = tuple(tuple(hole) for hole in json.loads(self._take(holes_size) or b"[]"))
            yield ChunkRecords(index, records, lines, holes)

    def _take(self, size: int) -> bytes:
        parts = []
        while size > 0:
            if not select.select([self._answers], [], [], self._stall_s)[0]:
                raise _ChildFailedError("the parser stalled")
            part = os.read(self._answers, min(size, limits.MiB))
            if not part:
                raise _ChildFailedError("the parser died")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class _ChildFailedError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _live(requests_fd: int, answers_fd: int) -> None:
    """Be the child: answer requests until the parent is gone. Never returns."""
    try:
        _limit_memory()
        # A broken parser writes to the terminal; the reader learns what it needs by the frames.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        with os.fdopen(requests_fd, "rb") as requests, os.fdopen(answers_fd, "wb") as answers:
            for request in requests:
                path, first = json.loads(request)
                answer(path, first, answers)
                answers.flush()
    finally:
        # Not sys.exit: the parent's exit handlers and buffers were copied with the fork.
        os._exit(0)


def answer(path: str, first: int, answers: BinaryIO) -> None:
    """Write the frames for one file from one chunk on."""
    from hisn.events.evtx_chunks import CHUNK_BYTES, HEADER_BYTES, read_chunk

    problem = b""
    try:
        with open(path, "rb") as file:
            file.seek(HEADER_BYTES + first * CHUNK_BYTES)
            index = first
            while chunk := file.read(CHUNK_BYTES):
                texts, found = read_chunk(chunk)
                lines = "\n".join(texts).encode("utf-8", "replace")
                holes = b""
                if found:
                    holes = json.dumps([(hole.reason, hole.offset, hole.count) for hole in found]).encode()
                answers.write(_FRAME.pack(index, len(texts), len(lines), len(holes)))
                answers.write(lines)
                answers.write(holes)
                # The parent must see each chunk when it is done: that is how it notices a stall.
                answers.flush()
                index += 1
    except OSError as error:
        problem = str(error.strerror or error).encode()
    answers.write(_FRAME.pack(_END, 0, 0, len(problem)) + problem)


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    with open("/proc/self/statm", "rb") as file:
        present = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + _MEMORY_BYTES, present + _MEMORY_BYTES))
