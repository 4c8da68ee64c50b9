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
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeAlias, TypeVar

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


Make: TypeAlias = "Callable[[Callable[[], str]], AbstractContextManager[object]]"
"""Make what holds the keys, given what asks for the passphrase."""


class _Holder(NamedTuple):
    make: Make
    calls: frozenset[str]
    load: Callable[[], None]
    is_patient: bool


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
    with keys_apart(lambda ask: NodeSealer(root, mode, ask), _CALLS, _load) as (process, pipe):
        yield SealerApart(process, pipe, passphrase, is_there=Places(root).config.exists())


@contextmanager
def keys_apart(
    make: Make, calls: frozenset[str], load: Callable[[], None], *, is_patient: bool = False
) -> Generator[tuple[ForkProcess, Connection]]:
    """Give a process that holds what `make` makes, and the pipe to it; both are gone afterwards.

    `make` is given what asks for the passphrase; `calls` are the methods that may be called, and
    `load` loads what they need.  A patient process is not ended by signals: it finishes what it
    does, and ends when it hears nothing more.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    stdin = _own_stdin()
    holder = _Holder(make, calls, load, is_patient)
    process = fork.Process(target=_hold, args=(theirs, ours, stdin, holder), daemon=True)
    process.start()
    theirs.close()
    if stdin is not None:
        os.close(stdin)
    try:
        yield process, ours
    except KeyboardInterrupt:
        # At once: what is under way is committed or not, and the next start knows which.
        (process.kill if is_patient else process.terminate)()
        raise
    except BaseException:
        if not is_patient:
            process.terminate()  # it may be busy with a large file; the copies go with it
        raise
    finally:
        ours.close()
        process.join()


class KeysApart:
    """Speak to a process that holds keys; one thread uses it."""

    def __init__(
        self, process: ForkProcess, pipe: Connection, passphrase: Callable[[], str], *, is_there: bool
    ) -> None:
        self._process = process
        self._pipe = pipe
        self._passphrase = passphrase
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

    def ask(self, kind: type[_T], name: str, *arguments: object) -> _T:
        """Call a method there, and return its answer, which is of a kind. Raises what it raises."""
        self._send(name, *arguments)
        return self._answer(kind)

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


class SealerApart(KeysApart):
    """Speak to the process that holds the keys of a run; one thread uses it."""

    _compute: ChunkSealer | None = None

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


def _own_stdin() -> int | None:
    """Return a handle of standard input; multiprocessing gives its children none."""
    try:
        return os.dup(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):
        return None


def _hold(pipe: Connection, foreign: Connection, stdin: int | None, holder: _Holder) -> None:
    foreign.close()
    # Ctrl-C goes to the whole process group; the other process decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if holder.is_patient else _end)
    if stdin is not None:
        sys.stdin = os.fdopen(stdin)

    def passphrase() -> str:
        pipe.send(_NeedsPassphrase())
        return str(pipe.recv())

    # The other process is gone, or gives up: there is nobody to seal for, and nobody to tell.
    gone = suppress(_Ended, EOFError, BrokenPipeError, ConnectionResetError)
    with gone, holder.make(passphrase) as held:
        holder.load()
        while True:
            pipe.send(_done(held, holder.calls, pipe.recv()))


def _load() -> None:
    """Load what will be needed, while the other process loads the rules."""
    from hisn.app import heads, intake, make_node, publish, sealing  # noqa: F401


def _done(held: object, calls: frozenset[str], call: _Call) -> object:
    """Do what is asked; what is raised is an answer, too."""
    if call.name not in calls:
        return HisnError("E1099", f"no such call: {call.name}")
    try:
        return getattr(held, call.name)(*call.arguments)
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
