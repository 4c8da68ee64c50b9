"""Run Hisn as users run it: a process of its own, from a cold start."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from measure import Run, Series, run_once, run_series
from peers import DataSet, Hits

HISN = Path(sys.executable).with_name("hisn")
# Findings, or something that was not read, are results; everything else is a failure.
_ALLOWED = frozenset({0, 1, 3})
_STAGE = re.compile(r"^\s*(\w+)\s+([0-9.]+) s$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Way:
    """Say how to run it: rules, processes, with or without Hyperscan."""

    rules: Path | None
    processes: int = 1
    use_hyperscan: bool = True
    home: Path = field(default_factory=Path)

    @property
    def name(self) -> str:
        """Return the name of this way in tables."""
        cores = "1 process" if self.processes == 1 else f"{self.processes} processes"
        return f"Hisn, {cores}" + ("" if self.use_hyperscan else ", without Hyperscan")


def command(way: Way, data: Path) -> list[str | Path]:
    """Return the command that judges the data and prints findings as JSON lines."""
    rules: list[str | Path] = ["--rules", way.rules] if way.rules else []
    engine = [] if way.use_hyperscan else ["--no-hyperscan"]
    options = ["--jsonl", "--timings", "--quiet", "--processes", str(way.processes)]
    return [HISN, "guard", data, *rules, *engine, *options]


def judge(way: Way, data: DataSet, runs: int) -> Series:
    """Judge a set several times; the rules are compiled before (see `first_start`)."""
    return run_series(command(way, data.path), runs, env={"HISN_HOME": str(way.home)}, allowed=_ALLOWED)


def first_start(way: Way, data: DataSet) -> Run:
    """Judge a set with nothing in the cache: the rules are parsed and compiled."""
    return run_once(command(way, data.path), env={"HISN_HOME": str(way.home)}, allowed=_ALLOWED)


def _documents(run: Run) -> Iterator[dict[str, object]]:
    return (json.loads(line) for line in run.output.split(b"\n") if line)


def hits_of(run: Run) -> Hits:
    """Return the number of hits by rule id."""
    found = Hits()
    for document in _documents(run):
        if "rule_id" in document:
            found[str(document["rule_id"])] += int(str(document["count"]))
    return found


def records_of(run: Run) -> int:
    """Return how many records the coverage says were read."""
    for document in _documents(run):
        sources = document.get("sources")
        if isinstance(sources, list):
            return sum(int(source["records"]) for source in sources)
    return 0


def stages_of(run: Run) -> dict[str, float]:
    """Return the seconds of each stage; what is left of the wall time is start, imports and output."""
    stages = {name: float(seconds) for name, seconds in _STAGE.findall(run.errors)}
    # `read` and `scan` are parts of `judge`.
    inside = sum(seconds for name, seconds in stages.items() if name not in ("read", "scan"))
    return {"start, imports, output": max(0.0, run.wall_s - inside), **stages}
