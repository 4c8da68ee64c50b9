"""Read and judge in a process that may be killed: what is parsed was written by attackers.

Three processes take part.  This one asks.  The *keeper* is forked before feeds and outputs start
their threads; it parses nothing, and forks the *worker* whenever there is none.  The worker reads
and judges under limits of memory and time.  If it dies, the pieces are tried again one by one, so
that the bad one is named and the others lose nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any, TypeAlias

from hisn.app.judge import Part
from hisn.app.watch.pieces import JudgedPieces, PieceJudge, ReadPieces, ToRead, empty_batch
from hisn.core import limits
from hisn.engine.ledger import CoverageLedger
from hisn.errors import HisnError, StorageError
from hisn.events.sequences import Sequence as Sequenced

Make: TypeAlias = "Callable[[], PieceJudge]"

_PR_SET_PDEATHSIG = 1
_PATIENCE_S = 1.0
_MEMORY_BYTES = 2 * 1024 * limits.MiB


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bound a worker: seconds for one cycle, bytes of memory beyond what it began with (0: any)."""

    seconds: float = 120.0
    memory_bytes: int = _MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class _Died:
    how: str


class _WorkerDied(Exception):  # noqa: N818 -- it is caught here and never seen outside
    """Say how the worker died."""


class ApartWorker:
    """Have pieces read and judged in another process. One thread uses it."""

    def __init__(self, make: Make, bounds: Bounds | None = None, foreign: Sequence[Connection] = ()) -> None:
        """Start the keeper; `foreign` are connections that neither it nor the worker may keep."""
        fork = multiprocessing.get_context("fork")
        self._pipe, theirs = fork.Pipe()
        self._keeper: ForkProcess = fork.Process(
            target=_keep, args=(theirs, (self._pipe, *foreign), make, bounds or Bounds())
        )
        self._keeper.start()
        theirs.close()
        self._pieces: Sequence[ToRead] = ()
        self._unread: frozenset[int] = frozenset()

    def read(self, pieces: Sequence[ToRead]) -> ReadPieces:
        """Return the commitments; a piece that kills who reads it has an empty one, and is named."""
        self._pieces, self._unread = pieces, frozenset()
        try:
            found: ReadPieces = self._ask("read", pieces)
        except _WorkerDied:
            pass
        else:
            return found
        unread: list[tuple[int, str]] = []
        for number, piece in enumerate(pieces):
            try:
                self._ask("read", [piece])
            except _WorkerDied as error:
                unread.append((number, str(error)))
        self._unread = frozenset(number for number, _how in unread)
        return self._read_but(dict(unread))

    def _read_but(self, unread: dict[int, str]) -> ReadPieces:
        """Read all pieces but some, which get an empty commitment."""
        good = [number for number in range(len(self._pieces)) if number not in unread]
        found: ReadPieces = self._ask("read", [self._pieces[number] for number in good])
        sealed = [
            replace(chunk, task=replace(chunk.task, path=str(good[int(chunk.task.path)])))
            for chunk in found.sealed
        ]
        for number, how in unread.items():
            if self._pieces[number].by is not None:
                task = replace(self._pieces[number].task, path=str(number))
                sealed.append(empty_batch(task, how))
        sealed.sort(key=lambda chunk: (int(chunk.task.path), chunk.ordinal))
        return ReadPieces(tuple(sealed), tuple(sorted(unread.items())))

    def judge(self, skipped: Sequence[int] = ()) -> JudgedPieces:
        """Judge what was read last; a piece that kills who judges it is named."""
        good = [number for number in range(len(self._pieces)) if number not in self._unread]
        skipped_now = [place for place, number in enumerate(good) if number in skipped]
        try:
            judged: JudgedPieces = self._ask("judge", skipped_now)
        except _WorkerDied:
            return self._one_by_one([number for number in good if number not in skipped])
        return judged

    def _one_by_one(self, numbers: Sequence[int]) -> JudgedPieces:
        parts: list[Part] = []
        sequences: list[Sequenced] = []
        unjudged: list[int] = []
        for number in numbers:
            piece = self._pieces[number]
            try:
                self._ask("read", [piece])
                judged: JudgedPieces = self._ask("judge", ())
                parts.append(judged.part)
                sequences += judged.sequences
            except _WorkerDied:
                unjudged.append(number)
        return JudgedPieces(_joined(parts), tuple(unjudged), tuple(sequences))

    def _ask(self, what: str, argument: object) -> Any:
        try:
            self._pipe.send_bytes(pickle.dumps((what, argument), pickle.HIGHEST_PROTOCOL))
            answer = pickle.loads(self._pipe.recv_bytes())  # noqa: S301 -- from a process of our own
        except (EOFError, OSError) as error:
            self._keeper.join()
            raise StorageError(
                "E5605",
                f"the process that keeps the watch's worker has ended (status {self._keeper.exitcode})",
                hint="start the watch again; what was sealed before stands",
                unchanged="nothing was judged that is not in the log",
            ) from error
        if isinstance(answer, _Died):
            raise _WorkerDied(answer.how)
        if isinstance(answer, HisnError):
            raise answer
        return answer

    def close(self) -> None:
        """End both processes, whatever they do."""
        self._pipe.close()
        self._keeper.join(_PATIENCE_S)
        self._keeper.kill()  # the worker dies with it
        self._keeper.join()


