from __future__ import annotations

from pathlib import Path

from tests.unit.live.logs import Log

from hisn.live.handles import Handles
from hisn.live.lineage import Lineage
from hisn.live.rotated import Sibling
from hisn.live.stream import Notes, Stream


def lineage_of(log: Log) -> Lineage:
    return Lineage(Stream("a"), str(log.path), Handles(), Notes())


def sibling(path: Path) -> Sibling:
    return Sibling(str(path), path.stat())


def given(lineage: Lineage, log: Log, now_us: int = 0) -> bytes:
    lineage.look(log.path.stat() if log.path.exists() else None, now_us)
    return b"".join(piece.data for piece in lineage.take(1 << 20, now_us))


def test_a_file_beside_it_is_known_copied_or_another(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.write(b"one\n" * 1_000)
    lineage = lineage_of(log)
    given(lineage, log)
    assert lineage.kinship(sibling(log.path)) == "known"
    copy, half, empty, other = (tmp_path / name for name in ("log.1", "log.2", "log.3", "log.4"))
    copy.write_bytes(log.path.read_bytes())
    half.write_bytes(log.path.read_bytes()[:2_222])
    empty.touch()
    other.write_bytes(b"two\n" * 2_000)
    assert [lineage.kinship(sibling(each)) for each in (copy, half, empty, other)] == [
        "copy",
        "copy",
        "unclear",
        "other",
    ]
    lineage.pass_by(sibling(copy))
    assert lineage.kinship(sibling(copy)) == "known"


def test_an_older_file_with_the_same_long_header_is_no_copy(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    header = b"#" * 5_000 + b"\n"
    log.write(header + b"new\n" * 500)
    (tmp_path / "log.1").write_bytes(header + b"old\n" * 500)
    (tmp_path / "log.2").write_bytes(header + b"older\n" * 2)
    lineage = lineage_of(log)
    given(lineage, log)
    assert lineage.kinship(sibling(tmp_path / "log.1")) == "other"
    assert lineage.kinship(sibling(tmp_path / "log.2")) == "other"
