"""Make logs in memory for tests, and damage them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from hisn.core.signers import dual_from_seed
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, vkey_of
from hisn.tlog.policy import Group, Policy, WitnessLine
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, sign_checkpoint
from hisn.tlog.staging import LogNames

ORIGIN = "member.example/log"
NAMES = LogNames(ORIGIN)
NO_QUORUM = Policy((), (), (), "none")


@cache
def witness(number: int) -> Cosigner:
    return Cosigner(f"witness{number}.example", dual_from_seed(bytes([200 + number]) * 32))


@cache
def one_of_two() -> Policy:
    lines, groups = [], []
    for number in (1, 2):
        name, public = witness(number).name, witness(number).keys.public
        lines += [
            WitnessLine(f"{name}.ed", vkey_of(name, COSIGNATURE_ED25519, public.ed25519)),
            WitnessLine(f"{name}.pq", vkey_of(name, COSIGNATURE_ML_DSA_44, public.mldsa)),
        ]
        groups.append(Group(name, 2, (f"{name}.ed", f"{name}.pq")))
    groups.append(Group("quorum", 1, tuple(group.name for group in groups)))
    return Policy((), tuple(lines), tuple(groups), "quorum")


@cache
def signer_of(origin: str = ORIGIN, seed: int = 1) -> LogSigner:
    return LogSigner(origin, dual_from_seed(bytes([seed]) * 32), FakeClock())


def cosigned(data: bytes, *numbers: int) -> bytes:
    """Return the signed checkpoint with the cosignatures of those witnesses."""
    text = data[: data.rfind(b"\n\n") + 1]
    return add_signatures(
        data, [line for number in numbers for line in witness(number).cosign(text, 1_800_000_000)]
    )


def signed(size: int, root: bytes) -> bytes:
    """Return a checkpoint that the log's own keys have signed, whether it is true or not."""
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), signer_of())


def leaves(count: int, start: int = 0) -> list[bytes]:
    return [b"entry %d " % number + b"x" * (number % 7) for number in range(start, start + count)]


@dataclass
class Place:
    """Hold the storage of one node; copies of it are backups."""

    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    register: MemoryRegister = field(default_factory=MemoryRegister)

    def create(self) -> LogWriter:
        return LogWriter.create(signer_of(), self.blobs, self.register)

    def open(self) -> LogWriter:
        return LogWriter.open(signer_of(), self.blobs, self.register)

    def backup(self) -> Place:
        copy = Place()
        copy.blobs.files.update(self.blobs.files)
        copy.register.values.update(self.register.values)
        return copy


def filled(size: int, *, steps: int = 1) -> tuple[Place, LogWriter]:
    """Return a log of `size` entries, made in so many appends."""
    place = Place()
    writer = place.create()
    for at in range(steps):
        low, high = size * at // steps, size * (at + 1) // steps
        if high > low:
            writer.append(leaves(high - low, low))
    return place, writer
