"""Syslog in its three written forms, and the years that it does not write."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hisn.core.instant import instant_of
from hisn.events.batch import NO_TIME
from hisn.events.mapping import load_mapping
from hisn.events.schema import Cell, Declaration
from hisn.events.source import Parsed
from hisn.events.sources.syslog import FORMAT

SSH = "Nov  5 20:15:00 ems1 sshd[311]: Failed password for root from 203.0.113.9 port 4022 ssh2"
RSYSLOG = "2024-11-05T20:15:00.250000+01:00 ems1 sudo: ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id"
RFC5424 = (
    '<165>1 2024-11-05T20:15:00.003Z gw.example evntslog 77 ID47 [ex@32473 iut="3" src="a\\"b\\]c"][o x="1"] '
    "\ufeffAn event"
)


def parse(*lines: str | bytes, year: int | None = 2024, zone_s: int | None = None, first: int = 1) -> Parsed:
    data = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
    return FORMAT.open(data, Declaration(year=year, zone_s=zone_s)).parse(data, first)


def records(parsed: Parsed) -> list[tuple[int, dict[str, Cell]]]:
    found = [(int(b.numbers[r]), b.fields(r)) for b in parsed.blocks for r in range(len(b.numbers))]
    return sorted(found, key=lambda item: item[0])


def times(parsed: Parsed) -> list[int]:
    found = [(int(b.numbers[r]), int(b.times[r])) for b in parsed.blocks for r in range(len(b.numbers))]
    return [time for _, time in sorted(found)]


def test_rfc3164_line() -> None:
    ((_, record),) = records(parse(SSH))
    assert (record["host"], record["program"], record["pid"]) == ("ems1", "sshd", "311")
    assert (record["user"], record["src_ip"]) == ("root", "203.0.113.9")
    assert "facility" not in record


def test_priority_gives_facility_and_severity() -> None:
    ((_, record),) = records(parse("<86>" + SSH))
    assert (record["facility"], record["severity"]) == ("authpriv", "info")
    ((_, record),) = records(parse("<999>" + SSH))
    assert (record["facility"], record["severity"]) == (None, None)


def test_iso_variant_needs_no_declaration() -> None:
    parsed = parse(RSYSLOG, year=None)
    assert times(parsed) == [instant_of(datetime(2024, 11, 5, 19, 15, 0, 250_000, tzinfo=UTC))]
    assert records(parsed)[0][1]["COMMAND"] == "/bin/id"


def test_rfc5424_structured_data_becomes_fields() -> None:
    parsed = parse(RFC5424, year=None)
    ((_, record),) = records(parsed)
    assert record["ex@32473.src"] == 'a"b]c'
    assert record["o.x"] == "1"
    assert (record["msgid"], record["message"]) == ("ID47", "An event")
    assert (record["facility"], record["severity"]) == ("local4", "notice")
    assert times(parsed) == [instant_of(datetime(2024, 11, 5, 20, 15, 0, 3000, tzinfo=UTC))]


def test_rfc5424_parameter_given_twice_has_both_values() -> None:
    ((_, record),) = records(parse('<1>1 - h p - - [x ip="1.1.1.1" ip="2.2.2.2"]'))
    assert record["x.ip"] == ("1.1.1.1", "2.2.2.2")
    assert record["message"] == ""


def test_forms_mixed_in_one_file_keep_their_numbers() -> None:
    parsed = parse(SSH, RFC5424, "no syslog", RSYSLOG, first=10)
    assert [number for number, _ in records(parsed)] == [10, 11, 13]
    assert [hole.number for hole in parsed.unparsed] == [12]


def test_without_a_year_there_is_no_time_and_no_guess() -> None:
    assert times(parse(SSH, year=None)) == [NO_TIME]


def test_declared_zone_moves_times() -> None:
    assert times(parse(SSH, zone_s=3600)) == [times(parse(SSH))[0] - 3_600_000_000]


def test_new_year_inside_a_file_continues_in_the_next_year() -> None:
    lines = ["Dec 31 23:59:59 h a: x", "Jan  1 00:00:01 h a: x", "Feb 29 00:00:00 h a: x"]
    data = "\n".join(lines).encode()
    assert times(parse(*lines, year=2023)) == [
        instant_of(datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC)),
        instant_of(datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)),
        instant_of(datetime(2024, 2, 29, tzinfo=UTC)),
    ]
    # A later stretch is read by a reader that saw the head of the source, and says the same.
    reader = FORMAT.open(data, Declaration(year=2023))
    assert times(reader.parse(lines[2].encode(), 3)) == times(parse(*lines, year=2023))[2:]


def test_line_a_few_days_out_of_order_does_not_jump_a_year() -> None:
    assert times(parse("Nov  5 20:15:00 h a: x", "Nov  1 00:00:00 h a: x"))[1] == instant_of(
        datetime(2024, 11, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("line", "services"),
    [
        (SSH, {"syslog", "sshd", "auth"}),
        (RSYSLOG, {"syslog", "sudo", "auth"}),
        ("Nov  5 20:15:00 h CRON[1]: (root) CMD (x)", {"syslog", "cron"}),
        ("Nov  5 20:15:00 h kernel: oops", {"syslog"}),
    ],
)
def test_program_decides_the_log_source(line: str, services: set[str]) -> None:
    shape = load_mapping().shape(parse(line).blocks[0].layout)
    assert shape.logsource.services == services
    assert shape.logsource.products == {"linux"}
    assert shape.asset == "host"


@pytest.mark.parametrize(
    ("line", "program", "message"),
    [
        ("Nov  5 20:15:00 h syslogd 1.4.1: restart.", None, "syslogd 1.4.1: restart."),
        ("Nov  5 20:15:00 h last message repeated 3 times", None, "last message repeated 3 times"),
        ("Nov  5 20:15:00 h kernel: [1.2] eth0: up", "kernel", "[1.2] eth0: up"),
        ("Nov  5 20:15:00 h postfix/smtpd[9]: lost", "postfix/smtpd", "lost"),
        ("Nov  5 20:15:00 h a[9]:", "a", ""),
    ],
)
def test_tags_as_daemons_write_them(line: str, program: str | None, message: str) -> None:
    ((_, record),) = records(parse(line))
    assert (record["program"], record["message"]) == (program, message)


SYSMON = (
    '2024-11-05T20:15:09Z ems1 sysmon: <Event><System><Provider Name="Linux-Sysmon"/><EventID>1</EventID>'
    '<TimeCreated SystemTime="2024-11-05T20:15:00.5Z"/><Computer>ems1</Computer></System><EventData>'
    '<Data Name="Image">/usr/bin/nmap</Data><Data Name="CommandLine">nmap &quot;a&quot; &lt;b</Data></EventData></Event>'
)


def test_sysmon_event_is_a_process_creation_with_its_own_time() -> None:
    parsed = parse(SYSMON, SYSMON.replace("<EventID>", "<Event>"), year=None)
    first, second = records(parsed)
    assert first[1]["Image"] == "/usr/bin/nmap"
    assert first[1]["CommandLine"] == 'nmap "a" <b'
    assert first[1]["EventID"] == 1
    assert times(parsed)[0] == instant_of(datetime(2024, 11, 5, 20, 15, 0, 500_000, tzinfo=UTC))
    assert "Image" not in second[1]
    shape = load_mapping().shape(parsed.blocks[0].layout)
    assert shape.logsource.satisfies("linux", "process_creation", "sysmon")


def test_flood_of_parameter_names_does_not_make_endless_layouts() -> None:
    parsed = parse(*(f'<1>1 - h p - - [x a{n}="1"] m' for n in range(2000)))
    assert parsed.records == 2000
    assert len(parsed.blocks) < 300


@pytest.mark.parametrize(
    "line", ["\x00" * 99, "Nov 5", "<1>1 x", "<1>1 - h p - - [x y] m", "Nov  5 20:15:00"]
)
def test_what_is_no_syslog_is_a_hole(line: str) -> None:
    parsed = parse(SSH, line)
    assert (parsed.records, len(parsed.unparsed)) == (1, 1)


def test_windows_servicing_log_is_not_syslog() -> None:
    line = "2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack v6.1\n"
    assert FORMAT.sniff(line.encode() * 20) == 0.0


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["loghub_OpenSSH_2k.log", "loghub_Linux_2k.log"])
def test_public_syslog_samples_are_read_to_the_last_line(corpus: Path, name: str) -> None:
    data = (corpus / "syslog" / name).read_bytes()
    parsed = FORMAT.open(data[:65536], Declaration(year=2005)).parse(data, 1)
    assert (parsed.records, parsed.unparsed) == (2000, ())
    assert NO_TIME not in times(parsed)
