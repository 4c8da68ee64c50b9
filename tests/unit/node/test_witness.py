from __future__ import annotations

import pytest
from tests.unit.node.samples import (
    NOW_S,
    ORIGIN,
    OWN,
    SampleLog,
    mirror_cosigner,
    rooms,
    signer,
    witness,
    witness_cosigner,
)

from hisn.core.canon import b64
from hisn.core.instant import Instant
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError
from hisn.node.body import SIZE_TYPE, AddCheckpoint, SignSubtree, format_add_checkpoint, format_sign_subtree
from hisn.node.known import KnownLog, origin_hash
from hisn.node.quota import Allowance, Overrun, Quota
from hisn.node.witness import Witness
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import Checkpoint, parse_signed_checkpoint
from hisn.tlog.cosign import verify_cosigner, verify_subtree_cosignature
from hisn.tlog.merkle import EMPTY_ROOT, root_of, subtree_consistency_proof
from hisn.tlog.note import NoteSignature, parse_note, parse_signature_lines
from hisn.tlog.sign import add_signatures, format_checkpoint, format_note, sign_checkpoint

HASH = bytes(range(32))


def times(witness: Witness, log: SampleLog) -> tuple[int, ...]:
    note = witness.checkpoint(origin_hash(log.origin))
    assert note is not None
    return verify_cosigner(parse_signed_checkpoint(note), witness_cosigner().keys).timestamps


def test_a_checkpoint_that_goes_on_is_cosigned_with_both_algorithms() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    for old, size in ((0, 5), (5, 5), (5, 8), (8, 300)):
        answer = south.add_checkpoint(log.request(old, size))
        assert answer.status == 200
        signed = parse_signed_checkpoint(log.note(size) + answer.body)
        cosigned = verify_cosigner(signed, witness_cosigner().keys)
        assert cosigned.timestamps == (NOW_S, NOW_S)
        assert len(parse_signature_lines(answer.body)) == 2


def test_a_log_without_entries_is_cosigned_once_and_again() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    assert south.add_checkpoint(log.request(0, 0)).status == 200
    assert south.add_checkpoint(log.request(0, 0)).status == 200
    assert south.add_checkpoint(log.request(0, 3)).status == 200


def test_other_signatures_neither_help_nor_stay() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    stranger = NoteSignature("stranger.example", b"abcd", b"signature")
    note = add_signatures(log.note(5), [stranger])
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (), note))).status == 200
    kept = south.checkpoint(origin_hash(ORIGIN))
    assert kept is not None
    assert [line.name for line in parse_note(kept).signatures] == [
        ORIGIN,
        ORIGIN,
        witness_cosigner().name,
        witness_cosigner().name,
    ]


def test_an_unknown_origin_is_404() -> None:
    assert witness(rooms()).add_checkpoint(SampleLog().request(0, 5)).status == 404


def test_a_node_is_never_a_witness_of_its_own_log() -> None:
    own = SampleLog(OWN)
    shared = rooms(own, own=OWN)
    assert shared.logs.find(OWN) is not None
    south = witness(shared)
    assert south.add_checkpoint(own.request(0, 5)).status == 404
    assert south.checkpoint(origin_hash(OWN)) is None


def test_a_checkpoint_that_the_log_has_not_signed_is_403() -> None:
    log = SampleLog()
    thief = SampleLog(seed=9)
    south = witness(rooms(log))
    assert south.add_checkpoint(thief.request(0, 5)).status == 403


def test_a_failing_line_of_a_known_key_is_403_though_another_one_holds() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    note = parse_note(log.note(5))
    good, other = note.signatures
    for broken in (
        NoteSignature(good.name, good.key_id, good.signature[:-1] + bytes([good.signature[-1] ^ 1])),
        NoteSignature(other.name, other.key_id, other.signature[:-1] + bytes([other.signature[-1] ^ 1])),
    ):
        data = format_note(note.text, [good, other, broken])
        assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (), data))).status == 403


