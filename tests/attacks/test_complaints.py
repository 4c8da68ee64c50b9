"""Complaints of other programs' users, each as a test: what made them stop trusting a result.

Threads about the meaning of rules stand where the meaning is tested, under `tests/unit/rules/sigma`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hisn.core.limits import MiB

SECURITY_RULE = """
title: Log cleared
id: 7a1d5f0e-5f0c-4a3b-9d0e-000000000001
status: test
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 1102}
    condition: selection
level: high
"""
SYSMON_RULE = """
title: Anything that Sysmon wrote
id: 7a1d5f0e-5f0c-4a3b-9d0e-000000000002
status: test
logsource: {product: windows, service: sysmon}
detection:
    selection: {EventID|exists: true}
    condition: selection
level: high
"""
SPRAY_RULE = """
title: Explicit logon
id: 7a1d5f0e-5f0c-4a3b-9d0e-000000000003
status: test
logsource: {product: windows, service: security}
detection:
    selection: {EventID: 4648, TargetUserName|contains: [a, e, i, o, u]}
    other: {IpAddress|startswith: "172.16."}
    condition: selection or other
level: medium
"""
NULL_ID = "{00000000-0000-0000-0000-000000000000}"

RUN = """
import json, os, sys
from pathlib import Path
from hisn.cli.main import run

code = run(sys.argv[1:])
peaks = []
for path in Path("/proc").glob("[0-9]*/status"):
    try:
        status = dict(line.split(":", 1) for line in path.read_text().splitlines())
    except OSError:
        continue  # another program that has ended
    if "VmHWM" in status and str(os.getpid()) in (status["Pid"].strip(), status["PPid"].strip()):
        peaks.append(int(status["VmHWM"].split()[0]) * 1024)
print(json.dumps([code, max(peaks, default=0)]), file=sys.stderr)
"""
"""Run the program, then say the most memory that it or its reading child held, 0 where none can tell.

`ru_maxrss` would not do: a new process begins with that of the process that started it.
"""


def event(event_id: int, **data: object) -> dict[str, object]:
    """Return a flat Windows record of the security log, as forwarders export it."""
    return {
        "Channel": "Security",
        "Provider_Name": "Microsoft-Windows-Security-Auditing",
        "EventID": event_id,
        "Computer": "ems-01",
        "SystemTime": "2026-11-03T20:15:00.123456Z",
        **data,
    }


def write_events(path: Path, events: Sequence[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in events))
    return path


def write_rule(folder: Path, text: str) -> Path:
    path = folder / "rule.yml"
    path.write_text(text)
    return path


def hisn(words: Sequence[object], hash_seed: str = "0") -> tuple[int, int, bytes]:
    """Run ``hisn guard`` in a process of its own; return exit code, peak memory in bytes and output."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, "guard", "--quiet", *map(str, words)],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )
    code, peak = json.loads(done.stderr.splitlines()[-1])
    return code, peak, done.stdout


def report(words: Sequence[object]) -> tuple[int, dict[str, Any]]:
    code, _peak, out = hisn([*words, "--json"])
    return code, json.loads(out)


@pytest.fixture
def ties(tmp_path: Path) -> list[object]:
    """Return arguments: hits of one rule at one instant, in several files, on several hosts."""
    names = ["moussaïn", "baker", "ebooth", "psmith", "jwright", "econrad"]
    for host in range(5):
        events = [
            event(4648, Computer=f"pc-{host % 3}", TargetUserName=[*names[at:], *names[:at]], IpAddress=ip)
            for ip in ("172.16.144.128", "-")
            for at in range(len(names))
        ]
        write_events(tmp_path / "logs" / f"{host}.jsonl", events)
    return [tmp_path / "logs", "--rules", write_rule(tmp_path, SPRAY_RULE)]


