"""Access logs: what servers write, and what attackers make them write."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisn.events.batch import NO_TIME
from hisn.events.mapping import load_mapping
from hisn.events.schema import Cell, Declaration
from hisn.events.source import Parsed
from hisn.events.sources.combined import FORMAT

PLAIN = (
    '203.0.113.7 - - [05/Nov/2024:20:15:00 +0000] "GET /results?county=7 HTTP/1.1" 200 5120 '
    '"https://vote.example/" "Mozilla/5.0 (X11; Linux x86_64)"'
)


def parse(*lines: str | bytes, first: int = 1) -> Parsed:
    data = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
    return FORMAT.open(data, Declaration()).parse(data, first)


def only(parsed: Parsed) -> dict[str, Cell]:
    (block,) = parsed.blocks
    assert len(block.numbers) == 1
    return block.fields(0)


def test_combined_line_gives_the_fields_of_webserver_rules() -> None:
    assert only(parse(PLAIN)) == {
        "c-ip": "203.0.113.7",
        "cs-username": None,
        "cs-method": "GET",
        "cs-uri": "/results?county=7",
        "cs-uri-stem": "/results",
        "cs-uri-query": ("county=7", "/results?county=7"),
        "cs-uri-decoded": "/results?county=7",
        "cs-version": "HTTP/1.1",
        "sc-status": "200",
        "sc-bytes": "5120",
        "cs-referer": "https://vote.example/",
        "cs-referer-decoded": "https://vote.example/",
        "cs-user-agent": "Mozilla/5.0 (X11; Linux x86_64)",
    }


def test_common_line_has_no_agent_field_at_all() -> None:
    record = only(parse('::1 - ann [05/Nov/2024:20:15:00 +0000] "HEAD / HTTP/1.0" 304 -'))
    assert "cs-user-agent" not in record
    assert (record["cs-username"], record["sc-bytes"], record["cs-uri-query"]) == ("ann", None, "/")


def test_virtual_host_in_front_and_extra_fields_behind() -> None:
    record = only(parse("vote.example:443 " + PLAIN + ' "198.51.100.1" 0.031'))
    assert (record["cs-host"], record["s-port"]) == ("vote.example", "443")
    assert record["c-ip"] == "203.0.113.7"
    assert record["x-extra"] == '"198.51.100.1" 0.031'


def test_user_name_with_spaces_and_brackets_does_not_move_the_fields() -> None:
    line = PLAIN.replace("- - [", r"- x [01/Jan/2000:00:00:00 +0000] \"GET /ok [", 1)
    parsed = parse(line)
    record = only(parsed)
    assert record["cs-uri-stem"] == "/results"
    assert record["cs-username"] == 'x [01/Jan/2000:00:00:00 +0000] "GET /ok'
    assert int(parsed.blocks[0].times[0]) == 1_730_837_700_000_000


def test_escaped_quote_in_the_request_cannot_forge_the_status() -> None:
    record = only(parse(PLAIN.replace("/results?county=7", r"/?q=\" 404 0 \"x")))
    assert record["sc-status"] == "200"
    assert record["cs-uri"] == '/?q=" 404 0 "x'


def test_unescaped_quotes_and_spaces_in_the_request_are_still_a_record() -> None:
    record = only(parse(PLAIN.replace("/results?county=7", '/?q="><script>alert( 1 )</script>')))
    assert record["cs-uri"] == '/?q="><script>alert( 1 )</script>'
    assert record["cs-user-agent"] == "Mozilla/5.0 (X11; Linux x86_64)"


@pytest.mark.parametrize("request_line", ["-", "", r"\x16\x03\x01\x02", "quit", r"\n", "GET"])
def test_malformed_request_is_a_record(request_line: str) -> None:
    record = only(parse(PLAIN.replace("GET /results?county=7 HTTP/1.1", request_line)))
    assert record["cs-method"] is None
    assert record["sc-status"] == "200"


@pytest.mark.parametrize(
    "line", ["x", "\x00" * 300, "{}", PLAIN[:50], '1 2 3 [x] "', '[05/Nov/2024:20:15:00 +0000] "', '"' * 50]
)
def test_malformed_line_is_a_hole_with_its_number(line: str) -> None:
    parsed = parse(PLAIN, line, PLAIN, first=100)
    assert parsed.records == 2
    assert [hole.number for hole in parsed.unparsed] == [101]
    assert list(parsed.blocks[0].numbers) == [100, 102]
    assert parsed.blocks[0].raws[1] == PLAIN.encode()


def test_empty_lines_are_neither_records_nor_holes() -> None:
    parsed = parse(PLAIN, "", "\r", PLAIN)
    assert (parsed.records, parsed.unparsed) == (2, ())
    assert list(parsed.blocks[0].numbers) == [1, 4]


def test_stretch_without_a_record_has_no_block() -> None:
    parsed = FORMAT.open(PLAIN.encode(), Declaration()).parse(b"\n\n", 1)
    assert (parsed.blocks, parsed.records) == ((), 0)


def test_absurd_time_is_a_record_without_time() -> None:
    parsed = parse(PLAIN.replace("05/Nov/2024", "05/Nov/9024"), PLAIN.replace("05/Nov/2024", "99/Foo/2024"))
    assert list(parsed.blocks[0].times) == [NO_TIME, NO_TIME]


def test_invalid_utf8_is_shown_and_kept() -> None:
    line = PLAIN.encode().replace(b"county=7", b"county=\xff")
    parsed = parse(line)
    assert only(parsed)["cs-uri"] == "/results?county=\\xff"
    assert parsed.blocks[0].raws[0] == line


def test_numbers_do_not_depend_on_where_the_source_is_cut() -> None:
    lines = [PLAIN.replace("county=7", f"county={n}") if n % 7 else "hole" for n in range(100)]
    data = "\n".join(lines).encode() + b"\n"
    reader = FORMAT.open(data, Declaration())
    whole = reader.parse(data, 1)
    cut = data.index(b"\n", 3000) + 1
    parts = [reader.parse(data[:cut], 1), reader.parse(data[cut:], data[:cut].count(b"\n") + 1)]
    assert list(whole.blocks[0].numbers) == [n for part in parts for n in part.blocks[0].numbers]
    assert whole.unparsed == parts[0].unparsed + parts[1].unparsed


def test_sniff_wants_access_log_lines() -> None:
    assert FORMAT.sniff((PLAIN + "\n").encode() * 9) == 1.0
    assert FORMAT.sniff(b"") == FORMAT.sniff(b"hello\nworld\n") == FORMAT.sniff(b"\x00" * 999) == 0.0


def test_layout_is_a_webserver_log_and_has_the_names_of_proxy_rules() -> None:
    block = parse(PLAIN).blocks[0]
    assert load_mapping().shape(block.layout).logsource.satisfies(None, "webserver", None)
    record = load_mapping().record(block, 0)
    assert record["c-useragent"] == record["cs-user-agent"]
    assert record["c-uri"] == record["cs-uri"]


@pytest.mark.corpus
def test_every_line_of_a_public_access_log_is_read(corpus: Path) -> None:
    data = (corpus / "web/access_combined.log").read_bytes()
    parsed = FORMAT.open(data[:65536], Declaration()).parse(data, 1)
    assert (parsed.records, parsed.unparsed) == (5000, ())
    assert NO_TIME not in parsed.blocks[0].times
