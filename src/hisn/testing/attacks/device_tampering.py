"""Play tampering with a tabulator: test mode, failed administrators, opened door, late tally, gap."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources.devices import BALLOT, Event, path_of, text_of
from hisn.testing.stream import Attack, Record, Stage

_FIRST = path_of("TAB-002")
_SECOND = path_of("TAB-003")

_PIN = Event(
    id="admin-login",
    type="login-attempt",
    disposition="failure",
    severity="warning",
    user="administrator",
    description="Administrator PIN incorrect",
)
_DOOR = Event(
    id="access-door-opened",
    type="physical-access",
    severity="warning",
    description="Access door of the media compartment opened",
)
_EDITED = Event(
    id="tally-edited",
    type="user-action",
    disposition="success",
    severity="critical",
    user="administrator",
    description="Manual tally data edited after results were marked official",
)
# Eleven entries are missing before this ordinary one: only its sequence number tells.
_AFTER_GAP = Event(
    id=BALLOT.id, type=BALLOT.type, disposition="success", description=BALLOT.description, skip=11
)


def _mode(state: str) -> Event:
    return Event(
        id="mode-changed",
        type="user-action",
        disposition="success",
        severity="warning",
        user="poll-manager",
        description=f"Ballot mode set to {state} while polls are open",
        details=f'{{"newMode":"{state}"}}',
    )


def _record(stage: Stage, minutes: int, event: Event) -> Record:
    """Return an event so many minutes after (or, negative, before) the polls have closed."""
    closing = stage.calendar.start_of("counting")
    return Record(closing + minutes * 60_000_000 + 233_000, text_of(event))


def _test_mode(stage: Stage) -> Iterator[Record]:
    yield _record(stage, -171, _mode("test"))
    yield _record(stage, -163, _mode("official"))


def _failed_access(stage: Stage) -> Iterator[Record]:
    for minutes in range(-96, -90):
        yield _record(stage, minutes, _PIN)
    yield _record(stage, -90, _DOOR)


def _late_tally(stage: Stage) -> Iterator[Record]:
    yield _record(stage, 73, _EDITED)


def _gap(stage: Stage) -> Iterator[Record]:
    yield _record(stage, -40, _AFTER_GAP)


ATTACKS: tuple[Attack, ...] = (
    Attack(
        "device-test-mode",
        "Tabulator switched to test mode and back while polls are open",
        _FIRST,
        ("device_test_mode",),
        _test_mode,
    ),
    Attack(
        "device-failed-access",
        "Administrator PIN guessed, then the media door opened",
        _FIRST,
        ("device_failed_access", "device_physical_access", "device_access_guessed"),
        _failed_access,
    ),
    Attack(
        "device-late-tally",
        "Tally edited after results were marked official",
        _SECOND,
        ("device_tally_changed",),
        _late_tally,
    ),
    Attack(
        "device-log-gap",
        "Eleven entries missing from a tabulator's log",
        _SECOND,
        (),
        _gap,
        note="Only the sequence numbers tell, and single-event rules cannot count them.",
    ),
)
