from __future__ import annotations

import io

from tests.unit.present.test_layout import Screen

from hisn.present.progress import TerminalProgress, open_progress


def test_nobody_watches_a_file() -> None:
    assert open_progress(io.StringIO()) is None
    assert open_progress(Screen()) is not None


def test_a_short_run_shows_no_bar() -> None:
    screen = Screen()
    progress = TerminalProgress(screen, now_s=iter((0.0, 0.0, 0.4, 0.9)).__next__)
    progress.start(1_000)
    progress.advance(500, 10, 1)
    progress.advance(500, 10, 1)
    progress.close()
    assert screen.getvalue() == ""


def test_a_long_run_shows_records_hits_and_rate() -> None:
    screen = Screen()
    progress = TerminalProgress(screen, now_s=iter((0.0, 0.0, 2.0, 4.0)).__next__)
    progress.start(1_000)
    progress.advance(500, 10_000, 1)
    progress.advance(5_000, 10_000, 1)
    progress.close()
    assert "20,000 records, 2 hits, 5,000 records a second" in screen.getvalue()