@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv"])
def test_same_command_twice_writes_the_same_bytes(ties: list[object], tmp_path: Path, form: str) -> None:
    """hayabusa #1466, #1519 (also #639, #1566, #1768) and Zircolite #117.

    The result files of one command differ from run to run: records of one instant change places,
    and so do the values listed for one detection.
    """
    wanted = None
    for number, hash_seed in ((1, "0"), (2, "1"), (3, "4711")):
        page = tmp_path / "page.html"
        words = [*ties, form, "--html", page, "--processes", number, "--batch-rows", 7 * number]
        code, _peak, out = hisn(words, hash_seed)
        assert code == 0
        assert out.count(b"Explicit logon") >= 5
        wanted = wanted or (out, page.read_bytes())
        assert (out, page.read_bytes()) == wanted


def test_records_of_one_instant_keep_the_order_of_the_log(ties: list[object]) -> None:
    """hayabusa #1519: even sorted, records of the same time come in another order every time."""
    _code, found = report(ties)
    findings = found["findings"]
    assert [finding["source"] for finding in findings] == [f"{host}.jsonl" for host in range(5)]
    assert all(finding["records"] == list(range(1, 13)) for finding in findings)


FORWARDED: dict[str, dict[str, object]] = {
    "under-its-own-channel": event(1102),
    "under-the-collectors-channel": event(1102, Channel="ForwardedEvents"),
    "without-a-channel": {name: cell for name, cell in event(1102).items() if name != "Channel"},
    "rendered": {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing", "Guid": NULL_ID}},
                "EventID": 1102,
                "TimeCreated": {"#attributes": {"SystemTime": "2026-11-03T20:15:00.1Z"}},
                "Channel": "Security",
                "Computer": "ems-01.county.example",
            },
            "RenderingInfo": {
                "#attributes": {"Culture": "en-US"},
                "Message": "The audit log was cleared.",
                "Channel": "ForwardedEvents",
                "Provider": "Microsoft Windows security auditing.",
            },
        }
    },
}


@pytest.mark.parametrize("kind", FORWARDED)
def test_forwarded_events_are_judged_by_the_rules_of_their_own_log(tmp_path: Path, kind: str) -> None:
    """chainsaw #115: in a log from a collector (WEC), ``hunt`` finds nothing at all."""
    log = write_events(tmp_path / "ForwardedEvents.jsonl", [event(4624), FORWARDED[kind]])
    _code, found = report([log, "--rules", write_rule(tmp_path, SECURITY_RULE)])
    (finding,) = found["findings"]
    assert finding["records"] == [2]


@pytest.mark.parametrize("form", ["", "--json", "--jsonl", "--csv"])
def test_rules_for_a_log_that_is_not_there_are_named(tmp_path: Path, form: str) -> None:
    """hayabusa #1615: Sysmon rules on a machine without Sysmon give an empty file and no reason."""
    log = write_events(tmp_path / "Security.jsonl", [event(4624), event(1102)])
    rule = write_rule(tmp_path, SYSMON_RULE)
    page = tmp_path / "page.html"
    _code, _peak, out = hisn([log, "--rules", rule, "--html", page, *([form] if form else [])])
    assert b"no such source" in out
    assert b"no such source" in page.read_bytes()


def test_empty_log_beside_full_ones_hides_nothing(tmp_path: Path) -> None:
    """hayabusa #1615: a log that cannot be loaded must not silence, and must be named."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "Application.evtx").write_bytes(b"")
    (tmp_path / "logs" / "System.evtx").write_bytes(b"ElfFile\0" + b"\0" * 100)
    write_events(tmp_path / "logs" / "Security.jsonl", [event(1102)])
    code, found = report([tmp_path / "logs", "--rules", write_rule(tmp_path, SECURITY_RULE)])
    assert len(found["findings"]) == 1
    assert code == 3
    sources = {source["name"]: source for source in found["coverage"]["sources"]}
    assert sources.keys() == {"Application.evtx", "System.evtx", "Security.jsonl"}
    assert sources["System.evtx"]["status"] != "read"
    assert sources["System.evtx"]["reason"] or sources["System.evtx"]["unparsed_total"]
    assert sources["Application.evtx"]["records"] == 0


def test_folder_without_logs_is_not_a_clean_result(tmp_path: Path) -> None:
    """hayabusa #1615: nothing was loaded, nothing was found, and nothing was said."""
    (tmp_path / "logs").mkdir()
    code, found = report([tmp_path / "logs"])
    assert code == 3
    assert found["coverage"]["incomplete_reasons"] == ["no source was found"]


