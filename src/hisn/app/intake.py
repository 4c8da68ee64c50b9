"""Take files in before anything parses them: encrypted, durable, and read from what was taken.

A log file may grow or change while it is read.  So a copy is made once, and everything, the
commitment, the encrypted blob and the parser, reads the same bytes.  The copy lies in the node's
own folder, for the owner alone, and is removed when the run is over.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from hisn.app.places import blob_name
from hisn.core import limits
from hisn.errors import StorageError
from hisn.events.archives import member_tasks
from hisn.events.declare import Declarations
from hisn.events.source import SourceNote
from hisn.events.tasks import STDIN, Discovery, Task
from hisn.evidence.key_record import IntakeKey
from hisn.evidence.raw import RawEncryptor
from hisn.evidence.vault import Vault
from hisn.storage.blobs import FileBlobs
from hisn.storage.lock import held, held_now

if TYPE_CHECKING:
    from hisn.evidence.batch import Mode

_SMALL_BYTES = limits.MiB
_TOGETHER_BYTES = 16 * limits.MiB
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Intake:
    """Hold what was taken in of one file.

    `path` is the copy that is parsed, `key` the intake key, `commitment` what the log says of the
    key, `ciphertext` the SHA-256 of the encrypted blob, `raw` the salted commitment to the bytes.
    """

    path: str
    name: str
    mode: Mode
    key: bytes
    commitment: bytes
    ciphertext: bytes
    raw: bytes
    source_salt: bytes

    def source_id(self, source: str) -> bytes:
        """Return the name of a source in the log: who does not know the salt cannot guess the path."""
        return sha256(self.source_salt + source.encode("utf-8", "surrogatepass")).digest()


class Intaker:
    """Take files in for one run."""

    def __init__(self, vault: Vault, blobs: FileBlobs, folder: Path, source_salt: bytes) -> None:
        self._vault = vault
        self._blobs = blobs
        self._folder = folder
        self._source_salt = source_salt
        self._small: list[tuple[str, bytes]] = []
        self._small_bytes = 0

    def take_in(
        self, discovery: Discovery, declarations: Declarations, mode: Mode
    ) -> tuple[Discovery, tuple[Intake, ...]]:
        """Take every file in once; return the tasks with the copies' paths, and the intakes.

        A file that cannot be read becomes a note, as it would when it is judged; what could be read
        of it is taken in.  What is declared for a source decides how it is sealed before `mode` does.
        Raises StorageError.
        """
        tasks: dict[str, list[Task]] = {}
        for task in discovery.tasks:
            tasks.setdefault(task.path, []).append(task)
        taken: list[Intake] = []
        ready: list[Task] = []
        notes: list[SourceNote] = []
        for (path, parts), key in zip(tasks.items(), self._vault.new_keys(len(tasks)), strict=True):
            name = parts[0].name
            intake, error = self._take_path(path, name, declarations.sealing_of(name).mode or mode, key)
            if intake:
                taken.append(intake)
                ready += _parts_of(intake.path, parts, notes)
            if error:
                reason = error.strerror or type(error).__name__
                notes.append(SourceNote(name, "unknown", "partial" if intake else "skipped", reason, "E2001"))
        self._store_small()
        return Discovery(tuple(ready), (*discovery.notes, *notes)), tuple(taken)

    def _take_path(
        self, path: str, name: str, mode: Mode, key: IntakeKey
    ) -> tuple[Intake | None, OSError | None]:
        """Take one file in, as far as it can be read; return what stopped it, too."""
        try:
            stream = _opened(path)
        except OSError as error:
            return None, error
        with stream:
            source = _Source(stream)
            head = source.head()
            if source.error and not head:
                return None, source.error
            return self._take(source, head, name, mode, key), source.error

    def _take(self, source: _Source, head: bytes, name: str, mode: Mode, key: IntakeKey) -> Intake:
        encryptor = RawEncryptor(key.key)
        path = self._folder / key.commitment.hex()
        with _copy_at(path) as write:
            if len(head) < _SMALL_BYTES:
                write(head)
                blob = b"".join(encryptor.encrypt([head]))
                self._small.append((blob_name(encryptor.ciphertext_digest), blob))
                self._small_bytes += len(blob)
                if self._small_bytes > _TOGETHER_BYTES:
                    self._store_small()
            else:
                parts = _copied(head, source, write)
                self._blobs.put_parts(
                    encryptor.encrypt(parts), lambda: blob_name(encryptor.ciphertext_digest)
                )
        return Intake(
            path=str(path),
            name=name,
            mode=mode,
            key=key.key,
            commitment=key.commitment,
            ciphertext=encryptor.ciphertext_digest,
            raw=encryptor.commitment,
            source_salt=self._source_salt,
        )

    def _store_small(self) -> None:
        """Store the blobs of small files with one barrier for all: a folder may hold thousands."""
        self._blobs.put_many(self._small)
        self._small, self._small_bytes = [], 0


class _Source:
    """Read a file to its end, or to where it cannot be read: that is an end, too, with its error."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def head(self) -> bytes:
        """Return the first bytes: fewer than were asked for are all."""
        parts: list[bytes] = []
        wanted = _SMALL_BYTES
        while wanted and (part := self.read(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def read(self, size: int) -> bytes:
        """Return the next bytes, none at the end."""
        try:
            return b"" if self.error else self._stream.read(size)
        except OSError as error:
            self.error = error
            return b""


def _copied(head: bytes, source: _Source, write: Callable[[bytes], None]) -> Iterator[bytes]:
    """Yield what the source gives and write it to the copy."""
    part = head
    while part:
        write(part)
        yield part
        part = source.read(limits.MiB)


@contextmanager
def _copy_at(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what writes a new private file. Raises StorageError: whatever fails here is our disk's fault."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot_copy(error) from error

    def write(data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(handle, rest) :]
        except OSError as error:
            raise _cannot_copy(error) from error

    try:
        yield write
    finally:
        os.close(handle)


def _parts_of(copy: str, parts: Sequence[Task], notes: list[SourceNote]) -> list[Task]:
    """Return the tasks that read a copy in place of a file.

    An archive may be another one than a moment ago, when its members were listed: what is in the
    copy is committed, so it is read, too.
    """
    first = parts[0]
    if first.member is not None:
        archive = replace(first, path=copy, name=first.name.removesuffix(f"!{first.member}"), member=None)
        found: list[SourceNote] = []
        now = list(member_tasks(archive, found))
        if [task.member for task in now] != [task.member for task in parts]:
            notes += found
            return now
    return [replace(task, path=copy) for task in parts]


def _opened(path: str) -> BinaryIO:
    if path == STDIN:
        return cast(BinaryIO, os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0))
    return cast(BinaryIO, open(path, "rb", buffering=0))  # noqa: PTH123 - a task's path is text


def _cannot_copy(error: OSError) -> StorageError:
    return StorageError(
        "E5320",
        f"cannot keep a copy of what is read: {error.strerror or error}",
        hint="free space in the node's folder; it needs room for the logs twice while they are read",
        unchanged="nothing was judged; what was sealed before stands",
    )


@contextmanager
def intake_folder(folder: Path) -> Iterator[Path]:
    """Give an empty private folder for the copies of one run; it is gone afterwards.

    Copies that killed runs left behind are removed first: plain logs must not stay.  A run that
    lives holds a lock in its folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_copy(error) from error
    with ExitStack() as stack:
        with held(folder / _LOCK):  # nobody sweeps a folder that is not locked yet
            _sweep(folder)
            try:
                own = Path(tempfile.mkdtemp(dir=folder))
            except OSError as error:
                raise _cannot_copy(error) from error
            stack.callback(shutil.rmtree, own, ignore_errors=True)
            stack.enter_context(held(own / _LOCK))
        yield own


def _sweep(folder: Path) -> None:
    for entry in folder.iterdir():
        # A run that ends at this moment removes its folder itself.
        with suppress(StorageError), held_now(entry / _LOCK) as is_left:
            if is_left:
                shutil.rmtree(entry, ignore_errors=True)
