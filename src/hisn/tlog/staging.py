"""Name the files and rows of one log, and write its register row and its staging bundles.

A staging bundle holds every file that one append writes, and is durable before the append is
committed: whoever opens the log after a crash finds there what is still to be written.  The row of
the register names the bundle by its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hisn.core.canon import b64, canonical, parse_b64, parse_canonical
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, VerificationError
from hisn.tlog.checkpoint import LogKeys, SignedCheckpoint, parse_signed_checkpoint, verify_checkpoint

_FORMAT = b"hisn-staging/1"
_BUNDLE = re.compile(r"(0|[1-9][0-9]{0,18})-[0-9a-f]{64}", re.ASCII)
_MAX_ROW_BYTES = 4 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class LogNames:
    """Name what belongs to the log `origin`; an origin is hostile text and never part of a path."""

    origin: str

    @property
    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of the origin."""
        return hashlib.sha256(self.origin.encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Return the folder of the public files, with its slash."""
        return f"log/{self.digest}/"

    @property
    def checkpoint(self) -> str:
        """Return the file of the published checkpoint."""
        return f"{self.folder}checkpoint"

    @property
    def staging(self) -> str:
        """Return the folder of the staging bundles, with its slash."""
        return f"state/staging/{self.digest}/"

    @property
    def suspect(self) -> str:
        """Return the folder of what is kept for ever as evidence, with its slash."""
        return f"state/suspect/{self.digest}/"

    @property
    def row(self) -> str:
        """Return the register row that is the commit point of appends."""
        return f"log/{self.digest}"

    @property
    def published_row(self) -> str:
        """Return the register row that holds the published checkpoint."""
        return f"published/{self.digest}"


@dataclass(frozen=True, slots=True)
class FormerKeys:
    """Hold keys that a log signed with before, and the size from which on newer ones sign.

    What they sign beyond it is a thief's: a witness that shows it must not stop the owner.
    """

    keys: LogKeys
    until: int


@dataclass(frozen=True, slots=True)
class Row:
    """Hold what the register says of a log.

    `head` is the newest checkpoint that was committed.  `staging` names its bundle: if that still
    exists, its files may not all be written.  `ahead` is a checkpoint that we have signed, that a
    witness has shown, and that is not of the tree we hold: until that is cured nothing is signed.
    """

    head: SignedCheckpoint
    staging: str | None = None
    ahead: bytes | None = None

    def encode(self) -> bytes:
        """Return the bytes for the register."""
        return canonical(
            {
                "ahead": None if self.ahead is None else b64(self.ahead),
                "checkpoint": b64(self.head.raw),
                "staging": self.staging,
            }
        )


def parse_row(data: bytes, keys: LogKeys, former: Sequence[FormerKeys] = ()) -> Row:
    """Return the row that was stored; raises StorageError E5209 if it is not one of this log.

    The signatures are verified again: a damaged register must not become the base of a signature.
    """
    try:
        match parse_canonical(data, max_bytes=_MAX_ROW_BYTES):
            case {
                "ahead": str() | None as ahead,
                "checkpoint": str() as checkpoint,
                "staging": str() | None as staging,
            }:
                head = _parse_signed(parse_b64(checkpoint), (keys, *(each.keys for each in former)))
                return Row(head, staging, None if ahead is None else parse_b64(ahead))
            case _:
                raise _damaged(keys, "its fields are others")
    except VerificationError as error:
        raise _damaged(keys, error.message) from error


def parse_published(data: bytes, keys: LogKeys, former: Sequence[FormerKeys] = ()) -> SignedCheckpoint:
    """Return the published checkpoint of the register; raises StorageError E5209 if it is damaged."""
    try:
        return _parse_signed(data, (keys, *(each.keys for each in former)))
    except VerificationError as error:
        raise _damaged(keys, error.message) from error


def parse_own(data: bytes, keys: LogKeys, former: Sequence[FormerKeys] = ()) -> SignedCheckpoint:
    """Return a checkpoint that this log has signed with both keys. Raises VerificationError."""
    size = parse_signed_checkpoint(data).checkpoint.size
    return _parse_signed(data, (keys, *(each.keys for each in former if size <= each.until)))


def _parse_signed(data: bytes, keys: Iterable[LogKeys]) -> SignedCheckpoint:
    """Return a checkpoint that one of several pairs of keys has signed; the first one's error counts."""
    present, *others = keys
    signed = parse_signed_checkpoint(data)
    for each in others:
        with suppress(VerificationError):
            verify_checkpoint(signed, each)
            return signed
    verify_checkpoint(signed, present)
    return signed


def _damaged(keys: LogKeys, reason: str) -> StorageError:
    return StorageError(
        "E5209",
        f"the register's row of {keys.name} is damaged: {reason}",
        hint="run hisn node recover: it fetches the log from its mirrors",
        unchanged="nothing was signed",
    )


def encode_staging(files: Mapping[str, bytes]) -> bytes:
    """Return one bundle of files by their names."""
    lines = [_FORMAT, *(b"%d %s" % (len(data), name.encode()) for name, data in files.items())]
    return b"\n".join([*lines, b"", b"".join(files.values())])


def staging_name(names: LogNames, old_size: int, bundle: bytes) -> str:
    """Return the name of the bundle that grows the log from `old_size`."""
    return f"{names.staging}{old_size}-{hashlib.sha256(bundle).hexdigest()}"


def staged_size(name: str) -> int | None:
    """Return the size of the log that a bundle, by its name, begins at; None for a stray file."""
    match = _BUNDLE.fullmatch(name.rpartition("/")[2])
    return int(match[1]) if match else None


def parse_staging(name: str, bundle: bytes) -> dict[str, bytes]:
    """Return the files of a bundle, in their order; raises StorageError E5214 if it is not the one named.

    The digest in its name covers every byte, so there is nothing else to check.
    """
    if not name.endswith("-" + hashlib.sha256(bundle).hexdigest()):
        raise StorageError(
            "E5214",
            f"the staging bundle {name} is damaged",
            hint="run hisn node recover: it fetches the log from its mirrors",
            unchanged="nothing was signed",
        )
    head, _, data = bundle.partition(b"\n\n")
    files = {}
    at = 0
    for line in head.split(b"\n")[1:]:
        length, _, path = line.partition(b" ")
        files[path.decode()] = data[at : at + int(length)]
        at += int(length)
    return files
