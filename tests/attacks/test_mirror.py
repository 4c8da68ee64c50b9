"""Withhold, forge, interrupt and flood what mirrors hold: real nodes on loopback."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.attacks.nodes import Member, running

from hisn.node.body import AddCheckpoint, format_add_checkpoint, parse_mirror_info
from hisn.node.entries import UploadHead, format_head, format_package, spans
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode, proven_entries
from hisn.node.replicate import Copied
from hisn.tlog.adopt import adopt
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner
from hisn.tlog.fsck import fsck
from hisn.tlog.merkle import subtree_consistency_at
from hisn.tlog.tile import TileReader

BINARY = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def unit() -> Iterator[list[Member]]:
    with running(4) as members:
        yield members


def body_of(owner: Member, start: int, end: int, count: int | None = None) -> bytes:
    """Write an upload of the owner's log as its own program would."""
    head = owner.writer.head().checkpoint
    reader = TileReader(
        lambda name: owner.blobs.get(f"log/{origin_hash(owner.origin)}/{name}"), head.size, head.root
    )
    packages = [
        format_package(
            list(owner.writer.entries(span.start, span.end)),
            subtree_consistency_at(span.low, span.end, end, reader),
        )
        for span in list(spans(start, end))[:count]
    ]
    return format_head(UploadHead(owner.origin, start, end, b"")) + b"".join(packages)


def published(owner: Member, count: int) -> bytes:
    owner.append(count)
    done = owner.publish()
    assert done.is_published
    return done.head.raw


def add_checkpoint(owner: Member, mirror: Member) -> None:
    body = format_add_checkpoint(AddCheckpoint(0, (), owner.writer.head().raw))
    assert httpx.post(f"{mirror.url}/mirror/add-checkpoint", content=body).status_code == 200


def test_every_member_holds_a_copy_of_every_other_log(unit: list[Member]) -> None:
    for owner in unit:
        published(owner, 700)
        for other in unit:
            if other is not owner:
                assert isinstance(owner.replicate_to(other), Copied)
    for owner in unit:
        for other in unit:
            if other is owner:
                continue
            folder = f"mirror/{origin_hash(owner.origin)}"
            with RemoteNode(other.url, other.origin, owner.signer) as remote:
                note = remote.file(folder, "checkpoint")
                assert note is not None
                signed = parse_signed_checkpoint(note)
                verify_cosigner(signed, other.mirror_cosigner.keys)
                report = fsck(partial(remote.file, folder), owner.log_signer.keys)
                assert report.require_sound().size == 700


def test_a_log_that_lost_everything_recovers_from_what_witnesses_and_mirrors_have(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 700)
    owner.replicate_to(mirror)
    entries = list(owner.writer.entries(0, 700))
    backup = Member(1, owner.clock)
    backup.policy = owner.policy
    assert backup.publish().setback is not None
    folder = f"mirror/{origin_hash(owner.origin)}"
    with RemoteNode(mirror.url, mirror.origin, owner.signer) as remote:
        note = remote.file(folder, "checkpoint")
        assert note is not None
        head = verify_checkpoint(parse_signed_checkpoint(note), owner.log_signer.keys)
        source = proven_entries(lambda name: remote.file(folder, name), head)
        adopt(owner.log_signer.keys, backup.blobs, backup.register, note, source)
    backup.writer = LogWriter.open(owner.log_signer, backup.blobs, backup.register)
    assert list(backup.writer.entries(0, 700)) == entries
    backup.append()
    assert backup.publish().is_published


def test_withholding_a_mirror_is_no_cosignature_of_it(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 300)
    mirror.gate.app = None
    assert not isinstance(owner.replicate_to(mirror), Copied)


def test_a_forged_entry_is_not_kept(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 600)
    add_checkpoint(owner, mirror)
    forged = body_of(owner, 0, 600).replace(b"member1.example 300", b"member1.example 999")
    answer = httpx.post(f"{mirror.url}/mirror/add-entries", content=forged, headers=BINARY)
    assert answer.status_code == 422
    assert mirror.register.get(f"mirror-next/{origin_hash(owner.origin)}") == b"256"
    assert isinstance(owner.replicate_to(mirror), Copied)


