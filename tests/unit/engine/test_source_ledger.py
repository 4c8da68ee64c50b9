from __future__ import annotations

import numpy as np
import pytest

from hisn.core import limits
from hisn.engine.source_ledger import SourceLedger, gaps_between, runs
from hisn.events.source import SourceNote

SECOND_US = 1_000_000


def test_runs_are_cut_where_the_silence_is_longer_than_the_gap() -> None:
    times = np.array([0, 10, 21], dtype=np.int64) * SECOND_US
    assert runs(times, 10) == [(0, 10 * SECOND_US, 2), (21 * SECOND_US, 21 * SECOND_US, 1)]


def test_the_longest_gaps_are_listed_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_GAPS_LISTED", 2)
    spans = [(at * SECOND_US, at * SECOND_US) for at in (0, 10, 15, 40)]
    assert [gap.seconds for gap in gaps_between(spans)] == [10, 25]


def test_the_worst_that_was_said_of_a_source_stands() -> None:
    ledger = SourceLedger()
    ledger.add_note(SourceNote("a.gz", "json", "partial", "truncated", "E2010", 7))
    ledger.add_note(SourceNote("a.gz", "json", "read", "", ""))
    source = ledger.build("a.gz")
    assert (source.status, source.reason, source.size_bytes) == ("partial", "E2010: truncated", 7)


def test_reasons_stay_bounded_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_REASONS_LISTED", 2)
    ledger = SourceLedger()
    for reason in ("c", "a", "b", "a"):
        ledger.add_note(SourceNote("x", "", "partial", reason, ""))
    assert ledger.build("x").reason == "a; b"
