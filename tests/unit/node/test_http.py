from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.unit.node.samples import ORIGIN, OWN, SampleLog, upload_body
from tests.unit.node.services import Node, call

from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError
from hisn.node import http as http_module
from hisn.node.body import parse_mirror_info
from hisn.node.http import make_app
from hisn.node.intake import Patience
from hisn.node.known import origin_hash
from hisn.node.quota import Allowance, Overrun, Quota
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.ports import DurabilityLost

OWN_LOG = f"/log/{origin_hash(OWN)}"
MIRRORED = f"/mirror/{origin_hash(ORIGIN)}"
BINARY = {"Content-Type": "application/octet-stream"}


def publish(node: Node, size: int, published: int | None = None) -> SampleLog:
    """Write the node's own log, of which a part may not be published yet."""
    log = SampleLog(OWN, 5, "own").grow(size)
    _, tiles = Edge().append(log.leaves)
    folder = f"log/{origin_hash(OWN)}/"
    for name, data in (tiles | entry_tiles(0, [], log.entries)).items():
        node.blobs.put(folder + name, data)
    node.blobs.replace(folder + "checkpoint", log.note(size if published is None else published))
    return log


def signed(node: Node, path: str) -> dict[str, str]:
    return {"Authorization": node.north.header("GET", path, OWN)}


def test_anybody_reads_checkpoint_and_hashes_of_the_own_log() -> None:
    node = Node(())
    log = publish(node, 300)
    app = node.app()
    head = call(app, "GET", f"{OWN_LOG}/checkpoint")
    assert (head.status_code, head.content) == (200, node.blobs.files[f"log/{origin_hash(OWN)}/checkpoint"])
    assert head.headers["content-type"] == "text/plain; charset=utf-8"
    tile = call(app, "GET", f"{OWN_LOG}/tile/0/001.p/44")
    assert tile.content == b"".join(log.leaves[256:])
    assert "immutable" in tile.headers["cache-control"]


def test_entries_are_read_by_members_alone() -> None:
    node = Node(())
    log = publish(node, 300)
    app = node.app()
    path = f"{OWN_LOG}/tile/entries/001.p/44"
    refused = call(app, "GET", path)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Hisn-Sig")
    header = signed(node, path)
    answer = call(app, "GET", path, headers=header)
    assert answer.status_code == 200
    assert log.entries[256] in answer.content
    assert "no-store" in answer.headers["cache-control"]
    assert call(app, "GET", path, headers=header).status_code == 401


def test_a_query_is_part_of_what_was_signed() -> None:
    node = Node(())
    publish(node, 300)
    path = f"{OWN_LOG}/tile/entries/000"
    assert call(node.app(), "GET", path + "?a=b", headers=signed(node, path)).status_code == 401
    assert call(node.app(), "GET", path + "?a=b", headers=signed(node, path + "?a=b")).status_code == 200


def test_nothing_beyond_the_published_tree_leaves_the_node() -> None:
    node = Node(())
    publish(node, 300, published=260)
    app = node.app()
    assert call(app, "GET", f"{OWN_LOG}/tile/0/001.p/44").status_code == 404
    for path in (f"{OWN_LOG}/tile/entries/001.p/44", f"{OWN_LOG}/tile/entries/002"):
        assert call(app, "GET", path, headers=signed(node, path)).status_code == 404
    assert call(app, "GET", f"{OWN_LOG}/tile/0/000").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        f"/log/{origin_hash(ORIGIN)}/checkpoint",
        f"{OWN_LOG}/tile/0/000.p/256",
        f"{OWN_LOG}/tile/0/x000/000",
        f"{OWN_LOG}/../state/commit.db",
        f"{OWN_LOG}/%2e%2e/checkpoint",
        f"{OWN_LOG}/tile/0/%2e%2e/000",
        f"{OWN_LOG}/state",
        f"{OWN_LOG}/",
        "/log/nonsense/checkpoint",
        "/mirror/nonsense/checkpoint",
        f"{MIRRORED}/checkpoint",
        "/witness/nonsense/checkpoint",
        f"/head/{origin_hash(ORIGIN)}/checkpoint",
        f"/witness/{origin_hash(ORIGIN)}/checkpoint",
        "/",
        "/blob/sha256",
    ],
)
def test_what_is_not_there_is_404(path: str) -> None:
    node = Node((SampleLog(),))
    publish(node, 300)
    assert call(node.app(), "GET", path).status_code == 404


def test_a_log_that_is_not_published_yet_is_404() -> None:
    assert call(Node(()).app(), "GET", f"{OWN_LOG}/checkpoint").status_code == 404


