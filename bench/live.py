"""Measure a watch: from a line written to its finding told, at a steady rate and without pacing.

A program writes lines with the time of their writing in them; a tenth of them hit a rule, each on
an asset of its own, so that every one of them is a finding that is told.  ``hisn watch`` follows
the file with sealing; the time between the writing of a line and the line of its finding in
``--jsonl`` is the latency.

Usage: bench/live.py [--rate 5000] [--seconds 30] [--flood-mb 200]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RULE = """
title: A marked path
id: 5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0001
status: test
logsource:
    product: linux
    service: sshd
detection:
    selection:
        message|contains: marked
    condition: selection
level: high
"""
_STEP_S = 0.05
_EVERY = 500
"""Of so many lines one is a finding: an alert for each line would measure the alerts."""


def line(number: int, now: float) -> bytes:
    """Return one line of syslog; its host is what the finding is on."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    text = f"marked {now:.6f}" if number % _EVERY == 0 else "session opened for user clerk by (uid=0)"
    host = f"m{number}" if number % _EVERY == 0 else f"web{number % 7}"
    return f"<86>1 {stamp}.{int(now % 1 * 1e6):06d}Z {host} sshd {number % 30_000} - - {text}\n".encode()


class Bench:
    """Run one watch in a folder of its own."""

    def __init__(self, folder: Path, *, seal: bool = True) -> None:
        self.logs, self.out = folder / "logs", folder / "out.jsonl"
        self.logs.mkdir(parents=True)
        (folder / "rule.yml").write_text(RULE)
        seals = "--seal" if seal else "--no-seal"
        self._command = [
            sys.executable, "-m", "hisn", "watch", str(self.logs), "--rules", str(folder / "rule.yml"),
            "--jsonl", str(self.out), "-q", seals,
        ]  # fmt: skip
        self._environment = os.environ | {"HISN_HOME": str(folder / "home")}
        self.peak_kb = 0
        self.samples: list[tuple[float, int]] = []

    def start(self) -> None:
        """Start, and wait until it reads."""
        self.process = subprocess.Popen(self._command, env=self._environment, start_new_session=True)
        self._end = threading.Event()
        self._sampler = threading.Thread(target=self._sample)
        self._sampler.start()
        with (self.logs / "app.log").open("ab") as file:
            file.write(line(0, time.time()))
        until(lambda: self.told() > 0)

    def _sample(self) -> None:
        began = time.monotonic()
        while not self._end.wait(0.5):
            size = sum(resident_kb(pid) for pid in group_of(self.process.pid))
            self.peak_kb = max(self.peak_kb, size)
            self.samples.append((time.monotonic() - began, size))

    def told(self) -> int:
        """Return how many lines were told."""
        return self.out.read_bytes().count(b"\n") if self.out.exists() else 0

    def stop(self) -> None:
        """Stop it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self._end.set()
        self._sampler.join()


def group_of(pid: int) -> list[int]:
    """Return the processes of a watch: the first one and its children."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def resident_kb(pid: int) -> int:
    """Return the memory of a process that is its own (proportional set size)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:")), 0)


def until(is_so: object, patience_s: float = 300.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience_s
    while not is_so():  # type: ignore[operator] # a function without arguments
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


def paced(bench: Bench, rate: int, seconds: float) -> list[float]:
    """Write at a steady rate; return the latencies of all findings, in seconds."""
    seen: dict[str, float] = {}
    end = threading.Event()

    def read() -> None:
        at = 0
        while not end.is_set() or at < bench.out.stat().st_size:
            with bench.out.open("rb") as file:
                file.seek(at)
                data = file.read()
            now = time.time()
            stop = data.rfind(b"\n") + 1
            for row in data[:stop].splitlines():
                document = json.loads(row)
                if document["schema"] == "hisn.change.v1":
                    seen.setdefault(document["finding"]["asset"], now)
            at += stop
            time.sleep(0.005)

    reader = threading.Thread(target=read)
    reader.start()
    written: dict[str, float] = {}
    number, began = 1, time.monotonic()
    with (bench.logs / "app.log").open("ab", buffering=0) as file:
        while time.monotonic() - began < seconds:
            due = int((time.monotonic() - began) * rate)
            now = time.time()
            rows = []
            while number <= due:
                rows.append(line(number, now))
                if number % _EVERY == 0:
                    written[f"m{number}"] = now
                number += 1
            file.write(b"".join(rows))
            time.sleep(_STEP_S)
    until(lambda: written.keys() <= seen.keys())
    end.set()
    reader.join()
    return sorted(seen[asset] - at for asset, at in written.items())


def unpaced(bench: Bench, size_mb: int) -> tuple[float, int]:
    """Write much at once; return the seconds until all of it was judged, and its lines."""
    number, now = 10_000_000, time.time()
    lines: list[bytes] = []
    width = len(line(number * _EVERY + 1, now))
    while width * len(lines) < size_mb * 1_000_000:
        lines.append(line(number * _EVERY + 1 + len(lines) % (_EVERY - 1), now))
    last = line((number + 1) * _EVERY, now)
    began, told = time.monotonic(), bench.told()
    with (bench.logs / "app.log").open("ab") as file:
        file.writelines(lines)
        file.write(last)
    until(lambda: bench.told() > told)
    return time.monotonic() - began, len(lines) + 1


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--flood-mb", type=int, default=100)
    parser.add_argument("--no-seal", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), seal=not options.no_seal)
        bench.start()
        latencies = paced(bench, options.rate, options.seconds)
        seconds, lines = unpaced(bench, options.flood_mb)
        bench.stop()
    print(f"rate {options.rate:,} records/s for {options.seconds:g} s, {len(latencies)} findings")
    for share in (50, 95, 99):
        print(f"latency p{share}: {latencies[min(len(latencies) - 1, len(latencies) * share // 100)]:.3f} s")
    print(f"without pacing: {lines / seconds:,.0f} records/s ({lines:,} in {seconds:.1f} s)")
    print(f"memory of all processes: peak {bench.peak_kb / 1024:,.0f} MiB")
    step = max(1, len(bench.samples) // 10)
    print("over time (s: MiB):", *(f"{at:.0f}:{size // 1024}" for at, size in bench.samples[::step]))


if __name__ == "__main__":
    main()
