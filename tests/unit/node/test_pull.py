from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from tests.unit.node import hostile
from tests.unit.node.samples import OWN, SampleLog
from tests.unit.node.services import Node

from hisn.acts.statement import BodyRef
from hisn.core.canon import canonical
from hisn.errors import StorageError, VerificationError
from hisn.evidence.disclosure import SALT_BYTES, Value, slot_count
from hisn.evidence.sealed_map import SealedMap, format_map, present, presented_json, seal_map
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


def put(node: Node, digest: bytes, data: bytes) -> None:
    node.blobs.put(f"blob/sha256/{digest.hex()[:2]}/{digest.hex()}", data)


def clear(data: bytes) -> BodyRef:
    return BodyRef("body", hashlib.sha256(data).digest())


def sealed(**fields: Value) -> tuple[BodyRef, SealedMap]:
    """Seal a map under salts that the fields' own names make."""
    size = SALT_BYTES * slot_count(len(fields))
    made = seal_map(fields, hashlib.shake_256(repr(fields).encode()).digest(size))
    return BodyRef("sealed", hashlib.sha256(made.leaf).digest()), made


def test_a_body_in_the_clear_has_the_digest_that_it_was_asked_by(served: tuple[Node, str]) -> None:
    node, url = served
    body, other = clear(b"body"), clear(b"other")
    put(node, body.sha256, b"body")
    put(node, other.sha256, b"forged")
    with RemoteNode(url, OWN, node.north) as remote:
        assert remote.body(body, 100) == b"body"
        assert remote.body(clear(b"none"), 100) is None
        for asked, cap in ((other, 100), (body, 3)):
            with pytest.raises(StorageError) as caught:
                remote.body(asked, cap)
            assert caught.value.code == "E5403"


def test_a_sealed_body_is_the_map_whose_leaf_the_act_names(served: tuple[Node, str]) -> None:
    node, url = served
    ref, made = sealed(rule="r", count=3)
    put(node, ref.sha256, format_map(made))
    with RemoteNode(url, OWN, node.north) as remote:
        assert remote.body(ref, 10_000) == format_map(made)


FIELDS: dict[str, Value] = {"expected": 3, "got": 4, "rule": "r"}
TEXTS = sealed(**FIELDS)[1].disclosures
WITHHELD = sealed(expected=3, rule="r")[1].disclosures


@pytest.mark.parametrize(
    "data",
    {
        "another true map": format_map(sealed(expected=4, got=4, rule="r")[1]),
        "the same fields under other salts": format_map(seal_map(FIELDS, bytes(128))),
        "one field of another map": canonical([*TEXTS[:2], WITHHELD[2], *TEXTS[3:]]),
        "a field withheld": canonical([*TEXTS[:2], *TEXTS[3:]]),
        "two fields swapped": canonical([TEXTS[0], TEXTS[2], TEXTS[1], *TEXTS[3:]]),
        "the leaf in the place of the map": sealed(**FIELDS)[1].leaf,
        "a part of the map, which would keep the whole out": canonical(
            presented_json(present(sealed(**FIELDS)[1], ["got"]))
        ),
        "the map in another spelling": format_map(sealed(**FIELDS)[1]).replace(b",", b", "),
        "nothing": b"",
        "no JSON": b"\xff" * 64,
        "lists without end": b"[" * 5_000,
    }.items(),
    ids=lambda case: case[0],
)
def test_a_swapped_or_changed_sealed_body_is_refused(
    served: tuple[Node, str], data: tuple[str, bytes]
) -> None:
    ref = sealed(**FIELDS)[0]
    node, url = served
    node.blobs.files[f"blob/sha256/{ref.sha256.hex()[:2]}/{ref.sha256.hex()}"] = data[1]
    with RemoteNode(url, OWN, node.north) as remote, pytest.raises(StorageError) as caught:
        remote.body(ref, 100_000)
    assert caught.value.code == "E5403"
    assert "another body" in caught.value.message


def test_a_node_that_has_no_room_now_is_asked_later() -> None:
    with (
        hostile.raw_server(hostile.answers("429 Too Many Requests", b"")) as url,
        RemoteNode(url) as remote,
        pytest.raises(StorageError) as caught,
    ):
        remote.body(clear(b"body"), 100)
    assert caught.value.code == "E5402"


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
