"""Read Windows event logs in their own format (EVTX)."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec
import numpy as np

from hisn.events import windows
from hisn.events.batch import Block
from hisn.events.evtx_child import ChunkRecords, EvtxChild
from hisn.events.flatten import HoleError, flatten, put, scalar
from hisn.events.schema import Cell, Declaration, Layout, Logsource, Unparsed
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import decode_line
from hisn.events.sources.json_rows import Columns, RowReader, settle
from hisn.events.times import parse_times

MAGIC = b"ElfFile\0"
_HEADER_BYTES = 4096
_CHUNK_BYTES = 65_536
_CHUNK_COUNT_AT = 42
_SUMMED_BYTES = 120
_SUM_AT = 124
_CHUNKS_TOGETHER = 32
"""EVTX chunks that make one stretch: 2 MiB of the file, so boundaries depend on its bytes alone."""


class _Attributes(msgspec.Struct):
    Name: str | None = None
    Guid: str | None = None
    EventSourceName: str | None = None
    SystemTime: str | None = None
    ActivityID: str | None = None
    RelatedActivityID: str | None = None
    ProcessID: int | None = None
    ThreadID: int | None = None
    UserID: str | None = None
    Qualifiers: int | None = None


class _Element(msgspec.Struct):
    attributes: _Attributes = msgspec.field(name="#attributes", default_factory=_Attributes)
    text: int | str | None = msgspec.field(name="#text", default=None)


class _System(msgspec.Struct):
    Provider: _Element | None = None
    EventID: int | _Element | None = None
    Version: int | None = None
    Level: int | None = None
    Task: int | None = None
    Opcode: int | None = None
    Keywords: str | None = None
    TimeCreated: _Element | None = None
    EventRecordID: int | None = None
    Correlation: _Element | None = None
    Execution: _Element | None = None
    Channel: str | None = None
    Computer: str | None = None
    Security: _Element | None = None


class _Event(msgspec.Struct):
    System: _System
    EventData: dict[str, Any] | None = None
    UserData: Any = None
    ProcessingErrorData: Any = None
    DebugData: Any = None
    BinaryEventData: Any = None


class _Record(msgspec.Struct):
    Event: _Event


_DECODER = msgspec.json.Decoder(_Record, float_hook=str)

_SYSTEM_NAMES = (
    "Provider_Guid", "Provider_EventSourceName", "EventID_Qualifiers", "Version", "Level", "Task", "Opcode",
    "Keywords", "TimeCreated", "EventRecordID", "Correlation_ActivityID", "Correlation_RelatedActivityID",
    "Execution_ProcessID", "Execution_ThreadID", "Computer", "Security_UserID",
)  # fmt: skip
_NONE = _Element()
_TIME = _SYSTEM_NAMES.index("TimeCreated")
_RESERVED = frozenset(_SYSTEM_NAMES) | set(windows.CONSTANTS)


class EvtxFormat:
    """Describe EVTX."""

    name = "evtx"
    kind = "windows"

    def sniff(self, head: bytes) -> float:
        """Tell by the magic of the file or of the first chunk."""
        if head.startswith(MAGIC) or head[_HEADER_BYTES : _HEADER_BYTES + 8] == b"ElfChnk\0":
            return 1.0
        return 0.0

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read the file in stretches of 2 MiB; a stream that is no file is copied to one first."""
        path = getattr(stream, "name", None)
        if isinstance(path, str) and os.path.isfile(path):
            yield from self._read_file(path, declaration)
            return
        import tempfile

        with tempfile.NamedTemporaryFile(prefix="hisn-", suffix=".evtx") as copy:
            while part := stream.read(1 << 20):
                copy.write(part)
            copy.flush()
            yield from self._read_file(copy.name, declaration)

    def _read_file(self, path: str, declaration: Declaration) -> Iterator[Parsed]:
        stretch = _Stretch(declaration, 1)
        stretch.add_hole(_header_hole(path))
        try:
            for chunk in _child().read(path):
                stretch.add(chunk)
                if (chunk.index + 1) % _CHUNKS_TOGETHER == 0:
                    yield stretch.parsed()
                    stretch = _Stretch(declaration, stretch.next_number)
        finally:
            if stretch.started:
                yield stretch.parsed()


