"""Fill a small disk with a log, more than once, and look whether it keeps its promises.

Run by `test_full_disk.py` on a file system of its own: ``filler.py FOLDER``.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

from tests.faults.appender import NO_QUORUM, ORIGIN, open_log, signer

from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.fsck import fsck
from hisn.tlog.ports import DurabilityLost
from hisn.tlog.staging import LogNames

NAMES = LogNames(ORIGIN)
_BALLAST = 1_200 * 1024
_STEP = 4 * 1024


def fill(folder: Path, ballast_bytes: int) -> str:
    """Append until the disk is full, give it room again, and go on; return where it was full."""
    ballast = folder / "ballast"
    node = folder / "node"
    (node / "state").mkdir(parents=True)
    writer = LogWriter.create(signer(), FileBlobs(node), SqliteRegister(node / "state" / "commit.db"))
    ballast.write_bytes(bytes(ballast_bytes))
    promised: list[bytes] = []
    for number in range(10_000):
        batch = [b"%d %d " % (number, each) + bytes(400) for each in range(20)]
        try:
            writer.append(batch)
            promised += batch
            writer.publish(writer.head().raw, NO_QUORUM)
        except StorageError as error:
            ballast.unlink()
            if isinstance(error, DurabilityLost):
                writer = open_log(node, signer())  # as the next process does
            held = list(writer.entries(0, writer.head().checkpoint.size))
            assert held in (promised, promised + batch)
            if error.code not in {"E5200", "E5203", "E5204"}:
                raise
            at = f"{error.code} {'before' if held == promised else 'after'} the commit"
            assert writer.append([b"next"]).first_index == len(held)
            writer.publish(writer.head().raw, NO_QUORUM)
            check(node, len(held) + 1)
            return at
    raise AssertionError("the disk was never full")


def check(node: Path, size: int) -> None:
    blobs = FileBlobs(node)
    writer = open_log(node, signer())
    assert writer.refusal is None
    report = fsck(
        lambda name: blobs.get(NAMES.folder + name),
        writer.keys,
        names=[name.removeprefix(NAMES.folder) for name in blobs.list(NAMES.folder)],
    )
    assert report.require_sound().size == size


def main() -> None:
    folder = Path(sys.argv[1])
    where = Counter[str]()
    for more in range(int(sys.argv[2])):
        place = folder / str(more)
        place.mkdir()
        where[fill(place, _BALLAST + more * _STEP)] += 1
        shutil.rmtree(place)
    print(dict(where))


if __name__ == "__main__":
    main()
