"""Files that are no proof pack, or not quite: attacks on the container. What is in them does not matter."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from vectors.evpack_vector import Vector

from hisn.evidence.pack import format_label, write_pack

FILES = {
    "VERIFY.md": b"text\n",
    "acts/0000.leaf": b"{}",
    "acts/0000.tlog-proof": b"proof",
    "pack.json": format_label(0),
    "policy": b"quorum none\n",
}
PACK = write_pack(FILES)
Entry = tuple[str, bytes]


def vectors() -> Iterator[Vector]:
    """Yield the vectors."""
    for name, why, data in (*_bytes(), *_fields(), *_entries()):
        yield Vector(f"container-{name}", why, data, None, failed="container")


def _bytes() -> Iterator[tuple[str, str, bytes]]:
    yield "empty", "No bytes at all.", b""
    yield "text", "A text.", b"hello\n"
    yield "truncated", "The last byte is missing.", PACK[:-1]
    yield "half", "Half of a pack.", PACK[: len(PACK) // 2]
    yield "longer", "One byte follows the pack.", PACK + b"\n"
    yield (
        "prefixed",
        "A program stands before the pack: other readers look from the end.",
        b"#!/bin/sh\n" + PACK,
    )
    yield (
        "twice",
        "Two packs in one file: the first reader and the last one see different packs.",
        PACK + PACK,
    )
    yield "comment", "The directory's end has a comment.", PACK[:-2] + b"\x05\x00hello"


def _fields() -> Iterator[tuple[str, str, bytes]]:
    second = PACK.index(b"PK\x03\x04", 4)
    central = PACK.index(b"PK\x01\x02")
    end = PACK.index(b"PK\x05\x06")
    for name, why, at, value in (
        ("version", "The version needed is 20.", second + 4, 20),
        ("flag-data-descriptor", "A flag says that sizes follow the data.", second + 6, 8),
        ("flag-utf8", "A flag says that names are UTF-8.", second + 7, 8),
        ("flag-encrypted", "A flag says that the data are encrypted.", second + 6, 1),
        ("method-deflate", "The entry says that it is compressed.", second + 8, 8),
        ("time", "An entry has a time.", second + 10, 1),
        ("date", "An entry has another date.", second + 12, 0x22),
        ("crc", "An entry has a wrong checksum.", second + 14, PACK[second + 14] ^ 1),
        ("size-compressed", "The two sizes of an entry differ.", second + 22, PACK[second + 22] ^ 1),
        ("extra-length", "An entry says that it has an extra field.", second + 28, 4),
        (
            "central-crc",
            "The directory has another checksum than the entry.",
            central + 16,
            PACK[central + 16] ^ 1,
        ),
        (
            "central-size",
            "The directory has another size than the entry.",
            central + 24,
            PACK[central + 24] ^ 1,
        ),
        ("central-offset", "The directory points at another entry.", central + 42, 1),
        ("central-attributes", "The directory makes a file executable.", central + 38, 1),
        ("central-name", "The directory has another name than the entry.", central + 46, ord("X")),
        ("end-count", "The directory's end counts another number of files.", end + 10, PACK[end + 10] ^ 1),
        ("end-disk", "The directory says that it begins on another disk.", end + 4, 1),
    ):
        changed = bytearray(PACK)
        changed[at] = value
        yield name, why, bytes(changed)


def _entries() -> Iterator[tuple[str, str, bytes]]:
    archive = zipfile.ZipFile(io.BytesIO(PACK))
    plain = [(name, archive.read(name)) for name in archive.namelist()]
    manifest, *others = plain
    yield "other-writer", "The same files, written by another program.", zipped(plain)
    yield "deflated", "The same files, compressed.", zipped(plain, zipfile.ZIP_DEFLATED)
    yield "no-manifest", "There is no manifest.", zipped(others)
    yield "manifest-last", "The manifest stands at the end.", zipped([*others, manifest])
    yield "order", "The files stand in another order.", zipped([manifest, *reversed(others)])
    yield "two-manifests", "There are two manifests.", zipped([manifest, manifest, *others])
    yield (
        "name-twice",
        "One name stands twice, with different bytes.",
        zipped([*plain, ("policy", b"other\n")]),
    )
    for name, path in (
        ("extra-file", "notes.txt"),
        ("path-up", "../../outside"),
        ("path-absolute", "/etc/passwd"),
        ("path-backslash", "acts\\0001.leaf"),
        ("path-folder", "acts/"),
        ("name-nul", "policy\x00.exe"),
        ("name-newline", "policy\nq"),
        ("name-case", "Policy"),
        ("name-five-digits", "acts/00001.leaf"),
        ("name-arabic-digits", "acts/\u0660\u0660\u0660\u0661.leaf"),
    ):
        why = f"A file has a name that no file of a pack has: {path!r}."
        yield name, why, zipped(sorted([*others, (path, b"")]), before=manifest)
    lines = manifest[1].split(b"\n")
    for name, why, text in (
        ("manifest-digest", "The manifest has another digest for a file.", b"0" * 64 + manifest[1][64:]),
        ("manifest-missing-line", "The manifest lacks a file.", b"\n".join(lines[1:])),
        (
            "manifest-more",
            "The manifest names a file that is not there.",
            manifest[1] + lines[0][:66] + b"zzz\n",
        ),
        ("manifest-order", "The manifest's lines stand in another order.", b"\n".join([*lines[-2::-1], b""])),
        (
            "manifest-uppercase",
            "A digest of the manifest is in capitals.",
            lines[0][:64].upper() + manifest[1][64:],
        ),
        ("manifest-crlf", "The manifest's lines end as on Windows.", manifest[1].replace(b"\n", b"\r\n")),
        ("manifest-one-blank", "One blank stands where two must.", manifest[1].replace(b"  ", b" ")),
    ):
        yield name, why, rezipped([("MANIFEST", text), *others])


class _Info(zipfile.ZipInfo):
    """Write any name as it is; the standard class repairs some."""

    def __init__(self, name: str) -> None:
        super().__init__("x", (1980, 1, 1, 0, 0, 0))
        self.filename = name


def zipped(entries: list[Entry], method: int = zipfile.ZIP_STORED, before: Entry | None = None) -> bytes:
    """Return a ZIP as another program writes it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in ([before] if before else []) + entries:
            info = _Info(name)
            info.compress_type = method
            info.create_system = 0
            archive.NameToInfo.pop(name, None)
            archive.writestr(info, data)
    return held.getvalue()


def rezipped(entries: list[Entry]) -> bytes:
    """Return a ZIP that differs from a pack in what its manifest says, and in nothing else."""
    pack = zipped(entries)
    count = len(entries)
    assert pack.count(b"PK\x01\x02") == count  # noqa: S101  (a slip of this program)
    changed = bytearray(pack)
    for magic, places in ((b"PK\x03\x04", (4,)), (b"PK\x01\x02", (4, 6, 38, 39, 40, 41))):
        at = changed.find(magic)
        while at >= 0:
            for place in places:
                changed[at + place] = 10 if place in (4, 6) else 0
            at = changed.find(magic, at + 4)
    return bytes(changed)
