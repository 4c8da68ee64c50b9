"""Run the programs that analysts use today, with the same rules, and read what they found.

Each is named by environment variables, see PEERS.md; one that is not named is left out.
A hit is one rule on one record, whatever the program calls it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from measure import Run, run_once

_OWN_ID = re.compile(r"^id: ([0-9a-f-]{36})", re.MULTILINE)
_DERIVED_FROM = re.compile(r"- id: ([0-9a-f-]{36})\s+type: derived")

_PIPELINES = ("--pipeline", "sysmon", "--pipeline", "windows-logsources")

Hits = Counter[str]
Command = list[str | Path]


@dataclass(frozen=True, slots=True)
class DataSet:
    """Hold one set of logs: `path` a folder, `lines` the same as one file of JSON lines."""

    name: str
    path: Path
    events: int
    size_bytes: int
    is_evtx: bool
    lines: Path | None = None


class Peer(ABC):
    """Be one program beside which Hisn is measured."""

    name: str
    note = ""
    is_slow = False
    """Run it once, not several times."""
    env: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @abstractmethod
    def prepare(self, rules: Path, scratch: Path) -> Run | None:
        """Convert the rules to the program's own form where it has one; return what that took."""

    @abstractmethod
    def command(self, data: DataSet, output: Path) -> Command | None:
        """Return the command that judges the data on one core, or None if it cannot read it."""

    @abstractmethod
    def hits(self, run: Run, output: Path) -> Hits:
        """Return the number of hits by rule id."""


class Zircolite(Peer):
    """Drive Zircolite 3.x: SQLite, rules converted to its own form beforehand."""

    name = "Zircolite"

    def __init__(self, folder: Path, python: Path) -> None:
        self._base: Command = [python, folder / "zircolite.py", "--config", folder / "config" / "config.yaml"]
        self._rules = Path()

    def prepare(self, rules: Path, scratch: Path) -> Run | None:
        """Convert with pySigma, as its documentation says; the conversion also judges an empty log."""
        empty = scratch / "empty.json"
        empty.write_text('{"Channel": "none", "EventID": 0}\n')
        convert: Command = ["--ruleset", rules, *_PIPELINES, "--save-ruleset", "--nolog"]
        run = run_once([*self._base, "--events", empty, "--json-input", *convert], cwd=scratch)
        (self._rules,) = scratch.glob("ruleset-*.json")
        return run

    def command(self, data: DataSet, output: Path) -> Command | None:
        """Judge a folder in one process, quietly."""
        form: Command = [] if data.is_evtx else ["--json-input", "--fileext", "gz"]
        options: Command = ["--ruleset", self._rules, "--no-parallel", "--quiet"]
        return [
            *self._base,
            "--events",
            data.path,
            *form,
            *options,
            "--logfile",
            os.devnull,
            "--outfile",
            output,
        ]

    def hits(self, run: Run, output: Path) -> Hits:  # noqa: ARG002 - the results are in the file
        """Count the matches of each entry; there is one for each rule and file."""
        found = Hits()
        for entry in json.loads(output.read_bytes()):
            found[entry["id"]] += int(entry["count"])
        return found


class ZircoliteFromSource(Zircolite):
    """Drive Zircolite with the rules as their authors wrote them: it converts them at every start."""

    name = "Zircolite, rules as written"
    is_slow = True

    def prepare(self, rules: Path, scratch: Path) -> Run | None:  # noqa: ARG002 - nothing is written
        """Take the rules as they are."""
        self._rules = rules
        return None

    def command(self, data: DataSet, output: Path) -> Command | None:
        """Convert and judge."""
        judge = super().command(data, output)
        return [*judge, *_PIPELINES] if judge else None


class Rsigma(Peer):
    """Drive rsigma: JSON lines only, as it does not flatten the nested records of EVTX."""

    name = "rsigma"
    note = "reads one file of JSON lines, unpacked beforehand"

    def __init__(self, program: Path) -> None:
        self._program = program
        self._rules = Path()

    def prepare(self, rules: Path, scratch: Path) -> Run | None:  # noqa: ARG002 - nothing is written
        """Take the rules as they are: it compiles them at every start."""
        self._rules = rules
        return None

    def command(self, data: DataSet, output: Path) -> Command | None:  # noqa: ARG002 - it prints
        """Judge one file of JSON lines with the Sysmon pipeline."""
        if data.lines is None:
            return None
        evaluate: Command = [self._program, "engine", "eval", "--quiet", "--pipeline", "sysmon"]
        return [*evaluate, "--logsource-routing", "--rules", self._rules, "--event", f"@{data.lines}"]

    def hits(self, run: Run, output: Path) -> Hits:  # noqa: ARG002 - it prints
        """Count one line for each rule and record."""
        return Hits(json.loads(line)["rule_id"] for line in run.output.split(b"\n") if line)


