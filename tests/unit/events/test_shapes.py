"""Recognition of JSON records by their names."""

from __future__ import annotations

import pytest

from hisn.events.shapes import object_texts, recognise


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("EventID", "Channel", "Hostname"), "windows"),
        (("EventID", "Source", "Message"), "windows"),
        (("winlog.event_id", "winlog.channel"), "windows"),
        (("Event.System.EventID", "Event.System.Channel"), "windows"),
        (("Event.System.EventID.#text",), "windows"),
        (("eventVersion", "eventSource", "eventName", "awsRegion"), "cloudtrail"),
        (("auditID", "verb", "stage", "requestURI"), "kubernetes"),
        (("eventType", "published", "actor.id", "outcome.result"), "okta"),
        (("Operation", "Workload", "RecordType"), "m365"),
        (("operationName", "resourceId", "category"), "azure"),
        (("protoPayload.@type", "protoPayload.methodName"), "gcp"),
        (("action", "actor", "_document_id"), "github"),
        (("ts", "uid", "id.orig_h", "id.resp_h"), "zeek"),
        (("message", "level"), "generic"),
        (("EventID",), "generic"),
    ],
)
def test_records_are_known_by_their_names(names: tuple[str, ...], kind: str) -> None:
    assert recognise(names).kind == kind


def test_what_log_sources_hang_on_is_constant() -> None:
    assert recognise(("EventID", "Channel", "SourceName")).constants == (
        "Channel",
        "Provider_Name",
        "EventID",
    )


def test_time_with_a_zone_comes_before_time_without_one() -> None:
    assert recognise(("EventID", "Channel", "EventTime", "@timestamp")).times == ("@timestamp", "EventTime")


def test_cloudtrail_objects_are_also_one_text() -> None:
    record = {
        "eventSource": "s3",
        "awsRegion": "x",
        "requestParameters": {"a": [1]},
        "responseElements": None,
    }
    assert object_texts(record) == {"requestParameters": '{"a":[1]}'}
    assert object_texts({"requestParameters": {"a": 1}}) == {}
