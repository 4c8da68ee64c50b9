"""Take files in before anything parses them: encrypted, durable, and read from what was taken.

A log file may grow or change while it is read.  So a copy is made once, and everything, the
commitment, the encrypted blob and the parser, reads the same bytes.  The copy lies in the node's
own folder, for the owner alone, and is removed when the run is over.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from hisn.app.places import blob_name
from hisn.core import limits
from hisn.errors import StorageError
from hisn.events.declare import Declarations
from hisn.events.source import SourceNote
from hisn.events.tasks import STDIN, Discovery
from hisn.evidence.batch import Mode
from hisn.evidence.key_record import IntakeKey
from hisn.evidence.raw import RawEncryptor
from hisn.evidence.vault import Vault
from hisn.storage.blobs import FileBlobs

_SMALL_BYTES = limits.MiB
_TOGETHER_BYTES = 16 * limits.MiB


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

        A file that cannot be read becomes a note, as it would when it is judged.  What is declared
        for a source decides how it is sealed before `mode` does.  Raises StorageError.
        """
        names = {task.path: task.name for task in reversed(discovery.tasks)}
        taken: dict[str, Intake] = {}
        notes: list[SourceNote] = []
        for path, key in zip(names, self._vault.new_keys(len(names)), strict=True):
            name = names[path]
            try:
                stream = _opened(path)
            except OSError as error:
                notes.append(_unreadable(name, error))
                continue
            with stream:
                try:
                    taken[path] = self._take(stream, name, declarations.sealing_of(name).mode or mode, key)
                except OSError as error:
                    notes.append(_unreadable(name, error))
        self._store_small()
        tasks = [replace(task, path=taken[task.path].path) for task in discovery.tasks if task.path in taken]
        return Discovery(tuple(tasks), (*discovery.notes, *notes)), tuple(taken.values())

    def _take(self, stream: BinaryIO, name: str, mode: Mode, key: IntakeKey) -> Intake:
        encryptor = RawEncryptor(key.key)
        path = self._folder / key.commitment.hex()
        head = _read_full(stream, _SMALL_BYTES)
        copy = _create(path)
        with os.fdopen(copy, "wb") as file:
            if len(head) < _SMALL_BYTES:
                _write(file, head)
                blob = b"".join(encryptor.encrypt([head]))
                self._small.append((blob_name(encryptor.ciphertext_digest), blob))
                self._small_bytes += len(blob)
                if self._small_bytes > _TOGETHER_BYTES:
                    self._store_small()
            else:
                parts = _copied(head, stream, file)
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


def _unreadable(name: str, error: OSError) -> SourceNote:
    return SourceNote(name, "unknown", "skipped", error.strerror or type(error).__name__, "E2001")


def _read_full(stream: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _copied(head: bytes, stream: BinaryIO, file: BinaryIO) -> Iterator[bytes]:
    """Yield what the stream gives and write it to the copy."""
    part = head
    while part:
        _write(file, part)
        yield part
        part = stream.read(limits.MiB)


def _create(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise _cannot_copy(error) from error


def _write(file: BinaryIO, part: bytes) -> None:
    try:
        file.write(part)
    except OSError as error:
        raise _cannot_copy(error) from error


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

    Copies that a killed run left behind are removed first: one run at a time reads.
    """
    own = folder / str(os.getpid())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(folder)
        own.mkdir(mode=0o700)
    except OSError as error:
        raise _cannot_copy(error) from error
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove the copies of runs whose process is gone: plain logs must not stay behind."""
    for entry in folder.iterdir():
        if not (entry.name.isdecimal() and _is_running(int(entry.name))):
            shutil.rmtree(entry, ignore_errors=True)


def _is_running(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
