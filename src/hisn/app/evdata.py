"""Write and read the file by which a member lets another recheck a finding (``.evdata``).

A plain ZIP of stored entries, so that anybody can take it apart::

    f.evpack      the proof pack, with every field of the finding and of its batches, and no events
    keys.json     {commitment in hex: intake key in hex}, canonical JSON
    raw/<hex>     encrypted files as they are stored, named by their SHA-256

It is written and read in a stream, for the files may be larger than memory.  Nobody needs to trust
the container: the pack is verified against the log, and keys and files against the pack.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hisn.core.canon import canonical, parse_canonical, parse_hex32
from hisn.core.limits import MiB
from hisn.core.proof_limits import MAX_PACK_BYTES, MAX_PACK_NUMBER
from hisn.errors import StorageError, VerificationError

PACK, KEYS = "f.evpack", "keys.json"

_NAME = re.compile(r"f\.evpack|keys\.json|raw/[0-9a-f]{64}")
_MAX_NAME_BYTES = 80
_MAX_EXTRA_BYTES = 64
_MAX_KEYS_BYTES = 4 * MiB
_LOCAL = struct.Struct("<4s5H3I2H")
_ZIP64 = struct.Struct("<2H2Q")
_ESCAPED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Span:
    """Say where an entry's bytes lie in the file."""

    offset: int
    size: int


def write_evdata(
    path: Path, pack: bytes, keys: Mapping[bytes, bytes], files: Iterable[tuple[bytes, Iterator[bytes]]]
) -> None:
    """Write the file: whole or not at all, and readable by its owner alone, for the keys are in it.

    `files` are encrypted files by their SHA-256, in pieces.  Raises StorageError (E5343, and what
    `files` raise).
    """
    named = canonical({commitment.hex(): key.hex() for commitment, key in keys.items()})
    with _replacing(path) as target, zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo(PACK), pack)
        archive.writestr(zipfile.ZipInfo(KEYS), named)
        for digest, parts in files:
            with archive.open(zipfile.ZipInfo(f"raw/{digest.hex()}"), "w", force_zip64=True) as entry:
                for part in parts:
                    entry.write(part)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes its name when it is whole and synced; nothing is left of a broken one."""
    try:
        # Nobody but its owner can read what `mkstemp` makes.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise StorageError(
            "E5343",
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and free space; the file holds whole logs",
            unchanged=f"{path} is as it was",
        ) from error


class EvData:
    """Read an `.evdata` file; nothing in it is believed here."""

    def __init__(self, file: BinaryIO) -> None:
        """Find the entries. Raises VerificationError (E3383) for another form."""
        self._file = file
        self._spans = dict(_entries(file))
        if PACK not in self._spans or KEYS not in self._spans:
            raise _no_evdata("it lacks the pack or the keys")

    def pack(self) -> bytes:
        """Return the proof pack. Raises VerificationError."""
        return self._whole(PACK, MAX_PACK_BYTES)

    def keys(self) -> dict[bytes, bytes]:
        """Return the keys by their commitments. Raises VerificationError."""
        value = parse_canonical(self._whole(KEYS, _MAX_KEYS_BYTES), max_bytes=_MAX_KEYS_BYTES, max_depth=1)
        if not isinstance(value, dict):
            raise _no_evdata("keys.json is no object")
        return {parse_hex32(name): parse_hex32(str(key)) for name, key in value.items()}

    def parts(self, ciphertext: bytes) -> Iterator[bytes] | None:
        """Return an encrypted file in pieces, or None if it is not there."""
        span = self._spans.get(f"raw/{ciphertext.hex()}")
        return None if span is None else self._parts(span)

    def _whole(self, name: str, most: int) -> bytes:
        span = self._spans[name]
        if span.size > most:
            raise _no_evdata(f"{name} is larger than any that this program makes")
        return b"".join(self._parts(span))

    def _parts(self, span: Span) -> Iterator[bytes]:
        offset, left = span.offset, span.size
        while left:
            self._file.seek(offset)
            part = self._file.read(min(left, MiB))
            if not part:
                raise _no_evdata("it ends in the midst of an entry")
            yield part
            offset, left = offset + len(part), left - len(part)


@contextmanager
def open_evdata(path: Path) -> Iterator[EvData]:
    """Give a reader of the file. Raises StorageError (E5343), VerificationError (E3383)."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise StorageError(
            "E5343", f"cannot read {path}: {error.strerror or error}", hint="check the path"
        ) from error
    with file:
        try:
            yield EvData(file)
        except OSError as error:
            raise StorageError(
                "E5343",
                f"cannot read {path}: {error.strerror or error}",
                hint="copy it from its medium again",
            ) from error


def _entries(file: BinaryIO) -> Iterator[tuple[str, Span]]:
    """Walk over the entries from the first one on.

    The directory at the end is for other programs: two readings of one file would differ in what is
    verified anyway.
    """
    size = file.seek(0, os.SEEK_END)
    offset, met = 0, set[str]()
    while True:
        file.seek(offset)
        head = file.read(_LOCAL.size + _MAX_NAME_BYTES + _MAX_EXTRA_BYTES)
        if head.startswith(b"PK\x01\x02") and met:
            return
        name, span = _entry(head, offset)
        if name in met or not _NAME.fullmatch(name) or len(met) > MAX_PACK_NUMBER:
            raise _no_evdata(f"an entry has no place in it: {name[:_MAX_NAME_BYTES]!a}")
        if span.offset + span.size > size:
            raise _no_evdata("it ends in the midst of an entry")
        met.add(name)
        yield name, span
        offset = span.offset + span.size


def _entry(head: bytes, offset: int) -> tuple[str, Span]:
    if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise _no_evdata("an entry does not begin where it must")
    _magic, _version, flags, method, _time, _date, _crc, stored, size, named, extra = _LOCAL.unpack_from(head)
    start = _LOCAL.size + named
    body = start + extra
    if flags or method or named > _MAX_NAME_BYTES or extra > _MAX_EXTRA_BYTES or len(head) < body:
        raise _no_evdata("an entry is compressed, encrypted or of another form")
    if size == stored == _ESCAPED and extra == _ZIP64.size:
        kind, length, size, stored = _ZIP64.unpack_from(head, start)
        if (kind, length) != (1, 16):
            raise _no_evdata("an entry is of another form")
    if size != stored:
        raise _no_evdata("an entry is compressed")
    return head[_LOCAL.size : start].decode("latin-1"), Span(offset + body, size)


def _no_evdata(why: str) -> VerificationError:
    return VerificationError(
        "E3383",
        f"this is not a file for a recheck: {why}",
        hint="ask the member who disclosed it for the file again",
        unchanged="nothing was judged or written to the log",
    )
