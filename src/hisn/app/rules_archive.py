"""Take the rules out of an archive that somebody on the network made."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from hisn.app.rules import ENDINGS, LICENCE_NAMES
from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import InputError

MAX_TOTAL_BYTES = 256 * limits.MiB
_DRIVE_OR_STREAM = ":"


def read_archive(data: bytes, source: str) -> dict[str, bytes]:
    """Return the rule and licence files of a ZIP archive by name.

    Nothing is written here, so that an archive with one unsafe member leaves no trace.  Raises
    InputError E2133 for a broken or unsafe archive: a member that would land outside the folder,
    a link, an encrypted member, two members of one name, or more than the limits allow.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _members(archive, source)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise _unsafe(source, f"not a ZIP archive that can be read: {error}") from None


def _unsafe(source: str, reason: str) -> InputError:
    return InputError(
        "E2133",
        f"the archive is not used: {reason}",
        place=Place(source),
        hint="get it again from its publisher, and compare the digest",
        unchanged="no rule was written",
    )


def _members(archive: zipfile.ZipFile, source: str) -> dict[str, bytes]:
    infos = archive.infolist()
    if len(infos) > limits.MAX_ARCHIVE_MEMBERS:
        raise _unsafe(source, f"more than {limits.MAX_ARCHIVE_MEMBERS} members")
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    total = 0
    for info in infos:
        _check_member(info, source)
        if info.is_dir() or not _is_wanted(info.filename):
            continue
        with archive.open(info) as stream:
            content = stream.read(limits.MAX_RULE_BYTES + 1)
        total += len(content)
        if len(content) > limits.MAX_RULE_BYTES or total > MAX_TOTAL_BYTES:
            raise _unsafe(source, f"too large when unpacked, at '{info.filename}'")
        # Upper and lower case are one on some disks: the second would silently replace the first.
        if info.filename.casefold() in seen:
            raise _unsafe(source, f"two members are named '{info.filename}'")
        seen.add(info.filename.casefold())
        files[info.filename] = content
    return files


def _check_member(info: zipfile.ZipInfo, source: str) -> None:
    name = info.filename
    parts = PurePosixPath(name).parts
    if (
        name.startswith("/")
        or ".." in parts
        or "\\" in name
        or _DRIVE_OR_STREAM in name
        or not name.isprintable()
    ):
        raise _unsafe(source, f"the member {name!r} would land outside its folder")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe(source, f"the member '{name}' is a link or device")
    if info.flag_bits & 1:
        raise _unsafe(source, f"the member '{name}' is encrypted")


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts):
        return False
    return name.endswith(ENDINGS) or path.name in LICENCE_NAMES
