"""Memory stays bounded whatever the size of a log, and the result does not depend on the processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hisn.testing.evening import single_source
from hisn.testing.generator import generate

SIZE_BYTES = int(os.environ.get("HISN_SOAK_BYTES", "5_000_000_000"))
MOST_BYTES = 500_000_000
RECORD_BYTES = 280
"""About what one record of the generated access log takes."""

RUN = """
import json, resource, sys
from hisn.cli.main import run
code = run(sys.argv[1:])
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([code, own * 1024, largest_child * 1024]), file=sys.stderr)
"""


def guarded(folder: Path, processes: int) -> tuple[int, int, bytes]:
    """Return the exit code, the peak memory of the largest process in bytes, and the findings."""
    out = folder.with_name(f"out-{processes}.jsonl")
    words = ["guard", str(folder), "--jsonl", "-o", str(out), "--quiet", "--processes", str(processes)]
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True)
    code, own, largest_child = json.loads(done.stderr.splitlines()[-1])
    return code, max(own, largest_child), out.read_bytes()


@pytest.mark.soak
def test_log_of_gigabytes_is_judged_in_bounded_memory(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    generate(single_source("portal", seed=2026, size=SIZE_BYTES // RECORD_BYTES), logs)
    size = sum(path.stat().st_size for path in logs.rglob("*") if path.is_file())
    assert size > SIZE_BYTES * 0.8
    code, peak, findings = guarded(logs, 2)
    print(f"{size:,} bytes, {peak:,} bytes of memory at most in one process")
    assert code == 0
    assert findings.count(b'"rule_id"') > 0
    assert peak < MOST_BYTES
    alone_code, alone_peak, alone_findings = guarded(logs, 1)
    assert (alone_code, alone_findings) == (code, findings)
    assert alone_peak < MOST_BYTES


@pytest.mark.soak
def test_flood_of_values_that_never_come_twice_does_not_fill_the_memory(tmp_path: Path) -> None:
    """An attacker sends a new path, referrer and agent with every request to fill our dictionaries."""
    log = tmp_path / "logs" / "access.log"
    log.parent.mkdir()
    lines = SIZE_BYTES // 10 // 200
    with log.open("w") as stream:
        for at in range(lines):
            stream.write(
                f"198.51.100.{at % 250} - - [03/Nov/2026:20:{at // 60 % 60:02}:{at % 60:02} +0000] "
                f'"GET /{at:040x}?{at * 7919:x}=1 HTTP/1.1" 404 {at} "https://{at:x}.example/" "agent {at:x}"\n'
            )
    code, peak, _findings = guarded(log.parent, 1)
    print(f"{lines:,} lines, {peak:,} bytes of memory at most")
    assert code == 0
    assert peak < MOST_BYTES
