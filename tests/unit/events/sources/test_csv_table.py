"""Tables with a header: Windows exports by their columns, everything else as it is."""

from __future__ import annotations

import io

import pytest
from tests.unit.events.sources.records import holes, logsource, mapped, records

from hisn.errors import InputError
from hisn.events.schema import Declaration
from hisn.events.sources.csv_table import FORMAT

EVTXECMD = (
    b"RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,Computer,MapDescription,Payload\n"
    b"1,22,2024-11-05 20:15:00.1234567,4688,LogAlways,Microsoft-Windows-Security-Auditing,Security,ems1,,"
    b'"{""EventData"":{""Data"":[{""@Name"":""NewProcessName"",""#text"":""C:\\\\a.exe""}]}}"\n'
)
WINEVENT = (
    b'#TYPE Selected.System.Diagnostics\n"Message","Id","LogName","ProviderName","MachineName","TimeCreated"\n'
    b'"A new\nprocess","4688","Security","Microsoft-Windows-Security-Auditing","ems1","2024-11-05T20:15:00Z"\n'
)


def test_evtxecmd_export_is_a_windows_log_with_its_payload() -> None:
    assert logsource(FORMAT, EVTXECMD).satisfies("windows", "process_creation", "security")
    assert mapped(FORMAT, EVTXECMD)["Image"] == "C:\\a.exe"
    assert records(FORMAT, EVTXECMD)[0][1] == 1_730_837_700_123_456


def test_get_winevent_export_is_a_windows_log() -> None:
    assert logsource(FORMAT, WINEVENT).satisfies("windows", "process_creation", "security")
    ((number, time, record),) = records(FORMAT, WINEVENT)
    assert (number, time) == (3, 1_730_837_700_000_000)
    assert (record["Message"], record["Computer"]) == ("A new\nprocess", "ems1")


def test_other_tables_are_generic_and_empty_cells_null() -> None:
    ((number, _, record),) = records(FORMAT, b"when;host;what\n2024-11-05;;x\n")
    assert (number, record) == (2, {"when": "2024-11-05", "host": None, "what": "x"})


def test_rows_of_another_width_are_holes() -> None:
    data = b"a,b,c\n1,2,3\n1,2\n1,2,3,4\n\n1,2,3\n"
    assert [hole.number for hole in holes(FORMAT, data)] == [3, 4]
    assert [number for number, _, _ in records(FORMAT, data)] == [2, 6]


def test_header_only_has_no_records() -> None:
    assert FORMAT.sniff(b"TimeCreated,Id,Message\n") > 0
    assert records(FORMAT, b"TimeCreated,Id,Message\n") == []


def test_broken_payload_is_left_alone() -> None:
    broken = EVTXECMD.replace(b"EventData", b"Other")
    assert "NewProcessName" not in records(FORMAT, broken)[0][2]


def test_table_without_a_header_is_refused_by_name() -> None:
    with pytest.raises(InputError) as caught:
        list(FORMAT.read(io.BytesIO(b"1,2,3\n4,5,6\n"), Declaration()))
    assert caught.value.code == "E2053"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello\n",
        b"Dear all, hello, this\nis, prose, so\n",
        b"1,2,3\n4,5,6\n",
        b"\x00,\x00\n",
        b'a,"b\n',
        b",,,\n,,,\n",
    ],
)
def test_sniff_wants_a_header(head: bytes) -> None:
    assert FORMAT.sniff(head) == 0.0
