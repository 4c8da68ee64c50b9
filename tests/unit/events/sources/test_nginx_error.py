"""nginx's error log, and clients who write like nginx."""

from __future__ import annotations

from tests.unit.events.sources.records import holes, logsource, records

from hisn.events.sources.nginx_error import FORMAT

LINE = (
    '2024/11/05 20:15:00 [error] 31#7: *9 open() "/srv/x" failed (2: No such file or directory), client: '
    '203.0.113.7, server: vote.example, request: "GET /%27x HTTP/1.1", host: "vote.example:443"\n'
)


def test_request_of_a_message_becomes_fields() -> None:
    ((_, time, record),) = records(FORMAT, LINE.encode())
    assert time == 1_730_837_700_000_000
    assert (record["level"], record["pid"], record["connection"]) == ("error", "31", "9")
    assert (record["c-ip"], record["server"], record["cs-host"]) == (
        "203.0.113.7",
        "vote.example",
        "vote.example:443",
    )
    assert (record["cs-method"], record["cs-uri"], record["cs-uri-decoded"]) == ("GET", "/%27x", "/'x")


def test_path_that_imitates_the_trailer_blames_nobody_else() -> None:
    forged = LINE.replace("/srv/x", "/srv/, client: 198.51.100.1, server: x")
    assert records(FORMAT, forged.encode())[0][2]["c-ip"] == "203.0.113.7"


def test_message_about_no_request_has_nulls() -> None:
    ((_, _, record),) = records(
        FORMAT, b"2024/11/05 20:15:00 [alert] 31#31: worker process 9 exited on signal 6 (core dumped)\n"
    )
    assert (record["c-ip"], record["connection"]) == (None, None)


def test_other_lines_are_holes() -> None:
    assert [hole.number for hole in holes(FORMAT, LINE.encode() + b"\n\x00\x00\nx\n")] == [3, 4]
    assert [hole.number for hole in holes(FORMAT, b"x\n")] == [1]


def test_layout_is_an_nginx_log() -> None:
    assert logsource(FORMAT, LINE.encode()).satisfies("nginx", None, "nginx")


def test_sniff() -> None:
    assert FORMAT.sniff(LINE.encode() * 3) == 1.0
    assert FORMAT.sniff(b"2024/11/05 20:15:00 something else\n") == FORMAT.sniff(b"") == 0.0
