"""Whatever is done to a log, it is a list that only grows, with the Merkle tree of RFC 6962 over it."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.tlog.logs import NAMES, NO_QUORUM, Place, signer_of

from hisn.tlog.append import LogWriter
from hisn.tlog.fsck import fsck
from hisn.tlog.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion

entries = st.lists(st.binary(max_size=40), min_size=1, max_size=5) | st.integers(200, 300).map(
    lambda count: [b"%d" % number for number in range(count)]
)


class Log(RuleBasedStateMachine):
    """Two writers of one log beside a plain list."""

    @initialize()
    def start(self) -> None:
        self.place = Place()
        self.writers = [self.place.create(), self.place.open()]
        self.model: list[bytes] = []
        self.hashes: list[bytes] = []
        self.published = 0

    def root(self, size: int) -> bytes:
        return root_of(self.hashes[:size])

    @rule(batch=entries, which=st.integers(0, 1))
    def append(self, batch: list[bytes], which: int) -> None:
        done = self.writers[which].append(batch)
        assert done.first_index == len(self.model)
        self.model += batch
        self.hashes += map(leaf_hash, batch)
        assert (done.size, done.root) == (len(self.model), self.root(len(self.model)))

    @rule(which=st.integers(0, 1))
    def open_again(self, which: int) -> None:
        self.writers[which] = self.place.open()

    @rule(which=st.integers(0, 1))
    def publish(self, which: int) -> None:
        writer = self.writers[which]
        self.published = writer.publish(writer.head().raw, NO_QUORUM).checkpoint.size
        assert self.published == len(self.model)

    @precondition(lambda self: self.model)
    @rule(which=st.integers(0, 1), data=st.data())
    def read(self, which: int, data: st.DataObject) -> None:
        writer, size = self.writers[which], len(self.model)
        start = data.draw(st.integers(0, size))
        end = data.draw(st.integers(start, size))
        assert list(writer.entries(start, end)) == self.model[start:end]
        at = data.draw(st.integers(1, size))
        index = data.draw(st.integers(0, at - 1))
        assert writer.read_entry(index) == self.model[index]
        verify_inclusion(self.hashes[index], index, at, writer.inclusion(index, at), self.root(at))
        verify_consistency(at, self.root(at), size, self.root(size), writer.consistency(at, size))

    @invariant()
    def every_file_leads_to_the_root(self) -> None:
        writer: LogWriter = self.writers[0]
        files = self.place.blobs.files
        report = fsck(
            lambda name: files.get(NAMES.folder + name),
            signer_of().keys,
            checkpoint=writer.head().raw,
            names=[name.removeprefix(NAMES.folder) for name in files if name.startswith(NAMES.folder)],
        )
        assert report.require_sound().size == len(self.model) == report.entries
        published = writer.published()
        assert (published.checkpoint.size if published else 0) == self.published
        assert not [name for name in files if not name.startswith(NAMES.folder)]


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=10, deadline=None)
