"""Run a log through crashes that a seed decides, and look after each whether it kept its promises.

The promises, whatever the disk forgot and wherever the process died:

1. An entry that was acknowledged stands at its index for ever.
2. Of an append that was not answered all entries are there, or none.
3. The register never held two trees of one size.
4. What was published stays published, and the public file follows the register.
5. A row that an append was to change beside its own is changed if and only if its entries are there.
6. The log opens by itself, may be signed, and every file of it leads to the root that was signed.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path

from hisn.core.signers import dual_from_seed
from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.testing.crash import Crash, Faults, SimulatedDisk, SimulatedRegister
from hisn.testing.dice import Dice
from hisn.testing.fake_clock import FakeClock
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.fsck import fsck
from hisn.tlog.policy import Policy
from hisn.tlog.ports import DurabilityLost, Swap
from hisn.tlog.sign import LogSigner
from hisn.tlog.staging import LogNames
from hisn.tlog.tile import ENTRIES, fetch_bundle, tiles_for

ORIGIN = "crash.example/log"
_NAMES = LogNames(ORIGIN)
_BESIDE = "beside"
_ROOT = "/node"
_NO_QUORUM = Policy((), (), (), "none")
_FIRST = (1, 3, 250, 254, 510)
_BATCHES = (1, 1, 2, 3, 3, 100, 300)
_CALLS = 150  # an append makes 60 to 200


class Broken(Exception):  # noqa: N818 -- a promise is broken; the log is not in error
    """Say which promise a seed broke."""


@dataclass
class Outcome:
    """Count what a run went through."""

    acknowledged: int = 0
    crashes: int = 0
    power_losses: int = 0
    errors: int = 0
    rivals: int = 0


@cache
def _signer() -> LogSigner:
    return LogSigner(ORIGIN, dual_from_seed(bytes(32)), FakeClock())


@dataclass
class _World:
    """Hold the disk and the register of one node, and what was promised about them."""

    seed: int
    dice: Dice
    faults: Faults
    disk: SimulatedDisk
    register: SimulatedRegister
    entries: dict[int, bytes] = field(default_factory=dict)
    unanswered: list[list[bytes]] = field(default_factory=list)
    beside: set[bytes] = field(default_factory=set)
    """The first entries of appends that changed a row beside their own."""
    published: int = 0
    numbers: count[int] = field(default_factory=count)
    outcome: Outcome = field(default_factory=Outcome)

    def open(self) -> LogWriter:
        """Start a process: its own `FileBlobs`, the shared register."""
        blobs = FileBlobs(Path(_ROOT), self.disk)
        if self.register.get(_NAMES.row) is None:
            return LogWriter.create(_signer(), blobs, self.register)
        return LogWriter.open(_signer(), blobs, self.register)

    def append(self, writer: LogWriter) -> None:
        """Append a few entries, and note what was promised."""
        batch = [
            b"%d" % next(self.numbers) for _ in range(self.dice.pick(_BATCHES if self.entries else _FIRST))
        ]
        self.unanswered.append(batch)
        beside = []
        if self.dice.random() < 0.5:
            self.beside.add(batch[0])
            beside = [Swap(_BESIDE, self.register.get(_BESIDE), batch[0])]
        done = writer.append(batch, beside=beside)
        self.unanswered.remove(batch)
        self.outcome.acknowledged += len(batch)
        for index, entry in enumerate(batch, done.first_index):
            if self.entries.setdefault(index, entry) != entry:
                raise self.broken(f"entry {index} was promised twice")

    def publish(self, writer: LogWriter) -> None:
        """Publish the newest checkpoint."""
        done = writer.publish(writer.head().raw, _NO_QUORUM)
        self.published = max(self.published, done.checkpoint.size)

    def rival(self, _call: str) -> None:
        """Let another process do a whole piece of work in the middle of a call."""
        self.outcome.rivals += 1
        writer = self.open()
        self.append(writer)
        if self.dice.random() < 0.5:
            self.publish(writer)

    def plan(self) -> None:
        """Plan one fault within the next calls."""
        faults = self.faults
        action = self.dice.pick((faults.crash, faults.crash, faults.fail, self.rival))
        where = self.dice.pick((faults.before, faults.after))
        where[faults.calls + 1 + self.dice.below(_CALLS)] = action

    def restart(self) -> None:
        """Start again after a crash, half of them with loss of power."""
        self.faults.is_dead = False
        self.faults.before.clear()
        self.faults.after.clear()
        if self.dice.random() < 0.5:
            self.disk.reboot(None)
        else:
            self.lose_power()

    def lose_power(self) -> None:
        """Forget what the disk was not told to keep."""
        self.outcome.power_losses += 1
        self.disk.reboot(self.dice)

    def check(self) -> None:
        """Look whether all promises were kept, and learn what became of unanswered appends."""
        self.faults.before.clear()
        self.faults.after.clear()
        writer = self.open()
        if (refusal := writer.refusal) is not None:
            raise self.broken(f"a crash made the log unusable: {refusal}")
        head = writer.head().checkpoint
        held = self._held(head.size)
        for index, entry in self.entries.items():
            if held[index : index + 1] != [entry]:
                raise self.broken(f"entry {index} was acknowledged and is lost")
        self._settle(held)
        self._check_history()
        self._check_beside(held)
        public = self._public(writer)
        names = (name.removeprefix(_NAMES.folder) for name in public.list(_NAMES.folder))
        fsck(
            lambda name: public.get(_NAMES.folder + name),
            writer.keys,
            checkpoint=writer.head().raw,
            names=names,
        ).require_sound()

    def _held(self, size: int) -> list[bytes]:
        """Return the entries as they stand in the files; that they are the signed ones, `fsck` says."""
        public = FileBlobs(Path(_ROOT), self.disk)
        bundles = (path for path in tiles_for(size) if path.level == ENTRIES)
        return [
            entry
            for path in bundles
            for entry in fetch_bundle(lambda name: public.get(_NAMES.folder + name), path)
        ]

    def _settle(self, held: list[bytes]) -> None:
        index = 0
        while index < len(held):
            if index in self.entries:
                index += 1
                continue
            batch = next((each for each in self.unanswered if each[0] == held[index]), None)
            if batch is None or held[index : index + len(batch)] != batch:
                raise self.broken(f"entry {index} is a part of an append, or of none")
            self.entries |= dict(enumerate(batch, index))
            self.unanswered.remove(batch)
        self.unanswered.clear()

    def _check_history(self) -> None:
        roots: dict[int, bytes] = {}
        for name, value in self.register.history:
            if name == _NAMES.row:
                raw = b64decode(json.loads(value)["checkpoint"])
                head = parse_signed_checkpoint(raw).checkpoint
                if roots.setdefault(head.size, head.root) != head.root:
                    raise self.broken(f"two trees of {head.size} entries were committed")

    def _check_beside(self, held: list[bytes]) -> None:
        last = next((entry for entry in reversed(held) if entry in self.beside), None)
        if self.register.get(_BESIDE) != last:
            raise self.broken("the row beside an append is not of the last one that stands")

    def _public(self, writer: LogWriter) -> FileBlobs:
        public = FileBlobs(Path(_ROOT), self.disk)
        file = public.get(_NAMES.checkpoint)
        published = writer.published()
        size = 0 if published is None else published.checkpoint.size
        if size < self.published or file != (None if published is None else published.raw):
            raise self.broken("what was published is lost")
        self.published = size
        if self.disk.open_handles():
            raise self.broken("handles were left open")
        return public

    def broken(self, what: str) -> Broken:
        """Return the error that names the seed."""
        return Broken(f"seed {self.seed}: {what}")


def run(seed: int) -> Outcome:
    """Run one seed; the same seed does the same everywhere. Raises Broken, or what the log raised."""
    faults = Faults()
    world = _World(seed, Dice(seed, "crash"), faults, SimulatedDisk(_ROOT, faults), SimulatedRegister(faults))
    for _ in range(world.dice.between(1, 3)):
        world.plan()
        if not _survives(world, lambda: _work(world)):
            # Finishing what was begun is interrupted, too.
            while world.dice.random() < 0.4:
                world.plan()
                _survives(world, world.open)
        world.check()
    world.lose_power()
    world.check()
    return world.outcome


def _work(world: _World) -> None:
    writer = world.open()
    for _ in range(world.dice.between(1, 3)):
        try:
            world.append(writer)
            if world.dice.random() < 0.5:
                world.publish(writer)
        except DurabilityLost:
            raise
        except StorageError:
            # A full disk, say: the same process goes on.
            world.outcome.errors += 1


def _survives(world: _World, work: Callable[[], object]) -> bool:
    """Do some work; tell whether the process is still there after it."""
    try:
        work()
    except (Crash, StorageError):
        world.outcome.crashes += 1
        world.restart()
        return False
    return True
