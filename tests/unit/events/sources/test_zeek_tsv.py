"""Zeek's tab-separated logs: the header decides, and it may come again."""

from __future__ import annotations

import pytest
from tests.unit.events.sources.records import holes, logsource, mapped, parse, records

from hisn.events.batch import NO_TIME
from hisn.events.sources.zeek_tsv import FORMAT


def log(path: str, fields: str, types: str, *rows: str) -> bytes:
    head = [
        "#separator \\x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{path}",
    ]
    head += ["#open\t2024-11-05-20-15-00", "#fields " + fields, "#types " + types]
    lines = [
        *head[:6],
        *(line.replace(" ", "\t") for line in (*head[6:], *rows)),
        "#close\t2024-11-05-21-00-00",
    ]
    return "\n".join(lines).encode() + b"\n"


DNS = log(
    "dns",
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p query qtype_name answers rejected Z",
    "time string addr port addr port string string vector[string] bool count",
    "1730837700.123456 C1 10.0.0.7 4022 10.0.0.53 53 a.example A 192.0.2.1,192.0.2.2 F 0",
    "1730837701.000000 C2 10.0.0.7 4023 10.0.0.53 53 - - (empty) T 1",
)


def test_dns_log_has_zeek_s_names_times_and_vectors() -> None:
    first, second = records(FORMAT, DNS)
    assert first[0] == 9
    assert first[1] == 1_730_837_700_123_456
    assert first[2]["answers"] == ("192.0.2.1", "192.0.2.2")
    assert (second[2]["query"], second[2]["answers"]) == (None, ())
    assert logsource(FORMAT, DNS).satisfies("zeek", "dns", "dns")
    assert mapped(FORMAT, DNS)["record_type"] == "A"


@pytest.mark.parametrize(
    "path", ["conn", "http", "rdp", "smb_files", "dce_rpc", "kerberos", "x509", "our_own"]
)
def test_path_is_the_service(path: str) -> None:
    data = log(path, "ts uid", "time string", "1730837700.0 C1")
    assert logsource(FORMAT, data).satisfies("zeek", None, path)


def test_backslashes_count_undone_and_as_written() -> None:
    data = log("smb_files", "ts path name", "time string string", r"1730837700.0 \\\\srv\\IPC$ a\x09b")
    ((_, _, record),) = records(FORMAT, data)
    assert record["path"] == (r"\\srv\IPC$", r"\\\\srv\\IPC$")
    assert record["name"] == ("a\tb", r"a\x09b")


def test_logs_put_together_change_their_columns() -> None:
    second = log("rdp", "ts id.orig_h", "time addr", "1730837702.0 203.0.113.7")
    found = records(FORMAT, DNS + second)
    assert found[-1][2] == {"_path": "rdp", "ts": "1730837702.0", "id.orig_h": "203.0.113.7"}


def test_row_with_missing_columns_is_a_hole() -> None:
    data = DNS + b"1730837702.0\tC3\n" + b"\x00\n"
    assert [hole.number for hole in holes(FORMAT, data)] == [12, 13]


def test_absurd_time_is_no_time() -> None:
    for text in ("0.0", "99999999999999999999.0", "-", "nan", "inf"):
        assert records(FORMAT, log("conn", "ts uid", "time string", f"{text} C1"))[0][1] == NO_TIME


def test_header_only_and_hostile_headers() -> None:
    assert parse(FORMAT, log("dns", "ts uid", "time string"))[0].records == 0
    assert records(FORMAT, log("../../x", "ts uid", "time string", "1.0 C"))[0][2].keys() == {"ts", "uid"}
    assert holes(FORMAT, log("dns", "ts ts", "time time", "1.0 2.0"))


def test_sniff() -> None:
    assert FORMAT.sniff(DNS) == 1.0
    for other in (b"", b"#Fields: a b\n", b"# x\n#fields\ta\n", b"a\tb\n"):
        assert FORMAT.sniff(other) == 0.0
