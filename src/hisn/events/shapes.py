"""Recognise what a JSON record is by the names of its fields, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hisn.events import windows


@dataclass(frozen=True, slots=True)
class Recognised:
    """Say the kind of records with certain names, their common names, and where their time stands.

    `constants` are names (after renaming) that become constants of the layout.  `times` are
    candidates in order; those in `zoneless` count only where the operator declared a zone, or
    where nothing else is there.
    """

    kind: str
    names: tuple[str, ...]
    constants: tuple[str, ...] = ()
    times: tuple[str, ...] = ()


_WINDOWS_TIMES = ("TimeCreated", "SystemTime", "EventTime", "@timestamp", "UtcTime", "timestamp")
_TIMES = (
    "@timestamp", "eventTime", "timestamp", "time", "ts", "published", "stageTimestamp", "createdDateTime",
    "activityDateTime", "TimeGenerated", "CreationTime", "requestReceivedTimestamp", "created_at", "datetime",
    "date", "event.created", "receiveTimestamp", "Timestamp", "created", "eventTimestamp", "EventTime", "_time",
)  # fmt: skip

_PRODUCTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("cloudtrail", frozenset({"eventVersion", "eventSource", "eventName", "awsRegion"})),
    ("zeek", frozenset({"ts", "uid", "id.orig_h", "id.resp_h"})),
    ("zeek", frozenset({"ts", "_path"})),
    ("zeek", frozenset({"ts", "certificate.serial", "certificate.subject"})),
    ("zeek", frozenset({"ts", "fuid", "mime_type"})),
)
_PRODUCT_CONSTANTS = ("_path",)


def _plain(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names)


def recognise(names: tuple[str, ...]) -> Recognised:
    """Return what records with these flattened names are."""
    present = set(names)
    rename: Callable[[Sequence[str]], tuple[str, ...]] | None = None
    if "Event.System.EventID" in present or "Event.System.EventID.#text" in present:
        rename = windows.nested_names
    elif "winlog.event_id" in present or ("winlog.channel" in present and "event.code" in present):
        rename = windows.winlog_names
    elif present & {"EventID", "EventId", "Event_ID"} and present & {
        "Channel", "SourceName", "Source", "Provider_Name", "ProviderName", "LogName", "Provider",
    }:  # fmt: skip
        rename = windows.flat_names
    if rename is not None:
        common = rename(names)
        constants = tuple(name for name in windows.CONSTANTS if name in common)
        return Recognised("windows", common, constants, _present(_WINDOWS_TIMES, common))
    for kind, wanted in _PRODUCTS:
        if wanted <= present:
            return Recognised(kind, names, _present(_PRODUCT_CONSTANTS, names), _present(_TIMES, names))
    return Recognised("generic", names, (), _present(_TIMES, names))


def _present(candidates: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in candidates if name in names)
