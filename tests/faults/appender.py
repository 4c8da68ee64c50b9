"""Append to logs, each in a process of its own that stops first, so that faults can be prepared.

For every line on standard input, ``SCENARIO FOLDER``, a child is forked.  It opens the log in the
folder and stops itself; then its id is printed.  Continued, it appends and publishes, prints
``ACK FIRST_INDEX`` after the append, and ends.  ``END STATUS`` follows.  In the scenario ``start``
the child stops before it opens the log.

Run by `test_syscalls.py`.  Forking from a warm process saves a second of start for each fault.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from hisn.core.signers import dual_from_seed
from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.testing.fake_clock import FakeClock
from hisn.tlog.append import LogWriter
from hisn.tlog.policy import Policy
from hisn.tlog.sign import LogSigner

ORIGIN = "faults.example/log"
NEW = [b"new %d" % number for number in range(5)]
NO_QUORUM = Policy((), (), (), "none")
_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)


def signer() -> LogSigner:
    return LogSigner(ORIGIN, dual_from_seed(bytes(32)), FakeClock())


def open_log(folder: Path, signed_by: LogSigner) -> LogWriter:
    return LogWriter.open(signed_by, FileBlobs(folder), SqliteRegister(folder / "state" / "commit.db"))


def stop() -> None:
    # Some systems let only ancestors trace a process.
    ctypes.CDLL(None).prctl(_SET_PTRACER, _ANY, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)


def child(scenario: str, folder: Path, signed_by: LogSigner) -> None:
    if scenario == "start":
        stop()
    writer = open_log(folder, signed_by)
    if scenario == "append":
        stop()
    done = writer.append(NEW)
    os.write(1, b"ACK %d\n" % done.first_index)
    writer.publish(writer.head().raw, NO_QUORUM)


def main() -> None:
    signed_by = signer()
    for line in sys.stdin:
        scenario, _, folder = line.rstrip("\n").partition(" ")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                child(scenario, Path(folder), signed_by)
                code = 0
            except (StorageError, OSError):
                code = 6
            finally:
                os._exit(code)
        os.waitpid(pid, os.WUNTRACED)
        print(f"PID {pid}", flush=True)
        print(f"END {os.waitpid(pid, 0)[1]}", flush=True)


if __name__ == "__main__":
    main()
