from __future__ import annotations

import numpy as np

from hisn.core import limits
from hisn.engine.hits import runs_of
from hisn.events.batch import NO_TIME

GAP_US = limits.FINDING_GAP_S * 1_000_000


def test_a_run_has_no_gap_longer_than_a_finding_may_have() -> None:
    assert runs_of(np.array([0, GAP_US, 2 * GAP_US + 1])) == [(0, 2), (2, 3)]


def test_records_without_a_time_are_a_run_of_their_own() -> None:
    assert runs_of(np.array([NO_TIME, NO_TIME, 0, 5])) == [(0, 2), (2, 4)]
    assert runs_of(np.array([NO_TIME])) == [(0, 1)]


def test_no_times_are_no_runs() -> None:
    assert runs_of(np.array([], dtype=np.int64)) == []