def _joined(parts: Sequence[Part]) -> Part:
    ledger = CoverageLedger()
    for part in parts:
        ledger.merge(part.ledger)
    return Part(
        tuple(hit for part in parts for hit in part.hits),
        ledger,
        sum(part.records for part in parts),
        sum(part.size_bytes for part in parts),
        minutes=tuple(note for part in parts for note in part.minutes),
        marks=tuple(mark for part in parts for mark in part.marks),
    )


class _Child:
    """Hold a worker, from the keeper's side."""

    def __init__(self, make: Make, bounds: Bounds, foreign: Sequence[Connection]) -> None:
        fork = multiprocessing.get_context("fork")
        self.pipe, theirs = fork.Pipe()
        self.process = fork.Process(target=_work, args=(theirs, (self.pipe, *foreign), make, bounds))
        self.process.start()
        theirs.close()

    def ask(self, request: bytes, seconds: float) -> bytes:
        """Return the answer, as bytes: nothing of a worker is unpacked here. Raises _WorkerDied."""
        try:
            self.pipe.send_bytes(request)
            if self.pipe.poll(seconds):
                return self.pipe.recv_bytes()
        except (EOFError, OSError):
            self.process.join()
            raise _WorkerDied(f"the process that read it died (status {self.process.exitcode})") from None
        self.end()
        raise _WorkerDied(f"it took longer than {seconds:g} s")

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _keep(pipe: Connection, foreign: Sequence[Connection], make: Make, bounds: Bounds) -> None:
    for each in foreign:
        each.close()
    # Signals go to the whole group; the first process decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child: _Child | None = None
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = pipe.recv_bytes()
            child = child or _Child(make, bounds, (pipe,))
            try:
                answer = child.ask(request, bounds.seconds)
            except _WorkerDied as error:
                child = None
                answer = pickle.dumps(_Died(str(error)))
            pipe.send_bytes(answer)
    if child:
        child.end()


def _work(pipe: Connection, foreign: Sequence[Connection], make: Make, bounds: Bounds) -> None:
    for each in foreign:
        each.close()
    # If the keeper is killed while we are busy, nobody wants the answer.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if bounds.memory_bytes:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 -- a name of the system, not a path
            now = int(file.read().split()[0]) * resource.getpagesize()
        most = now + bounds.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    judge = make()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            pipe.send_bytes(pickle.dumps(_done(judge, pipe.recv_bytes()), pickle.HIGHEST_PROTOCOL))


def _done(judge: PieceJudge, request: bytes) -> object:
    what, argument = pickle.loads(request)  # noqa: S301 -- from a process of our own
    try:
        return judge.read(argument) if what == "read" else judge.judge(argument)
    except MemoryError:
        os._exit(os.EX_OSERR)  # as if the system had killed it: the pieces are tried one by one
    except HisnError as error:
        return error
    except Exception as error:  # noqa: BLE001 (it goes to the first process, which raises it)
        if os.environ.get("HISN_DEBUG"):
            traceback.print_exc()
        return HisnError("E1099", f"the program failed ({type(error).__name__}: {error})")
