"""Write event logs of voting devices: one NIST SP 1500-101 document per device (JSON).

Sequence numbers are given when the document is written, after attacks have been merged in: a
device counts what happens to it.  An event that carries ``skip`` lets the count jump.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from hisn.testing.calendar import ZONE, Span, arrivals
from hisn.testing.stream import Record, Stage

FOLDER = "devices"

ELECTION = "vesna-2026-11-03"


def path_of(device: str) -> str:
    """Return the path of a device's document in the folder."""
    return f"{FOLDER}/{device}.json"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one event of a device before it has a time and a number; `skip` events are missing."""

    id: str
    type: str
    disposition: str = "na"
    severity: str = "informational"
    user: str = "system"
    description: str = ""
    details: str = ""
    skip: int = 0


def text_of(event: Event) -> str:
    """Return the event as a record's text, to be read again by `document`."""
    return msgspec.json.encode(event).decode()


def iso(time: int) -> str:
    """Return the local time with its offset, milliseconds."""
    second, fraction = divmod(time, 1_000_000)
    return f"{datetime.fromtimestamp(second, ZONE):%Y-%m-%dT%H:%M:%S}.{fraction // 1000:03d}+01:00"


def document(device: tuple[str, str], span: Span, records: Iterable[Record]) -> Iterator[str]:
    """Yield the document's text piece by piece."""
    head = {"@type": "EventLogging.ElectionEventLog", "GeneratedTime": iso(span.end), "ElectionId": ELECTION}
    about = {
        "@type": "EventLogging.Device",
        "Id": device[0],
        "Type": device[1],
        "Manufacturer": "Lipa Systems",
        "Model": "Lipa 4",
        "Version": "4.2.1",
    }
    opening = msgspec.json.encode(head).decode()[:-1] + ',"Device":['
    yield opening + msgspec.json.encode(about).decode()[:-1] + ',"Event":[\n'
    sequence = 0
    for index, record in enumerate(records):
        event = msgspec.json.decode(record.text, type=Event)
        sequence += 1 + event.skip
        yield (",\n" if index else "") + _event_text(event, record.time, sequence)
    yield "\n]}]}\n"


def _event_text(event: Event, time: int, sequence: int) -> str:
    fields = {
        "@type": "EventLogging.Event",
        "Id": event.id,
        "Type": event.type,
        "Disposition": event.disposition,
        "Sequence": str(sequence),
        "TimeStamp": iso(time),
        "Severity": event.severity,
        "UserId": event.user,
        "Description": event.description,
        "Details": event.details,
    }
    return msgspec.json.encode({name: value for name, value in fields.items() if value}).decode()


BALLOT = Event(id="ballot-cast", type="vote", disposition="success", description="Ballot accepted and cast")
REJECTED = Event(
    id="ballot-rejected", type="vote", disposition="failure", severity="warning",
    description="Ballot returned to the voter: overvote",
)  # fmt: skip
CHECK_IN = Event(id="voter-check-in", type="user-action", disposition="success", user="poll-worker-2",
                 description="Voter checked in")  # fmt: skip
HEARTBEAT = Event(id="self-test", type="system-status", disposition="success", description="Self test passed")
POLLS_CLOSED = Event(id="polls-closed", type="user-action", disposition="success", user="poll-manager",
                     description="Polls closed, results tape printed")  # fmt: skip
COUNTED = Event(id="batch-scanned", type="application-action", disposition="success", user="poll-manager",
                description="Batch scanned and added to the tally")  # fmt: skip


def background(stage: Stage, count: int, device: tuple[str, str]) -> Iterator[Record]:
    """Yield about `count` ordinary events of one device: voting until the close, then its status."""
    closing = stage.calendar.start_of("counting")
    kind = device[1]
    weights = (
        (12 if minute < closing else 4 if kind == "scan-batch" else 1)
        for minute in range(stage.span.start, stage.span.end, 60_000_000)
    )
    is_closed = stage.span.start >= closing
    for time in arrivals(weights, stage.span, count, stage.dice):
        if time >= closing and not is_closed:
            is_closed = True
            yield Record(closing, text_of(POLLS_CLOSED))
        yield Record(time, text_of(_ordinary(stage, kind, is_closed=is_closed)))


def _ordinary(stage: Stage, kind: str, *, is_closed: bool) -> Event:
    dice = stage.dice
    if dice.chance(0.08) or (is_closed and kind != "scan-batch"):
        return HEARTBEAT
    if kind == "electronic-poll-book":
        return CHECK_IN
    if kind == "scan-batch":
        return COUNTED
    return REJECTED if dice.chance(0.01) else BALLOT
