"""Name the fields of Windows events alike, whatever carried them.

EVTX, its JSON conversions, winlogbeat and flat exports (NXLog, Logstash) write one event with
different names.  Rules know one set: the names of EventData as they are, and those of the System
element with an underscore between element and attribute (``Provider_Name``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CONSTANTS = ("Channel", "Provider_Name", "EventID")
"""Fields by which Windows events are told apart; constants of a layout where the record has them."""

_SYSTEM = "Event.System."
_EMPTY_ELEMENTS = tuple(_SYSTEM + name for name in ("Correlation", "Security", "Execution"))
_ATTRIBUTES = ("#attributes.", "@attributes.", "@", "-", "$.")

_WINLOG = {
    "winlog.channel": "Channel",
    "winlog.provider_name": "Provider_Name",
    "winlog.provider_guid": "Provider_Guid",
    "winlog.event_id": "EventID",
    "winlog.computer_name": "Computer",
    "winlog.record_id": "EventRecordID",
    "winlog.version": "Version",
    "winlog.opcode": "Opcode",
    "winlog.task": "Task",
    "winlog.keywords": "Keywords",
    "winlog.process.pid": "Execution_ProcessID",
    "winlog.process.thread.id": "Execution_ThreadID",
    "winlog.user.identifier": "Security_UserID",
    "winlog.activity_id": "Correlation_ActivityID",
    "winlog.time_created": "TimeCreated",
    "message": "Message",
}
_WINLOG_FALLBACK = {
    "event.code": "EventID",
    "event.provider": "Provider_Name",
    "host.name": "Computer",
    "agent.hostname": "Computer",
    "log.level": "Level",
}

_FLAT = {
    "Hostname": "Computer",
    "ComputerName": "Computer",
    "MachineName": "Computer",
    "SourceName": "Provider_Name",
    "ProviderName": "Provider_Name",
    "Provider": "Provider_Name",
    "Source": "Provider_Name",
    "EventId": "EventID",
    "Event_ID": "EventID",
    "EventIDCode": "EventID",
    "LogName": "Channel",
    "log_name": "Channel",
    "RecordNumber": "EventRecordID",
    "RecordID": "EventRecordID",
    "RecordId": "EventRecordID",
    "ProviderGuid": "Provider_Guid",
    "ExecutionProcessID": "Execution_ProcessID",
    "ThreadID": "Execution_ThreadID",
}


_REGISTRY = "4657"
_PROMOTED = {"12": "EventType", _REGISTRY: "OperationType"}


def is_special(event_id: object) -> bool:
    """Tell whether events of this id have constants or fields that others of the same names have not."""
    return str(event_id) in _PROMOTED


def promoted(names: Sequence[str], event_id: object) -> tuple[str, ...]:
    """Return further fields that must be constants, because log sources depend on their values.

    Sysmon writes the creation and the deletion of a registry key under one id (12), told apart by
    EventType; Security 4657 does so by OperationType.
    """
    wanted = _PROMOTED.get(str(event_id))
    return (wanted,) if wanted is not None and wanted in names else ()


_HIVES = (("\\REGISTRY\\MACHINE", "HKLM"), ("\\REGISTRY\\USER", "HKU"))


def registry_target(key: Any, value: Any) -> str:
    """Return key and value of Security 4657 as Sysmon writes them: short hive, key, value."""
    path = str(key or "")
    for native, short in _HIVES:
        if path[: len(native)].upper() == native:
            path = short + path[len(native) :]
    return f"{path}\\{value}" if value not in (None, "", "-") else path


def add_registry_target(
    names: tuple[str, ...], columns: list[Sequence[Any]], event_id: object
) -> tuple[str, ...]:
    """Append TargetObject to the columns of Security 4657; return the names with it."""
    if str(event_id) != _REGISTRY or "ObjectName" not in names or "TargetObject" in names:
        return names
    keys = columns[names.index("ObjectName")]
    values = columns[names.index("ObjectValueName")] if "ObjectValueName" in names else [None] * len(keys)
    columns.append([registry_target(key, value) for key, value in zip(keys, values, strict=True)])
    return (*names, "TargetObject")


def is_noise(path: str) -> bool:
    """Tell whether a flattened name is markup of the XML tree: namespaces and names of the wrapper."""
    marks = ("Event.#attributes.", "Event.EventData.#attributes.")
    return "#attributes.xmlns" in path or path.startswith(marks)


def without_noise(flat: dict[str, Any]) -> dict[str, Any]:
    """Return a flattened EVTX tree without markup and without empty elements of System."""
    if "Event.System.EventID" not in flat and "Event.System.EventID.#text" not in flat:
        return flat
    return {
        path: cell
        for path, cell in flat.items()
        if not is_noise(path) and (cell is not None or path not in _EMPTY_ELEMENTS)
    }


def nested_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the common names for flattened names of the EVTX tree (``Event.System.…``)."""
    return _unique(names, [_nested_name(name) for name in names])


