"""Write what was measured as Markdown, and on the terminal."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from measure import MiB, Series
from peers import DataSet, Hits

REPOSITORY = Path(__file__).resolve().parent.parent


class Report:
    """Collect sections; print each as it comes."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._bars: list[list[str]] = []

    def add(self, text: str) -> None:
        """Add a paragraph or heading."""
        self._parts.append(text)
        print(text, end="\n\n", flush=True)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add a table; the first column is text, the others are figures."""
        lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
        self.add("\n".join("| " + " | ".join(line) + " |" for line in lines))

    def bar(self, what: str, measured: float, bar: float, unit: str, *, is_ceiling: bool = False) -> None:
        """Note a figure that has to reach a bar, or stay below it."""
        is_met = measured <= bar if is_ceiling else measured >= bar
        limit = f"{'at most' if is_ceiling else 'at least'} {bar:g} {unit}"
        self._bars.append([what, f"{measured:.3g} {unit}", limit, "met" if is_met else "**missed**"])

    def close(self) -> None:
        """Add the table of the bars."""
        if self._bars:
            self.add("## Bars")
            self.table(("what", "measured", "bar", ""), self._bars)

    def text(self) -> str:
        """Return the whole report."""
        return "\n\n".join(self._parts) + "\n"


def hardware() -> str:
    """Return the processor, its cores and the memory of this machine."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        model = next(named, f":{model}").partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // MiB
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {memory:,} MiB, {system}"


def commit() -> str:
    """Return the commit that was measured, and whether the tree differs from it."""
    changed = " with changes" if _git("status", "--porcelain", "--", "src") else ""
    return (_git("rev-parse", "--short=12", "HEAD") or "unknown") + changed


def _git(*arguments: str) -> str:
    program = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False).stdout.strip()


def row(name: str, series: Series, data: DataSet, slowest_s: float | None) -> list[str]:
    """Return one program's figures on one set."""
    best = series.best
    ratio = f"{slowest_s / best.wall_s:.1f}" if slowest_s else ""
    return [
        name,
        f"{best.wall_s:.2f}",
        f"{series.median_s:.2f}",
        f"{best.cpu_s:.2f}",
        f"{data.events / best.wall_s:,.0f}",
        f"{data.size_bytes / MiB / best.wall_s:.1f}",
        f"{best.peak_bytes / MiB:,.0f}",
        ratio,
    ]


ROW_HEAD = ("program", "best s", "median s", "CPU s", "events/s", "MB/s", "peak MiB", "x Zircolite")


def differences(ours: Hits, theirs: Hits) -> list[list[str]]:
    """List the rules with different numbers of hits: id, ours, theirs."""
    return [
        [rule, str(ours[rule]), str(theirs[rule])]
        for rule in sorted(ours.keys() | theirs.keys())
        if ours[rule] != theirs[rule]
    ]


def agreement(ours: Hits, theirs: Hits) -> str:
    """Say in one line how two hit lists compare."""
    more = sum(1 for rule in ours if ours[rule] > theirs[rule])
    fewer = sum(1 for rule in theirs if theirs[rule] > ours[rule])
    same = sum(1 for rule in ours if ours[rule] == theirs[rule])
    return (
        f"{ours.total():,} hits of {len(ours)} rules against {theirs.total():,} of {len(theirs)}: "
        f"{same} rules alike, {more} with more hits here, {fewer} with fewer"
    )
