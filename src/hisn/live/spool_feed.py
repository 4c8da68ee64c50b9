"""Read a spool like a file."""

from __future__ import annotations

from collections.abc import Sequence

from hisn.core.limits import SNIFF_BYTES
from hisn.live.feed import Position
from hisn.live.piece import FeedNote, Piece, longer_head
from hisn.live.spool import MAGIC, SegmentReader, Spool
from hisn.live.stream import Notes, Stream
from hisn.live.tails import broken_position

_KEY = "spool"


class SpoolFeed:
    """Give the lines of a spool; a generation is one segment of it.

    `segment` and `at` say where the next frame is.
    """

    def __init__(self, name: str, spool: Spool, notes: Notes) -> None:
        self.name = name
        self._spool = spool
        self._notes = notes
        self._stream = Stream(name)
        self._segment = 0
        self._at = 0
        self._head = b""
        self._reader: SegmentReader | None = None

    @property
    def end(self) -> int:
        """Return the offset in the stream behind what was given."""
        return self._stream.start

    def resume(self, position: Position | None, now_us: int) -> None:
        """Open the spool and stand in it. Raises StorageError."""
        match (position or {}).get(_KEY, None if position else [0, 0, 0, 1]):
            case [int(segment), int(at), int(start), int(record)]:
                self._segment, self._at = segment, at
                self._stream.start, self._stream.record = start, record
            case value:
                raise broken_position(f"{self.name}: {value!r:.200}")
        self._spool.open(self._segment + 1)
        if self._spool.torn_bytes:
            reason = "the end of what had come when we were stopped: it was not whole"
            self._gap(self._spool.torn_bytes, reason, now_us)
        ends = dict(self._spool.segments())
        if self._segment and ends and self._segment < min(ends):
            self._gap(0, "segments of the spool are missing", now_us)
        elif self._at > ends.get(self._segment, self._at):
            self._gap(self._at - ends[self._segment], "the spool has lost what it had kept", now_us)

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what is kept and was not given yet."""
        pieces: list[Piece] = []
        for number, end in self._spool.segments():
            if number < self._segment or max_bytes <= 0:
                continue
            if number > self._segment:
                self._leave()
                self._segment, self._at = number, 0
            if max(self._at, len(MAGIC)) < end:
                data = self._read(number, end, max_bytes)
                if data:
                    pieces.append(self._stream.piece(number, data, self._head, now_us))
                max_bytes -= len(data)
                if self._at < end:
                    break
        return pieces

    def position(self) -> Position:
        """Return where the feed stands."""
        return {_KEY: [self._segment, self._at, self._stream.start, self._stream.record]}

    def committed(self, position: Position) -> None:
        """Let go of the segments before a position."""
        match position.get(_KEY):
            case [int(segment), *_]:
                self._spool.drop_before(segment)
            case value:
                raise broken_position(f"{self.name}: {value!r:.200}")

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        del now_us
        return self._notes.take()

    def close(self) -> None:
        """Close the spool."""
        self._leave()
        self._spool.close()

    def _read(self, number: int, end: int, max_bytes: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for frame in self._reader_of(number).frames_to(end):
            parts.append(frame.payload)
            size += len(frame.payload)
            self._at = frame.end
            if size >= max_bytes:
                break
        data = b"".join(parts)
        self._head = longer_head(self._head, data)
        return data

    def _reader_of(self, number: int) -> SegmentReader:
        """Return the reader of a segment; the head of what was given of it is read again if it is new."""
        if self._reader is None:
            self._head = b""
            if self._at > len(MAGIC):
                again = self._spool.reader(number, 0)
                for frame in again.frames_to(self._at):
                    self._head = longer_head(self._head, frame.payload)
                    if len(self._head) >= SNIFF_BYTES:
                        break
                again.close()
            self._reader = self._spool.reader(number, self._at)
        return self._reader

    def _leave(self) -> None:
        if self._reader:
            self._reader.close()
            self._reader = None

    def _gap(self, count: int, reason: str, now_us: int) -> None:
        self._notes.add(
            self.name, "gap", now_us, count, "bytes", is_exact=False, offset=self._stream.start, reason=reason
        )
