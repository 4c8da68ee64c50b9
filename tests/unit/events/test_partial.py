"""Of a record of which some fields are hidden, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hisn.events.mapping import load_mapping
from hisn.events.partial import (
    DECLARATION,
    NOTHING,
    RECORD,
    Disclosed,
    PartialRecord,
    kleene_and,
    kleene_not,
    partial_record,
)
from hisn.events.schema import Cell, Declaration

MAPPING = load_mapping()
CREATION: dict[str, Cell] = {
    "Channel": "Security",
    "Provider_Name": "Microsoft-Windows-Security-Auditing",
    "EventID": 4688,
    "NewProcessName": "C:\\x.exe",
    "CommandLine": "x",
}
X = frozenset({"x"})


def of(
    known: Mapping[str, Cell],
    *hidden: str,
    format_name: str = "evtx",
    declaration: Declaration | None = Declaration(),
) -> PartialRecord:
    shown = {name: cell for name, cell in known.items() if name not in hidden}
    return partial_record(MAPPING, Disclosed(format_name, shown, frozenset(hidden), declaration))


def test_kleene_and_is_false_if_one_is_and_else_unknown_if_one_is() -> None:
    assert kleene_and([]) == (True, NOTHING)
    assert kleene_and([(True, NOTHING), (None, X), (False, NOTHING)]) == (False, NOTHING)
    assert kleene_and([(None, X), (True, NOTHING), (None, frozenset({"y"}))]) == (None, frozenset({"x", "y"}))
    assert [kleene_not(each)[0] for each in ((True, NOTHING), (False, NOTHING), (None, X))] == [
        False,
        True,
        None,
    ]


def test_a_name_that_the_mapping_gives_is_known_if_its_field_is() -> None:
    record = of(CREATION)
    assert record.known["Image"] == "C:\\x.exe"
    assert record.satisfies(product="windows", category="process_creation", service=None) == (True, NOTHING)


def test_a_name_that_the_mapping_gives_needs_its_field() -> None:
    record = of(CREATION, "NewProcessName")
    assert record.hidden["Image"] == frozenset({"NewProcessName"})


def test_a_hidden_event_id_leaves_open_what_the_fields_are_called() -> None:
    record = of(CREATION, "EventID")
    assert record.undecided["Image"] == frozenset({"EventID"})
    assert record.satisfies(category="process_creation") == (None, frozenset({"EventID"}))
    assert record.satisfies(product="linux") == (False, NOTHING)
    assert record.known["CommandLine"] == "x"


def test_a_hidden_declaration_leaves_the_log_source_open() -> None:
    record = of(CREATION, declaration=None)
    assert record.otherwise == frozenset({DECLARATION})
    assert record.satisfies(product="windows") == (None, frozenset({DECLARATION}))
    web = of({"c-ip": "203.0.113.7"}, format_name="combined", declaration=None)
    assert web.satisfies(category="webserver") == (True, NOTHING)
    assert web.satisfies(category="other") == (None, frozenset({DECLARATION}))


def test_what_was_declared_is_a_log_source() -> None:
    declared = Declaration(services=frozenset({"sshd"}))
    assert (
        of({"c-ip": "x"}, format_name="combined", declaration=declared).satisfies(service="sshd")[0] is True
    )


def test_json_is_known_by_its_names_and_by_what_was_declared() -> None:
    trail: dict[str, Cell] = {"eventVersion": "1", "eventSource": "s", "eventName": "n", "awsRegion": "r"}
    assert of(trail, format_name="json-lines").satisfies(product="aws")[0] is True
    other = of(trail, format_name="json-lines", declaration=Declaration(kind="okta"))
    assert other.satisfies(product="aws")[0] is False


@pytest.mark.parametrize(
    ("format_name", "known"),
    [
        # Its reader may have known it as a Windows event by names that were given others since.
        ("json-lines", {"EventID": 1, "x": 1}),
        ("evtx", {"EventID": 1, "x": 1}),
        ("no-such-format", {"x": 1}),
    ],
)
def test_where_the_kind_cannot_be_told_nothing_is(format_name: str, known: dict[str, Cell]) -> None:
    record = of(known, format_name=format_name)
    assert record.known == {}
    assert record.otherwise == frozenset({RECORD})
    assert record.satisfies(product="windows")[0] is None


def test_what_decides_is_a_constant_only_where_its_reader_makes_it_one() -> None:
    """A field that happens to be called like one that decides in other records decides nothing."""
    sign_in: dict[str, Cell] = {
        "userPrincipalName": "u",
        "appDisplayName": "a",
        "conditionalAccessStatus": "x",
        "category": "AuditLogs",
    }
    record = of(sign_in, format_name="json-lines")
    full = of({**sign_in, "operationName": "o", "resourceId": "r"}, format_name="json-lines")
    assert full.sure["service"] - record.sure["service"] == {"auditlogs"}


def test_postgres_json_has_one_kind_unless_another_was_declared() -> None:
    record = of({"log_time": "x"}, format_name="postgres-json")
    assert record.satisfies(product="postgresql")[0] is True
