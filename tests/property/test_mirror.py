"""Interrupt, repeat, interleave and restart uploads: a mirror signs what it holds, and loses nothing."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.node.samples import ORIGIN, SampleLog, mirror, mirror_cosigner, rooms, upload_body

from hisn.errors import StorageError
from hisn.node.body import MIRROR_INFO_TYPE, parse_mirror_info
from hisn.node.known import origin_hash
from hisn.node.upload import Upload
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner
from hisn.tlog.tile import TileReader

LOG = origin_hash(ORIGIN)
FULL = 1_100
HONEST = SampleLog().grow(FULL)


class DyingRegister(MemoryRegister):
    """Die before or behind a swap when told to: the caller never learns which."""

    fate = ""

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        fate, self.fate = self.fate, ""
        if fate != "before":
            super().swap(name, old, new)
        if fate:
            raise StorageError("E5299", "the power is off")


class MirrorUnderFire(RuleBasedStateMachine):
    """Hold a mirror, the uploads that are under way, and what the mirror has promised so far."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs, self.register = MemoryBlobs(), DyingRegister()
        self.key = 0
        self.pending = 0
        self.next_entry = 0
        self.signed = 0
        self.tickets: dict[int, bytes] = {}
        self.uploads: list[tuple[Upload, bytes]] = []
        self.restart()

    @rule()
    def restart(self) -> None:
        self.key = (self.key + 1) % 2
        self.mirror = mirror(rooms(HONEST, register=self.register), self.blobs, key=bytes([self.key]) * 32)
        self.uploads = []

    @rule(step=st.one_of(st.integers(1, 9), st.integers(1, 300)))
    def more_is_pending(self, step: int) -> None:
        size = min(FULL, self.pending + step)
        assert self.mirror.add_checkpoint(HONEST.request(self.pending, size)).status == 200
        self.pending = size

    @rule(start=st.integers(0, FULL), end=st.integers(0, FULL))
    def begin_anything(self, start: int, end: int) -> None:
        if start <= end:
            self.begin(start, end)

    @precondition(lambda self: self.pending)
    @rule()
    def begin_what_is_due(self) -> None:
        if self.next_entry <= self.pending:
            self.begin(self.next_entry, self.pending)

    def begin(self, start: int, end: int) -> None:
        body = upload_body(HONEST, start, end, self.tickets.get(end, b""))
        self.uploads.append((self.mirror.add_entries(), body))
        self.uploads = self.uploads[-4:]

    @precondition(lambda self: self.uploads)
    @rule(which=st.integers(0, 3), share=st.floats(0, 1))
    def go_on(self, which: int, share: float) -> None:
        upload, body = self.uploads.pop(which % len(self.uploads))
        cut = round(len(body) * share)
        with suppress(StorageError):
            early = upload.feed(body[:cut])
            if early is None and cut < len(body):
                self.uploads.append((upload, body[cut:]))
            else:
                self.learn(upload)

    @precondition(lambda self: self.uploads)
    @rule(which=st.integers(0, 3), junk=st.binary(max_size=4))
    def break_off(self, which: int, junk: bytes) -> None:
        upload, _ = self.uploads.pop(which % len(self.uploads))
        with suppress(StorageError):
            upload.feed(junk)
            self.learn(upload)

    @precondition(lambda self: 0 < self.next_entry < self.pending < FULL)
    @rule(step=st.integers(1, 9))
    def a_shorter_upload_ends_behind_a_longer_one(self, step: int) -> None:
        """Let the second one bring the entries, and the first one sign first."""
        short, end = self.mirror.add_entries(), self.pending
        body = upload_body(HONEST, self.next_entry, end)
        assert short.feed(body[:-1]) is None
        self.more_is_pending(step)
        long = self.mirror.add_entries()
        long_body = upload_body(HONEST, self.next_entry, self.pending) + b"x"
        assert (long.feed(long_body) or long.finish()).status == 202
        short.feed(body[-1:])
        assert short.finish().status == 200
        self.look()

    @rule(fate=st.sampled_from(["before", "behind"]))
    def the_power_fails(self, fate: str) -> None:
        self.register.fate = fate
        with suppress(StorageError):
            self.mirror.add_checkpoint(HONEST.request(self.pending, self.pending))
        if self.pending:
            upload = self.mirror.add_entries()
            with suppress(StorageError):
                upload.feed(upload_body(HONEST, min(self.next_entry, self.pending), self.pending))
                upload.finish()
        self.register.fate = ""
        self.restart()
        self.look()

    def learn(self, upload: Upload) -> None:
        answer = upload.finish()
        if answer.content_type == MIRROR_INFO_TYPE:
            info = parse_mirror_info(answer.body)
            assert info.size <= self.pending
            self.tickets[info.size] = info.ticket
        assert answer.status in (200, 202, 400, 409, 422)
        self.look()

    def look(self) -> None:
        row = self.register.get(f"mirror-next/{LOG}")
        assert int(row or b"0") >= self.next_entry
        self.next_entry = int(row or b"0")

    @invariant()
    def what_is_signed_is_held_and_never_goes_back(self) -> None:
        note = self.mirror.checkpoint(LOG)
        if note is None:
            assert self.signed == 0
            return
        signed = parse_signed_checkpoint(note)
        size = verify_checkpoint(signed, HONEST.signer.keys).size
        verify_cosigner(signed, mirror_cosigner().keys)
        assert self.signed <= size <= self.pending
        if size != self.signed:
            reader = TileReader(lambda name: self.mirror.file(LOG, name), size, signed.checkpoint.root)
            held = [entry for at in range(-(-size // 256)) for entry in reader.bundle(at)]
            assert held == HONEST.entries[:size]
        self.signed = size

    def teardown(self) -> None:
        """Whatever happened: one more upload brings the mirror up to date."""
        self.restart()
        if self.pending:
            start = min(self.next_entry, self.pending)
            upload = self.mirror.add_entries()
            early = upload.feed(upload_body(HONEST, start, self.pending))
            assert (early or upload.finish()).status == 200
            self.what_is_signed_is_held_and_never_goes_back()
            assert self.signed == self.pending


TestMirrorUnderFire = MirrorUnderFire.TestCase
TestMirrorUnderFire.settings = settings(max_examples=30, stateful_step_count=30)
