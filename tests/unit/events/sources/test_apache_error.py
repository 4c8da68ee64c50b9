"""Apache's error log, with the lines that have no header."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.events.sources.records import holes, logsource, parse, records

from hisn.events.batch import NO_TIME
from hisn.events.schema import Declaration
from hisn.events.sources.apache_error import FORMAT

NEW = (
    b"[Tue Nov 05 20:15:00.123456 2024] [core:error] [pid 12:tid 139] [client 203.0.113.7:4022]"
    b" AH00126: Invalid URI in request GET /../../etc/passwd HTTP/1.1\n"
)
OLD = b"[Sun Dec 04 04:47:44 2005] [error] [client 203.0.113.7] File does not exist: /var/www/x\n"


def test_line_of_version_2_4() -> None:
    ((_, time, record),) = records(FORMAT, NEW)
    assert time == 1_730_837_700_123_456
    assert (record["module"], record["level"]) == ("core", "error")
    assert (record["c-ip"], record["c-port"], record["pid"]) == ("203.0.113.7", "4022", "12")


def test_line_of_version_2_2() -> None:
    ((_, _, record),) = records(FORMAT, OLD)
    assert (record["c-ip"], record["c-port"], record["module"]) == ("203.0.113.7", None, None)


def test_addresses_of_version_6_have_a_port_behind_or_none() -> None:
    ((_, _, old),) = records(FORMAT, OLD.replace(b"203.0.113.7", b"2001:db8::7"))
    assert (old["c-ip"], old["c-port"]) == ("2001:db8::7", None)
    ((_, _, new),) = records(FORMAT, NEW.replace(b"203.0.113.7", b"2001:db8::7"))
    assert (new["c-ip"], new["c-port"]) == ("2001:db8::7", "4022")


def test_assertion_without_a_header_is_a_record_for_the_rule_that_looks_for_it() -> None:
    line = b"httpd: tpp.c:63: __pthread_tpp_change_priority: Assertion `new_prio == -1 failed.\n"
    found = records(FORMAT, OLD + line + b"\n" + OLD)
    assert [number for number, _, _ in found] == [1, 2, 4]
    assert found[1][1] == NO_TIME
    assert found[1][2]["message"] == line.decode().strip()
    assert holes(FORMAT, OLD + line) == []


def test_declared_zone_moves_times() -> None:
    assert records(FORMAT, NEW, Declaration(zone_s=3600))[0][1] == records(FORMAT, NEW)[0][1] - 3_600_000_000


def test_layout_is_an_apache_log() -> None:
    assert logsource(FORMAT, NEW).satisfies("apache", None, "apache")


def test_sniff() -> None:
    assert FORMAT.sniff(NEW + OLD) == 1.0
    assert FORMAT.sniff(b"[1, 2]\n") == FORMAT.sniff(b"") == FORMAT.sniff(b"[info] x\n") == 0.0


@pytest.mark.corpus
def test_public_sample_is_read_whole(corpus: Path) -> None:
    (parsed,) = parse(FORMAT, (corpus / "syslog/loghub_Apache_2k.log").read_bytes())
    assert (parsed.records, parsed.unparsed) == (2000, ())
    assert NO_TIME not in parsed.blocks[0].times