@pytest.mark.parametrize("place", [0, 1])
def test_one_of_two_signatures_of_a_member_is_403(place: int) -> None:
    log = SampleLog()
    south = witness(rooms(log))
    note = parse_note(log.note(5))
    data = format_note(note.text, [note.signatures[place]])
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (), data))).status == 403


def test_one_signature_of_a_foreign_log_is_enough_if_so_enrolled() -> None:
    log = SampleLog()
    shared = rooms(log)
    shared.logs.known[ORIGIN] = KnownLog(log.signer.keys.vkeys, is_any_enough=True)  # type: ignore[attr-defined]
    note = parse_note(log.note(5))
    data = format_note(note.text, [note.signatures[0]])
    assert witness(shared).add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (), data))).status == 200


def test_an_old_size_above_the_new_one_is_400() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    south.add_checkpoint(log.request(0, 5))
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(5, (), log.note(4)))).status == 400


@pytest.mark.parametrize("data", [b"", b"old 5\n\n", b"old 05\n\nx", b"old 0\n\nno note at all\n"])
def test_what_is_malformed_is_400(data: bytes) -> None:
    assert witness(rooms()).add_checkpoint(data).status == 400


def test_a_body_beyond_the_cap_is_413_and_is_not_parsed() -> None:
    data = b"old 0\n\n" + bytes(MAX_NOTE_BYTES + 10_000)
    south = witness(rooms())
    assert south.add_checkpoint(data).status == 413
    assert south.sign_subtree(data).status == 413


def test_another_old_size_is_409_with_the_stored_one() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    asked_first = south.add_checkpoint(format_add_checkpoint(AddCheckpoint(3, log.proof(3, 5), log.note(5))))
    assert (asked_first.status, asked_first.body, asked_first.content_type) == (409, b"0\n", SIZE_TYPE)
    south.add_checkpoint(log.request(0, 5))
    answer = south.add_checkpoint(log.request(0, 9))
    assert (answer.status, answer.body, answer.content_type) == (409, b"5\n", "text/x.tlog.size")


def test_an_empty_log_with_another_root_is_422() -> None:
    log = SampleLog()
    blobs = MemoryBlobs()
    south = witness(rooms(log, blobs=blobs))
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, HASH), log.signer)
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (), note))).status == 422
    assert HASH != EMPTY_ROOT
    assert len(blobs.files) == 1


def test_a_proof_from_size_0_must_be_empty_or_it_is_422() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (HASH,), log.note(5)))).status == 422
    south.add_checkpoint(log.request(0, 0))
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(0, (HASH,), log.note(5)))).status == 422


@pytest.mark.parametrize("proof", [(), (HASH,), "short", "long"])
def test_a_proof_that_does_not_hold_is_422(proof: tuple[bytes, ...] | str) -> None:
    log = SampleLog()
    south = witness(rooms(log))
    south.add_checkpoint(log.request(0, 5))
    good = log.proof(5, 9)
    wrong = {"short": good[:-1], "long": (*good, HASH)}.get(str(proof), proof)
    assert isinstance(wrong, tuple)
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(5, wrong, log.note(9)))).status == 422
    assert south.add_checkpoint(log.request(5, 9)).status == 200


def test_a_proof_for_the_same_size_must_be_empty() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    south.add_checkpoint(log.request(0, 5))
    assert south.add_checkpoint(format_add_checkpoint(AddCheckpoint(5, (HASH,), log.note(5)))).status == 422


def test_the_same_size_with_another_root_is_422_and_kept_for_ever() -> None:
    log, liar = SampleLog(), SampleLog(words="lie")
    blobs = MemoryBlobs()
    shared = rooms(log, blobs=blobs)
    south = witness(shared)
    south.add_checkpoint(log.request(0, 5))
    request = format_add_checkpoint(AddCheckpoint(5, (), liar.note(5)))
    assert south.add_checkpoint(request).status == 422
    kept = {parse_signed_checkpoint(note).checkpoint.root for note in blobs.files.values()}
    assert kept == {log.head(5).root, liar.head(5).root}
    assert shared.suspects.counts(origin_hash(ORIGIN)) == {"fork": 1}
    south.add_checkpoint(request)
    assert shared.suspects.counts(origin_hash(ORIGIN)) == {"fork": 1}


