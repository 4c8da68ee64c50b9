"""A watch under floods and over time: memory stays, what can wait is judged, what cannot is counted.

``HISN_SOAK_S`` shortens the hour of the long one, ``HISN_FLOOD_S`` the minute of the others.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.units import RULE, alone, free_urls

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes of a Linux system"),
]
FLOOD_S = float(os.environ.get("HISN_FLOOD_S", "60"))
MOST_KB = 500 * 1024
WEB = (
    "203.0.113.{host} - - [03/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] "
    '"GET /{number}{more} HTTP/1.1" 200 12 "-" "curl/8"\n'
)


def line(number: int, at: int) -> bytes:
    more = "?q=marked" if number % 1_000 == 0 else ""
    clock = {"hour": at // 3_600 % 24, "minute": at // 60 % 60, "second": at % 60}
    return WEB.format(host=number % 200, number=number % 977, more=more, **clock).encode()


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        alone(folder / "home").close()
        (folder / "rule.yml").write_text(RULE)
        (folder / "logs").mkdir()
        self.out = folder / "out.jsonl"
        self.samples: list[int] = []

    def start(self, config: str) -> None:
        path = self.folder / "watch.toml"
        path.write_text(f'rules = ["{self.folder}/rule.yml"]\njsonl = "{self.out}"\n{config}')
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hisn", "watch", str(path), "-q"],
            env=os.environ | {"HISN_HOME": str(self.folder / "home")},
            start_new_session=True,
        )
        self._end = threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()

    def _sample(self) -> None:
        while not self._end.wait(1.0):
            self.samples.append(sum(resident_kb(pid) for pid in group_of(self.process.pid)))

    def stop(self, patience_s: float = 120.0) -> dict[str, Any]:
        """Stop it; return its coverage."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(patience_s) == 0
        self._end.set()
        self._sampler.join()
        *_changes, coverage = self.out.read_bytes().splitlines()
        found: dict[str, Any] = json.loads(coverage)
        return found


def group_of(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def resident_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:")), 0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    if made.process.poll() is None:
        os.killpg(made.process.pid, signal.SIGKILL)


def test_a_flooded_file_waits_and_the_memory_stays(place: Place) -> None:
    place.start(f'[[follow]]\npath = "{place.folder}/logs"\n')
    written, began = 0, time.monotonic()
    with (place.folder / "logs" / "a.log").open("wb") as file:
        while time.monotonic() - began < FLOOD_S:
            at = int(time.monotonic() - began)
            file.writelines(line(number, at) for number in range(written, written + 5_000))
            file.flush()
            written += 5_000
    end = time.monotonic() + 3_600
    while time.monotonic() < end and sealed_records(place) < written:
        time.sleep(1)
    coverage = place.stop()
    (source,) = coverage["sources"]
    assert source["records"] == written
    assert source["status"] == "read"
    assert max(place.samples) < MOST_KB


def sealed_records(place: Place) -> int:
    """Return how far the file was read, in records, by the size that the state says."""
    from tests.unit.app.units import opened

    with opened(place.folder / "home") as node:
        node.member.fold.catch_up(node.log)
        positions = node.member.fold.table.positions("batch")
        if not positions:
            return 0
        from hisn.app.reopen import own_act

        last = own_act(node, positions[-1]).field("last_record")
        return last if isinstance(last, int) else 0


def test_a_flood_of_datagrams_is_dropped_counted_and_costs_no_memory(place: Place) -> None:
    port = int(free_urls(("a",))["a"].rpartition(":")[2])
    place.start(f'[[syslog]]\nname = "udp"\nlisten = "127.0.0.1:{port}"\nspool_megabytes = 64\n')
    sent, began = 0, time.monotonic()
    time.sleep(5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        while time.monotonic() - began < FLOOD_S:
            message = b"<34>1 2026-11-03T18:20:00Z host app - - - message %d " % sent + b"x" * 400
            for _ in range(200):
                try:
                    sender.send(message)
                    sent += 1
                except OSError:
                    time.sleep(0.001)
    time.sleep(30)
    coverage = place.stop()
    (source,) = coverage["sources"]
    assert 0 < source["records"] < sent
    assert "dropped" in source["reason"] or "came while nothing could be taken" in source["reason"]
    assert max(place.samples) < MOST_KB


def test_memory_is_flat_over_an_hour(place: Place) -> None:
    seconds = float(os.environ.get("HISN_SOAK_S", "3600"))
    place.start(f'[[follow]]\npath = "{place.folder}/logs"\n[cycle]\nsnapshot = 64\n')
    began, number = time.monotonic(), 0
    path = place.folder / "logs" / "a.log"
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * 2_000)
        with path.open("ab") as file:
            # Time runs sixty times as fast in the log: findings open and close all the while.
            file.writelines(line(each, int(passed * 60)) for each in range(number, due))
        number = due
        if path.stat().st_size > 64 * 1024 * 1024:
            path.rename(path.with_suffix(".log.1"))
        time.sleep(0.2)
    coverage = place.stop()
    assert coverage["sources"][0]["records"] > 0.9 * number
    warm, late = place.samples[len(place.samples) // 4 :], place.samples[-len(place.samples) // 4 :]
    half = warm[: len(warm) // 2]
    assert sum(late) / len(late) < 1.15 * sum(half) / len(half)
    assert max(place.samples) < MOST_KB
