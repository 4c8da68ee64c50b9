from __future__ import annotations

import pytest
from tests.unit.node.samples import SampleLog, package, upload_body

from hisn.errors import VerificationError
from hisn.node import upload as upload_module
from hisn.node.answer import Answer, refusal
from hisn.node.copy import LogCopy
from hisn.node.entries import UploadHead, spans
from hisn.node.held import Held
from hisn.node.upload import Admitted, Upload
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister


class PlainDesk:
    """Admit everything for one checkpoint, and answer the next entry."""

    def __init__(self, log: SampleLog, size: int) -> None:
        self.copy = LogCopy("ab", MemoryBlobs(), MemoryRegister())
        self.target = Held(size, log.head(size).root, 0, b"")
        self.refusal: Answer | None = None

    def admit(self, _head: UploadHead) -> Admitted | Answer:
        return self.refusal or Admitted(self.copy, self.target)

    def progress(self, admitted: Admitted) -> Answer:
        return Answer(202, b"%d" % admitted.copy.next_entry())

    def conclude(self, admitted: Admitted) -> Answer:
        return Answer(200, b"%d" % admitted.copy.next_entry())


LOG = SampleLog().grow(600)


def send(desk: PlainDesk, body: bytes, step: int = 997) -> Answer:
    upload = Upload(desk)
    for at in range(0, len(body), step):
        early = upload.feed(body[at : at + step])
        if early:
            assert upload.feed(b"more") == early
            assert upload.finish() == early
            return early
    return upload.finish()


@pytest.mark.parametrize("step", [1, 100, 10**6])
def test_a_whole_upload_is_concluded(step: int) -> None:
    desk = PlainDesk(LOG, 600)
    assert send(desk, upload_body(LOG, 0, 600), step) == Answer(200, b"600")


def test_an_upload_that_breaks_off_anywhere_keeps_what_was_proven() -> None:
    body = upload_body(LOG, 0, 600)
    sizes = [len(package(LOG, span, 600)) for span in spans(0, 600)]
    first = len(body) - sum(sizes)
    ends = [first + sum(sizes[:count]) for count in range(4)]
    for cut in range(0, len(body), 61):
        desk = PlainDesk(LOG, 600)
        answer = send(desk, body[:cut])
        proven = max((256 * count for count, end in enumerate(ends) if cut >= end), default=0)
        assert desk.copy.next_entry() == proven
        assert answer == (
            Answer(202, b"%d" % proven)
            if proven
            else refusal(400, "the upload ends before its first package")
        )
        start = desk.copy.next_entry()
        assert send(desk, upload_body(LOG, start, 600)) == Answer(200, b"600")


def test_a_refused_upload_is_answered_before_its_body_is_read() -> None:
    desk = PlainDesk(LOG, 600)
    desk.refusal = refusal(404, "no")
    upload = Upload(desk)
    assert upload.feed(upload_body(LOG, 0, 600)[:60]) == refusal(404, "no")


def test_a_malformed_head_is_400() -> None:
    assert send(PlainDesk(LOG, 600), b"\x00\x00").status == 400


def test_an_entry_that_is_not_in_the_log_is_422_and_those_before_it_are_kept() -> None:
    body = upload_body(LOG, 0, 600)
    desk = PlainDesk(LOG, 600)
    assert send(desk, body.replace(b"entry 300", b"Entry 300")).status == 422
    assert desk.copy.next_entry() == 256


def test_nonsense_behind_a_proven_package_is_discarded() -> None:
    desk = PlainDesk(LOG, 600)
    hostile = upload_body(LOG, 0, 600, count=1) + bytes(2 * 256) + b"\xff"
    assert send(desk, hostile) == Answer(202, b"256")
    desk = PlainDesk(LOG, 600)
    assert send(desk, upload_body(LOG, 0, 600) + b"x") == Answer(202, b"600")


def test_nothing_behind_a_failed_package_is_believed() -> None:
    desk = PlainDesk(LOG, 600)
    whole = upload_body(LOG, 0, 600).replace(b"entry 10\x00", b"Entry 10\x00")
    assert send(desk, whole, 10**6).status == 422
    assert desk.copy.next_entry() == 0


def test_an_upload_within_a_bundle_is_proven_with_what_is_here() -> None:
    desk = PlainDesk(LOG, 600)
    send(desk, upload_body(LOG, 0, 600, count=1))
    desk.copy.add(256, LOG.entries[256:300])
    assert send(desk, upload_body(LOG, 300, 600)) == Answer(200, b"600")
    desk = PlainDesk(LOG, 600)
    desk.copy.add(0, LOG.entries[:300])
    assert send(desk, upload_body(LOG, 280, 600)) == Answer(200, b"600")


def test_long_uploads_are_committed_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "COMMIT_BYTES", 2_000)
    desk = PlainDesk(LOG, 600)
    upload = Upload(desk)
    body = upload_body(LOG, 0, 600)
    upload.feed(body[: len(body) - 10])
    assert desk.copy.next_entry() == 512
    upload.feed(body[len(body) - 10 :])
    assert upload.finish() == Answer(200, b"600")


def test_many_small_packages_are_committed_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_module, "COMMIT_PACKAGES", 2)
    desk = PlainDesk(LOG, 600)
    upload = Upload(desk)
    upload.feed(upload_body(LOG, 0, 600, count=2))
    assert desk.copy.next_entry() == 512


def test_an_upload_of_nothing_concludes_what_is_here() -> None:
    desk = PlainDesk(LOG, 600)
    desk.copy.add(0, LOG.entries[:600])
    assert send(desk, upload_body(LOG, 600, 600)) == Answer(200, b"600")


def test_a_damaged_proof_is_not_an_error_of_ours() -> None:
    desk = PlainDesk(LOG, 600)
    try:
        assert send(desk, upload_body(LOG, 0, 599)).status == 422
    except VerificationError:
        pytest.fail("hostile bytes must be answered")
