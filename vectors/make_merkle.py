"""Make our test vectors for Merkle trees, their proofs, and tiles.

    python -m vectors.make_merkle

Entry `i` of every tree is the decimal number `i` in ASCII, unless a case says otherwise.  Indices
and sizes are text: many JSON readers lose the last digits of 2**63-1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hisn.tlog import merkle
from hisn.tlog.merkle import MAX_SIZE, leaf_hash, node_hash, root_of
from hisn.tlog.tile import encode_bundle, right_edge, tiles_for

HERE = Path(__file__).resolve().parent / "merkle"
Case = dict[str, Any]


ENTRIES = [b"%d" % number for number in range(600)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
OTHER = leaf_hash(b"other")
SMALL = range(1, 10)


class EqualLeaves:
    """Read from a tree of any size, all of whose entries are the same: huge trees cost nothing."""

    def __init__(self, entry: bytes) -> None:
        self._nodes = [leaf_hash(entry)]
        for _ in range(63):
            self._nodes.append(node_hash(self._nodes[-1], self._nodes[-1]))

    def read(self, level: int, index: int) -> bytes:
        """Return the root of any complete subtree of that height."""
        del index
        return self._nodes[level]


HUGE = EqualLeaves(b"same")


def flipped(data: bytes, bit: int = 0) -> bytes:
    """Return bytes with one bit changed."""
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def rewritten(size: int, at: int = 0) -> list[bytes]:
    """Return the leaves of a tree in which one entry is another one."""
    return [*LEAVES[:at], OTHER, *LEAVES[at + 1 : size]]


@dataclass(frozen=True)
class Proof:
    """Hold a claim that `node` is the root of `[start, end)` in the tree of `size` leaves with `root`."""

    start: int
    end: int
    size: int
    node: bytes
    root: bytes
    hashes: tuple[bytes, ...]


def proof(start: int, end: int, size: int, leaves: Sequence[bytes] = LEAVES) -> Proof:
    """Return a good proof."""
    hashes = merkle.subtree_consistency_proof(leaves, start, end, size)
    return Proof(start, end, size, root_of(leaves[start:end]), root_of(leaves[:size]), hashes)


def huge_proof(start: int, end: int, size: int) -> Proof:
    """Return a good proof of a tree that nobody can hold."""
    hashes = merkle.subtree_consistency_at(start, end, size, HUGE)
    node = merkle.subtree_root_at(start, end, HUGE)
    return Proof(start, end, size, node, merkle.root_at(size, HUGE), hashes)


def damaged(good: Proof) -> Iterator[tuple[str, Proof]]:
    """Yield what nobody may accept in place of a good proof with at least two hashes."""
    hashes = good.hashes
    yield "no hashes", replace(good, hashes=())
    yield "the first hash missing", replace(good, hashes=hashes[1:])
    yield "the last hash missing", replace(good, hashes=hashes[:-1])
    yield "a hash too many at the end", replace(good, hashes=(*hashes, OTHER))
    yield "the root too many at the end", replace(good, hashes=(*hashes, good.root))
    yield "a hash too many at the beginning", replace(good, hashes=(OTHER, *hashes))
    yield "the node too many at the beginning", replace(good, hashes=(good.node, *hashes))
    yield "the last hash twice", replace(good, hashes=(*hashes, hashes[-1]))
    yield "in the other order", replace(good, hashes=hashes[::-1])
    for at, each in enumerate(hashes):
        changed = (*hashes[:at], flipped(each, 7 * at), *hashes[at + 1 :])
        yield f"a bit of hash {at} changed", replace(good, hashes=changed)
    short = (hashes[0][:-1], *hashes[1:])
    yield "a hash of 31 bytes", replace(good, hashes=short)
    cut = (hashes[0] + hashes[1][:1], hashes[1][1:], *hashes[2:])
    yield "two hashes cut at another place", replace(good, hashes=cut)
    joined = (hashes[0] + hashes[1], *hashes[2:])
    yield "two hashes joined", replace(good, hashes=joined)
    yield "a bit of the node changed", replace(good, node=flipped(good.node, 255))
    yield "a bit of the root changed", replace(good, root=flipped(good.root, 100))
    yield "node and root exchanged", replace(good, node=good.root, root=good.node)
    yield "the root of the empty tree", replace(good, root=merkle.EMPTY_ROOT)
    yield "the root without its last byte", replace(good, root=good.root[:-1])
    yield "the node without its last byte", replace(good, node=good.node[:-1])
    yield "a size beyond 63 bits", replace(good, size=MAX_SIZE + 1)


def written(comment: str, fields: Case, each: Proof, *, is_good: bool) -> Case:
    """Return a case as it is published."""
    return {
        "comment": comment,
        **{name: str(value) if isinstance(value, int) else value.hex() for name, value in fields.items()},
        "root": each.root.hex(),
        "proof": [part.hex() for part in each.hashes],
        "result": "valid" if is_good else "refused",
    }


def inclusion() -> Case:
    """Return inclusion proofs: `leaf` is the leaf hash."""

    def case(comment: str, each: Proof, *, is_good: bool = False) -> Case:
        fields = {"index": each.start, "size": each.size, "leaf": each.node}
        return written(comment, fields, each, is_good=is_good)

    def at(index: int, size: int) -> Proof:
        return proof(index, index + 1, size)

    cases = [
        case(f"entry {index} of {size}", at(index, size), is_good=True)
        for size in (*SMALL, 255, 256, 257, 600)
        for index in (range(size) if size in SMALL else sorted({0, size // 3, 254, size - 1}))
    ]
    cases += [
        case("one of 2**63-1 equal entries", huge_proof(index, index + 1, MAX_SIZE), is_good=True)
        for index in (0, 2**53 + 1, MAX_SIZE - 1)
    ]
    for size, index in ((7, 4), (8, 5), (257, 100)):
        cases += [case(f"{size}, {index}: {comment}", bad) for comment, bad in damaged(at(index, size))]
    good = at(4, 7)
    node = node_hash(LEAVES[4], LEAVES[5])
    cases += [
        case("the index before", replace(good, start=3)),
        case("the index behind", replace(good, start=5)),
        case("an index at the size", replace(good, start=7)),
        case("an index beyond the size", replace(good, start=8)),
        case("an index beyond 63 bits", replace(good, start=2**64 + 4)),
        case("a smaller size", replace(good, size=5)),
        case("the size 0", replace(good, start=0, size=0)),
        case("the empty tree has no entry", Proof(0, 1, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, ())),
        case("the entry in place of its hash", replace(good, node=ENTRIES[4])),
        case("another entry", replace(good, node=LEAVES[5])),
        case("the proof of another index", replace(good, hashes=at(5, 7).hashes)),
        case("the proof of another size", replace(good, hashes=at(4, 6).hashes)),
        case(
            "a node hashed as a leaf",
            replace(good, node=leaf_hash(LEAVES[4] + LEAVES[5]), start=2, hashes=good.hashes[1:]),
        ),
        case("a node in place of a leaf", replace(good, node=node, hashes=good.hashes[1:])),
        case("a tree of one entry with another root", Proof(0, 1, 1, LEAVES[0], LEAVES[1], ())),
        case("a tree of one entry with a hash", Proof(0, 1, 1, LEAVES[0], LEAVES[0], (LEAVES[0],))),
    ]
    return {"about": "Inclusion proofs (RFC 6962, section 2.1.1).", "cases": cases}


def consistency() -> Case:
    """Return consistency proofs."""

    def case(comment: str, each: Proof, *, is_good: bool = False) -> Case:
        fields = {"old": each.end, "new": each.size, "old_root": each.node}
        return written(comment, fields, each, is_good=is_good)

    def at(old: int, new: int) -> Proof:
        return proof(0, old, new)

    cases = [
        case(f"{old} to {new}", at(old, new), is_good=True)
        for new in (*SMALL, 255, 256, 257, 600)
        for old in (range(1, new + 1) if new in SMALL else sorted({1, 128, 254, new - 1, new}))
    ]
    cases += [
        case("equal entries, up to 2**63-1", huge_proof(0, old, MAX_SIZE), is_good=True)
        for old in (1, 2**53 + 1, 2**62, MAX_SIZE - 1, MAX_SIZE)
    ]
    for old, new in ((3, 7), (5, 7), (6, 8), (100, 257)):
        cases += [case(f"{old} to {new}: {comment}", bad) for comment, bad in damaged(at(old, new))]
    good, same = at(3, 7), at(7, 7)
    # No proof binds the size: only the signature under both does.
    cases.append(case("3 to 7, said to be 3 to 6", replace(good, size=6), is_good=True))
    nothing = replace(good, end=0, node=merkle.EMPTY_ROOT)
    other = rewritten(7)
    cases += [
        case("from nothing, without a proof", replace(nothing, hashes=())),
        case("from nothing, with a proof", nothing),
        case("from nothing to nothing", replace(nothing, size=0, root=merkle.EMPTY_ROOT, hashes=())),
        case("to a smaller tree", replace(good, end=7, size=3, node=good.root, root=good.node)),
        case("one size, two roots", replace(same, root=root_of(other))),
        case("one size, with a hash", replace(same, hashes=(OTHER,))),
        case("another old size", replace(good, end=2)),
        case("another new size", replace(good, size=9)),
        case("an old size beyond 63 bits", replace(good, end=2**64 + 3)),
        case("the log was rewritten, proof of the new one", replace(proof(0, 3, 7, other), node=good.node)),
        case("the log was rewritten, proof of the old one", replace(good, root=root_of(other))),
        case("an entry was taken out", replace(good, root=root_of([*LEAVES[:1], *LEAVES[2:8]]))),
        case("two entries were exchanged", replace(good, root=root_of([LEAVES[1], LEAVES[0], *LEAVES[2:7]]))),
        case("the proof of another old size", replace(good, hashes=at(5, 7).hashes)),
        case("the proof of another new size", replace(good, hashes=at(3, 8).hashes)),
    ]
    return {
        "about": "Consistency proofs (RFC 6962, section 2.1.2); from size 0 there are none.",
        "cases": cases,
    }


def subtrees() -> Case:
    """Return proofs that a subtree lies in a tree."""

    def case(comment: str, each: Proof, *, is_good: bool = False) -> Case:
        fields = {"start": each.start, "end": each.end, "size": each.size, "node": each.node}
        return written(comment, fields, each, is_good=is_good)

    bounds = [(start, end) for end in range(1, 10) for start in range(end) if merkle.is_subtree(start, end)]
    cases = [
        case(f"[{start}, {end}) of {size}", proof(start, end, size), is_good=True)
        for size in SMALL
        for start, end in bounds
        if end <= size
    ]
    cases += [
        case(f"[{start}, {end}) of {size}", proof(start, end, size), is_good=True)
        for start, end, size in (
            (256, 512, 600),
            (256, 500, 600),
            (512, 600, 600),
            (0, 257, 600),
            (512, 513, 513),
        )
    ]
    cases += [
        case("equal entries, of 2**63-1", huge_proof(start, end, MAX_SIZE), is_good=True)
        for start, end in ((2**62, MAX_SIZE), (2**62, 2**62 + 2**53 + 1), (MAX_SIZE - 1, MAX_SIZE))
    ]
    for start, end, size in ((4, 7, 9), (4, 6, 7), (8, 11, 20), (256, 300, 600)):
        cases += [
            case(f"[{start}, {end}) of {size}: {comment}", bad)
            for comment, bad in damaged(proof(start, end, size))
        ]
    good = proof(4, 7, 9)
    cases += [
        case(f"[{start}, {end}) is no subtree", replace(good, start=start, end=end))
        for start, end in ((1, 3), (2, 6), (3, 7), (6, 9), (7, 4), (2**64 + 4, 2**64 + 7))
    ]
    cases += [
        case("an empty subtree", Proof(4, 4, 9, merkle.EMPTY_ROOT, good.root, ())),
        case("an empty subtree of nothing", Proof(0, 0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, ())),
        case("a subtree beyond the tree", replace(good, size=6)),
        case("the subtree before", replace(good, start=0, end=3)),
        case("a smaller subtree", replace(good, end=6)),
        case("other entries", replace(good, node=root_of([*LEAVES[4:6], OTHER]))),
        case("the proof of another subtree", replace(good, hashes=proof(4, 6, 9).hashes)),
    ]
    about = "Subtree consistency proofs (draft-ietf-plants-merkle-tree-certs-02, section 4); none is empty."
    return {"about": about, "cases": cases}


def trees() -> Case:
    """Return hashes, roots, and the tiles that a log of some sizes has."""
    sizes = (*range(18), 255, 256, 257, 600)
    return {
        "about": "Hashes and roots (RFC 6962, section 2.1), and which tiles a log has (C2SP tlog-tiles).",
        "leaves": [
            {"entry": entry.hex(), "hash": leaf_hash(entry).hex()}
            for entry in (b"", b"\0", b"0", LEAVES[0] + LEAVES[1])
        ],
        "nodes": [
            {"left": left.hex(), "right": right.hex(), "hash": node_hash(left, right).hex()}
            for left, right in ((LEAVES[0], LEAVES[1]), (LEAVES[1], LEAVES[0]), (bytes(32), bytes(32)))
        ],
        "roots": [{"size": str(size), "root": root_of(LEAVES[:size]).hex()} for size in sizes],
        "equal": {
            "entry": b"same".hex(),
            "roots": [
                {"size": str(size), "root": merkle.root_at(size, HUGE).hex()}
                for size in (2**32, 2**53 + 1, 2**62, MAX_SIZE)
            ],
        },
        "tiles": [
            {"size": str(size), "files": sorted(map(str, tiles_for(size)))}
            for size in (0, 1, 255, 256, 257, 600)
        ],
        "edges": [
            {"size": str(size), "partial": sorted(map(str, right_edge(size)))}
            for size in (70_000, 2**24, 2**53 + 1, MAX_SIZE)
        ],
    }


GOOD_NAMES = (
    "tile/0/000", "tile/0/255.p/1", "tile/0/999.p/255", "tile/7/000.p/127", "tile/63/000", "tile/1/x001/000",
    "tile/0/x001/x234/067", "tile/entries/000", "tile/entries/x001/x234/067.p/8",
    "tile/0/x036/x028/x797/x018/x963/967",
)  # fmt: skip
BAD_NAMES = (
    "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000", "tile/0/x000/001",
    "tile/0/001/000", "tile/0/x1/000", "tile/0/X001/000", "tile/00/000", "tile/01/000", "tile/64/000",
    "tile/-1/000", "tile/+1/000", "tile/1_0/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
    "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1/", "tile/0/x001.p/1/000", "/tile/0/000", "tile//0/000",
    "tile/0/000/", "./tile/0/000", "tile/0/../0/000", "tile/0/../../state", "tile/0/%30%30%30",
    "tile\\0\\000", "tile/0/000\n", "\ttile/0/000", "tile/0/000\0", "tile/0/000?", "tile/0/000#",
    "Tile/0/000",
    "tile/0/\u0660\u0660\u0660", "tile/\u0661/000", "tile/0/000.p/\u0661", "tile/0/\uff10\uff10\uff10",
    "tile/0/x036/x028/x797/x018/x963/968", "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
)  # fmt: skip


def tiles() -> Case:
    """Return names of tiles and entry bundles, good and bad."""
    good = encode_bundle([b"", b"a", b"bc"])
    bundles = [
        ("three entries", good, 3, True),
        ("no entries", b"", 0, True),
        ("one empty entry", b"\0\0", 1, True),
        ("an entry of 300 bytes", encode_bundle([b"x" * 300]), 1, True),
        ("one entry less than there should be", good, 4, False),
        ("one entry more than there should be", good, 2, False),
        ("the last byte missing", good[:-1], 3, False),
        ("a byte too many", good + b"\0", 3, False),
        ("ends within a length", good + b"\0", 4, False),
        ("ends behind a length", good + b"\0\1", 4, False),
        ("a length beyond the end", b"\1\0" + b"x" * 255, 1, False),
        ("lengths with the low byte first", b"\1\0a", 1, False),
    ]
    return {
        "about": "Names of tiles and contents of entry bundles (C2SP tlog-tiles); no log has 2**63 entries.",
        "names": [
            *({"name": name, "result": "valid"} for name in GOOD_NAMES),
            *({"name": name, "result": "refused"} for name in BAD_NAMES),
        ],
        "bundles": [
            {
                "comment": comment,
                "bundle": data.hex(),
                "width": str(width),
                "result": "valid" if is_good else "refused",
            }
            for comment, data, width, is_good in bundles
        ],
    }


FILES = {
    "consistency.json": consistency,
    "inclusion.json": inclusion,
    "subtrees.json": subtrees,
    "tiles.json": tiles,
    "trees.json": trees,
}


def texts() -> dict[str, str]:
    """Return the text of each file."""
    return {name: json.dumps(make(), indent=1) + "\n" for name, make in FILES.items()}


def write(folder: Path = HERE) -> None:
    """Write the files."""
    folder.mkdir(exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
