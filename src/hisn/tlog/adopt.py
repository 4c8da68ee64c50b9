"""Make a log what its witnesses have seen of it, after a loss: the heart of ``hisn node recover``.

The checkpoint is one of our own, cosigned by others; the entries come from mirrors, which may lie.
Nothing here is deleted for good: every file that is not of the witnessed tree, the old row of the
register and unfinished bundles go to ``state/suspect``.  Entries that were sequenced here and that
no witness has seen are lost to the log by that; they had not left the node.

Everything can be interrupted and done again: until the register is swapped, the log stays refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from hisn.errors import StorageError
from hisn.tlog.checkpoint import Checkpoint, LogKeys, SignedCheckpoint
from hisn.tlog.merkle import leaf_hash, root_of
from hisn.tlog.ports import Blobs, Register
from hisn.tlog.recover import Home, load, published_file, tile_path
from hisn.tlog.staging import FormerKeys, Row, parse_own, parse_published
from hisn.tlog.tile import ENTRIES, WIDTH, TilePath, encode_bundle, tiles_for, width_at

Entries: TypeAlias = Callable[[int, int], Iterable[bytes]]
"""Return the entries `[start, end)` of the log, from wherever they are left."""

_AT_ONCE = 1_024  # entries asked for at once in the first pass


def adopt(
    keys: LogKeys,
    blobs: Blobs,
    register: Register,
    data: bytes,
    entries: Entries,
    *,
    former: Iterable[FormerKeys] = (),
) -> SignedCheckpoint:
    """Replace the log's files and head by those of a witnessed checkpoint; then open it as usual.

    Adopting the present head repairs its files.  Raises VerificationError if the log has not signed
    the checkpoint, StorageError E5212 if the entries do not lead to it, E5215 if a sound log here
    is longer, or if more was published.
    """
    home = Home(keys, blobs, register, tuple(former))
    signed = parse_own(data, keys, home.former)
    _require_loss(home, signed.checkpoint)
    raw = register.get(home.names.row)
    hashes = _hashes(signed.checkpoint, entries)
    _require_published(home, signed.checkpoint, hashes)
    if raw is not None:
        blobs.put(_suspect(home, "row", raw), raw)
    for name in list(blobs.list(home.names.staging)):
        _set_aside(home, name)
    _remove_beyond(home, signed.checkpoint.size)
    blobs.put_many(_files(home, signed.checkpoint.size, hashes, entries))
    register.swap(home.names.row, raw, Row(signed).encode())
    return signed


def _require_loss(home: Home, wanted: Checkpoint) -> None:
    """Refuse to cut a log that is sound and holds more than the checkpoint."""
    try:
        state = load(home)
    except StorageError as error:
        if error.code not in ("E5206", "E5207", "E5209"):
            raise
        return
    held = state.row.head.checkpoint
    if state.refusal is None and held.size >= wanted.size and held != wanted:
        raise _refuse(f"the log here is sound and has {held.size} entries, the checkpoint {wanted.size}")


def _require_published(home: Home, wanted: Checkpoint, hashes: Sequence[bytes]) -> None:
    """Refuse to contradict what was published: others rely on it."""
    row = home.register.get(home.names.published_row)
    known = [published_file(home)]
    if row is not None:
        known.append(parse_published(row, home.keys, home.former))
    for held in (each.checkpoint for each in known if each is not None):
        if held.size > wanted.size:
            raise _refuse(f"{held.size} entries were published, the checkpoint has {wanted.size}")
        if root_of(hashes[: held.size]) != held.root:
            raise StorageError(
                "E5211",
                f"the published tree of {held.size} entries is not in that of the checkpoint",
                hint="this log has signed two trees: keep both checkpoints; the roster must decide",
                unchanged="the log is as it was",
            )


def _refuse(why: str) -> StorageError:
    return StorageError(
        "E5215",
        f"nothing to recover: {why}",
        hint="take the highest head that a witness keeps",
        unchanged="the log is as it was",
    )


def _hashes(wanted: Checkpoint, entries: Entries) -> list[bytes]:
    """Return the leaf hashes, proven to be those of the checkpoint before anything is touched."""
    hashes: list[bytes] = []
    for start in range(0, wanted.size, _AT_ONCE):
        end = min(start + _AT_ONCE, wanted.size)
        hashes += map(leaf_hash, entries(start, end))
    if len(hashes) != wanted.size or root_of(hashes) != wanted.root:
        raise _others(wanted.size)
    return hashes


def _others(size: int) -> StorageError:
    return StorageError(
        "E5212",
        f"the entries found are not those of the checkpoint of {size} entries",
        hint="ask another mirror; keep what this one answered",
        unchanged="nothing was signed",
    )


def _files(home: Home, size: int, hashes: list[bytes], entries: Entries) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the log; what stands in its place and is another one is set aside first."""
    levels = [hashes]
    while len(levels[-1]) >= WIDTH:
        last = levels[-1]
        full = range(0, len(last) - len(last) % WIDTH, WIDTH)
        levels.append([root_of(last[at : at + WIDTH]) for at in full])
    for path in tiles_for(size):
        first = path.index * WIDTH
        if path.level == ENTRIES:
            held = list(entries(first, first + path.width))
            # A mirror may answer otherwise the second time.
            if [leaf_hash(entry) for entry in held] != hashes[first : first + path.width]:
                raise _others(size)
            data = encode_bundle(held)
        else:
            data = b"".join(levels[path.level][first : first + path.width])
        _clear_place(home, path, data)
        yield f"{home.names.folder}{path}", data


def _clear_place(home: Home, path: TilePath, data: bytes) -> None:
    """Set aside forms of one tile or bundle that are not the beginning of the true one."""
    full = f"{home.names.folder}{path.full()}"
    for name in [full, *home.blobs.list(f"{full}.p/")]:
        held = home.blobs.get(name)
        is_own_place = name == f"{home.names.folder}{path}"
        if held is not None and not (held == data if is_own_place else data.startswith(held)):
            _set_aside(home, name)


def _remove_beyond(home: Home, size: int) -> None:
    """Set aside every tile that a log of `size` entries does not have."""
    for name in list(home.blobs.list(f"{home.names.folder}tile/")):
        path = tile_path(name.removeprefix(home.names.folder))
        if path is not None and path.width > width_at(path.level, path.index, size):
            _set_aside(home, name)


def _set_aside(home: Home, name: str) -> None:
    data = home.blobs.get(name)
    if data is not None:
        home.blobs.put(_suspect(home, name, data), data)
        home.blobs.delete(name)


def _suspect(home: Home, name: str, data: bytes) -> str:
    return f"{home.names.suspect}{name}-{hashlib.sha256(data).hexdigest()}"
