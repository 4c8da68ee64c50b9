from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from tests.unit.node import hostile
from tests.unit.node.samples import OWN, SampleLog
from tests.unit.node.services import Node

from hisn.errors import StorageError, VerificationError
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode, proven_entries
from hisn.node.serve import Listen, NodeServer
from hisn.tlog.edge import Edge, entry_tiles

FOLDER = f"log/{origin_hash(OWN)}"
LOG = SampleLog(OWN, 5, "own").grow(600)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Node, str]]:
    node = Node(())
    _, tiles = Edge().append(LOG.leaves)
    for name, data in (tiles | entry_tiles(0, [], LOG.entries)).items():
        node.blobs.put(f"{FOLDER}/{name}", data)
    node.blobs.replace(f"{FOLDER}/checkpoint", LOG.note(600))
    with NodeServer(node.app(), Listen()).background() as url:
        yield node, url


def test_a_member_reads_a_log_as_if_it_were_here(served: tuple[Node, str]) -> None:
    node, url = served
    with RemoteNode(url + "/", OWN, node.north) as remote:
        assert remote.file(FOLDER, "checkpoint") == node.blobs.files[f"{FOLDER}/checkpoint"]
        entries = proven_entries(lambda name: remote.file(FOLDER, name), LOG.head(600))
        for start, end in ((0, 600), (0, 256), (255, 257), (300, 310), (512, 600), (600, 600), (0, 0)):
            assert list(entries(start, end)) == LOG.entries[start:end]
        assert remote.file(FOLDER, "tile/0/003") is None


def test_a_stranger_reads_hashes_and_no_entries(served: tuple[Node, str]) -> None:
    _, url = served
    with RemoteNode(url) as remote:
        assert remote.file(FOLDER, "tile/0/000") is not None
        with pytest.raises(StorageError) as caught:
            remote.file(FOLDER, "tile/entries/000")
        assert caught.value.code == "E5403"
        assert "401" in caught.value.message


def test_a_body_has_the_digest_that_it_was_asked_by(served: tuple[Node, str]) -> None:
    node, url = served
    digest, other = hashlib.sha256(b"body").digest(), hashlib.sha256(b"other").digest()
    node.blobs.put(f"blob/sha256/{digest.hex()[:2]}/{digest.hex()}", b"body")
    node.blobs.put(f"blob/sha256/{other.hex()[:2]}/{other.hex()}", b"forged")
    with RemoteNode(url, OWN, node.north) as remote:
        assert remote.body(digest, 100) == b"body"
        assert remote.body(hashlib.sha256(b"none").digest(), 100) is None
        for asked, cap in ((other, 100), (digest, 3)):
            with pytest.raises(StorageError) as caught:
                remote.body(asked, cap)
            assert caught.value.code == "E5403"


def test_a_name_that_no_log_has_is_not_asked_for(served: tuple[Node, str]) -> None:
    with RemoteNode(served[1]) as remote, pytest.raises(VerificationError):
        remote.file(FOLDER, "../../state/commit.db")


def test_a_tile_beyond_its_size_is_not_taken() -> None:
    with (
        hostile.raw_server(hostile.answers("200 OK", bytes(8_193))) as url,
        RemoteNode(url) as remote,
        pytest.raises(StorageError) as caught,
    ):
        remote.file(FOLDER, "tile/0/000")
    assert caught.value.code == "E5403"


def test_a_remote_node_is_read_within_its_context() -> None:
    with pytest.raises(RuntimeError):
        RemoteNode("http://127.0.0.1:1").file(FOLDER, "checkpoint")


def test_a_node_that_is_away_is_told() -> None:
    with RemoteNode("http://127.0.0.1:1") as remote, pytest.raises(StorageError) as caught:
        remote.file(FOLDER, "checkpoint")
    assert caught.value.code == "E5402"