def test_a_fork_is_kept_even_if_the_liar_asks_with_a_wrong_old_size() -> None:
    log, liar = SampleLog(), SampleLog(words="lie")
    blobs = MemoryBlobs()
    south = witness(rooms(log, blobs=blobs))
    south.add_checkpoint(log.request(0, 5))
    assert south.add_checkpoint(liar.request(0, 5)).status == 409
    assert len(blobs.files) == 2


def test_nothing_suspicious_is_kept_of_a_checkpoint_that_the_log_has_not_signed() -> None:
    log = SampleLog()
    blobs = MemoryBlobs()
    south = witness(rooms(log, blobs=blobs))
    south.add_checkpoint(log.request(0, 5))
    thief = SampleLog(seed=9, words="lie")
    south.add_checkpoint(format_add_checkpoint(AddCheckpoint(5, (), thief.note(5))))
    assert blobs.files == {}


def test_a_clock_that_goes_back_gives_no_earlier_time() -> None:
    log = SampleLog()
    clock = FakeClock()
    south = witness(rooms(log), clock)
    south.add_checkpoint(log.request(0, 5))
    clock.advance(-1_000)
    assert south.add_checkpoint(log.request(5, 5)).status == 200
    assert times(south, log) == (NOW_S, NOW_S)
    south.add_checkpoint(log.request(5, 6))
    assert times(south, log) == (NOW_S, NOW_S)
    clock.advance(1_007)
    south.add_checkpoint(log.request(6, 6))
    assert times(south, log) == (NOW_S + 7, NOW_S + 7)


def test_asked_again_within_a_second_the_same_lines_are_given_again() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    first = south.add_checkpoint(log.request(0, 5))
    assert south.add_checkpoint(log.request(5, 5)).body == first.body


def test_the_same_tree_with_other_extension_lines_is_signed_anew() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    first = south.add_checkpoint(log.request(0, 5))
    other = south.add_checkpoint(format_add_checkpoint(AddCheckpoint(5, (), log.note(5, ("more",)))))
    assert other.status == 200
    assert other.body != first.body
    verify_cosigner(parse_signed_checkpoint(log.note(5, ("more",)) + other.body), witness_cosigner().keys)


def test_a_clock_before_1970_still_gives_a_time() -> None:
    log = SampleLog()
    south = witness(rooms(log), FakeClock(Instant(-5)))
    assert south.add_checkpoint(log.request(0, 5)).status == 200
    assert times(south, log) == (1, 1)


def test_a_log_that_grows_too_often_is_429_and_reported_once() -> None:
    log = SampleLog()
    clock, reports = FakeClock(), list[Overrun]()
    quota = Quota(Allowance(requests=2, size_bytes=10**9), clock, reports.append)
    south = witness(rooms(log), clock, quota)
    statuses = [south.add_checkpoint(log.request(size, size + 1)).status for size in range(2)]
    statuses += [south.add_checkpoint(log.request(2, 3)).status for _ in range(5)]
    statuses.append(south.add_checkpoint(log.request(2, 2)).status)
    assert statuses == [200, 200, 429, 429, 429, 429, 429, 200]
    clock.advance(3_600)
    quota.close_window()
    assert [(each.member, each.refused) for each in reports] == [(ORIGIN, 5)]
    assert south.add_checkpoint(log.request(2, 3)).status == 200


def test_the_state_outlives_the_witness() -> None:
    log = SampleLog()
    shared = rooms(log)
    witness(shared).add_checkpoint(log.request(0, 5))
    assert witness(shared).add_checkpoint(log.request(0, 9)).body == b"5\n"


class RefusingRegister(MemoryRegister):
    is_full = False

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if self.is_full:
            raise StorageError("E5200", "the disk is full")
        super().swap(name, old, new)


