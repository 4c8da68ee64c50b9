"""Run the proofs and the sample log that other implementations publish."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.tile import TileReader, fetch_bundle, parse_tile_path

pytestmark = pytest.mark.corpus

Case = dict[str, Any]

# The publisher accepts these.  A stricter verifier refuses them, for these reasons.
STRICTER = {
    "consistency/additional/sizes-are-equal-one-and-proof-is-empty.json": "the roots are no hashes: 10 bytes",
    "subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-one-subtree-root-valid-proof-is-empty.json":
        "an empty subtree proves nothing",
    "subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-one-subtree-root-valid-tree-root-random-proof-is-empty.json":
        "an empty subtree proves nothing, least of all in a tree with any root",
    "subtreeconsistency/additional/subtree-is-empty-sizes-are-equal-zero-subtree-root-valid-tree-root-random-proof-is-empty.json":
        "an empty subtree proves nothing, least of all in an empty tree with any root",
    "subtreeconsistency/additional/subtree-is-empty-subtree-root-valid-proof-is-empty.json":
        "an empty subtree proves nothing",
}  # fmt: skip


def check_inclusion(case: Case, proof: list[bytes]) -> None:
    leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
    merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)


def check_consistency(case: Case, proof: list[bytes]) -> None:
    old_root, root = b64decode(case["root1"]), b64decode(case["root2"])
    merkle.verify_consistency(case["size1"], old_root, case["size2"], root, proof)


def check_subtree_inclusion(case: Case, proof: list[bytes]) -> None:
    """An entry's proof in a subtree is one in a tree of the subtree's size."""
    start, end = case["start"], case["end"]
    if not merkle.is_subtree(start, end):
        raise VerificationError("E3222", "no subtree", hint="-")
    leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
    merkle.verify_inclusion(leaf, case["leafIdx"] - start, end - start, proof, root)


def check_subtree_consistency(case: Case, proof: list[bytes]) -> None:
    node, root = b64decode(case["root1"]), b64decode(case["root2"])
    merkle.verify_subtree_consistency(case["start"], case["end"], case["size"], node, root, proof)


FAMILIES: dict[str, tuple[int, Callable[[Case, list[bytes]], None]]] = {
    "inclusion": (46, check_inclusion),
    "consistency": (54, check_consistency),
    "subtreeinclusion": (101, check_subtree_inclusion),
    "subtreeconsistency": (60, check_subtree_consistency),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_published_proofs_are_accepted_and_refused_as_published(corpus: Path, family: str) -> None:
    folder = corpus / "tlog" / "merkle"
    count, check = FAMILIES[family]
    wrong, stricter = [], set()
    paths = sorted((folder / family).rglob("*.json"))
    for path in paths:
        name = path.relative_to(folder).as_posix()
        case = json.loads(path.read_text("utf-8"))
        try:
            check(case, [b64decode(each) for each in case["proof"] or ()])
            is_refused = False
        except VerificationError:
            is_refused = True
        if is_refused and not case["wantErr"] and name in STRICTER:
            stricter.add(name)
        elif is_refused != case["wantErr"]:
            wrong.append(f"{name}: {'refused' if is_refused else 'accepted'}")
    assert len(paths) == count
    assert wrong == []
    assert stricter == {name for name in STRICTER if name.startswith(f"{family}/")}


@pytest.fixture
def sample(corpus: Path) -> Path:
    return corpus / "tlog" / "tessera-log"


def getter(folder: Path) -> Callable[[str], bytes | None]:
    def get(name: str) -> bytes | None:
        path = folder / name
        return path.read_bytes() if path.is_file() else None

    return get


def checkpoint_of(folder: Path, size: int) -> bytes:
    """Return the root from the third line of a checkpoint."""
    _, count, root, *_ = (folder / f"checkpoint.{size}").read_bytes().split(b"\n")
    assert int(count) == size
    return b64decode(root)


def test_tiles_of_the_sample_log_have_names_that_we_write(sample: Path) -> None:
    names = [path.relative_to(sample).as_posix() for path in sample.rglob("tile/**/*") if path.is_file()]
    assert len(names) == 30
    for name in names:
        assert str(parse_tile_path(name)) == name


def test_sample_log_leads_from_its_entries_to_every_root_it_signed(sample: Path) -> None:
    get = getter(sample)
    assert checkpoint_of(sample, 0) == merkle.EMPTY_ROOT
    for size in range(1, 16):
        root = checkpoint_of(sample, size)
        reader = TileReader(get, size, root)
        assert len(reader.bundle(0)) == size
        assert Edge.load(size, get).root() == root
        for old in range(1, size):
            proof = merkle.consistency_at(old, size, reader)
            merkle.verify_consistency(old, checkpoint_of(sample, old), size, root, proof)


def test_sample_log_is_what_we_would_have_written(sample: Path) -> None:
    get = getter(sample)
    entries = fetch_bundle(get, parse_tile_path("tile/entries/000.p/15"))
    edge = Edge()
    for at, entry in enumerate(entries):
        files = entry_tiles(at, entries[:at], [entry])
        edge, tiles = edge.append([merkle.leaf_hash(entry)])
        for name, data in (files | tiles).items():
            assert get(name) == data
    published = json.loads((sample.parent / "tessera-log.key.json").read_text("utf-8"))
    assert published["leaves"] == [entry.decode() for entry in entries]
