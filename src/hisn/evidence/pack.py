r"""Write and read the proof pack (``.evpack``): one file with all that a stranger needs.

**Container.** A ZIP of stored entries, in exactly one form: no compression, no extra fields, no
comments, no data descriptors, flags 0, version 10, time 1980-01-01 00:00, attributes 0.  First
``MANIFEST``, then the other files in ascending order of their names.  ``MANIFEST`` has one line
``<sha256 hex>  <name>\n`` for every other file, in the same order.  The reader rebuilds the whole
ZIP from what it read and compares bytes, so a pack has no hidden places and no second reading.

**Files** (``NNNN``: four decimal digits, from 0000 without gaps)::

    pack.json             {"finding":N,"format":"hisn-evpack/1","kind":"finding"}; N: number of the act
                          {"finding":null,"format":"hisn-evpack/1","kind":"fork"}
    charter/genesis.json  the charter, whose SHA-256 is the genesis digest
    roster/NNNN.dsse      the roster of every epoch
    policy                C2SP tlog-policy of the finding's log (fork: of the accused log; of a roster: empty)
    acts/NNNN.leaf        an act as it stands in its log; acts/NNNN.tlog-proof  its C2SP tlog-proof
    bodies/NNNN.json      what is shown of the act's sealed body: a presented map
    events/NNNN.json      an event of a batch: see `Event`
    heads/NNNN.checkpoint a cosigned checkpoint that an act of this pack had `seen`
    timestamps/NNNN.tsr   an RFC 3161 response over the SHA-256 of acts/NNNN.leaf
    fork/a.checkpoint, fork/b.checkpoint    two checkpoints of one size, or
    fork/a.leaf, fork/a.tlog-proof, fork/b.leaf, fork/b.tlog-proof    two entries that exclude each other,
    fork/a.leaf-hash, fork/b.leaf-hash    or, in the place of a leaf, its 32 bytes of RFC 6962 hash; or
    fork/a.dsse, fork/b.dsse    two rosters that both follow those in roster/ under one number
    VERIFY.md             a text for the reader; no program reads it

JSON is canonical (`hisn.core.canon`).  A presented map is
``{"digests":[hex],"disclosures":{"<slot>":text}}``.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hisn.acts.kinds import Check, is_count, is_dict, is_str, list_of, matching, parse_shape
from hisn.core.canon import canonical, parse_b64, parse_canonical, parse_hex32
from hisn.core.proof_limits import (
    MAX_MAP_VALUES,
    MAX_PACK_BYTES,
    MAX_PACK_FILES,
    MAX_PACK_NUMBER,
    MAX_PROOF_HASHES,
)
from hisn.errors import VerificationError
from hisn.evidence.disclosure import Presented, parse_presented

FORMAT = "hisn-evpack/1"
MANIFEST = "MANIFEST"

_NAME = re.compile(
    r"pack\.json|policy|VERIFY\.md|charter/genesis\.json|roster/[0-9]{4}\.dsse"
    r"|acts/[0-9]{4}\.(?:leaf|tlog-proof)|(?:bodies|events)/[0-9]{4}\.json|heads/[0-9]{4}\.checkpoint"
    r"|timestamps/[0-9]{4}\.tsr|fork/[ab]\.(?:checkpoint|dsse|leaf|leaf-hash|tlog-proof)"
)
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _DATE = 10, 0x21
_PLACE: dict[str, Check] = {"act": is_count, "index": is_count, "path": list_of(is_str, MAX_PROOF_HASHES)}
_SHOWN: dict[str, Check] = {"map": is_dict, "record": is_str, "raw_salt": matching("[0-9a-f]{32}")}


def _refuse(code: str, reason: str) -> VerificationError:
    return VerificationError(
        code, reason, hint="do not rely on it; ask for the pack again and keep this file"
    )


@dataclass(frozen=True, slots=True)
class Event:
    """Show one event of a batch: its place, its path in the batch's tree, and what is disclosed.

    ``{"act":N,"index":i,"path":[hex],"map":presented}`` in batches of mode `fields`,
    ``{"act":N,"index":i,"path":[hex],"record":base64,"raw_salt":hex}`` in those of mode `whole`;
    in mode `fields` the record may be shown beside the map, which then discloses ``_raw``.
    `act` is the number of the batch's act in the pack, `index` counts in the batch from 0.
    """

    act: int
    index: int
    path: tuple[bytes, ...]
    shown: Presented | None = None
    record: bytes | None = None
    raw_salt: bytes | None = None


def write_pack(files: Mapping[str, bytes]) -> bytes:
    """Return the one pack of these files; the manifest is added. Raises ValueError on a wrong name."""
    wrong = [name for name in files if not _NAME.fullmatch(name)]
    if wrong or len(files) > MAX_PACK_FILES:
        raise ValueError(f"no files of a pack: {wrong[:3]}, or too many")
    names = sorted(files)
    manifest = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names)
    return _zip([(MANIFEST, manifest.encode()), *((name, files[name]) for name in names)])


def _zip(entries: list[tuple[str, bytes]]) -> bytes:
    body, directory = bytearray(), bytearray()
    for name, data in entries:
        sizes = zlib.crc32(data), len(data), len(data), len(name), 0
        offset = len(body)
        body += _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, 0, _DATE, *sizes) + name.encode() + data
        directory += _CENTRAL.pack(
            b"PK\x01\x02", _VERSION, _VERSION, 0, 0, 0, _DATE, *sizes, 0, 0, 0, 0, offset
        )
        directory += name.encode()
    count = len(entries)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def parse_pack(data: bytes) -> dict[str, bytes]:
    """Return the files of a pack without its manifest. Raises VerificationError on any other form."""
    if len(data) > MAX_PACK_BYTES:
        raise _refuse("E3360", "the pack is larger than any that this program makes")
    files: dict[str, bytes] = {}
    last = ""
    for name, content in _entries(data):
        if not last and name != MANIFEST:
            raise _refuse("E3361", "the pack does not begin with its manifest")
        # Twice the same name, or another order: two programs could read two packs.
        if last and (not _NAME.fullmatch(name) or (name <= last and last != MANIFEST)):
            raise _refuse("E3361", f"the pack has a file that has no place in it: {name!r}")
        last = name
        files[name] = content
    manifest = files.pop(MANIFEST)
    if manifest.count(b"\n") > len(files):
        raise _refuse("E3362", "the manifest has more lines than the pack has files")
    lines = set(manifest.split(b"\n"))
    for name, content in files.items():
        if f"{hashlib.sha256(content).hexdigest()}  {name}".encode() not in lines:
            raise _refuse("E3362", f"the manifest does not have the digest of {name}")
    # The comparison covers what was not looked at above: every flag, size, checksum and the
    # directory, which other programs read instead of the entries.
    if write_pack(files) != data:
        raise _refuse("E3362", "the pack, written again from its files, is not the same bytes")
    return files


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk over the local entries; what they claim about themselves is compared afterwards."""
    offset = count = 0
    while data.startswith(b"PK\x03\x04", offset):
        count += 1
        if len(data) < offset + _LOCAL.size or count > MAX_PACK_FILES + 1:
            raise _refuse("E3360", "the pack ends in the midst of a file, or has too many")
        size, name_length = _LOCAL.unpack_from(data, offset)[8:10]
        start = offset + _LOCAL.size + name_length
        offset = start + size
        if offset > len(data):
            raise _refuse("E3360", "the pack ends in the midst of a file")
        yield data[start - name_length : start].decode("latin-1"), data[start:offset]
    if not count:
        raise _refuse("E3360", "this is not a proof pack")


