"""Where things lie in a node's folder: the drawing in the documents, file by file."""

from __future__ import annotations

from pathlib import Path

from hisn.app.places import Places, blob_name
from hisn.storage.blobs import FileBlobs


def test_every_place_is_within_the_nodes_folder() -> None:
    places = Places(Path("/node"))
    named = {
        name: str(getattr(places, name).relative_to("/node"))
        for name in (
            "config",
            "genesis",
            "rosters",
            "watched",
            "keys",
            "state",
            "register",
            "projection",
            "intake",
        )
    }
    assert named == {
        "config": "node.json",
        "genesis": "charter/genesis.json",
        "rosters": "roster",
        "watched": "watched",
        "keys": "keys",
        "state": "state",
        "register": "state/commit.db",
        "projection": "state/projection.db",
        "intake": "state/intake",
    }


def test_a_blob_lies_by_its_digest_and_its_name_is_one_that_storage_takes(tmp_path: Path) -> None:
    name = blob_name(bytes.fromhex("ab" * 32))
    assert name == f"blob/sha256/ab/{'ab' * 32}"
    FileBlobs(tmp_path).put(name, b"body")
    assert (tmp_path / name).read_bytes() == b"body"
