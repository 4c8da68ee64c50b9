"""Write small EVTX files, sound ones, for the tests to damage."""

from __future__ import annotations

import struct
import zlib

HEADER = 4096
CHUNK = 65_536
FIRST = 512


def _name(text: str) -> bytes:
    return struct.pack("<IHH", 0, 0, len(text)) + text.encode("utf-16-le") + b"\0\0"


def _value(text: str) -> bytes:
    return struct.pack("<BBH", 5, 1, len(text)) + text.encode("utf-16-le")


class _Xml:
    """Write binary XML without templates; names stand where they are used."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.out = bytearray(b"\x0f\x01\x01\x00")

    def _name(self, text: str) -> None:
        self.out += struct.pack("<I", self.at + len(self.out) + 4) + _name(text)

    def element(self, name: str, content: str = "", attributes: dict[str, str] | None = None) -> None:
        self.open(name, attributes or {})
        if content:
            self.out += _value(content)
        self.out += b"\x04"

    def open(self, name: str, attributes: dict[str, str]) -> None:
        self.out += struct.pack("<BI", 0x41 if attributes else 1, 0)
        self._name(name)
        if attributes:
            self.out += struct.pack("<I", 0)
            for left, (key, value) in enumerate(attributes.items(), 1 - len(attributes)):
                self.out += b"\x46" if left else b"\x06"
                self._name(key)
                self.out += _value(value)
        self.out += b"\x02"


def record(number: int, at: int, data: dict[str, str], event_id: int = 1) -> bytes:
    """Return a record of Sysmon that begins at an offset of its chunk."""
    xml = _Xml(at + 24)
    xml.open("Event", {})
    xml.open("System", {})
    xml.element("Provider", attributes={"Name": "Microsoft-Windows-Sysmon"})
    xml.element("EventID", str(event_id))
    xml.element("TimeCreated", attributes={"SystemTime": f"2024-11-05T20:{number % 60:02}:00.000000Z"})
    xml.element("EventRecordID", str(1000 + number))
    xml.element("Channel", "Microsoft-Windows-Sysmon/Operational")
    xml.element("Computer", "ems-01")
    xml.out += b"\x04"
    xml.open("EventData", {})
    for name, value in data.items():
        xml.element("Data", value, {"Name": name})
    xml.out += b"\x04\x04\x00"
    size = 24 + len(xml.out) + 4
    head = struct.pack("<4sIQQ", b"\x2a\x2a\0\0", size, number, 133_753_113_000_000_000)
    return head + bytes(xml.out) + struct.pack("<I", size)


def chunk(first: int, records: list[dict[str, str]], event_id: int = 1) -> bytes:
    """Return a chunk of 64 KiB with these records."""
    out = bytearray(FIRST)
    last_at = FIRST
    for number, data in enumerate(records, first):
        last_at = len(out)
        out += record(number, len(out), data, event_id)
    free = len(out)
    last = first + len(records) - 1
    checksum = zlib.crc32(bytes(out[FIRST:free]))
    struct.pack_into(
        "<8sQQQQIIII", out, 0, b"ElfChnk\0", first, last, first, last, 128, last_at, free, checksum
    )
    struct.pack_into("<I", out, 124, zlib.crc32(bytes(out[:120]) + bytes(out[128:512])))
    return bytes(out.ljust(CHUNK, b"\0"))


def file(*chunks: bytes) -> bytes:
    """Return a file of these chunks."""
    head = bytearray(HEADER)
    count = len(chunks)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, count - 1, 1, 128, 1, 3, HEADER, count)
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    return bytes(head) + b"".join(chunks)


def images(first: int, count: int) -> list[dict[str, str]]:
    """Return data of `count` process creations."""
    return [
        {"Image": f"C:\\program-{number}.exe", "User": "EMS\\clerk"} for number in range(first, first + count)
    ]
