from __future__ import annotations

import pytest

from hisn.core.timespan import timespan_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1s"), (60, "1m"), (90, "90s"), (5400, "90m"), (86_400, "1d"), (90_000, "25h"), (0, "0d")],
)
def test_the_largest_unit_that_divides_it_is_taken(seconds: int, text: str) -> None:
    assert timespan_text(seconds * 1_000_000) == text