def test_an_upload_whose_line_is_cut_loses_nothing_that_was_whole(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 900)
    add_checkpoint(owner, mirror)
    body = body_of(owner, 0, 900)
    where = httpx.URL(mirror.url)
    for share in (0.3, 0.6, 0.9):
        with socket.create_connection((where.host, where.port or 0)) as line:
            head = f"POST /mirror/add-entries HTTP/1.1\r\nHost: node\r\nContent-Length: {len(body)}\r\n"
            line.sendall(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n")
            line.sendall(body[: round(len(body) * share)])
    row = f"mirror-next/{origin_hash(owner.origin)}"
    for _ in range(100):
        # The node learns of each cut by itself; what is asked below waits its turn.
        answer = httpx.post(
            f"{mirror.url}/mirror/add-entries", content=body_of(owner, 0, 900, 1), headers=BINARY
        )
        if parse_mirror_info(answer.content).next_entry == 768:
            break
    assert mirror.register.get(row) == b"768"
    answer = httpx.post(f"{mirror.url}/mirror/add-entries", content=body_of(owner, 768, 900), headers=BINARY)
    assert answer.status_code == 200


def test_a_compression_bomb_costs_one_package(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 600)
    add_checkpoint(owner, mirror)
    bomb = gzip.compress(format_head(UploadHead(owner.origin, 0, 600, b"")) + bytes(200_000_000), 9)
    assert len(bomb) < 250_000
    headers = BINARY | {"Content-Encoding": "gzip"}
    answer = httpx.post(f"{mirror.url}/mirror/add-entries", content=bomb, headers=headers, timeout=60)
    assert answer.status_code == 422


def test_many_clients_bring_one_log_at_the_same_time(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 2_000)
    add_checkpoint(owner, mirror)
    body = body_of(owner, 0, 2_000)

    def post(_number: int) -> int:
        return httpx.post(
            f"{mirror.url}/mirror/add-entries", content=body, headers=BINARY, timeout=60
        ).status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(post, range(12)))
    assert set(statuses) == {200}


def test_entries_of_a_copy_go_to_members_alone(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 300)
    owner.replicate_to(mirror)
    path = f"/mirror/{origin_hash(owner.origin)}/tile/entries/000"
    assert httpx.get(mirror.url + path).status_code == 401
    header = unit[2].signer.header("GET", path, mirror.origin)
    assert httpx.get(mirror.url + path, headers={"Authorization": header}).status_code == 200
    # What one node was asked with opens no other one, and not the same one twice.
    assert httpx.get(mirror.url + path, headers={"Authorization": header}).status_code == 401
    header = unit[2].signer.header("GET", path, mirror.origin)
    owner.replicate_to(unit[3])
    assert httpx.get(unit[3].url + path, headers={"Authorization": header}).status_code == 401


def test_a_mirror_of_a_split_log_stays_on_one_branch(unit: list[Member]) -> None:
    owner, mirror = unit[0], unit[1]
    published(owner, 300)
    owner.replicate_to(mirror)
    other = Member(1, owner.clock)
    other.writer.append([b"another truth %d" % number for number in range(600)])
    body = format_add_checkpoint(
        AddCheckpoint(300, other.writer.consistency(300, 600), other.writer.head().raw)
    )
    assert httpx.post(f"{mirror.url}/mirror/add-checkpoint", content=body).status_code == 422
    body = body_of(other, 300, 600)
    assert httpx.post(f"{mirror.url}/mirror/add-entries", content=body, headers=BINARY).status_code == 409
    owner.append(300)
    assert owner.publish().is_published
    assert isinstance(owner.replicate_to(mirror), Copied)


def test_nodes_on_a_real_disk_witness_and_mirror_each_other(tmp_path: Path) -> None:
    with running(3, tmp_path) as members:
        for size in (5, 300, 600):
            for owner in members:
                owner.append(size)
                assert owner.publish().is_published
                others = [other for other in members if other is not owner]
                with ThreadPoolExecutor(2) as pool:
                    assert all(isinstance(each, Copied) for each in pool.map(owner.replicate_to, others))
        for owner in members:
            for other in members:
                if other is owner:
                    continue
                copy = partial(copied_file, other, owner)
                assert fsck(copy, owner.log_signer.keys).require_sound().size == 905


def copied_file(holder: Member, owner: Member, name: str) -> bytes | None:
    return holder.blobs.get(f"mirror/{origin_hash(owner.origin)}/{name}")
