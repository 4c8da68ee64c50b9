"""Log sources and names by data."""

from __future__ import annotations

import numpy as np
import pytest

from hisn.events.batch import Block
from hisn.events.mapping import Mapping, load_mapping
from hisn.events.schema import Cell, Layout, Logsource

BUNDLED = load_mapping()


def windows(*names: str, **constants: Cell) -> Layout:
    return Layout("windows", names, tuple(constants.items()))


def test_security_4688_is_a_process_creation_under_both_sets_of_names() -> None:
    shape = BUNDLED.shape(windows("NewProcessName", "CommandLine", Channel="Security", EventID=4688))
    assert shape.logsource == Logsource(
        frozenset({"windows"}), frozenset({"process_creation"}), frozenset({"security"})
    )
    assert shape.fields["Image"] is shape.fields["NewProcessName"]


@pytest.mark.parametrize(
    ("constants", "category"),
    [
        ({"EventID": 1}, "process_creation"),
        ({"EventID": 13, "EventType": "SetValue"}, "registry_set"),
        ({"EventID": 12, "EventType": "CreateKey"}, "registry_add"),
        ({"EventID": 12, "EventType": "DeleteKey"}, "registry_delete"),
        ({"EventID": 26}, "file_delete"),
        ({"EventID": 255}, "sysmon_error"),
    ],
)
def test_sysmon_ids_have_their_categories(constants: dict[str, Cell], category: str) -> None:
    shape = BUNDLED.shape(windows(Channel="Microsoft-Windows-Sysmon/Operational", **constants))
    assert category in shape.logsource.categories
    assert not {"registry_add", "registry_delete"} - {category} <= shape.logsource.categories


def test_key_event_without_its_type_is_shown_to_rules_for_both() -> None:
    shape = BUNDLED.shape(windows(Channel="Microsoft-Windows-Sysmon/Operational", EventID=12))
    assert {"registry_add", "registry_delete"} <= shape.logsource.categories


@pytest.mark.parametrize("channel", ["ForwardedEvents", "WEC-Domain-Controllers", None])
def test_forwarded_events_are_known_by_their_provider(channel: Cell) -> None:
    # chainsaw issue 115: forwarded logs found nothing.
    layout = windows("Image", Channel=channel, Provider_Name="Microsoft-Windows-Sysmon", EventID=1)
    assert BUNDLED.shape(layout).logsource.services == {"sysmon"}
    assert BUNDLED.shape(layout).logsource.categories == {"process_creation"}


def test_channel_wins_over_provider() -> None:
    layout = windows(Channel="Application", Provider_Name="Microsoft-Windows-Sysmon", EventID=1)
    assert BUNDLED.shape(layout).logsource.services == {"application"}
    assert BUNDLED.shape(layout).logsource.categories == frozenset()


def test_case_of_a_channel_does_not_matter() -> None:
    assert BUNDLED.shape(windows(Channel="SECURITY")).logsource.services == {"security"}


def test_alias_never_hides_a_field_of_the_record() -> None:
    shape = BUNDLED.shape(windows("Image", "NewProcessName", Channel="Security", EventID=4688))
    assert shape.fields["Image"].column == 0


def test_table_translates_what_systems_write_differently() -> None:
    layout = windows("MandatoryLabel", Channel="Security", EventID=4688)
    block = Block(layout, np.array([1]), np.array([0]), [["S-1-16-12288"]], ["{}"])
    record = BUNDLED.record(block, 0)
    assert (record["MandatoryLabel"], record["IntegrityLevel"]) == ("S-1-16-12288", "High")


def test_table_leaves_other_values_and_several_values_alone() -> None:
    mapping = Mapping({"k": b'kind = "k"\n[aliases]\nb = { of = "a", values = { x = "Y" } }\n'})
    view = mapping.shape(Layout("k", ("a",))).fields["b"]
    assert [view.see(cell) for cell in ("X", "z", None, 1, ("x", None, "q"))] == [
        "Y",
        "z",
        None,
        1,
        ("Y", None, "q"),
    ]


def test_declared_log_sources_and_asset_are_added() -> None:
    declared = Logsource(products=frozenset({"cisco"}), services=frozenset({"aaa"}))
    shape = BUNDLED.shape(Layout("generic", ("message",), (), declared, "router-1"))
    assert shape.logsource == declared
    assert shape.asset_constant == "router-1"


def test_kind_without_a_file_has_its_fields_and_no_log_source() -> None:
    shape = BUNDLED.shape(Layout("nobody-knows", ("a",), (("b", 1),)))
    assert set(shape.fields) == {"a", "b"}
    assert shape.logsource == Logsource()


def test_digest_covers_every_byte_and_no_order() -> None:
    one, two = {"a": b"kind = 'a'", "b": b"kind = 'b'"}, {"b": b"kind = 'b'", "a": b"kind = 'a'"}
    assert Mapping(one).digest == Mapping(two).digest
    assert Mapping(one).digest != Mapping({**one, "a": b"kind = 'a' "}).digest


def test_flood_of_layouts_does_not_fill_the_memory() -> None:
    mapping = load_mapping()
    for number in range(17_000):
        mapping.shape(Layout("generic", (f"f{number}",)))
    assert len(mapping._shapes) <= 16_384


def test_bundled_files_are_named_after_their_kind_and_use_known_words_only() -> None:
    import tomllib
    from pathlib import Path

    import hisn.events.mapping as module

    top = {"kind", "products", "categories", "services", "asset", "aliases", "lookup", "rule"}
    rule = {"when", "unless", "has", "products", "categories", "services", "aliases", "constants", "tables"}
    lookup = {"constant", "adds", "fallback", "when", "unless", "has", "values"}
    for path in sorted(Path(module.__file__).with_name("mappings").glob("*.toml")):
        data = tomllib.loads(path.read_text())
        assert data["kind"] == path.stem
        assert set(data) <= top, path
        assert all(set(item) <= rule for item in data.get("rule", [])), path
        assert all(set(item) <= lookup for item in data.get("lookup", [])), path
        for item in data.get("lookup", []):
            assert all(text == text.casefold() for text in item["values"]), path