def test_time_window_that_leaves_everything_out_says_so(tmp_path: Path) -> None:
    """hayabusa #1615: an empty result has a reason that can be looked up."""
    log = write_events(tmp_path / "Security.jsonl", [event(1102)])
    rule = write_rule(tmp_path, SECURITY_RULE)
    _code, found = report([log, "--rules", rule, "--from", "2027-01-01"])
    assert found["findings"] == []
    (source,) = found["coverage"]["sources"]
    assert (source["records"], source["outside_window"]) == (1, 1)


def attacked_log(path: Path, size_bytes: int) -> Path:
    """Write an access log in which every line is an attack that several rules find."""
    line = (
        "198.51.100.{} - - [03/Nov/2026:20:{:02}:{:02} +0000] "
        '"GET /voter?id={}%20UNION%20SELECT%20password%20FROM%20users-- HTTP/1.1" 200 {} "-" "sqlmap/1.{}"\n'
    )
    with path.open("w") as stream:
        for at in range(size_bytes // 145):
            stream.write(line.format(at % 250, at // 60 % 60, at % 60, at, at, at))
    return path


def forwarded_log(path: Path, size_bytes: int) -> Path:
    """Write a Windows log as JSON lines in which no value but the names comes twice."""
    with path.open("w") as stream:
        for at in range(size_bytes // 300):
            data = {"CommandLine": f"cmd.exe /c whoami {at:090}", "NewProcessName": f"C:\\{at}\\cmd.exe"}
            stream.write(json.dumps(event(4688, **data)) + "\n")
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see peak memory")
@pytest.mark.parametrize(("write", "finds"), [(attacked_log, True), (forwarded_log, False)])
def test_memory_does_not_grow_with_the_log_or_its_hits(
    tmp_path: Path, write: Callable[[Path, int], Path], finds: bool
) -> None:
    """hayabusa #946 and #1368, chainsaw #102, Zircolite #12 and #90.

    Large logs with many detections fill the memory until the system kills the program.  Here a log
    twice as large may take little more; the sizes of real complaints are in `tests/soak`.
    """
    peaks = []
    for size in (12 * MiB, 24 * MiB):
        code, peak, out = hisn([write(tmp_path / "log", size), "--jsonl", "--processes", 1])
        # A flood of one hour is more than correlations hold of an hour: they let go, and say so.
        assert code == (3 if b"events that correlations could not hold" in out else 0)
        assert (b'"rule_id"' in out) is finds
        peaks.append(peak)
    print(f"{peaks[0] / MiB:.0f} and {peaks[1] / MiB:.0f} MiB")
    assert peaks[1] - peaks[0] < 48 * MiB
    assert 0 < max(peaks) < 400 * MiB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to see peak memory")
@pytest.mark.corpus
def test_memory_does_not_grow_with_an_event_log_file(corpus: Path, tmp_path: Path) -> None:
    """hayabusa #946, Zircolite #12: one EVTX file of gigabytes, and the program is killed."""
    whole = max((corpus / "evtx").rglob("*.evtx"), key=lambda path: path.stat().st_size).read_bytes()
    header, chunks = whole[:4096], whole[4096 : 4096 + (len(whole) - 4096) // 65_536 * 65_536]
    peaks, records = [], []
    for size in (12 * MiB, 48 * MiB):
        log = tmp_path / "Security.evtx"
        log.write_bytes(header + chunks * (size // len(chunks)))
        code, peak, out = hisn([log, "--json", "--processes", 1])
        found = json.loads(out)
        assert code in (0, 3)
        records.append(found["run"]["records"])
        peaks.append(peak)
    print(f"{records} records: {peaks[0] / MiB:.0f} and {peaks[1] / MiB:.0f} MiB")
    assert records[1] > 3 * records[0] > 0
    assert peaks[1] - peaks[0] < 48 * MiB
    assert 0 < max(peaks) < 400 * MiB