def _header_hole(path: str) -> Unparsed | None:
    """Return what the file's header says is wrong: a copy that broke off between chunks looks whole.

    The header holds the number of chunks and a sum of its first bytes (libyal's description); a
    log copied from a running system may have more chunks than it says, never fewer.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            header = file.read(_HEADER_BYTES)
            size = file.seek(0, os.SEEK_END)
    except OSError:
        # The child will say why the file cannot be read.
        return None
    if len(header) < _HEADER_BYTES:
        return Unparsed("truncated file header", offset=len(header), count=0)
    (checksum,) = struct.unpack_from("<I", header, _SUM_AT)
    if not header.startswith(MAGIC) or checksum != zlib.crc32(header[:_SUMMED_BYTES]):
        return Unparsed("damaged file header", offset=0, count=0)
    (announced,) = struct.unpack_from("<H", header, _CHUNK_COUNT_AT)
    if size < _HEADER_BYTES + (announced - 1) * _CHUNK_BYTES + 1:
        return Unparsed("truncated file: chunks are missing at its end", offset=size, count=0)
    return None


class _Holder:
    """Hold this process's child. A process that was forked off must not use its parent's."""

    def __init__(self) -> None:
        self.pid = 0
        self.child: EvtxChild | None = None


_HOLDER = _Holder()


def _child() -> EvtxChild:
    if _HOLDER.child is None or _HOLDER.pid != os.getpid():
        _HOLDER.pid = os.getpid()
        _HOLDER.child = EvtxChild()
    return _HOLDER.child


class _Stretch:
    """Collect the records of some chunks and make blocks of them."""

    def __init__(self, declaration: Declaration, first_number: int) -> None:
        self._declaration = declaration
        self._records: list[_Record] = []
        self._numbers: list[int] = []
        self._raws: list[bytes] = []
        self._holes: list[Unparsed] = []
        self._odd: list[tuple[int, Any, bytes]] = []
        self.next_number = first_number
        self.started = False

    def add_hole(self, hole: Unparsed | None) -> None:
        """Add what is known to be lost outside of the chunks."""
        if hole is not None:
            self._holes.append(hole)
            self.started = True

    def add(self, chunk: ChunkRecords) -> None:
        """Decode one chunk; a record that is not as expected is decoded alone or becomes a hole."""
        self.started = True
        raws = chunk.lines.split(b"\n") if chunk.lines else []
        try:
            records = _DECODER.decode_lines(chunk.lines)
            if len(records) != len(raws):
                raise msgspec.DecodeError("not one record a line")
        except (ValueError, RecursionError):
            self._each(raws)
        else:
            self._records.extend(records)
            self._numbers.extend(range(self.next_number, self.next_number + len(raws)))
            self._raws.extend(raws)
        self.next_number += len(raws)
        for reason, offset, count in chunk.holes:
            place = _HEADER_BYTES + chunk.index * _CHUNK_BYTES + offset
            number = self.next_number if count else None
            self._holes.append(Unparsed(reason, number, place, count))
            self.next_number += count

    def _each(self, raws: Sequence[bytes]) -> None:
        """Decode records one by one; one with unusual types is read like any nested JSON."""
        for number, raw in enumerate(raws, self.next_number):
            try:
                value = decode_line(raw)
            except ValueError as error:
                self._holes.append(Unparsed(str(error), number=number))
                continue
            try:
                self._records.append(msgspec.convert(value, _Record, strict=False))
                self._numbers.append(number)
                self._raws.append(raw)
            except (ValueError, RecursionError):
                self._odd.append((number, value, raw))

    def parsed(self) -> Parsed:
        """Return the blocks of what was added."""
        groups: dict[tuple[Cell, ...], _Group] = {}
        for row, record in enumerate(self._records):
            event = record.Event
            system = event.System
            data = event.EventData
            if data is None or event.UserData is not None or "#attributes" in data:
                data = _other_data(event)
            provider = (system.Provider or _NONE).attributes
            event_id = system.EventID
            number = event_id.text if isinstance(event_id, _Element) else event_id
            key = (system.Channel, provider.Name, number, *data)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(tuple(data), (system.Channel, provider.Name, number))
            group.rows.append(row)
            group.data.append(data)
            group.systems.append(_system_row(system, provider))
        numbers = np.array(self._numbers, np.int64)
        times = parse_times([_system_time(record.Event.System) for record in self._records])
        declared = Logsource(
            self._declaration.products, self._declaration.categories, self._declaration.services
        )
        blocks = []
        for group in groups.values():
            for layout, rows, columns in group.layouts(self._declaration.asset, declared):
                at = np.array(rows, np.int64)
                raws = [self._raws[row] for row in rows]
                blocks.append(Block(layout, numbers[at], times[at], columns, raws))
        odd = RowReader(self._declaration).read(
            [value for _, value, _ in self._odd],
            [number for number, _, _ in self._odd],
            [raw for _, _, raw in self._odd],
        )
        holes = (*self._holes, *odd.unparsed)
        return Parsed((*blocks, *odd.blocks), holes, len(self._records) + odd.records)


class _Group:
    """Hold the events of one channel, provider, id and set of data names."""

    __slots__ = ("constants", "data", "names", "rows", "systems")

    def __init__(self, names: tuple[str, ...], constants: tuple[Cell, ...]) -> None:
        self.names = names
        self.constants = constants
        self.rows: list[int] = []
        self.data: list[dict[str, Any]] = []
        self.systems: list[tuple[Cell, ...]] = []

    def layouts(self, asset: str | None, declared: Logsource) -> Iterator[tuple[Layout, list[int], Columns]]:
        """Yield layout, rows and columns; more than one where log sources hang on a field's value."""
        columns: Columns = list(zip(*self.systems, strict=True))
        # A null System attribute is one that the event does not have.
        present = [at for at, column in enumerate(columns) if any(cell is not None for cell in column)]
        names: tuple[str, ...] = tuple(_SYSTEM_NAMES[at] for at in present)
        columns = [columns[at] for at in present]
        data: Columns = list(zip(*map(dict.values, self.data), strict=True)) if self.names else []
        if settle(data):
            data = [[_text_of(cell) for cell in column] for column in data]
        names += tuple(f"EventData.{name}" if name in _RESERVED else name for name in self.names)
        columns += data
        names = windows.add_registry_target(names, columns, self.constants[2])
        constants = tuple(
            (name, cell)
            for name, cell in zip(windows.CONSTANTS, self.constants, strict=True)
            if cell is not None
        )
        promoted = windows.promoted(names, self.constants[2])
        if not promoted:
            yield Layout("windows", names, constants, declared, asset), self.rows, columns
            return
        at = names.index(promoted[0])
        kept = [column for column in range(len(names)) if column != at]
        split: dict[Cell, list[int]] = {}
        for index, cell in enumerate(columns[at]):
            split.setdefault(cell, []).append(index)
        for cell, indices in split.items():
            layout = Layout(
                "windows",
                tuple(names[column] for column in kept),
                (*constants, (promoted[0], cell)),
                declared,
                asset,
            )
            part: Columns = [[columns[column][index] for index in indices] for column in kept]
            yield layout, [self.rows[index] for index in indices], part


