from __future__ import annotations

from hisn.live.stream import Notes
from hisn.live.tally import Tally


def test_what_was_counted_is_noted_once() -> None:
    tally, notes = Tally(), Notes()
    for _ in range(3):
        tally.add("dropped", 2, "records", "full")
    tally.add("refused", 1, "connections", "too many")
    tally.note(notes, "a", 5, 70)
    tally.note(notes, "a", 6, 70)
    assert [(each.kind, each.count, each.unit, each.reason, each.offset) for each in notes.take()] == [
        ("dropped", 6, "records", "full", 70),
        ("refused", 1, "connections", "too many", 70),
    ]
