"""Election event logs in XML: identity behind the events, and what XML attacks with."""

from __future__ import annotations

import io

import pytest

from hisn.errors import InputError
from hisn.events.schema import Cell, Declaration
from hisn.events.source import Parsed
from hisn.events.sources.nist_1500_101_xml import FORMAT

NAMESPACE = "http://itl.nist.gov/ns/voting/1500-101/v1"


def event(number: int) -> str:
    return (
        f'<Event><Details>{{"n": {number}}}</Details><Disposition>na</Disposition><Id>boot</Id>'
        f"<Sequence>{number}</Sequence><TimeStamp>2026-11-03T20:15:00+01:00</TimeStamp><Type>x</Type></Event>\n"
    )


def device(name: str, *numbers: int) -> str:
    return "<Device>" + "".join(map(event, numbers)) + f"<Id>{name}</Id><Type>ems</Type></Device>"


def document(*devices: str) -> bytes:
    tail = "<ElectionId>e1</ElectionId><GeneratedTime>2026-11-03T23:00:00Z</GeneratedTime></ElectionEventLog>"
    return f'<?xml version="1.0"?>\n<ElectionEventLog xmlns="{NAMESPACE}">{"".join(devices)}{tail}'.encode()


def parse(data: bytes) -> list[Parsed]:
    return list(FORMAT.read(io.BytesIO(data), Declaration()))


def records(parsed: list[Parsed]) -> list[tuple[int, dict[str, Cell]]]:
    found = [
        (int(block.numbers[row]), block.fields(row))
        for part in parsed
        for block in part.blocks
        for row in range(len(block.numbers))
    ]
    return sorted(found, key=lambda item: item[0])


def test_device_s_identity_stands_behind_its_events() -> None:
    found = records(parse(document(device("a", 1, 2), device("b", 1))))
    assert [(number, record["device_id"]) for number, record in found] == [(1, "a"), (2, "a"), (3, "b")]
    assert found[0][1]["election_id"] == "e1"
    assert found[0][1]["Details.n"] == 1


def test_identity_before_the_events_is_read_too() -> None:
    swapped = document(device("a", 1)).replace(b"<Id>a</Id>", b"").replace(b"<Device>", b"<Device><Id>a</Id>")
    ((_, record),) = records(parse(swapped))
    assert record["device_id"] == "a"


def test_prefix_of_the_namespace_does_not_matter() -> None:
    data = document(device("a", 1)).replace(b"<", b"<n:").replace(b"<n:/", b"</n:").replace(b"<n:?", b"<?")
    data = data.replace(b"xmlns=", b"xmlns:n=")
    assert FORMAT.sniff(data) == 1.0
    assert len(records(parse(data))) == 1


def test_truncated_document_keeps_the_events_before_the_end() -> None:
    data = document(device("a", *range(100)))
    parsed = parse(data[: len(data) // 2])
    found = records(parsed)
    assert len(found) == data[: len(data) // 2].count(b"</Event>")
    assert "damaged document" in parsed[-1].unparsed[0].reason


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://198.51.100.1/x.dtd">',
    ],
)
def test_document_type_declaration_is_refused_by_name(declaration: str) -> None:
    data = document(device("a", 1)).replace(b"\n<Election", f"\n{declaration}<Election".encode(), 1)
    with pytest.raises(InputError) as caught:
        parse(data)
    assert caught.value.code == "E2052"


def test_deep_and_huge_elements_end_in_a_named_hole() -> None:
    deep = document("<Device>" + "<a>" * 100_000)
    assert parse(deep)[-1].unparsed
    huge = document(device("a", 1).replace("boot", "b" * 11_000_000))
    assert parse(huge)[-1].unparsed


def test_sniff_knows_the_root_and_no_other_xml() -> None:
    assert FORMAT.sniff(document()) == 1.0
    for other in (b"", b"<Events><Event/></Events>", b"ElectionEventLog", b"<ElectionEventLogDocumentation>"):
        assert FORMAT.sniff(other) == 0.0