def format_label(finding: int | None) -> bytes:
    """Return ``pack.json`` of a pack about the finding of that number, or about a fork."""
    kind = "fork" if finding is None else "finding"
    return canonical({"finding": finding, "format": FORMAT, "kind": kind})


def parse_label(data: bytes) -> int | None:
    """Return the number of the finding's act, None in a fork pack. Raises VerificationError."""
    value = parse_canonical(data, max_bytes=1_000)
    number = value.get("finding") if isinstance(value, dict) else None
    finding = number if type(number) is int and 0 <= number < MAX_PACK_NUMBER else None
    if format_label(finding) != data:
        raise _refuse("E3363", "pack.json does not say that this is a pack of this format")
    return finding


def parse_body(data: bytes) -> Presented:
    """Return a presented sealed body; `open_leaf` checks it. Raises VerificationError."""
    return parse_presented(parse_canonical(data, max_bytes=MAX_PACK_BYTES, max_values=MAX_MAP_VALUES))


def parse_event(data: bytes) -> Event:
    """Return an event of a pack; nothing of it is checked against the batch. Raises VerificationError."""
    value = parse_canonical(data, max_bytes=MAX_PACK_BYTES, max_values=MAX_MAP_VALUES)
    given = set(value) if isinstance(value, dict) else set()
    form = _PLACE | {name: check for name, check in _SHOWN.items() if name in given}
    fields = parse_shape(value, form, "a file of an event", "E3363")
    if not given & {"map", "record"} or ("record" in given) != ("raw_salt" in given):
        raise _refuse("E3363", "a file of an event does not have the parts that it must have")
    return Event(
        fields["act"],
        fields["index"],
        tuple(map(parse_hex32, fields["path"])),
        parse_presented(fields["map"]) if "map" in given else None,
        parse_b64(fields["record"]) if "record" in given else None,
        bytes.fromhex(fields["raw_salt"]) if "record" in given else None,
    )
