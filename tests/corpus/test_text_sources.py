"""Read the public text logs whole, and take public attack requests through an access log."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hisn.events import sources
from hisn.events.schema import Declaration
from hisn.events.sources import combined

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("web/access_combined.log", "combined"),
        ("web/crs_requests.jsonl", "json-lines"),
        ("syslog/loghub_OpenSSH_2k.log", "syslog"),
        ("syslog/loghub_Linux_2k.log", "syslog"),
        ("syslog/loghub_Apache_2k.log", "apache-error"),
        ("syslog/loghub_Windows_2k.log", None),
        ("election/vxlogs/eel_cdf_converted.json", "nist-1500-101-json"),
        ("election/nist-1500-101/NIST_V1_election_event_logging.xsd", None),
    ],
)
def test_public_file_is_recognised_by_its_content(corpus: Path, path: str, name: str | None) -> None:
    with (corpus / path).open("rb") as stream:
        found = sources.sniff(stream.read(65536))
    assert (found.name if found else None) == name


def test_only_event_logs_among_the_election_files_are_event_logs(corpus: Path) -> None:
    found: Counter[str] = Counter()
    for path in sorted((corpus / "election").rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                form = sources.sniff(stream.read(65536))
            found[form.name if form else "none"] += 1
    assert found["nist-1500-101-json"] == 1
    assert found.keys() <= {"none", "json", "json-lines", "nist-1500-101-json"}


def test_real_attack_requests_survive_the_access_log(corpus: Path) -> None:
    lines, wanted = [], []
    for text in (corpus / "web/crs_requests.jsonl").read_text("utf-8").splitlines():
        request = json.loads(text)
        uri, method = request["uri"], request["method"]
        # What a server would not take as a request line is not written by it in this form.
        if not uri or not method.isalpha() or any(char in uri for char in " \r\n") or not uri.isprintable():
            continue
        escaped = uri.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(
            f'203.0.113.7 - - [05/Nov/2024:20:15:00 +0000] "{method} {escaped} HTTP/1.1" 200 1 "-" "x"'
        )
        wanted.append((method, uri))
    assert len(wanted) > 2000
    data = "\n".join(lines).encode()
    parsed = combined.FORMAT.open(data, Declaration()).parse(data, 1)
    assert parsed.unparsed == ()
    (block,) = parsed.blocks
    names = block.layout.names
    methods, targets = block.columns[names.index("cs-method")], block.columns[names.index("cs-uri")]
    different = [
        (want, got)
        for want, got in zip(wanted, zip(methods, targets, strict=True), strict=True)
        if want != got
    ]
    # `\\x41` in a request is written as the escape of a backslash and stays as sent.
    assert different == []
