"""Load rules from folders, files and packs, and remember what was built of them."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from hisn import __version__
from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import InputError
from hisn.rules.pack import PACK_NAME, Pack, Refused, decode_pack, encode_pack, join_packs, reopen_pack

ENDINGS = (".yml", ".yaml")
LICENCE_NAMES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE")
PROVENANCE = "hisn-rules.json"
BUNDLED = Path(__file__).resolve().parent.parent / "elections" / "pack" / "rules"

_MAX_PACK_BYTES = 256 * limits.MiB
_MAX_LICENCE_BYTES = 64 * 1024
_UNSETTLED_NS = 2_000_000_000
"""A file changed so recently may change again without its times showing it; nothing is remembered."""
_LICENCES = (
    (b"Detection Rule License (DRL) 1.1", "DRL-1.1"),
    (b"Detection Rule License (DRL) 1.0", "DRL-1.0"),
    (b"Apache License", "Apache-2.0"),
    (b"MIT License", "MIT"),
)


class BlobCache(Protocol):
    """Keep blobs that can be made again."""

    def get(self, key: str) -> bytes | None:
        """Return a blob, or None."""

    def put(self, key: str, blob: bytes) -> bool:
        """Keep a blob."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Say where a folder of rules was got from, and under which licence."""

    source: str
    sha256: str
    licence: str
    files: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """Hold one file of rules before it is read: everything that tells whether it changed."""

    name: str
    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    licence: str


def load_rules(paths: Sequence[Path], cache: BlobCache, *, placeholders: Path | None = None) -> Pack:
    """Return the pack of all rules under the paths; of the bundled election rules where none is given.

    A pack built before from the same files (by path, size and times) is taken from the cache,
    without reading the rules again.  Raises InputError E2130 where a path is missing or holds no
    rules, E2105 for a broken placeholder file, E2120 and E2121 for a broken pack.
    """
    chosen = [Path(path) for path in paths] or [BUNDLED]
    names = _names_of(chosen)
    packs: list[Pack] = []
    entries: list[_Entry] = []
    for path, name in zip(chosen, names, strict=True):
        if path.is_dir():
            entries.extend(_entries_of(path, name))
        elif (pack := _read_pack(path)) is not None:
            packs.append(pack)
        else:
            entries.append(_entry(path, name or path.name, _licence_of(path.parent)))
    if entries:
        packs.append(_built(_name_of(chosen), entries, cache, placeholders))
    return packs[0] if len(packs) == 1 else join_packs(_name_of(chosen), packs)


def _name_of(paths: Sequence[Path]) -> str:
    if list(paths) == [BUNDLED]:
        return "election"
    return "+".join(path.resolve().name for path in paths)


def _names_of(paths: Sequence[Path]) -> list[str]:
    """Return what stands before the names of files: nothing for one path, else the path's own name."""
    return [""] if len(paths) == 1 else [path.resolve().name for path in paths]


def _missing(path: Path, reason: str) -> InputError:
    return InputError(
        "E2130",
        f"no rules: {reason}",
        place=Place(str(path)),
        hint="give a folder of Sigma rules, a rule file, or a pack made by 'hisn rules build'",
    )


def _read_pack(path: Path) -> Pack | None:
    try:
        with path.open("rb") as stream:
            if stream.read(len(PACK_NAME)) != PACK_NAME:
                return None
            stream.seek(0)
            data = stream.read(_MAX_PACK_BYTES + 1)
    except OSError as error:
        raise _missing(path, error.strerror or str(error)) from None
    if len(data) > _MAX_PACK_BYTES:
        raise _missing(path, f"the pack is larger than {_MAX_PACK_BYTES} bytes")
    return decode_pack(data)


def _entries_of(folder: Path, prefix: str) -> list[_Entry]:
    licence = _licence_of(folder)
    lead = f"{prefix}/" if prefix else ""
    entries = [
        _entry(Path(path), lead + name, licence, status) for name, path, status in walk_rules(str(folder))
    ]
    if not entries:
        raise _missing(folder, "the folder holds no .yml or .yaml file")
    return sorted(entries, key=lambda entry: entry.name)


