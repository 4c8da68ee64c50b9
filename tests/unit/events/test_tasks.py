"""Test what names a source, or a piece of one."""

from hisn.events.tasks import Task


def test_a_range_of_a_file_is_placed_by_its_first_byte() -> None:
    assert Task("/x", "x", start=4096).part == 4096


def test_a_piece_of_a_live_source_is_placed_in_its_stream_and_not_behind_its_context() -> None:
    piece = Task("/piece", "x", start=30, first_record=7, offset=1 << 40)
    assert piece.part == 1 << 40


def test_the_first_piece_of_a_live_source_is_its_start_whatever_its_context() -> None:
    assert Task("/piece", "x", start=30, first_record=1, offset=0).part == 0