def test_a_body_is_for_those_it_was_written_for() -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    node = Node((), readers=lambda member, asked: (member, asked) == (ORIGIN, digest))
    node.blobs.put(f"blob/sha256/{digest[:2]}/{digest}", b"body")
    app = node.app()
    other = hashlib.sha256(b"other").hexdigest()
    node.blobs.put(f"blob/sha256/{other[:2]}/{other}", b"other")
    path = f"/blob/sha256/{digest}"
    assert call(app, "GET", path).status_code == 401
    answer = call(app, "GET", path, headers=signed(node, path))
    assert (answer.status_code, answer.content) == (200, b"body")
    for asked in (f"/blob/sha256/{other}", "/blob/sha256/..", f"/blob/sha256/{digest.upper()}"):
        assert call(app, "GET", asked, headers=signed(node, asked)).status_code == 404


def test_a_member_that_asks_for_too_much_is_429_and_reported_once() -> None:
    node, reports = Node(()), list[Overrun]()
    node.quota = Quota(Allowance(requests=100, size_bytes=10_000), node.clock, reports.append)
    publish(node, 300)
    app = node.app()
    path = f"{OWN_LOG}/tile/entries/000"
    statuses = [call(app, "GET", path, headers=signed(node, path)).status_code for _ in range(6)]
    assert (statuses.count(200), statuses[-1]) == (4, 429)
    node.clock.advance(3_600)
    node.quota.close_window()
    assert [(each.member, each.refused) for each in reports] == [(ORIGIN, 2)]


def test_the_newest_state_with_all_its_cosignatures_is_for_anybody() -> None:
    log, kept = origin_hash(ORIGIN), b"a cosigned note\n"
    services = replace(Node(()).services, head=lambda asked: kept if asked == log else None)
    app = make_app(services)
    answer = call(app, "GET", f"/head/{log}/checkpoint")
    assert (answer.status_code, answer.content) == (200, kept)
    assert answer.headers["cache-control"] == "no-cache"
    for path in (
        f"/head/{origin_hash(OWN)}/checkpoint",
        "/head/nonsense/checkpoint",
        f"/head/{log}/tile/0/000",
    ):
        assert call(app, "GET", path).status_code == 404


def test_the_witness_answers_by_its_table() -> None:
    log = SampleLog()
    node = Node((log,))
    app = node.app()
    answer = call(app, "POST", "/witness/add-checkpoint", log.request(0, 5))
    assert answer.status_code == 200
    kept = call(app, "GET", f"/witness/{origin_hash(ORIGIN)}/checkpoint")
    assert kept.status_code == 200
    assert parse_signed_checkpoint(kept.content).checkpoint.size == 5
    assert kept.content.endswith(answer.content)
    conflict = call(app, "POST", "/witness/add-checkpoint", log.request(0, 9))
    assert (conflict.status_code, conflict.headers["content-type"]) == (409, "text/x.tlog.size")
    assert conflict.content == b"5\n"
    assert call(app, "POST", "/witness/sign-subtree", b"x").status_code == 400
    assert call(app, "GET", "/witness/add-checkpoint").status_code == 405


async def endless() -> AsyncIterator[bytes]:
    yield b"old 0\n\n"
    while True:
        yield bytes(65_536)


@pytest.mark.parametrize(
    "path", ["/witness/add-checkpoint", "/mirror/add-checkpoint", "/witness/sign-subtree"]
)
def test_an_endless_body_is_413_and_is_not_held(path: str) -> None:
    assert call(Node(()).app(), "POST", path, endless()).status_code == 413


def test_a_declared_length_beyond_the_cap_is_413_before_it_is_read() -> None:
    declared = {"Content-Length": str(MAX_NOTE_BYTES * 10)}
    assert call(Node(()).app(), "POST", "/witness/add-checkpoint", b"x", declared).status_code == 413


async def paused() -> AsyncIterator[bytes]:
    yield b"old 0"
    await asyncio.sleep(5)


def test_a_caller_who_pauses_in_a_body_is_408() -> None:
    node = Node((), patience=Patience(between_pieces_s=0.1))
    assert call(node.app(), "POST", "/witness/add-checkpoint", paused()).status_code == 408