def _system_time(system: _System) -> str | None:
    return system.TimeCreated.attributes.SystemTime if system.TimeCreated is not None else None


def _system_row(system: _System, provider: _Attributes) -> tuple[Cell, ...]:
    """Return the System element in the order of `_SYSTEM_NAMES`."""
    execution = (system.Execution or _NONE).attributes
    correlation = (system.Correlation or _NONE).attributes
    event_id = system.EventID
    return (
        provider.Guid,
        provider.EventSourceName,
        event_id.attributes.Qualifiers if isinstance(event_id, _Element) else None,
        system.Version,
        system.Level,
        system.Task,
        system.Opcode,
        system.Keywords,
        _system_time(system),
        system.EventRecordID,
        correlation.ActivityID,
        correlation.RelatedActivityID,
        execution.ProcessID,
        execution.ThreadID,
        system.Computer,
        system.Security.attributes.UserID if system.Security is not None else None,
    )


def _other_data(event: _Event) -> dict[str, Any]:
    """Return the data of an event that has none in EventData: leaf names of what it has instead."""
    leaves: dict[str, Any] = dict(event.EventData) if event.EventData else {}
    leaves.pop("#attributes", None)
    for part in (event.UserData, event.ProcessingErrorData, event.DebugData, event.BinaryEventData):
        if part is None:
            continue
        try:
            for path, cell in flatten(part if isinstance(part, dict) else {"Data": part}).items():
                if "#attributes.xmlns" not in path:
                    put(leaves, windows.leaf_name(path), cell)
        except HoleError:
            put(leaves, "Data", "nested too deeply")
    return leaves


def _text_of(cell: Any) -> Cell:
    """Return the content of an element that has attributes or several texts."""
    if type(cell) is dict:
        inner = cell.get("#text")
        if inner is None and "#text" not in cell:
            leaves = sorted(flatten(cell).items())
            return tuple(item for _, item in leaves if not isinstance(item, tuple)) or "{}"
        return _text_of(inner)
    if type(cell) is list:
        flat: list[int | str | None] = []
        for item in cell:
            inner = _text_of(item)
            flat.extend(inner if isinstance(inner, tuple) else (inner,))
        return tuple(flat)
    return scalar(cell)


FORMAT = EvtxFormat()
