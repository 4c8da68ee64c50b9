"""Compare the readers of text formats with naive parsers, on logs that hypothesis writes."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hisn.core.instant import instant_of
from hisn.events.schema import Cell, Declaration
from hisn.events.source import Parsed
from hisn.events.sources import auditd, combined, nist_1500_101_json, postgres_csv, syslog, w3c, zeek_tsv
from hisn.events.urls import decoded, unescape

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
offsets = st.integers(-14 * 60, 14 * 60)
words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12)
targets = words.map(lambda word: "/" + word)


def rows_of(parsed: Parsed) -> list[tuple[int, int, dict[str, Cell]]]:
    found = [
        (int(block.numbers[row]), int(block.times[row]), block.fields(row))
        for block in parsed.blocks
        for row in range(len(block.numbers))
    ]
    return sorted(found, key=lambda item: item[0])


def escaped(text: str) -> str:
    """Write a text the way Apache does."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


requests = st.fixed_dictionaries(
    {"ip": st.ip_addresses().map(str), "user": st.one_of(st.just("-"), words), "when": moments, "offset": offsets,
     "method": st.sampled_from(["GET", "POST", "PROPFIND"]), "target": targets, "status": st.integers(100, 599),
     "size": st.one_of(st.just("-"), st.integers(0, 10**12).map(str)), "referer": words, "agent": words}
)  # fmt: skip


def access_line(fields: dict[str, Any]) -> str:
    minutes = abs(fields["offset"])
    zone = f"{'-' if fields['offset'] < 0 else '+'}{minutes // 60:02d}{minutes % 60:02d}"
    when = fields["when"]
    stamp = f"{when:%d}/{MONTHS[when.month - 1]}/{when:%Y:%H:%M:%S} {zone}"
    return (
        f'{fields["ip"]} - {escaped(fields["user"])} [{stamp}] "{fields["method"]} {escaped(fields["target"])} HTTP/1.1" '
        f'{fields["status"]} {fields["size"]} "{escaped(fields["referer"])}" "{escaped(fields["agent"])}"'
    )


@given(st.lists(requests, min_size=1, max_size=8), st.integers(1, 10**6))
def test_access_log_says_what_was_written(found: list[dict[str, Any]], first: int) -> None:
    data = "\n".join(map(access_line, found)).encode() + b"\n"
    parsed = combined.FORMAT.open(data, Declaration()).parse(data, first)
    assert parsed.unparsed == ()
    for at, ((number, time, record), fields) in enumerate(zip(rows_of(parsed), found, strict=True)):
        zone = timezone(timedelta(minutes=fields["offset"]))
        assert number == first + at
        assert time == instant_of(fields["when"].replace(tzinfo=zone))
        assert record["c-ip"] == fields["ip"]
        assert record["cs-username"] == (None if fields["user"] == "-" else fields["user"])
        # A hex escape inside a name is an escape to every reader of such logs.
        assert record["cs-uri"] == unescape(escaped(fields["target"]))
        assert record["sc-status"] == str(fields["status"])
        assert record["cs-user-agent"] == (
            None if fields["agent"] == "-" else unescape(escaped(fields["agent"]))
        )


@given(st.text(max_size=40))
def test_escapes_of_apache_are_undone_exactly(text: str) -> None:
    assert unescape(escaped(text)) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="%"), max_size=30))
def test_decoding_undoes_what_a_browser_does_once_and_twice(text: str) -> None:
    assert decoded(quote_plus(text)) == text
    assert decoded(quote(quote(text))) == text


@example(b"\x1c")
@example("\u2003".encode())
@given(st.binary(max_size=400))
def test_any_bytes_are_records_or_holes(data: bytes) -> None:
    lines = [at for at, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1) if line.strip()]
    for form in (combined.FORMAT, syslog.FORMAT, auditd.FORMAT):
        parsed = form.open(data, Declaration()).parse(data, 1)
        named = [number for number, _, _ in rows_of(parsed)] + [hole.number or 0 for hole in parsed.unparsed]
        assert sorted(named) == lines


@pytest.mark.parametrize("line", [b"\x1c", "\u2003".encode()])
def test_line_of_invisible_characters_is_no_empty_line(line: bytes) -> None:
    """Control characters that a text's `strip` takes for blanks must not make a line vanish."""
    data = b"#Fields: date time c-ip\n" + line + b"\n"
    (hole,) = w3c.FORMAT.open(data, Declaration()).parse(data, 1).unparsed
    assert hole.number == 2


programs = st.sampled_from(["sshd", "sudo", "CRON", "kernel", "postfix/smtpd", "su", "useradd"])
messages = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), max_size=60
)


@given(st.lists(st.tuples(moments, words, programs, st.integers(0, 99999), messages), min_size=1, max_size=8))
def test_rfc3164_says_what_was_written(found: list[tuple[datetime, str, str, int, str]]) -> None:
    found = [(when.replace(year=2024), *rest) for when, *rest in sorted(found)]  # type: ignore[misc]
    found.sort()
    lines = [
        f"{MONTHS[when.month - 1]} {when.day:2d} {when:%H:%M:%S} {host} {program}[{pid}]: {message}"
        for when, host, program, pid, message in found
    ]
    data = "\n".join(lines).encode()
    rows = rows_of(syslog.FORMAT.open(data, Declaration(year=2024)).parse(data, 1))
    for (_, time, record), (when, host, program, pid, message) in zip(rows, found, strict=True):
        assert time == instant_of(when.replace(tzinfo=UTC))
        assert (record["host"], record["program"], record["pid"]) == (host, program, str(pid))
        assert record["message"] == message


names = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
values = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20)


@given(st.dictionaries(names, values, max_size=4))
def test_structured_data_says_what_was_written(parameters: dict[str, str]) -> None:
    def value(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")

    element = "[x@1" + "".join(f' {name}="{value(text)}"' for name, text in parameters.items()) + "]"
    data = f"<13>1 2024-11-05T20:15:00Z h p 1 - {element} m".encode()
    ((_, _, record),) = rows_of(syslog.FORMAT.open(data, Declaration()).parse(data, 1))
    assert {name: record[f"x@1.{name}"] for name in parameters} == parameters


@given(st.lists(st.tuples(moments, words, st.lists(words, max_size=3)), min_size=1, max_size=6))
def test_zeek_log_says_what_was_written(found: list[tuple[datetime, str, list[str]]]) -> None:
    bare = str.maketrans("", "", "\\,")
    found = [
        (when, q.translate(bare), [a.translate(bare) or "x" for a in answers]) for when, q, answers in found
    ]
    lines = [
        "#separator \\x09",
        "#set_separator\t,",
        "#unset_field\t-",
        "#empty_field\t(empty)",
        "#path\tdns",
    ]
    lines += ["#fields\tts\tquery\tanswers", "#types\ttime\tstring\tvector[string]"]
    stamps = [instant_of(when.replace(tzinfo=UTC)) // 1_000_000 for when, _, _ in found]
    lines += [
        f"{stamp}.5\t{query or 'x'}\t{','.join(answers) or '(empty)'}"
        for stamp, (_, query, answers) in zip(stamps, found, strict=True)
    ]
    data = "\n".join(lines).encode()
    rows = rows_of(zeek_tsv.FORMAT.open(data, Declaration()).parse(data, 1))
    for (_, time, record), stamp, (_, query, answers) in zip(rows, stamps, found, strict=True):
        assert time == stamp * 1_000_000 + 500_000
        assert record["query"] == (None if query == "-" else query or "x")
        unset = answers == ["-"]
        assert record["answers"] == (None if unset else tuple(None if a == "-" else a for a in answers))


@given(st.lists(st.tuples(moments, words, words), min_size=1, max_size=6))
def test_iis_log_says_what_was_written(found: list[tuple[datetime, str, str]]) -> None:
    lines = ["#Fields: date time cs-uri-stem cs(User-Agent)"]
    clean = [
        (when, "/" + stem.replace('"', ""), agent.replace('"', "") or "x") for when, stem, agent in found
    ]
    lines += [f"{when:%Y-%m-%d %H:%M:%S} {stem} {agent}" for when, stem, agent in clean]
    data = "\r\n".join(lines).encode()
    rows = rows_of(w3c.FORMAT.open(data, Declaration()).parse(data, 1))
    for (_, time, record), (when, stem, agent) in zip(rows, clean, strict=True):
        assert time == instant_of(when.replace(tzinfo=UTC))
        assert record["cs-uri-stem"] == stem
        if agent == "-":
            assert record["cs-user-agent"] is None
        else:
            assert record["cs-user-agent"] == ((agent, agent.replace("+", " ")) if "+" in agent else agent)


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30), min_size=1, max_size=6
    )
)
def test_csvlog_says_what_was_written(found: list[str]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [
        f"2024-11-05 20:15:00.123 UTC,u,d,1,h:1,s,1,SELECT,2024-11-05 20:00:00 UTC,v,0,LOG,00000,{quoted('m' + text)}"
        ",,,,,,,,,app"
        for text in found
    ]
    data = "\n".join(lines).encode()
    parsed = list(postgres_csv.FORMAT.read(io.BytesIO(data), Declaration()))
    rows = [row for part in parsed for row in rows_of(part)]
    assert [record["message"] for _, _, record in rows] == ["m" + text for text in found]
    starts = [1 + sum(line.count("\n") + 1 for line in lines[:at]) for at in range(len(lines))]
    assert [number for number, _, _ in rows] == starts


@given(
    st.lists(
        st.fixed_dictionaries({"Id": words, "Sequence": words, "Details": st.text(max_size=30)}), max_size=6
    )
)
def test_election_log_says_what_was_written(events: list[dict[str, str]]) -> None:
    data = msgspec.json.encode(
        {"@type": "EventLogging.ElectionEventLog", "Device": [{"Id": "d", "Event": events}]}
    )
    parsed = list(nist_1500_101_json.FORMAT.read(io.BytesIO(data), Declaration()))
    rows = [row for part in parsed for row in rows_of(part)]
    assert [(number, record["event_id"], record["details"]) for number, _, record in rows] == [
        (number, event["Id"], event["Details"]) for number, event in enumerate(events, 1)
    ]
