"""Fill the disk under a log: what was promised stays, and with room again the log goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.appender import ORIGIN, open_log, signer

from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.staging import LogNames

REPOSITORY = Path(__file__).resolve().parents[2]
FILLER = Path(__file__).with_name("filler.py")


@pytest.mark.needs("unshare")
@pytest.mark.needs("mount")
def test_a_full_disk_loses_nothing_and_stops_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rounds = 40 if request.config.option.full else 8
    # A disk of three megabytes, in a name space of its own: it goes away with the process.
    script = 'mount -t tmpfs -o size=3m none "$1" && exec "$2" "$3" "$1" "$4"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*command, tmp_path, sys.executable, FILLER, str(rounds)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no disk of its own may be made here: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
    print(f"{rounds} full disks: {done.stdout.strip()}")


def test_a_file_that_may_not_grow_is_like_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    writer = LogWriter.create(signer(), FileBlobs(tmp_path), SqliteRegister(tmp_path / "state" / "commit.db"))
    writer.append([b"old"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large") as caught:
            writer.append([bytes(60_000)] * 4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (caught.value.code, caught.value.hint) == ("E5203", "free space on that disk")
    assert writer.append([b"new"]).first_index == 1
    assert list(open_log(tmp_path, signer()).entries(0, 2)) == [b"old", b"new"]
    assert not list(FileBlobs(tmp_path).list(LogNames(ORIGIN).staging))
