"""Generate an election's logs: any size, constant memory, the same bytes for the same seed.

A `Scenario` is background sources and attacks on them.  Each stream has dice of its own, named
after it, so that an attack more or less leaves the background's bytes as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hisn.testing.calendar import EVENING, VESNA_2026, Calendar, Span
from hisn.testing.county import VESNA, County
from hisn.testing.dice import Dice
from hisn.testing.sources import devices, portal, registry, sshd, windows
from hisn.testing.stream import Attack, Background, Record, Stage, merged
from hisn.testing.truth import SCHEMA, Notes, Planted, SourceTruth, Truth

BLOCK_RECORDS = 4_096
"""Records that are put together into one write."""


@dataclass(frozen=True, slots=True)
class Source:
    """Describe a file of the scenario: its path, its ordinary traffic, its share of the size.

    `share` is in thousandths.  With `device` (id, type) the file is an event log document of
    that device instead of lines.
    """

    path: str
    background: Background
    share: int
    device: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Compose what is generated: a county, a stretch of its calendar, sources and attacks."""

    seed: int
    size: int
    sources: tuple[Source, ...]
    attacks: tuple[Attack, ...] = ()
    county: County = VESNA
    calendar: Calendar = VESNA_2026
    span: Span = EVENING


def _device_source(device: tuple[str, str], share: int) -> Source:
    def background(stage: Stage, count: int) -> Iterator[Record]:
        return devices.background(stage, count, device)

    return Source(devices.path_of(device[0]), background, share, device)


def county_sources(county: County) -> tuple[Source, ...]:
    """Return all sources of a county, with the shares that they have on an election evening."""
    return (
        Source(portal.PATH, portal.background, 700),
        Source(sshd.PATH, sshd.background, 20),
        Source(windows.PATH, windows.background, 150),
        Source(registry.PATH, registry.background, 100),
        *(_device_source(device, 30 // len(county.devices)) for device in county.devices),
    )


def records_of(scenario: Scenario, source: Source) -> Iterator[Record]:
    """Yield the records of one source in time order: background, then attacks at equal times."""

    def stage(stream: str) -> Stage:
        return Stage(scenario.county, scenario.calendar, scenario.span, Dice(scenario.seed, stream))

    ordinary = source.background(stage(source.path), scenario.size * source.share // 1_000)
    planted = (
        attack.planted(stage(f"attack/{attack.name}"))
        for attack in scenario.attacks
        if attack.source == source.path
    )
    return merged(ordinary, *planted)


def generate(scenario: Scenario, folder: Path, block_records: int = BLOCK_RECORDS) -> Truth:
    """Write the scenario's files into the folder and return the ground truth.

    Existing files of the same names are replaced.  `block_records` changes no byte.
    """
    written: list[SourceTruth] = []
    planted: dict[str, Planted] = {}
    for source in scenario.sources:
        notes = Notes()
        written.append(_write_source(scenario, source, folder, notes, block_records))
        for attack in scenario.attacks:
            if attack.source == source.path:
                planted[attack.name] = notes.of(attack)
    return Truth(
        schema=SCHEMA,
        county=scenario.county.name,
        seed=scenario.seed,
        size=scenario.size,
        sources=tuple(written),
        attacks=tuple(planted[attack.name] for attack in scenario.attacks if attack.name in planted),
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        yield file


def _write_source(
    scenario: Scenario, source: Source, folder: Path, notes: Notes, block_records: int
) -> SourceTruth:
    path = folder / source.path
    counted = _Counted(records_of(scenario, source), notes)
    if source.device is None:
        pieces: Iterable[str] = (record.text + "\n" for record in counted)
    else:
        pieces = devices.document(source.device, scenario.span, counted)
    with _opened(path) as file:
        for block in _blocks(pieces, block_records):
            file.write(block.encode())
        size = file.tell()
    return SourceTruth(path=source.path, records=counted.count, planted=notes.planted, size_bytes=size)


class _Counted:
    """Pass records on, number them from 1 and note those of attacks."""

    def __init__(self, records: Iterator[Record], notes: Notes) -> None:
        self._records = records
        self._notes = notes
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        for number, record in enumerate(self._records, 1):
            self.count = number
            if record.attack:
                self._notes.add(record.attack, number, record.time)
            yield record


def _blocks(pieces: Iterable[str], size: int) -> Iterator[str]:
    block: list[str] = []
    for piece in pieces:
        block.append(piece)
        if len(block) >= size:
            yield "".join(block)
            block.clear()
    yield "".join(block)
