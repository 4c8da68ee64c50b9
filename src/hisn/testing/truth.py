"""Hold the ground truth of a generated folder: which records are an attack, what should be found."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hisn.core.instant import format_instant
from hisn.core.place import Place
from hisn.errors import InputError
from hisn.testing.stream import Attack

FILE = "truth.json"
SCHEMA = "hisn.truth.v1"


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """Say what one attack wrote: `records` are 1-based positions in `source`, times RFC 3339 UTC.

    `expect` are file stems of the election pack's rules that must fire on some of the records;
    where it is empty, `note` says why no rule can.
    """

    name: str
    title: str
    source: str
    expect: tuple[str, ...]
    records: tuple[int, ...]
    first: str
    last: str
    note: str = ""


class SourceTruth(msgspec.Struct, frozen=True, kw_only=True):
    """Say what one generated file holds."""

    path: str
    records: int
    planted: int
    size_bytes: int


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the ground truth of one generated folder."""

    schema: str
    county: str
    seed: int
    size: int
    sources: tuple[SourceTruth, ...]
    attacks: tuple[Planted, ...]


class Notes:
    """Note, while a source is written, which of its records belong to an attack."""

    __slots__ = ("_records", "_times", "planted")

    def __init__(self) -> None:
        self._records: dict[str, list[int]] = {}
        self._times: dict[str, tuple[int, int]] = {}
        self.planted = 0

    def add(self, attack: str, number: int, time: int) -> None:
        """Note one record of an attack."""
        self._records.setdefault(attack, []).append(number)
        self._times[attack] = (self._times.get(attack, (time, time))[0], time)
        self.planted += 1

    def of(self, attack: Attack) -> Planted:
        """Return what the attack wrote. Raises KeyError where it wrote nothing."""
        first, last = self._times[attack.name]
        return Planted(
            name=attack.name,
            title=attack.title,
            source=attack.source,
            expect=attack.expect,
            records=tuple(self._records[attack.name]),
            first=format_instant(first),
            last=format_instant(last),
            note=attack.note,
        )


def write_truth(truth: Truth, folder: Path) -> Path:
    """Write ``truth.json`` into the folder and return its path."""
    path = folder / FILE
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1) + b"\n")
    return path


def read_truth(path: Path) -> Truth:
    """Return the truth that `write_truth` wrote. Raises InputError for anything else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Truth)
    except msgspec.DecodeError as error:
        raise InputError(
            "E2200",
            f"This is no ground truth of a generated folder: {error}",
            hint="Generate the folder again with `hisn demo`.",
            place=Place(str(path)),
        ) from error
