"""Hold what the attacks on logs, units and evidence say again and again."""

from __future__ import annotations

from hisn.core.canon import Json
from hisn.testing.liar import Liar
from hisn.testing.unit_log import Face, Logged
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.fork import Fork, find_fork
from hisn.tlog.tile import TileReader
from hisn.verify.steps import Report, Result

RECORDS = [{"ip": f"10.0.0.{number}", "path": f"/voter?id={number}"} for number in range(4)]


def said(what: str) -> dict[str, Json]:
    return {"what": what, "digest": "00" * 32}


def say(face: Face, *whats: str) -> Logged:
    """Log observations, and return the last."""
    return [face.record("observation", said(what)) for what in whats][-1]


def two_faced(unit: UnitSimulator, own: int = 2, other: int = 2, common: int = 3) -> tuple[Liar, Face]:
    """Return a liar whose node shows `common + own` entries, and another face with `common + other`."""
    liar = Liar(unit, "north")
    say(liar.face, *(f"common {number}" for number in range(common)))
    second = liar.fork()
    say(liar.face, *(f"own {number}" for number in range(own)))
    say(second, *(f"other {number}" for number in range(other)))
    return liar, second


def fork_of(first: Face, second: Face) -> Fork:
    """Return the proof that two faces exclude each other, as who holds a copy of each finds it."""
    sides = [(face.signed(), TileReader(face.file, face.size, face.head().root)) for face in (first, second)]
    fork = find_fork(*sides[0], *sides[1])
    assert fork is not None
    return fork


def compared(unit: UnitSimulator, first: Face, second: Face) -> Report:
    """Compare two faces as two readers do who each hold a copy, and verify the pack of what they find."""
    return unit.verify(unit.fork_pack(fork_of(first, second)))


def proven(report: Report) -> list[str]:
    """Return what a fork pack proves beside whose unit it is."""
    assert report.result is Result.FORK_PROVEN
    assert report.exit_code == 4
    return [str(each) for each in report.proven if each.code != "unit-known"]


def failed(report: Report) -> tuple[str, str]:
    """Return the step that failed, and its error code."""
    assert report.result is Result.INVALID
    assert report.failed is not None
    assert not report.proven
    return report.failed.code, str(report.failed.detail.args.get("code", ""))
