from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.unit.node.samples import (
    NOW_S,
    ORIGIN,
    OWN,
    SampleLog,
    mirror,
    mirror_cosigner,
    push,
    rooms,
    upload_body,
    witness,
    witness_cosigner,
)

from hisn.errors import StorageError
from hisn.node import mirror as mirror_module
from hisn.node.body import (
    MIRROR_INFO_TYPE,
    AddCheckpoint,
    MirrorInfo,
    SignSubtree,
    format_add_checkpoint,
    format_sign_subtree,
    parse_mirror_info,
)
from hisn.node.known import origin_hash
from hisn.node.mirror import Mirror
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner, verify_subtree_cosignature
from hisn.tlog.merkle import subtree_consistency_proof, subtree_root
from hisn.tlog.note import parse_note, parse_signature_lines
from hisn.tlog.ports import Conflict
from hisn.tlog.tile import TileReader

LOG = origin_hash(ORIGIN)


def make(log: SampleLog) -> tuple[Mirror, MemoryBlobs]:
    blobs = MemoryBlobs()
    return mirror(rooms(log), blobs), blobs


def fill(service: Mirror, log: SampleLog, old: int, size: int) -> None:
    assert service.add_checkpoint(log.request(old, size)).status == 200
    assert push(service, upload_body(log, old, size)).status == 200


def assert_serves(service: Mirror, log: SampleLog, size: int) -> None:
    """Read the mirror as a stranger does, from its checkpoint downwards."""
    note = service.checkpoint(LOG)
    assert note is not None
    signed = parse_signed_checkpoint(note)
    assert verify_checkpoint(signed, log.signer.keys).size == size
    verify_cosigner(signed, mirror_cosigner().keys)
    reader = TileReader(lambda name: service.file(LOG, name), size, signed.checkpoint.root)
    assert [entry for at in range(-(-size // 256)) for entry in reader.bundle(at)] == log.entries[:size]


def test_a_pending_checkpoint_is_not_signed() -> None:
    log = SampleLog()
    service, blobs = make(log)
    answer = service.add_checkpoint(log.request(0, 300))
    assert (answer.status, answer.body) == (200, b"")
    assert service.checkpoint(LOG) is None
    assert blobs.files == {}


def test_add_checkpoint_is_that_of_a_witness() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 5))
    assert service.add_checkpoint(log.request(5, 5)).status == 200
    assert service.add_checkpoint(log.request(0, 9)).body == b"5\n"
    assert service.add_checkpoint(SampleLog("x.example", seed=7).request(0, 5)).status == 404
    assert service.add_checkpoint(SampleLog(seed=7).request(5, 6)).status == 403
    assert service.add_checkpoint(format_add_checkpoint(AddCheckpoint(5, (), log.note(6)))).status == 422


def test_a_mirror_that_has_forgotten_what_it_signed_takes_and_signs_nothing() -> None:
    class Forgetful:
        is_so = False

        def refusal(self, _origin: str) -> str | None:
            return "forgotten" if self.is_so else None

    log, blobs, memory = SampleLog(), MemoryBlobs(), Forgetful()
    service = mirror(replace(rooms(log, blobs=blobs), standing=memory), blobs)
    assert service.add_checkpoint(log.request(0, 5)).status == 200
    memory.is_so = True
    assert service.add_checkpoint(log.request(5, 6)).status == 503
    assert push(service, upload_body(log, 0, 5)).status == 503
    assert service.checkpoint(LOG) is None
    memory.is_so = False
    assert push(service, upload_body(log, 0, 5)).status == 200


def test_a_whole_upload_is_signed_and_served() -> None:
    log = SampleLog()
    service, blobs = make(log)
    fill(service, log, 0, 300)
    assert_serves(service, log, 300)
    fill(service, log, 300, 600)
    assert_serves(service, log, 600)
    assert blobs.files[f"mirror/{LOG}/checkpoint"] == service.checkpoint(LOG)


def test_the_answer_has_the_cosignatures_of_the_mirror() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 300))
    answer = push(service, upload_body(log, 0, 300))
    signed = parse_signed_checkpoint(log.note(300) + answer.body)
    assert verify_cosigner(signed, mirror_cosigner().keys).timestamps == (NOW_S, NOW_S)


def test_an_empty_log_is_mirrored() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 0))
    assert push(service, upload_body(log, 0, 0)).status == 200
    assert_serves(service, log, 0)


def test_an_unknown_log_is_404() -> None:
    service, _ = make(SampleLog())
    assert push(service, upload_body(SampleLog("x.example"), 0, 5)).status == 404