def test_nothing_is_answered_before_it_is_durable() -> None:
    log = SampleLog()
    register = RefusingRegister()
    south = witness(rooms(log, register=register))
    register.is_full = True
    with pytest.raises(StorageError):
        south.add_checkpoint(log.request(0, 5))
    assert south.checkpoint(origin_hash(ORIGIN)) is None
    register.is_full = False
    assert south.add_checkpoint(log.request(0, 5)).status == 200


def test_a_damaged_row_is_told_and_never_taken_for_an_empty_one() -> None:
    log = SampleLog()
    register = MemoryRegister()
    south = witness(rooms(log, register=register))
    south.add_checkpoint(log.request(0, 5))
    for row in (b"", b"{}", b"null", b'{"note":"","root":"","size":5,"time":1}'):
        register.values[f"witness/{origin_hash(ORIGIN)}"] = row
        with pytest.raises(StorageError) as caught:
            south.add_checkpoint(log.request(0, 6))
        assert caught.value.code == "E5400"


def test_a_log_that_was_never_cosigned_has_no_checkpoint_here() -> None:
    assert witness(rooms(SampleLog())).checkpoint(origin_hash(ORIGIN)) is None


def subtree_request(
    log: SampleLog, south: Witness, start: int = 8, end: int = 13, size: int = 14
) -> SignSubtree:
    answer = south.add_checkpoint(log.request(0, size))
    assert answer.status == 200
    proof = subtree_consistency_proof(log.leaves, start, end, size)
    return SignSubtree(start, end, root_of(log.leaves[start:end]), proof, log.note(size) + answer.body)


def test_a_subtree_of_a_checkpoint_that_the_witness_signed_is_signed_without_a_time() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    request = subtree_request(log, south)
    answer = south.sign_subtree(format_sign_subtree(request))
    assert answer.status == 200
    (line,) = parse_signature_lines(answer.body)
    verify_subtree_cosignature(line, witness_cosigner().keys, ORIGIN, (8, 13), request.root)


def test_sign_subtree_follows_the_status_table() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    good = subtree_request(log, south)

    def status(**changes: object) -> int:
        fields = {name: getattr(good, name) for name in ("start", "end", "root", "proof", "note")}
        return south.sign_subtree(format_sign_subtree(SignSubtree(**(fields | changes)))).status

    stranger = SampleLog("stranger.example/log", seed=8)
    assert status() == 200
    assert status(end=9, start=7) == 400
    assert status(start=14, end=15) == 400
    assert status(note=b"no note\n") == 400
    assert status(note=stranger.note(14)) == 404
    assert status(note=log.note(14)) == 403
    by_mirror = add_signatures(log.note(14), mirror_cosigner().cosign(format_checkpoint(log.head(14)), NOW_S))
    assert status(note=by_mirror) == 403
    assert status(root=HASH) == 422
    assert status(proof=good.proof[1:]) == 422
    assert south.sign_subtree(b"subtree 8 13\n" + b64(HASH).encode() + b"\n").status == 400


def test_a_checkpoint_with_a_broken_line_of_the_witness_signs_no_subtree() -> None:
    log = SampleLog()
    south = witness(rooms(log))
    good = subtree_request(log, south)
    note = parse_note(good.note)
    lines = [
        *note.signatures[:-1],
        NoteSignature(note.signatures[-1].name, note.signatures[-1].key_id, b"x" * 2428),
    ]
    request = SignSubtree(good.start, good.end, good.root, good.proof, format_note(note.text, lines))
    assert south.sign_subtree(format_sign_subtree(request)).status == 403


def test_no_subtree_of_the_own_log_is_signed() -> None:
    own = SampleLog(OWN)
    south = witness(rooms(own, own=OWN))
    text = format_checkpoint(own.head(4))
    note = format_note(text, witness_cosigner().cosign(text, NOW_S))
    request = SignSubtree(0, 4, own.head(4).root, (), note)
    assert south.sign_subtree(format_sign_subtree(request)).status == 404
    assert signer(101) is witness_cosigner().signer