class Chainsaw(Peer):
    """Drive Chainsaw 2: EVTX only."""

    name = "Chainsaw"
    env = MappingProxyType({"RAYON_NUM_THREADS": "1"})

    def __init__(self, program: Path, mapping: Path) -> None:
        self._program = program
        self._mapping = mapping
        self._rules = Path()

    def prepare(self, rules: Path, scratch: Path) -> Run | None:  # noqa: ARG002 - nothing is written
        """Take the rules as they are: it compiles them at every start."""
        self._rules = rules
        return None

    def command(self, data: DataSet, output: Path) -> Command | None:  # noqa: ARG002 - it prints
        """Hunt through a folder."""
        if not data.is_evtx:
            return None
        options: Command = ["--sigma", self._rules, "--mapping", self._mapping, "--jsonl", "-q"]
        return [self._program, "hunt", data.path, *options]

    def hits(self, run: Run, output: Path) -> Hits:  # noqa: ARG002 - it prints
        """Count one line for each rule and record."""
        return Hits(json.loads(line)["id"] for line in run.output.split(b"\n") if line)


class Hayabusa(Peer):
    """Drive Hayabusa: EVTX only, and rules that were converted beforehand."""

    name = "Hayabusa"
    note = "rules converted beforehand: a rule for a log source becomes one for each channel that can hold it"

    def __init__(self, program: Path, rules: Path, config: Path) -> None:
        self._program = program
        self._rules = rules
        self._config = config
        self._originals: dict[str, str] = {}

    def prepare(self, rules: Path, scratch: Path) -> Run | None:  # noqa: ARG002 - see PEERS.md
        """Learn which Sigma rule each converted one comes from; the conversion was done beforehand."""
        for path in self._rules.rglob("*.yml"):
            text = path.read_text("utf-8")
            own, parents = _OWN_ID.search(text), _DERIVED_FROM.findall(text)
            if own and parents:
                # The converter puts the rule's origin behind the relations its author gave it.
                self._originals[own[1]] = parents[-1]
        return None

    def command(self, data: DataSet, output: Path) -> Command | None:
        """Write a timeline of a folder on one thread."""
        if not data.is_evtx:
            return None
        quiet: Command = ["--no-wizard", "--quiet", "--quiet-errors", "--no-summary", "--clobber", "--utc"]
        rules: Command = ["--rules", self._rules, "--rules-config", self._config, "--enable-noisy-rules"]
        form: Command = ["--threads", "1", "--profile", "super-verbose", "--output-type", "jsonl"]
        return [
            self._program,
            "dfir-timeline",
            "--directory",
            data.path,
            *quiet,
            *rules,
            *form,
            "--output",
            output,
        ]

    def hits(self, run: Run, output: Path) -> Hits:  # noqa: ARG002 - the results are in the file
        """Count one line for each rule and record, by the id of the Sigma rule."""
        found = Hits()
        for line in output.read_bytes().split(b"\n"):
            if line:
                rule = json.loads(line)["RuleID"]
                found[self._originals.get(rule, rule)] += 1
        return found


def _named(variable: str) -> Path | None:
    value = os.environ.get(variable)
    if value and not Path(value).exists():
        raise SystemExit(f"{variable} names what is not there: {value}")
    return Path(value).resolve() if value else None


def installed_peers() -> Sequence[Peer]:
    """Return the programs that the environment names."""
    peers: list[Peer] = []
    if folder := _named("HISN_BENCH_ZIRCOLITE"):
        python = os.environ.get("HISN_BENCH_ZIRCOLITE_PYTHON") or shutil.which("python3") or "python3"
        # Not resolved: the environment of a virtual Python hangs on the path it is called by.
        peers.append(Zircolite(folder, Path(python).absolute()))
        peers.append(ZircoliteFromSource(folder, Path(python).absolute()))
    if program := _named("HISN_BENCH_RSIGMA"):
        peers.append(Rsigma(program))
    if (program := _named("HISN_BENCH_CHAINSAW")) and (mapping := _named("HISN_BENCH_CHAINSAW_MAPPING")):
        peers.append(Chainsaw(program, mapping))
    rules, config = _named("HISN_BENCH_HAYABUSA_RULES"), _named("HISN_BENCH_HAYABUSA_CONFIG")
    if (program := _named("HISN_BENCH_HAYABUSA")) and rules and config:
        peers.append(Hayabusa(program, rules, config))
    return peers
