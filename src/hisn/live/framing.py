r"""Find the messages in a syslog stream (RFC 6587): counted octets, or ended by a line feed.

Whoever counts octets may send a message with line feeds in it.  For us a line is a record, and an
attacker who could put a line feed into a message could forge the next record: they become ``#012``,
as other syslog servers write them.
"""

from __future__ import annotations

import re
from typing import Literal

MAX_MESSAGE_BYTES = 256 * 1024
"""RFC 5425 wants 8 KiB; an endless message is passed over and counted."""

Framing = Literal["auto", "octets", "lines"]

_COUNT = re.compile(rb"([1-9][0-9]{0,8}) ")
_COUNT_BEGUN = re.compile(rb"[1-9][0-9]{0,8}")


def line_of(message: bytes) -> bytes:
    r"""Return a message as one line with its end, or nothing if it is empty."""
    message = message.rstrip(b"\r\n\0")
    if not message:
        return b""
    return message.replace(b"\n", b"#012") + b"\n"


class Framer:
    """Take the bytes of one connection as they come, and give its messages as lines."""

    def __init__(self, framing: Framing = "auto", max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._framing = framing
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._skip = 0
        """Octets of an overlong message still to be passed over; -1: up to the next line feed."""
        self.overlong = 0
        self.is_bad = False
        """A sender who counts octets has miscounted: nobody knows where the next message begins."""

    @property
    def is_within(self) -> bool:
        """Tell whether a message has begun and not ended."""
        return bool(self._buffer) or self._skip != 0

    def feed(self, data: bytes) -> bytes:
        """Return the lines of the messages that ended with these bytes; none once it `is_bad`."""
        if self._framing == "auto":
            self._buffer += data
            self._framing = _framing_of(bytes(self._buffer[:10]))
            if self._framing == "auto":
                return b""
            data = bytes(self._buffer)
            self._buffer.clear()
        if self._framing == "lines":
            return self._by_lines(data)
        self._buffer += data
        return b"" if self.is_bad else self._by_octets()

    def end(self) -> bytes:
        """Return what came of a last message that was never ended."""
        rest = b"" if self._skip else bytes(self._buffer)
        self._buffer.clear()
        if self._framing != "lines" and (match := _COUNT.match(rest)):
            rest = rest[match.end() :]
        return line_of(rest)

    def _by_lines(self, data: bytes) -> bytes:
        if self._skip:
            stop = data.find(b"\n") + 1
            if not stop:
                return b""
            self._skip = 0
            data = data[stop:]
        whole, end, rest = data.rpartition(b"\n")
        if not end:
            self._buffer += rest
            self._refuse_endless()
            return b""
        whole = bytes(self._buffer) + whole
        self._buffer[:] = rest
        self._refuse_endless()
        lines = whole.split(b"\n")
        if len(whole) > self._max_bytes:
            fitting = [line for line in lines if len(line) <= self._max_bytes]
            self.overlong += len(lines) - len(fitting)
            lines = fitting
        return b"".join(map(line_of, lines))

    def _refuse_endless(self) -> None:
        if len(self._buffer) > self._max_bytes:
            self._buffer.clear()
            self._skip = -1
            self.overlong += 1

    def _by_octets(self) -> bytes:
        lines = []
        at = 0
        buffer = self._buffer
        while True:
            if self._skip:
                passed = min(self._skip, len(buffer) - at)
                at += passed
                self._skip -= passed
                if self._skip:
                    break
            match = _COUNT.match(buffer, at)
            if match is None:
                if len(buffer) - at >= 10 or not _may_count(bytes(buffer[at : at + 10])):
                    self.is_bad = True
                break
            size = int(match[1])
            if size > self._max_bytes:
                self.overlong += 1
                self._skip = size
                at = match.end()
                continue
            if len(buffer) < match.end() + size:
                break
            lines.append(line_of(bytes(buffer[match.end() : match.end() + size])))
            at = match.end() + size
        del buffer[:at]
        return b"".join(lines)


def _framing_of(begin: bytes) -> Framing:
    """Tell by the first bytes: a message begins with ``<``, a count with a digit."""
    if _COUNT.match(begin):
        return "octets"
    return "auto" if len(begin) < 10 and _may_count(begin) else "lines"


def _may_count(begin: bytes) -> bool:
    return not begin or _COUNT_BEGUN.fullmatch(begin) is not None
