"""One set of names for Windows events, whatever carried them."""

from __future__ import annotations

from hisn.events import windows
from hisn.events.flatten import flatten


def test_tree_loses_its_wrapping() -> None:
    names = (
        "Event.System.Provider.#attributes.Name", "Event.System.EventID.#text", "Event.System.Channel",
        "Event.System.TimeCreated.#attributes.SystemTime", "Event.EventData.Image", "Event.EventData.Channel",
        "Event.UserData.LogFileCleared.SubjectUserName", "Event.EventData.Data.#text",
    )  # fmt: skip
    assert windows.nested_names(names) == (
        "Provider_Name", "EventID", "Channel", "TimeCreated", "Image", "Event.EventData.Channel",
        "SubjectUserName", "Data",
    )  # fmt: skip


def test_winlogbeat_has_the_same_names() -> None:
    names = (
        "winlog.channel",
        "winlog.event_id",
        "winlog.provider_name",
        "host.name",
        "winlog.event_data.Image",
    )
    assert windows.winlog_names(names) == ("Channel", "EventID", "Provider_Name", "Computer", "Image")


def test_name_of_the_event_wins_over_that_of_the_shipper() -> None:
    assert windows.winlog_names(("host.name", "winlog.computer_name", "event.code", "winlog.event_id")) == (
        "host.name", "Computer", "event.code", "EventID",
    )  # fmt: skip


def test_flat_export_has_the_same_names() -> None:
    assert windows.flat_names(("Hostname", "SourceName", "EventID", "Image")) == (
        "Computer", "Provider_Name", "EventID", "Image",
    )  # fmt: skip


def test_two_fields_never_share_a_name() -> None:
    names = ("Computer", "Hostname", "ComputerName", "Computer_")
    assert len(set(windows.flat_names(names))) == 4


def test_list_of_named_items_becomes_fields() -> None:
    record = {
        "Event": {"EventData": {"Data": [{"@Name": "Image", "#text": "a.exe"}, {"@Name": "User"}, "loose"]}}
    }
    assert flatten(windows.named_data(record)) == {
        "Event.EventData.Image": "a.exe", "Event.EventData.User": "", "Event.EventData.Data": ("loose",),
    }  # fmt: skip


def test_registry_value_is_written_as_sysmon_does() -> None:
    assert (
        windows.registry_target("\\REGISTRY\\MACHINE\\Software\\Run", "evil") == "HKLM\\Software\\Run\\evil"
    )
    assert windows.registry_target("\\Registry\\User\\S-1-5", "-") == "HKU\\S-1-5"
    columns: list[object] = [("\\REGISTRY\\MACHINE\\a",), ("b",)]
    names = windows.add_registry_target(("ObjectName", "ObjectValueName"), columns, 4657)  # type: ignore[arg-type]
    assert names[-1] == "TargetObject"
    assert columns[-1] == ["HKLM\\a\\b"]


def test_markup_of_the_tree_is_no_field() -> None:
    flat = {
        "Event.System.EventID": 1,
        "Event.#attributes.xmlns": "x",
        "Event.System.Correlation": None,
        "a": None,
    }
    assert windows.without_noise(flat) == {"Event.System.EventID": 1, "a": None}
    assert windows.without_noise({"Event.System.Correlation": None}) == {"Event.System.Correlation": None}