def test_a_node_does_not_mirror_its_own_log() -> None:
    own = SampleLog(OWN)
    service, _ = make(own)
    assert service.add_checkpoint(own.request(0, 5)).status == 404
    assert push(service, upload_body(own, 0, 5)).status == 404


def test_entries_before_any_checkpoint_are_422() -> None:
    log = SampleLog()
    service, _ = make(log)
    assert push(service, upload_body(log, 0, 5)).status == 422


def test_an_end_that_was_never_pending_is_409_with_where_to_go_on() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 300))
    answer = push(service, upload_body(log, 0, 200))
    assert (answer.status, answer.content_type) == (409, MIRROR_INFO_TYPE)
    info = parse_mirror_info(answer.body)
    assert (info.size, info.next_entry) == (300, 0)
    assert push(service, upload_body(log, info.next_entry, info.size, info.ticket)).status == 200


def test_an_end_before_the_mirrored_one_is_409() -> None:
    log = SampleLog()
    service, _ = make(log)
    fill(service, log, 0, 300)
    service.add_checkpoint(log.request(300, 400))
    answer = push(service, upload_body(log, 0, 200))
    assert parse_mirror_info(answer.body).size == 400
    assert answer.status == 409


def test_even_a_valid_ticket_does_not_bring_the_mirror_back() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 300))
    ticket = parse_mirror_info(push(service, upload_body(log, 1, 300)).body).ticket
    service.add_checkpoint(log.request(300, 600))
    assert push(service, upload_body(log, 0, 600)).status == 200
    answer = push(service, upload_body(log, 0, 300, ticket))
    assert (answer.status, parse_mirror_info(answer.body).size) == (409, 600)
    assert_serves(service, log, 600)


def test_a_start_behind_the_next_entry_is_409_and_keeps_the_valid_end() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 600))
    answer = push(service, upload_body(log, 256, 600))
    assert answer.status == 409
    info = parse_mirror_info(answer.body)
    assert (info.size, info.next_entry) == (600, 0)


def test_too_many_entries_that_are_here_already_are_409(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "MAX_EXCESS", 256)
    log = SampleLog()
    service, _ = make(log)
    fill(service, log, 0, 300)
    service.add_checkpoint(log.request(300, 600))
    answer = push(service, upload_body(log, 0, 600))
    assert answer.status == 409
    assert parse_mirror_info(answer.body).next_entry == 300
    assert push(service, upload_body(log, 50, 600)).status == 200


def test_a_part_is_202_and_the_ticket_keeps_its_end_valid() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 600))
    answer = push(service, upload_body(log, 0, 600, count=1))
    assert (answer.status, answer.content_type) == (202, MIRROR_INFO_TYPE)
    info = parse_mirror_info(answer.body)
    assert (info.size, info.next_entry) == (600, 256)
    service.add_checkpoint(log.request(600, 900))
    without = push(service, upload_body(log, 256, 600))
    assert (without.status, parse_mirror_info(without.body).size) == (409, 900)
    assert push(service, upload_body(log, 256, 600, info.ticket)).status == 200
    assert_serves(service, log, 600)
    assert push(service, upload_body(log, 600, 900)).status == 200
    assert_serves(service, log, 900)


def test_a_ticket_of_a_stranger_is_no_checkpoint() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 600))
    forged = mirror(rooms(log), MemoryBlobs(), key=b"x" * 32)
    forged.add_checkpoint(log.request(0, 300))
    ticket = parse_mirror_info(push(forged, upload_body(log, 1, 300)).body).ticket
    assert ticket
    assert push(service, upload_body(log, 0, 300, ticket)).status == 409


def test_a_restart_forgets_tickets_and_nothing_else() -> None:
    log = SampleLog()
    shared, blobs = rooms(log), MemoryBlobs()
    service = mirror(shared, blobs)
    service.add_checkpoint(log.request(0, 600))
    info = parse_mirror_info(push(service, upload_body(log, 0, 600, count=1)).body)
    service.add_checkpoint(log.request(600, 900))
    after = mirror(shared, blobs, key=b"y" * 32)
    answer = push(after, upload_body(log, 256, 600, info.ticket))
    told = parse_mirror_info(answer.body)
    assert (answer.status, told.size, told.next_entry) == (409, 900, 256)
    assert push(after, upload_body(log, told.next_entry, told.size, told.ticket)).status == 200
    assert_serves(after, log, 900)