def test_a_caller_who_pauses_in_an_upload_keeps_what_was_proven() -> None:
    log = SampleLog()
    node = Node((log,), patience=Patience(between_pieces_s=0.1))
    node.mirror.add_checkpoint(log.request(0, 600))

    async def body() -> AsyncIterator[bytes]:
        yield upload_body(log, 0, 600, count=2)
        await asyncio.sleep(5)

    answer = call(node.app(), "POST", "/mirror/add-entries", body(), BINARY)
    assert (answer.status_code, parse_mirror_info(answer.content).next_entry) == (202, 512)


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_upload_is_taken_as_it_is_or_packed(is_packed: bool) -> None:
    log = SampleLog()
    node = Node((log,))
    app = node.app()
    assert call(app, "POST", "/mirror/add-checkpoint", log.request(0, 600)).content == b""
    body = upload_body(log, 0, 600)
    headers = BINARY | ({"Content-Encoding": "gzip"} if is_packed else {})
    answer = call(app, "POST", "/mirror/add-entries", gzip.compress(body) if is_packed else body, headers)
    assert answer.status_code == 200
    assert answer.headers["accept-encoding"] == "gzip"
    head = call(app, "GET", f"{MIRRORED}/checkpoint")
    assert head.content.endswith(answer.content)
    path = f"{MIRRORED}/tile/entries/000"
    assert call(app, "GET", path).status_code == 401
    assert call(app, "GET", path, headers=signed(node, path)).status_code == 200
    assert call(app, "GET", f"{MIRRORED}/tile/0/000").status_code == 200


def test_an_upload_in_another_form_is_415() -> None:
    app = Node(()).app()
    assert call(app, "POST", "/mirror/add-entries", b"x").status_code == 415
    answer = call(app, "POST", "/mirror/add-entries", b"x", BINARY | {"Content-Encoding": "br"})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")


def test_packed_nonsense_is_400_and_a_packed_part_is_202() -> None:
    log = SampleLog()
    app = Node((log,)).app()
    call(app, "POST", "/mirror/add-checkpoint", log.request(0, 600))
    headers = BINARY | {"Content-Encoding": "gzip"}
    assert call(app, "POST", "/mirror/add-entries", b"nonsense", headers).status_code == 400
    packed = gzip.compress(upload_body(log, 0, 600, count=2))
    answer = call(app, "POST", "/mirror/add-entries", packed + b"damaged", headers)
    assert (answer.status_code, parse_mirror_info(answer.content).next_entry) == (202, 512)
    assert answer.headers["content-type"] == "text/x.tlog.mirror-info"


def test_a_refused_upload_is_answered_before_its_body_ends() -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        for piece in (upload_body(SampleLog("x.example"), 0, 5), b"more", b"more"):
            read.append(piece)
            yield piece

    assert call(Node(()).app(), "POST", "/mirror/add-entries", body(), BINARY).status_code == 404
    assert len(read) == 1


def test_uploads_of_strangers_keep_no_member_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_UPLOADS", 0)
    app = Node(()).app()
    answer = call(app, "POST", "/mirror/add-entries", b"x", BINARY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    monkeypatch.setattr(http_module, "MAX_UPLOADS", 1)
    node = Node((SampleLog(),))
    header = {"Authorization": node.north.header("POST", "/mirror/add-entries", OWN)}
    body = upload_body(SampleLog(), 0, 5)
    assert call(node.app(), "POST", "/mirror/add-entries", body, BINARY | header).status_code == 422
    assert call(node.app(), "POST", "/mirror/add-entries", body, BINARY | header).status_code == 401


def test_a_node_without_witness_and_mirror_has_no_such_places() -> None:
    app = make_app(replace(Node(()).services, witness=None, mirror=None))
    for method, path in (
        ("POST", "/witness/add-checkpoint"),
        ("POST", "/mirror/add-entries"),
        ("GET", MIRRORED + "/checkpoint"),
    ):
        assert call(app, method, path).status_code == 404


class BrokenRegister(MemoryRegister):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "count"),
    [(StorageError("E5299", "no"), 503, 0), (DurabilityLost("no"), 503, 1), (RuntimeError("a bug"), 500, 0)],
)
def test_a_disk_that_fails_is_503_and_one_that_lost_data_is_told(
    error: Exception, status: int, count: int
) -> None:
    log = SampleLog()
    node = Node((log,), register=BrokenRegister(error))
    told = list[DurabilityLost]()
    app = make_app(replace(node.services, on_lost=told.append))
    answer = call(app, "POST", "/witness/add-checkpoint", log.request(0, 5))
    assert (answer.status_code, len(told)) == (status, count)
    assert b"bug" not in answer.content
    assert call(node.app(), "POST", "/witness/add-checkpoint", log.request(0, 5)).status_code == status
