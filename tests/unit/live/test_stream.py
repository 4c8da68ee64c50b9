from __future__ import annotations

from hisn.live.stream import CODES, Notes, Stream


def test_pieces_follow_each_other_through_generations() -> None:
    stream = Stream("a")
    first = stream.piece(stream.begin(), b"1\n2\n", b"1\n2\n", 7)
    second = stream.piece(stream.begin(), b"3\n", b"3\n", 8)
    assert (first.start, first.first_record, first.generation) == (0, 1, 1)
    assert (second.start, second.first_record, second.generation) == (4, 3, 2)


def test_notes_are_given_once_and_carry_their_code() -> None:
    notes = Notes()
    notes.add("a", "gap", 5, 10, "bytes", is_exact=False, offset=3)
    (note,) = notes.take()
    assert (note.code, note.count, note.is_exact, note.offset) == (CODES["gap"], 10, False, 3)
    assert notes.take() == []