def walk_rules(folder: str, name: str = "") -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield (name, path, status) of every rule file; linked and hidden folders are not entered."""
    try:
        with os.scandir(folder) as items:
            found = list(items)
    except OSError as error:
        raise _missing(Path(folder), error.strerror or str(error)) from None
    for item in found:
        if item.name.startswith("."):
            continue
        # A linked folder may lead out of the rules, or round in a circle.
        if item.is_dir(follow_symlinks=False):
            yield from walk_rules(item.path, f"{name}{item.name}/")
        elif item.name.endswith(ENDINGS):
            try:
                status = item.stat()
            except OSError:
                status = item.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                yield name + item.name, item.path, status


def _entry(path: Path, name: str, licence: str, status: os.stat_result | None = None) -> _Entry:
    if status is None:
        try:
            status = path.stat()
        except OSError as error:
            raise _missing(path, error.strerror or str(error)) from None
    return _Entry(name, str(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, licence)


def _licence_of(folder: Path) -> str:
    """Return the licence that a collection states for itself, in its folder or the one above."""
    for place in (folder, folder.resolve().parent):
        try:
            return msgspec.json.decode((place / PROVENANCE).read_bytes(), type=Provenance).licence
        except (OSError, msgspec.MsgspecError):
            pass
        for name in LICENCE_NAMES:
            try:
                with (place / name).open("rb") as stream:
                    return licence_in(stream.read(_MAX_LICENCE_BYTES))
            except OSError:
                continue
    return ""


def licence_in(text: bytes) -> str:
    """Return the SPDX identifier of a licence text, empty for one that is not known."""
    for phrase, identifier in _LICENCES:
        if phrase in text:
            return identifier
    return ""


def _built(name: str, entries: list[_Entry], cache: BlobCache, placeholders: Path | None) -> Pack:
    started_ns = time.time_ns()
    extra = _read_placeholders(placeholders)
    key = _key(name, entries, extra)
    blob = cache.get(key)
    if blob is not None:
        try:
            return reopen_pack(blob)
        except InputError:
            pass  # an older or damaged pack: build again
    pack = _build(name, entries, extra, placeholders)
    newest_ns = max(max(entry.mtime_ns, entry.ctime_ns) for entry in entries)
    if newest_ns < started_ns - _UNSETTLED_NS:
        cache.put(key, encode_pack(pack))
    return pack


def _read_placeholders(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as stream:
            return stream.read(limits.MAX_RULE_BYTES + 1)
    except OSError as error:
        raise InputError(
            "E2105",
            f"the placeholder file cannot be read: {error.strerror or error}",
            place=Place(str(path)),
        ) from None


def _key(name: str, entries: Iterable[_Entry], placeholders: bytes | None) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        parts = (entry.name, entry.path, entry.size, entry.mtime_ns, entry.ctime_ns, entry.licence)
        digest.update("\0".join(map(str, parts)).encode("utf-8", "surrogateescape") + b"\n")
    extra = "" if placeholders is None else hashlib.sha256(placeholders).hexdigest()
    return f"pack:{__version__}:{name}:{digest.hexdigest()}:{extra}"


def _build(name: str, entries: list[_Entry], placeholders: bytes | None, path: Path | None) -> Pack:
    # pySigma and PyYAML are needed only here: a second start does without them.
    from hisn.rules.sigma import RuleFile, build_pack
    from hisn.rules.sigma.placeholders import parse_placeholders

    known = {} if placeholders is None else parse_placeholders(placeholders, str(path))
    unreadable: list[Refused] = []
    files: list[RuleFile] = []
    for entry in entries:
        shown_name = entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        try:
            with Path(entry.path).open("rb") as stream:
                data = stream.read(limits.MAX_RULE_BYTES + 1)
        except OSError as error:
            reason = f"the file cannot be read: {error.strerror or error}"
            unreadable.append(Refused(path=shown_name, line=0, reason=reason, code="E2130"))
            continue
        files.append(RuleFile(shown_name, data, entry.licence))
    pack = build_pack(name, files, known)
    if not unreadable:
        return pack
    refused = sorted((*pack.refused, *unreadable), key=lambda entry: (entry.path, entry.line))
    return msgspec.structs.replace(pack, refused=tuple(refused))