def _nested_name(name: str) -> str:
    if name.startswith(_SYSTEM):
        rest = name.removeprefix(_SYSTEM)
        for mark in _ATTRIBUTES:
            rest = rest.replace("." + mark, "_")
        rest = rest.removesuffix(".#text").removesuffix(".Value").removesuffix("._")
        return {"TimeCreated_SystemTime": "TimeCreated"}.get(rest, rest)
    for part in ("Event.EventData.", "Event.UserData.", "Event.ProcessingErrorData."):
        if name.startswith(part):
            return leaf_name(name.removeprefix(part))
    return name


def leaf_name(path: str) -> str:
    """Return the last element of a dotted path; an attribute is written ``Element_Attribute``."""
    path = path.removesuffix(".#text")
    head, mark, attribute = path.rpartition("#attributes.")
    if mark:
        element = head.rstrip(".").rpartition(".")[2]
        return f"{element}_{attribute}" if element else attribute
    # Names of EventData may hold dots themselves only in the last element, which is kept whole.
    return path.rpartition(".")[2] or path


_DATA_NAMES = ("@Name", "Name", "-Name")
_DATA_TEXTS = ("#text", "$t", "_", "Value", "text")


def named_data(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with EventData as a map, where a converter wrote it as a list of named items."""
    event = record.get("Event")
    if not isinstance(event, dict):
        return record
    data = event.get("EventData")
    items = data.get("Data") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(items, list):
        return record
    if not any(isinstance(item, dict) for item in items):
        return record
    named: dict[str, Any] = {name: value for name, value in data.items() if name != "Data"}
    plain = []
    for item in items:
        fields = {**item, **item.get("#attributes", {})} if isinstance(item, dict) else {}
        name = next((fields[key] for key in _DATA_NAMES if isinstance(fields.get(key), str)), None)
        if name is None or name in named:
            plain.append(item)
        else:
            named[name] = next((fields[key] for key in _DATA_TEXTS if key in fields), "")
    if plain:
        named["Data"] = plain
    return {**record, "Event": {**event, "EventData": named}}


def winlog_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the common names for flattened winlogbeat records."""
    wanted = []
    taken = {_WINLOG.get(name) for name in names}
    for name in names:
        if name.startswith(("winlog.event_data.", "winlog.user_data.")):
            wanted.append(name.split(".", 2)[2])
        elif name in _WINLOG:
            wanted.append(_WINLOG[name])
        elif _WINLOG_FALLBACK.get(name, "") and _WINLOG_FALLBACK[name] not in taken:
            wanted.append(_WINLOG_FALLBACK[name])
            taken.add(_WINLOG_FALLBACK[name])
        else:
            wanted.append(name)
    return _unique(names, wanted)


def flat_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the common names for a flat export, where System and EventData share one level."""
    taken = set(names)
    wanted = []
    for name in names:
        common = _FLAT.get(name, name)
        if common != name and common in taken:
            common = name
        taken.add(common)
        wanted.append(common)
    return _unique(names, wanted)


def _unique(names: Sequence[str], wanted: list[str]) -> tuple[str, ...]:
    """Keep the first holder of each name; a later one goes by its full path, or numbered."""
    taken: set[str] = set()
    result = []
    for name, new in zip(names, wanted, strict=True):
        unique = new if new not in taken else name
        while unique in taken:
            unique += "_"
        taken.add(unique)
        result.append(unique)
    return tuple(result)
