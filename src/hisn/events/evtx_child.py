"""Parse EVTX in a child process that may hang, crash or ask for 14 GB without harm.

A crafted file can make a parser loop or allocate without end, with every checksum right.  So the
binding never runs in our own process.  One child lives as long as the process that uses it and
reads file after file: that costs one fork in all (about 2 ms) and a few system calls a file,
where a child for each of many small files would cost more than parsing them.  It has a limit of
memory, and for each chunk of 64 KiB a limit of time; when it dies or stalls, the chunk is a hole
and a new child goes on behind it.

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
from typing import BinaryIO, Protocol

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


class ChildFailedError(Exception):
    """Say that the child died, stalled or talked nonsense."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Process(Protocol):
    """Talk to a child: requests in, bytes out, and an end by force."""

    def ask(self, request: bytes) -> None:
        """Send a request. Raises OSError if the child is gone."""
        ...

    def take(self, size: int) -> bytes:
        """Return exactly so many bytes of the answer. Raises ChildFailedError after the stall time."""
        ...

    def end(self) -> None:
        """Kill the child, whatever it does, and free its pipes."""
        ...


class EvtxChild:
    """Own the child process; make it when it is needed, replace it when it failed."""

    def __init__(self, stall_s: float = limits.EVTX_STALL_S, *, forks: bool | None = None) -> None:
        self._stall_s = stall_s
        # A fork is faster, but only Linux promises that it is sound beside other threads' libraries.
        self._forks = sys.platform == "linux" if forks is None else forks
        self._process: Process | None = None

    def read(self, path: str) -> Iterator[ChunkRecords]:
        """Yield the chunks of a file in order.

        A chunk at which the child dies or stalls comes as a hole.  Raises `InputError`: E2010 if
        the file cannot be read, E2012 after the third such chunk, for then the file was made to
        cost us time.
        """
        first = 0
        failures = 0
        while True:
            try:
                for chunk in self._request(path, first):
                    first = chunk.index + 1
                    yield chunk
            except ChildFailedError as failure:
                self.close()
                failures += 1
                yield ChunkRecords(first, 0, b"", ((failure.reason, 0, 0),))
                first += 1
                if failures >= _GIVE_UP_AFTER:
                    reason = "the parser failed three times in this file; the rest was not read"
                    raise InputError("E2012", reason) from failure
            except GeneratorExit:
                # The answer was not read to its end: the pipe stands in the middle of a frame.
                self.close()
                raise
            else:
                return

    def close(self) -> None:
        """Kill the child, if there is one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _request(self, path: str, first: int) -> Iterator[ChunkRecords]:
        if self._process is None:
            self._process = Forked(self._stall_s) if self._forks else Spawned(self._stall_s)
        process = self._process
        try:
            process.ask(json.dumps([path, first]).encode() + b"\n")
        except OSError as error:
            raise ChildFailedError("the parser died") from error
        while True:
            index, records, size, holes_size = _FRAME.unpack(process.take(_FRAME.size))
            if size + holes_size > _MAX_FRAME_BYTES:
                raise ChildFailedError("the parser gave more than any chunk can hold")
            lines = process.take(size)
            holes = json.loads(process.take(holes_size) or b"[]")
            if index == _END:
                if holes:
                    raise InputError("E2010", holes[0])
                return
            yield ChunkRecords(index, records, lines, tuple((why, at, count) for why, at, count in holes))


class Forked:
    """Be a copy of this process."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        request_out, self._requests = os.pipe()
        self._answers, answer_in = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._requests)
            os.close(self._answers)
            _live(request_out, answer_in)
        os.close(request_out)
        os.close(answer_in)

    def ask(self, request: bytes) -> None:
        """Send a request."""
        os.write(self._requests, request)

    def take(self, size: int) -> bytes:
        """Read so many bytes, never waiting longer than the stall time for the next ones."""
        parts = []
        while size > 0:
            if not select.select([self._answers], [], [], self._stall_s)[0]:
                raise ChildFailedError("the parser stalled")
            part = os.read(self._answers, min(size, limits.MiB))
            if not part:
                raise ChildFailedError("the parser died")
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def end(self) -> None:
        """Kill the child and free its pipes."""
        os.close(self._requests)
        os.close(self._answers)
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)


class Spawned:
    """Be a new process, where forking is not safe (macOS) or not there (Windows)."""

    def __init__(self, stall_s: float) -> None:
        import subprocess

        self._stall_s = stall_s
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hisn.events.evtx_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, request: bytes) -> None:
        """Send a request."""
        if self._process.stdin is not None:
            self._process.stdin.write(request)
            self._process.stdin.flush()

    def take(self, size: int) -> bytes:
        """Read so many bytes; a timer kills a child that stalls, for pipes cannot be polled everywhere."""
        import threading

        if size == 0 or self._process.stdout is None:
            return b""
        timer = threading.Timer(self._stall_s, self._process.kill)
        timer.start()
        try:
            data = self._process.stdout.read(size)
        finally:
            is_late = not timer.is_alive()
            timer.cancel()
        if len(data) < size:
            raise ChildFailedError("the parser stalled" if is_late else "the parser died")
        return data

    def end(self) -> None:
        """Kill the child and free its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _live(requests_fd: int, answers_fd: int) -> None:
    """Be the forked child: answer requests until the parent is gone. Never returns."""
    try:
        # A broken parser writes to the terminal; the reader learns what it needs by the frames.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        serve(os.fdopen(requests_fd, "rb"), os.fdopen(answers_fd, "wb"))
    finally:
        # Not sys.exit: the parent's exit handlers and buffers were copied with the fork.
        os._exit(0)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    _limit_memory()
    for request in requests:
        path, first = json.loads(request)
        _answer(path, first, answers)


def _answer(path: str, first: int, answers: BinaryIO) -> None:
    """Write the frames for one file from one chunk on."""
    from hisn.events.evtx_chunks import CHUNK_BYTES, HEADER_BYTES, WIPED, announced_chunks, read_chunk

    problem = b""
    try:
        with open(path, "rb", buffering=0) as file:
            announced = announced_chunks(file.read(HEADER_BYTES))
            file.seek(HEADER_BYTES + first * CHUNK_BYTES)
            index = first
            while chunk := file.read(CHUNK_BYTES):
                texts, found = read_chunk(chunk)
                if index < announced and not texts and not found:
                    found = [WIPED]
                lines = "\n".join(texts).encode("utf-8", "replace")
                holes = b""
                if found:
                    holes = json.dumps([(hole.reason, hole.offset, hole.count) for hole in found]).encode()
                answers.write(_FRAME.pack(index, len(texts), len(lines), len(holes)) + lines + holes)
                # The parent must see each chunk when it is done: that is how it notices a stall.
                answers.flush()
                index += 1
    except OSError as error:
        problem = json.dumps([error.strerror or str(error)]).encode()
    answers.write(_FRAME.pack(_END, 0, 0, len(problem)) + problem)
    answers.flush()


def _limit_memory() -> None:
    """Allow a gigabyte more than there is now; where the system has no such limit, none."""
    try:
        import resource

        with open("/proc/self/statm", "rb") as file:
            present = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (present + _MEMORY_BYTES, present + _MEMORY_BYTES))
    except (ImportError, OSError, ValueError):
        return


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
