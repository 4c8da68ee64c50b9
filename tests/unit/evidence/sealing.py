"""Make chunks to seal, and seal them again the slow way: the format's description, line by line."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

import numpy as np

from hisn.core.instant import format_instant
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Cell, Layout

KEY = bytes(range(32))


def block_of(
    records: Sequence[dict[str, Cell]],
    numbers: Sequence[int],
    *,
    times: Sequence[int] | None = None,
    raws: Sequence[bytes | str] | None = None,
    constants: Sequence[str] = (),
) -> Block:
    names = tuple(name for name in records[0] if name not in constants)
    layout = Layout("generic", names, tuple((name, records[0][name]) for name in constants))
    return Block(
        layout,
        np.array(numbers, np.int64),
        np.array([NO_TIME] * len(numbers) if times is None else times, np.int64),
        [[record[name] for record in records] for name in names],
        [repr(record) for record in records] if raws is None else raws,
    )


def chunk_of(*blocks: Block) -> Chunk:
    return Chunk("a.log", "generic", blocks, records=sum(len(block.numbers) for block in blocks))


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def salt_stream(label: bytes, key: bytes, index: int, size: int) -> bytes:
    return hashlib.shake_256(label + key + index.to_bytes(8, "big")).digest(size)


def own(name: str) -> str:
    rest = name.lstrip("_")
    return "_" + name if name[:1] == "_" and rest in ("names", "pad", "raw", "record", "time") else name


def sealed(cell: Cell) -> object:
    if isinstance(cell, tuple):
        return [sealed(item) for item in cell]
    if isinstance(cell, int) and len(str(abs(cell))) > 64:
        return str(cell)
    return cell


def naive_texts(block: Block, row: int, key: bytes, index: int) -> list[str]:
    """Restate the disclosures of one event."""
    raw = block.raws[row]
    raw = raw.encode() if isinstance(raw, str) else raw
    salt = salt_stream(b"hisn raw salt/1\n", key, index, 16)
    fields: dict[str, object] = {own(name): sealed(cell) for name, cell in block.fields(row).items()}
    fields["_raw"] = f"{len(raw)} {hashlib.sha256(salt + raw).hexdigest()}"
    fields["_record"] = int(block.numbers[row])
    try:
        fields["_time"] = format_instant(int(block.times[row]))
    except OverflowError:
        fields["_time"] = None
    slots: list[tuple[str, object]] = [("_names", sorted(fields))]
    slots += [(name, fields[name]) for name in sorted(fields)]
    while len(slots) % 8:
        slots.append(("_pad", None))
    salts = salt_stream(b"hisn salt/1\n", key, index, 16 * len(slots))
    texts = []
    for at, (name, value) in enumerate(slots):
        array = [b64url(salts[16 * at : 16 * at + 16]), name, value]
        texts.append(b64url(json.dumps(array, ensure_ascii=False, separators=(",", ":")).encode()))
    return texts


def naive_leaf(block: Block, row: int, key: bytes, index: int, mode: str) -> bytes:
    """Restate the leaf of one event."""
    if mode == "whole":
        raw = block.raws[row]
        raw = raw.encode() if isinstance(raw, str) else raw
        salt = salt_stream(b"hisn raw salt/1\n", key, index, 16)
        return b"whl/1\n" + hashlib.sha256(salt + raw).digest()
    texts = naive_texts(block, row, key, index)
    return b"evt/1\n" + b"".join(hashlib.sha256(text.encode()).digest() for text in texts)


def naive_leaves(chunk: Chunk, key: bytes, mode: str) -> list[bytes]:
    """Restate the leaves of a batch, in source order."""
    rows = [(int(block.numbers[row]), block, row) for block, row in chunk.rows()]
    rows.sort(key=lambda item: item[0])
    return [naive_leaf(block, row, key, index, mode) for index, (_, block, row) in enumerate(rows)]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """Restate RFC 6962 2.1, recursively."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()
