"""W3C extended logs: whatever the directive names, and directives in the middle."""

from __future__ import annotations

import pytest
from tests.unit.events.sources.records import holes, logsource, mapped, parse, records

from hisn.events.batch import NO_TIME
from hisn.events.schema import Declaration
from hisn.events.sources.w3c import FORMAT

HEAD = (
    b"#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2024-11-05 20:15:00\n"
    b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent)"
    b" cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"
)
LINE = b"2024-11-05 20:15:00 10.0.0.1 GET /a.aspx id=1%27+or+1 443 - 203.0.113.7 Mozilla/5.0+(X11) - 200 0 0 15\n"


def test_iis_line_gives_the_fields_of_webserver_rules() -> None:
    ((number, time, record),) = records(FORMAT, HEAD + LINE)
    assert number == 5
    assert time == 1_730_837_700_000_000
    assert record["cs-uri-stem"] == "/a.aspx"
    assert record["cs-uri"] == "/a.aspx?id=1%27+or+1"
    assert record["cs-uri-query"] == ("id=1%27+or+1", "/a.aspx?id=1%27+or+1")
    assert record["cs-uri-decoded"] == "/a.aspx?id=1' or 1"
    assert (record["cs-username"], record["cs-referer"]) == (None, None)


def test_user_agent_is_there_as_written_and_with_spaces() -> None:
    ((_, _, record),) = records(FORMAT, HEAD + LINE)
    assert record["cs-user-agent"] == ("Mozilla/5.0+(X11)", "Mozilla/5.0 (X11)")


def test_fields_directive_in_the_middle_changes_the_columns() -> None:
    second = b"#Fields: date time c-ip sc-status\n2024-11-05 20:16:00 203.0.113.9 500\n"
    found = records(FORMAT, HEAD + LINE + second)
    assert [number for number, _, _ in found] == [5, 7]
    assert found[1][2]["sc-status"] == "500"
    assert "cs-method" not in found[1][2]


def test_directives_hold_for_the_next_stretch() -> None:
    reader = FORMAT.open(HEAD, Declaration())
    reader.parse(HEAD, 1)
    parsed = reader.parse(LINE, 5)
    assert list(parsed.blocks[0].numbers) == [5]


def test_line_with_another_number_of_values_is_a_hole() -> None:
    assert [hole.number for hole in holes(FORMAT, HEAD + LINE + b"2024-11-05 20:15:00 x\n" + LINE)] == [6]
    assert [hole.number for hole in holes(FORMAT, b"#Version: 1.0\nx y\n")] == [2]


def test_quoted_values_with_spaces_and_tabs_between_values() -> None:
    head = b"#Fields: date time c-ip cs(User-Agent)\n"
    ((_, _, quoted),) = records(FORMAT, head + b'2024-11-05 20:15:00 1.2.3.4 "curl ""x"" y"\n')
    assert quoted["cs-user-agent"] == 'curl "x" y'
    ((_, _, tabbed),) = records(FORMAT, head + b"2024-11-05\t20:15:00\t1.2.3.4\tcurl x\n")
    assert tabbed["cs-user-agent"] == "curl x"


def test_time_without_date_takes_the_date_directive() -> None:
    ((_, time, _),) = records(FORMAT, b"#Date: 2024-11-05 00:00:00\n#Fields: time c-ip\n20:15:00 1.2.3.4\n")
    assert time == 1_730_837_700_000_000
    ((_, time, _),) = records(FORMAT, b"#Fields: c-ip s-ip\n1.2.3.4 1.2.3.5\n")
    assert time == NO_TIME


def test_names_given_twice_stay_apart() -> None:
    ((_, _, record),) = records(FORMAT, b"#Fields: c-ip c-ip time\n1.1.1.1 2.2.2.2 20:15:00\n")
    assert (record["c-ip"], record["c-ip.1"]) == ("1.1.1.1", "2.2.2.2")


def test_columns_say_what_kind_of_log_it_is() -> None:
    assert logsource(FORMAT, HEAD + LINE).satisfies("windows", "webserver", "iis")
    firewall = b"#Fields: date time action protocol src-ip dst-ip src-port dst-port\n"
    firewall += b"2024-11-05 20:15:00 DROP TCP 203.0.113.7 10.0.0.1 4022 3389\n"
    assert logsource(FORMAT, firewall).satisfies("windows", "firewall", None)
    assert mapped(FORMAT, firewall)["dst_port"] == "3389"
    assert not logsource(FORMAT, firewall).satisfies(None, "webserver", None)


def test_exchange_s_commas() -> None:
    data = b'#Fields: date-time,client-ip,subject\n2024-11-05T20:15:00.000Z,203.0.113.7,"a, b"\n'
    ((_, time, record),) = records(FORMAT, data)
    assert (time, record["subject"]) == (1_730_837_700_000_000, "a, b")


@pytest.mark.parametrize(
    "head", [b"", b"# a comment\n", b"#Fields:\n", b"#fields\tts\tuid\n", b"x #Fields: a b\n"]
)
def test_sniff_wants_the_directive(head: bytes) -> None:
    assert FORMAT.sniff(head) == 0.0
    assert FORMAT.sniff(HEAD) == 1.0


def test_header_only_has_neither_records_nor_holes() -> None:
    (parsed,) = parse(FORMAT, HEAD)
    assert (parsed.records, parsed.blocks, parsed.unparsed) == (0, (), ())
