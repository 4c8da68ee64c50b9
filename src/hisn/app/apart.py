"""Hold the node's keys in a process of their own while logs are judged.

The processes that parse hostile bytes are forked from the one that judges, and have all of its
memory: with the node open in it, they would have its signing keys.  So the node is opened in
another process, which parses nothing.  It begins at once: while it opens the node and takes the
files in, the rules are loaded.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeVar

from hisn.app.places import Places
from hisn.app.sealed import ChunkSealer, SealedChunk, SealSummary
from hisn.app.sealer import NodeSealer, Opened, Taking
from hisn.errors import HisnError, StorageError
from hisn.node.published import Outcome

if TYPE_CHECKING:
    from hisn.app.sealing import Bounds
    from hisn.events.declare import Declarations
    from hisn.events.tasks import Discovery
    from hisn.evidence.batch import Mode
    from hisn.findings.model import Finding

_T = TypeVar("_T")
_CALLS = frozenset({"open", "take_in", "commit", "record_findings", "summary", "finish"})


class _Call(NamedTuple):
    name: str
    arguments: tuple[object, ...] = ()


class _Ended(BaseException):
    """Say that the other process wants this one to end; nothing on the way may catch it."""


class _NeedsPassphrase:
    """Ask for the passphrase: the terminal is the other process's."""


class _Times(NamedTuple):
    start: int | None
    end: int | None


@contextmanager
def sealer_apart(
    root: Path, mode: Mode, passphrase: Callable[[], str]
) -> Generator[SealerApart | NodeSealer]:
    """Give what seals into a node; the process is over, and its copies are gone, when the block is left.

    Where a process cannot be forked safely, the node is opened in this one.
    """
    if sys.platform != "linux":
        with NodeSealer(root, mode, passphrase) as sealer:
            yield sealer
        return
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    stdin = _own_stdin()
    process = fork.Process(target=_hold, args=(theirs, ours, stdin, root, mode), daemon=True)
    process.start()
    theirs.close()
    if stdin is not None:
        os.close(stdin)
    try:
        yield SealerApart(process, ours, passphrase, is_there=Places(root).config.exists())
    except BaseException:
        process.terminate()  # it may be busy with a large file; the copies go with it
        raise
    finally:
        ours.close()
        process.join()


class SealerApart:
    """Speak to the process that holds the keys; one thread uses it."""

    def __init__(
        self, process: ForkProcess, pipe: Connection, passphrase: Callable[[], str], *, is_there: bool
    ) -> None:
        self._process = process
        self._pipe = pipe
        self._passphrase = passphrase
        self._compute: ChunkSealer | None = None
        # A new node is made only when it is certain that the run begins.
        self._is_asked = is_there
        if is_there:
            self._send("open")

    @property
    def pipes(self) -> Sequence[Connection]:
        """Return the way to the keys: no worker may keep it."""
        return (self._pipe,)

    def open(self) -> Opened:
        """Wait until the node is open, or made. Raises what `open_or_make` raises."""
        if not self._is_asked:
            self._send("open")
        return self._answer(Opened)

    def begin(self, discovery: Discovery, declarations: Declarations, mapping_digest: str) -> Taking:
        """Have the files taken in while this process does something else."""
        self._send("take_in", discovery, declarations, mapping_digest)

        def taken() -> tuple[Discovery, SealerApart]:
            found, self._compute = self._answer(tuple)
            return found, self

        return taken

    @property
    def compute(self) -> ChunkSealer:
        """Return the workers' half."""
        if self._compute is None:
            raise HisnError("E1099", "nothing was taken in")
        return self._compute

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Put batches into the log, durably. Raises StorageError."""
        self._send("commit", sealed)
        self._answer(type(None))

    def record_findings(self, findings: Sequence[Finding], window: Bounds | None = None) -> None:
        """Put findings into the log, durably. Raises StorageError."""
        self._send("record_findings", findings, _Times(window.start, window.end) if window else None)
        self._answer(type(None))

    def summary(self) -> SealSummary:
        """Return what was put into the log."""
        self._send("summary")
        return self._answer(SealSummary)

    def finish(self) -> Outcome:
        """Have the copies removed, and the log published. Raises StorageError."""
        self._send("finish")
        return self._answer(Outcome)

    def _send(self, name: str, *arguments: object) -> None:
        self._is_asked = True
        with self._alive():
            self._pipe.send(_Call(name, arguments))

    def _answer(self, kind: type[_T]) -> _T:
        while True:
            with self._alive():
                answer = self._pipe.recv()
            if isinstance(answer, _NeedsPassphrase):
                self._pipe.send(self._passphrase())
            elif isinstance(answer, HisnError):
                raise answer
            elif isinstance(answer, kind):
                return answer
            else:
                raise HisnError("E1099", f"an answer is a {type(answer).__name__}")

    @contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            self._process.join()
            raise StorageError(
                "E5346",
                f"the process that holds the node's keys has ended (status {self._process.exitcode})",
                hint="run the command again; what was sealed before stands",
                unchanged="nothing was judged that is not in the log",
            ) from error


def _own_stdin() -> int | None:
    """Return a handle of standard input; multiprocessing gives its children none."""
    try:
        return os.dup(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):
        return None


def _hold(pipe: Connection, foreign: Connection, stdin: int | None, root: Path, mode: Mode) -> None:
    foreign.close()
    # Ctrl-C goes to the whole process group; the other process decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    if stdin is not None:
        sys.stdin = os.fdopen(stdin)

    def passphrase() -> str:
        pipe.send(_NeedsPassphrase())
        return str(pipe.recv())

    # The other process is gone, or gives up: there is nobody to seal for, and nobody to tell.
    gone = suppress(_Ended, EOFError, BrokenPipeError, ConnectionResetError)
    with gone, NodeSealer(root, mode, passphrase) as sealer:
        _load()
        while True:
            pipe.send(_done(sealer, pipe.recv()))


def _load() -> None:
    """Load what will be needed, while the other process loads the rules."""
    from hisn.app import heads, intake, make_node, publish, sealing  # noqa: F401


def _done(sealer: NodeSealer, call: _Call) -> object:
    """Do what is asked; what is raised is an answer, too."""
    if call.name not in _CALLS:
        return HisnError("E1099", f"no such call: {call.name}")
    try:
        return getattr(sealer, call.name)(*call.arguments)
    except HisnError as error:
        return error
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 (it goes to the other process, which raises it)
        if os.environ.get("HISN_DEBUG"):
            traceback.print_exc()
        return HisnError("E1099", f"the program failed ({type(error).__name__}: {error})")


def _end(_signal: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Ended