def test_the_same_upload_again_is_signed_again() -> None:
    log = SampleLog()
    clock = FakeClock()
    service = mirror(rooms(log), MemoryBlobs(), clock)
    fill(service, log, 0, 300)
    first = push(service, upload_body(log, 0, 300))
    assert first.status == 200
    clock.advance(-60)
    assert push(service, upload_body(log, 300, 300)) == first
    clock.advance(120)
    later = push(service, upload_body(log, 300, 300))
    signed = parse_signed_checkpoint(log.note(300) + later.body)
    assert verify_cosigner(signed, mirror_cosigner().keys).timestamps == (NOW_S + 60, NOW_S + 60)
    note = service.checkpoint(LOG)
    assert note is not None
    assert len(parse_note(note).signatures) == 4


def test_of_two_uploads_the_one_that_ends_earlier_does_not_rewind_the_mirror() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 300))
    slow = service.add_entries()
    body = upload_body(log, 0, 300)
    slow.feed(body[:-1])
    service.add_checkpoint(log.request(300, 600))
    assert push(service, upload_body(log, 0, 600)).status == 200
    assert slow.feed(body[-1:]) is None
    answer = slow.finish()
    assert answer.status == 409
    assert parse_mirror_info(answer.body).size == 600
    assert_serves(service, log, 600)


def test_many_uploads_side_by_side_leave_one_copy() -> None:
    log = SampleLog().grow(3_000)
    service, _ = make(log)
    bodies = []
    for old, size in ((0, 1_000), (1_000, 2_000), (2_000, 3_000)):
        service.add_checkpoint(log.request(old, size))
        ticket = parse_mirror_info(push(service, upload_body(log, 1, size)).body).ticket
        bodies.append(upload_body(log, 0, size, ticket))
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda body: push(service, body, 5_000).status, bodies * 2))
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    assert push(service, upload_body(log, 3_000, 3_000)).status == 200
    assert_serves(service, log, 3_000)


class RivalRegister(MemoryRegister):
    """Let another process sign first, once."""

    rival: bytes | None = None

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if self.rival and name == f"mirror/{LOG}":
            self.values[name], self.rival = self.rival, None
            raise Conflict(name)
        super().swap(name, old, new)


@pytest.mark.parametrize(("other", "status"), [(200, 200), (300, 200), (400, 409)])
def test_another_process_may_sign_at_the_same_time(other: int, status: int) -> None:
    log = SampleLog()
    shared = rooms(log)
    fill(mirror(shared, MemoryBlobs()), log, 0, other)
    register = RivalRegister()
    service = mirror(rooms(log, register=register), MemoryBlobs())
    service.add_checkpoint(log.request(0, 300))
    register.rival = shared.register.get(f"mirror/{LOG}")
    assert push(service, upload_body(log, 0, 300)).status == status


def test_a_damaged_copy_is_never_signed() -> None:
    log = SampleLog()
    service, blobs = make(log)
    service.add_checkpoint(log.request(0, 600))
    push(service, upload_body(log, 0, 600, count=2))
    name = f"mirror/{LOG}/tile/0/000"
    blobs.files[name] = bytes(len(blobs.files[name]))
    name = f"mirror/{LOG}/tile/1/000.p/2"
    blobs.files[name] = bytes(len(blobs.files[name]))
    again = mirror(service._rooms, blobs)
    with pytest.raises(StorageError) as caught:
        push(again, upload_body(log, 512, 600))
    assert caught.value.code == "E5401"
    assert again.checkpoint(LOG) is None


def test_a_subtree_of_what_the_mirror_signed_is_signed_and_nothing_of_the_witness() -> None:
    log = SampleLog()
    shared = rooms(log)
    service = mirror(shared, MemoryBlobs())
    fill(service, log, 0, 14)
    note = service.checkpoint(LOG)
    assert note is not None
    root = subtree_root(log.leaves, 8, 13)
    request = SignSubtree(8, 13, root, subtree_consistency_proof(log.leaves, 8, 13, 14), note)
    answer = service.sign_subtree(format_sign_subtree(request))
    (line,) = parse_signature_lines(answer.body)
    verify_subtree_cosignature(line, mirror_cosigner().keys, ORIGIN, (8, 13), root)
    assert witness(shared).sign_subtree(format_sign_subtree(request)).status == 403
    assert witness_cosigner().name != mirror_cosigner().name


def test_a_compressed_body_is_the_business_of_the_skin() -> None:
    log = SampleLog()
    service, _ = make(log)
    service.add_checkpoint(log.request(0, 300))
    assert push(service, gzip.compress(upload_body(log, 0, 300))).status in (400, 404)
    assert isinstance(parse_mirror_info(push(service, upload_body(log, 9, 300)).body), MirrorInfo)
