"""Write logs as their writers do, and keep what a feed gave, as the watch does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from hisn.live.feed import Feed, Position
from hisn.live.piece import FeedNote, Heads, Piece

SECOND = 1_000_000


@dataclass
class Watcher:
    """Poll a feed; hold it to what every feed promises."""

    make: Callable[[], Feed]
    now_us: int = 1_800_000_000 * SECOND
    pieces: list[Piece] = field(default_factory=list)
    notes: list[FeedNote] = field(default_factory=list)
    feed: Feed = field(init=False)
    kept: Position | None = None
    kept_pieces: int = 0

    def __post_init__(self) -> None:
        self.feed = self.make()
        self.feed.resume(None, self.now_us)

    def poll(self, max_bytes: int = 1 << 20, after_s: float = 1.0) -> bytes:
        """Poll once, some time later; return the data of all pieces."""
        self.now_us += round(after_s * SECOND)
        new = list(self.feed.poll(max_bytes, self.now_us))
        self.pieces += new
        self.notes += self.feed.notes(self.now_us)
        self.check()
        return b"".join(piece.data for piece in new)

    def settle(self) -> bytes:
        """Poll until nothing comes, and old files have been waited for."""
        data = b""
        while got := self.poll():
            data += got
        data += self.poll(after_s=61)
        while got := self.poll():
            data += got
        return data

    def commit(self) -> None:
        """Keep everything up to now."""
        self.kept = self.feed.position()
        self.kept_pieces = len(self.pieces)
        self.feed.committed(self.kept)

    def crash(self) -> None:
        """Start again from what was kept."""
        self.feed.close()
        del self.pieces[self.kept_pieces :]
        self.feed = self.make()
        self.feed.resume(self.kept, self.now_us)

    def check(self) -> None:
        """Hold the pieces to following each other."""
        ends: dict[str, tuple[int, int]] = {}
        heads: dict[str, Heads] = {}
        for piece in self.pieces:
            assert piece.data.endswith(b"\n")
            assert (piece.start, piece.first_record) == ends.get(piece.source, (0, 1))
            ends[piece.source] = piece.end, piece.next_record
            made = heads.setdefault(piece.source, Heads()).take(piece.generation, piece.data)
            assert piece.head == made

    def data(self, source: str | None = None) -> bytes:
        """Return everything that was given."""
        return b"".join(piece.data for piece in self.pieces if source in (None, piece.source))

    def said(self, kind: str) -> list[FeedNote]:
        """Return the notes of one kind."""
        return [note for note in self.notes if note.kind == kind]


class Log:
    """Be a log, its writer, and whoever rotates it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = b""
        self._tick = 1_700_000_000

    def write(self, data: bytes) -> None:
        """Append, and let the file's time pass: rotations are told apart by it."""
        with self.path.open("ab") as file:
            file.write(data)
        self.written += data
        self.touch(self.path)

    def touch(self, path: Path) -> None:
        """Give a file the next time: real ones may be too close to each other."""
        self._tick += 1
        os.utime(path, (self._tick, self._tick))

    def shift(self) -> Path:
        """Rename ``log.1`` to ``log.2`` and so on; return the free name."""
        numbered = [self.path.with_name(f"{self.path.name}.{number}") for number in range(1, 30)]
        count = next(at for at, path in enumerate(numbered) if not path.exists())
        for at in range(count, 0, -1):
            numbered[at - 1].rename(numbered[at])
        return numbered[0]

    def rename(self) -> None:
        """Rotate as logrotate does by default."""
        first = self.shift()
        if self.path.exists():
            self.path.rename(first)

    def copy_and_truncate(self) -> None:
        """Rotate as logrotate does with copytruncate."""
        first = self.shift()
        if self.path.exists():
            shutil.copyfile(self.path, first)
            self.touch(first)
            os.truncate(self.path, 0)
            self.touch(self.path)


ACTS = st.lists(
    st.sampled_from(
        ["line", "line", "part", "end", "rename", "copy", "poll", "poll", "sip", "commit", "crash"]
    ),
    max_size=40,
)


def played(log: Log, watcher: Watcher, acts: list[str]) -> None:
    """Do it, and compare what was given with what was written; a rotated file ends its last line.

    Every line is another one, as lines with times are: a file that is emptied and filled with the
    same bytes again looks as if nothing had happened.
    """
    expected = b""

    def write(text: bytes) -> None:
        nonlocal expected
        log.write(text)
        expected += text

    def rotate(how: Callable[[], None]) -> None:
        nonlocal expected
        # A copy of nothing that was given cannot be known: look first, as every second does.
        watcher.poll()
        if log.path.exists() and "'last': [" not in str(watcher.kept):
            # Whoever comes for the first time asks for the file that is there, not for older ones.
            watcher.commit()
        if log.path.exists() and not expected.endswith(b"\n") and log.path.stat().st_size:
            expected += b"\n"
            with log.path.open("ab") as file:
                file.write(b"\n")
            log.touch(log.path)
        how()

    for counter, act in enumerate(acts):
        match act:
            case "line":
                write(b"line %d\n" % counter)
            case "part":
                write(b"part %d " % counter)
            case "end":
                write(b"end %d\n" % counter)
            case "rename":
                rotate(log.rename)
            case "copy":
                rotate(log.copy_and_truncate)
            case "poll":
                watcher.poll()
            case "sip":
                watcher.poll(max_bytes=10)
            case "commit":
                watcher.commit()
            case _:
                watcher.crash()
    watcher.settle()
    whole = expected[: expected.rfind(b"\n") + 1]
    assert watcher.data() == whole
    assert watcher.said("gap") == watcher.said("truncated") == []
