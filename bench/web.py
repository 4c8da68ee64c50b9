"""Measure the bundled web rules: recall on labelled attack requests, alarms on ordinary lines.

    python bench/web.py [--missed] [--false] [DATA]

DATA is the folder with `crs_requests.jsonl` (labelled requests) and `access_combined.log`
(ordinary lines).  Requests are written as access log lines and judged like any log.

An access log carries no bodies, cookies or other headers.  A labelled request counts for the bar
if it has neither body nor cookie nor a header of its own, and if something in its target, Referer
or User-Agent differs from the plain request of the test set: there its decisive text must stand.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hisn.app.correlated import RunCorrelations
from hisn.core import limits
from hisn.elections.pack import bundled_rules
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner
from hisn.events.batch import Chunk
from hisn.events.mapping import load_mapping
from hisn.events.schema import Declaration
from hisn.events.sources.combined import FORMAT
from hisn.rules.pack import Pack
from hisn.rules.sigma import build_pack
from hisn.testing.evening import election_evening
from hisn.testing.generator import records_of

FAMILIES = ("930", "931", "932", "933", "934", "941", "942", "943", "944")
BAR_RECALL = 0.85
BAR_FALSE_PER_10K = 2.0

_PLAIN_TARGETS = {"", "/", "/get", "/get/", "/post", "/post/"}
_PLAIN_HEADERS = {
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection",
    "content-length", "content-type", "host", "keep-alive", "proxy-connection", "referer", "user-agent",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """Hold one labelled request, as far as an access log shows it."""

    name: str
    family: str
    is_positive: bool
    is_visible: bool
    line: str


def _escaped(text: str) -> str:
    """Write a text as Apache does: quotes, backslashes and control characters escaped."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char < " " or char == "\x7f":
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return "".join(out)


def case_of(entry: dict[str, object]) -> Case:
    """Return the access log's view of a labelled request."""
    given = entry["headers"]
    if not isinstance(given, dict):
        raise SystemExit(f"{entry['id']}: headers are no object")
    headers = {str(name).lower(): str(value) for name, value in given.items()}
    agent, referer = headers.get("user-agent", "-"), headers.get("referer", "-")
    target = str(entry["uri"])
    says_something = target not in _PLAIN_TARGETS or referer != "-" or "CRS" not in agent
    is_visible = not entry["data"] and headers.keys() <= _PLAIN_HEADERS and says_something
    request = _escaped(f"{entry['method']} {target} HTTP/1.1")
    line = (
        f'192.0.2.1 - - [03/Nov/2026:20:00:00 +0100] "{request}" 200 512 '
        f'"{_escaped(referer) or "-"}" "{_escaped(agent) or "-"}"'
    )
    family = str(entry["category"]).split("-")[1]
    return Case(str(entry["id"]), family, entry["label"] == "positive", is_visible, line)


def web_pack() -> Pack:
    """Return the bundled rules for web servers."""
    return build_pack("web", (rule for rule in bundled_rules() if rule.path.startswith("web_")))


def fired(pack: Pack, lines: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return every line with the paths of the rules that fire on it, as any log is judged."""
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    parsed = FORMAT.open(data[: limits.SNIFF_BYTES], Declaration()).parse(data, 1)
    chunk = Chunk("access.log", FORMAT.name, parsed.blocks, parsed.unparsed, parsed.records, len(data))
    hits: list[list[str]] = [[] for _ in lines]
    # Without Hyperscan: compiling its databases takes longer than judging so few lines.
    correlated = RunCorrelations(pack, load_mapping().digest, lambda _source: "")
    scanner = Scanner(
        compile_plan(pack),
        load_mapping(),
        use_hyperscan=False,
        wanted=correlated.wanted,
        silenced=correlated.silenced,
    )
    scan = scanner.scan([chunk])
    for block in scan.hits:
        for number in block.numbers.tolist():
            hits[number - 1].append(pack.rules[block.rule].path)
    correlated.add(scan.marks)
    paths = {each.digest: each.path for each in pack.correlations}
    for finding in correlated.finish()[0]:
        for number in {number for part in finding.evidence for number in part.records}:
            hits[number - 1].append(paths[finding.rule_digest])
    return [(line, tuple(paths)) for line, paths in zip(lines, hits, strict=True)]


def report_cases(pack: Pack, path: Path, *, show_missed: bool, show_false: bool) -> float:
    """Print recall by family and return it for all the cases that an access log can show."""
    cases = [case_of(json.loads(line)) for line in path.read_bytes().splitlines()]
    judged = dict(fired(pack, [case.line for case in cases]))
    table: Counter[tuple[str, bool, bool]] = Counter()
    hidden: Counter[bool] = Counter()
    for case in cases:
        is_hit = bool(judged.get(case.line))
        if case.family not in FAMILIES or not case.is_visible:
            hidden[is_hit] += case.is_positive
            continue
        table[case.family, case.is_positive, is_hit] += 1
        if (case.is_positive and not is_hit and show_missed) or (
            not case.is_positive and is_hit and show_false
        ):
            print(case.family, case.name, judged.get(case.line, ()), case.line[48:240])
    print("family   positives     hit   recall   negatives     hit")
    for family in FAMILIES:
        row = [table[family, positive, hit] for positive in (True, False) for hit in (True, False)]
        share = row[0] / max(1, row[0] + row[1])
        print(f"{family:6} {row[0] + row[1]:11} {row[0]:7} {share:8.1%} {row[2] + row[3]:11} {row[2]:7}")
    hits = sum(count for (_, positive, hit), count in table.items() if positive and hit)
    total = sum(count for (_, positive, _hit), count in table.items() if positive)
    recall = hits / max(1, total)
    print(f"all    {total:11} {hits:7} {recall:8.1%}   (bar {BAR_RECALL:.0%})")
    print(f"without a bar (bodies, cookies, other families): {hidden[True]} of {hidden.total()} hit")
    return recall


def report_ordinary(pack: Pack, name: str, lines: Sequence[str], *, show: bool) -> float:
    """Print the alarms on ordinary lines and return them per 10,000 lines."""
    count = 0
    alarms: Counter[str] = Counter()
    false_lines = 0
    for line, paths in fired(pack, lines):
        count += 1
        alarms.update(paths)
        false_lines += bool(paths)
        if paths and show:
            print(paths, line[:300])
    rate = 10_000 * false_lines / max(1, count)
    print(f"{name}: {false_lines} of {count} lines, {rate:.1f} per 10,000 (bar {BAR_FALSE_PER_10K})")
    for path, hits in alarms.most_common():
        print(f"  {hits:5} {path}")
    return rate


def main() -> None:
    """Print the measurements; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data/web"))
    parser.add_argument("--missed", action="store_true", help="show attacks that no rule saw")
    parser.add_argument(
        "--false", action="store_true", help="show ordinary lines that a rule took for an attack"
    )
    chosen = parser.parse_args()
    pack = web_pack()
    print(f"{len(pack.rules)} web rules")
    recall = report_cases(
        pack, chosen.data / "crs_requests.jsonl", show_missed=chosen.missed, show_false=chosen.false
    )
    log = (chosen.data / "access_combined.log").read_bytes().decode("utf-8", "surrogateescape")
    rate = report_ordinary(pack, "access_combined.log", log.split("\n")[:-1], show=chosen.false)
    calm = election_evening(1, 15_000, with_attacks=False)
    evening = [record.text for record in records_of(calm, calm.sources[0])]
    report_ordinary(pack, "generated evening", evening, show=chosen.false)
    raise SystemExit(recall < BAR_RECALL or rate > BAR_FALSE_PER_10K)


if __name__ == "__main__":
    main()
