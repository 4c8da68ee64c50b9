"""Recognise what a JSON record is by the names of its fields, and by nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hisn.events import windows


@dataclass(frozen=True, slots=True)
class Recognised:
    """Say the kind of records with certain names, their common names, and where their time stands.

    `constants` are names (after renaming) that become constants of the layout.  `times` are
    candidates in order: the first that holds a usable time counts, record by record.
    """

    kind: str
    names: tuple[str, ...]
    constants: tuple[str, ...] = ()
    times: tuple[str, ...] = ()


# EventTime of NXLog has no zone: the time of ingestion, which has one, is nearer to the truth than
# a wrong hour, unless the operator declares the zone.
_WINDOWS_TIMES = ("TimeCreated", "SystemTime", "@timestamp", "EventTime", "UtcTime", "timestamp")
_TIMES = (
    "@timestamp", "eventTime", "timestamp", "time", "ts", "published", "stageTimestamp", "createdDateTime",
    "activityDateTime", "TimeGenerated", "CreationTime", "requestReceivedTimestamp", "created_at",
    "datetime", "date", "event.created", "receiveTimestamp", "Timestamp", "created", "eventTimestamp",
    "EventTime", "utc_time", "local_time", "createdDate", "_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Product:
    """Name a product's log by fields that its records have: all of `needs`."""

    kind: str
    needs: frozenset[str]
    constants: tuple[str, ...] = ()


# Documented record formats of each product. Two or more names are asked for, of which at least
# one is nobody else's: a wrong guess would show the records to the wrong rules.
_PRODUCTS = (
    _Product("cloudtrail", frozenset({"eventVersion", "eventSource", "eventName", "awsRegion"})),
    _Product("zeek", frozenset({"ts", "uid", "id.orig_h", "id.resp_h"}), ("_path",)),
    _Product("zeek", frozenset({"ts", "_path"}), ("_path",)),
    _Product("zeek", frozenset({"ts", "certificate.serial", "certificate.subject"}), ("_path",)),
    _Product("zeek", frozenset({"ts", "fuid", "mime_type"}), ("_path",)),
    _Product("kubernetes", frozenset({"auditID", "verb", "stage", "requestURI"})),
    _Product("okta", frozenset({"eventType", "published", "actor.id", "outcome.result"})),
    _Product("github", frozenset({"action", "actor", "_document_id"})),
    _Product("github", frozenset({"action", "actor", "created_at", "org"})),
    _Product("bitbucket", frozenset({"auditType.action", "auditType.category"})),
    _Product(
        "gcp", frozenset({"protoPayload.@type", "protoPayload.methodName"}), ("protoPayload.serviceName",)
    ),
    _Product("m365", frozenset({"Operation", "Workload", "RecordType"}), ("Workload",)),
    _Product("azure", frozenset({"operationName", "resourceId", "category"}), ("category",)),
    _Product("azure", frozenset({"OperationName", "Category", "TimeGenerated"}), ("Category",)),
    _Product("azure", frozenset({"userPrincipalName", "appDisplayName", "conditionalAccessStatus"})),
    _Product("azure", frozenset({"activityDisplayName", "loggedByService", "category"})),
    _Product("azure", frozenset({"riskEventType", "riskState"})),
    _Product("onelogin", frozenset({"event_type_id", "account_id"})),
    _Product("opencanary", frozenset({"logtype", "node_id", "dst_port"})),
)

OBJECT_TEXTS = ("requestParameters", "responseElements")
"""Objects of CloudTrail that rules also search as one text."""


def object_texts(record: dict[str, Any]) -> dict[str, str]:
    """Return the JSON text of objects that rules search as a whole."""
    if "eventSource" not in record or "awsRegion" not in record:
        return {}
    return {
        name: json.dumps(record[name], separators=(",", ":"), ensure_ascii=False)
        for name in OBJECT_TEXTS
        if isinstance(record.get(name), dict)
    }


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
    for product in _PRODUCTS:
        if product.needs <= present:
            constants = tuple(name for name in product.constants if name in present)
            return Recognised(product.kind, names, constants, _present(_TIMES, names))
    return Recognised("generic", names, (), _present(_TIMES, names))


def _present(candidates: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in candidates if name in names)
