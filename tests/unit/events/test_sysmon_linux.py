"""Sysmon's events in syslog, and messages that only look like them."""

from __future__ import annotations

import time

import pytest

from hisn.events.sysmon_linux import read_event

EVENT = (
    "<Event><System><EventID>11</EventID><EventRecordID>7</EventRecordID></System>"
    '<EventData><Data Name="TargetFilename">/tmp/a&amp;b</Data><Data Name="User"></Data></EventData></Event>'
)


def test_fields_are_those_of_the_event() -> None:
    assert read_event(EVENT) == ("11", {"EventRecordID": "7", "TargetFilename": "/tmp/a&b", "User": ""})


@pytest.mark.parametrize("message", ["", "started", "<Event>", "<Event><System></System></Event>", EVENT[1:]])
def test_other_messages_are_none(message: str) -> None:
    assert read_event(message) is None


def test_event_data_cannot_pretend_to_be_the_system_part() -> None:
    forged = EVENT.replace("<EventID>11</EventID>", "").replace("/tmp", "<EventID>1</EventID>")
    assert read_event(forged) is None


def test_long_hostile_event_is_read_in_linear_time_and_with_few_fields() -> None:
    started = time.perf_counter()
    for part in ('<Data Name="a">', "<Computer>", '<Data Name="', "<EventID>1", "&amp;"):
        read_event("<Event><EventID>1</EventID><EventData>" + part * (200_000 // len(part)))
    many = "".join(f'<Data Name="n{n}">x</Data>' for n in range(5000))
    found = read_event("<Event><EventID>1</EventID><EventData>" + many)
    assert found is not None
    assert len(found[1]) <= 2000
    assert time.perf_counter() - started < 5
