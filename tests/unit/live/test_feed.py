from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hisn.live.feed import Position, changes, with_changes

POSITIONS = st.dictionaries(
    st.sampled_from("abcde"), st.integers() | st.text() | st.lists(st.integers(), max_size=2), max_size=5
)


@given(POSITIONS, POSITIONS)
def test_changes_lead_from_one_position_to_the_next(old: Position, new: Position) -> None:
    assert with_changes(old, changes(old, new)) == new


def test_what_did_not_change_is_not_written_again() -> None:
    old: Position = {f"file-{number}": number for number in range(1_000)}
    assert changes(old, {**old, "file-7": 8}) == {"file-7": 8}
