"""Lay out what is measured: public logs, the same rules for everybody, and copies ten times as large."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from peers import DataSet

_WINDOWS = re.compile(r"^\s+product:\s*['\"]?windows", re.MULTILINE)


def windows_rules(corpus: Path, scratch: Path) -> Path:
    """Copy the rules for Windows into one folder: what all the programs can judge."""
    folder = scratch / "rules-windows"
    for path in sorted((corpus / "sigma").rglob("*.yml")):
        if _WINDOWS.search(path.read_text("utf-8")):
            copy = folder / path.relative_to(corpus / "sigma")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


def count_rules(folder: Path) -> int:
    """Return the number of rule files."""
    return sum(1 for _ in folder.rglob("*.yml"))


def every_nth_rule(rules: Path, step: int, scratch: Path) -> Path:
    """Copy every n-th rule."""
    folder = scratch / f"rules-every-{step}"
    folder.mkdir()
    for path in sorted(rules.rglob("*.yml"))[::step]:
        shutil.copyfile(path, folder / path.name)
    return folder


def size_of(folder: Path, suffix: str) -> int:
    """Return the bytes of the files with the suffix."""
    return sum(path.stat().st_size for path in folder.rglob(f"*{suffix}"))


def evtx_set(corpus: Path) -> DataSet:
    """Describe the Windows event logs."""
    folder = corpus / "evtx"
    return DataSet("evtx", folder, 0, size_of(folder, ".evtx"), is_evtx=True)


def otrf_set(corpus: Path, scratch: Path) -> DataSet:
    """Describe the JSON lines, and unpack them into one file for programs that read only that."""
    lines = scratch / "otrf.jsonl"
    events = 0
    with lines.open("wb") as joined:
        for path in sorted((corpus / "otrf").glob("*.gz")):
            data = gzip.decompress(path.read_bytes())
            events += data.count(b"\n")
            joined.write(data)
    return DataSet("otrf", corpus / "otrf", events, lines.stat().st_size, is_evtx=False, lines=lines)


def copied(data: DataSet, times: int, scratch: Path) -> DataSet:
    """Make a set that many times as large, of copies in folders of their own."""
    folder = scratch / f"{data.name}-x{times}"
    for number in range(times):
        shutil.copytree(data.path, folder / f"{number:02}")
    return DataSet(
        f"{data.name} x {times}", folder, data.events * times, data.size_bytes * times, is_evtx=data.is_evtx
    )


def generated(size: int, scratch: Path, source: str = "portal") -> DataSet:
    """Generate an access log of about so many records with the program's own generator."""
    folder = scratch / f"generated-{size}"
    program = [sys.executable, "-m", "hisn.testing", "--out", str(folder), "--source", source]
    subprocess.run([*program, "--size", str(size)], check=True, stdout=subprocess.DEVNULL)
    truth = folder / "truth.json"
    written = json.loads(truth.read_bytes())["sources"]
    truth.unlink()  # it is no log
    events = sum(int(source["records"]) for source in written)
    size_bytes = sum(int(source["size_bytes"]) for source in written)
    return DataSet(f"generated {events:,}", folder, events, size_bytes, is_evtx=False)


def command_lines(events: int, distinct: int, scratch: Path) -> DataSet:
    """Write process creations with so many distinct command lines: the costly case for a matcher."""
    folder = scratch / f"distinct-{distinct}"
    folder.mkdir()
    path = folder / "process.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(events):
            which = number % distinct
            rest, thousandths = divmod(number, 1_000)
            minutes, seconds = divmod(rest, 60)
            event = {
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "Provider_Name": "Microsoft-Windows-Sysmon",
                "EventID": 1,
                "UtcTime": f"2026-11-03 20:{minutes % 60:02}:{seconds:02}.{thousandths:03}",
                "Computer": "ems-01.county.example",
                "Image": "C:\\Program Files\\Ballot\\layout.exe",
                "ParentImage": "C:\\Windows\\explorer.exe",
                "CommandLine": f"layout.exe --precinct {which} --style {which * 7919 % 104_729:x}",
            }
            file.write(json.dumps(event) + "\n")
    return DataSet(f"{distinct:,} distinct", folder, events, path.stat().st_size, is_evtx=False)
