"""Lines are cut at newlines only, and bad bytes never get lost or raise."""

from __future__ import annotations

from hisn.events.lines import decode, head_lines, split_lines


def test_only_newline_ends_a_line() -> None:
    data = "one\u2028still one\x0b\x0c\x85\ntwo\r\nthree\rstill three\n".encode()
    _, lines = split_lines(data)
    assert len(lines) == 3
    assert lines[1] == b"two"


def test_stretch_without_last_newline_has_the_same_lines() -> None:
    assert split_lines(b"a\nb\n")[1] == split_lines(b"a\nb")[1] == [b"a", b"b"]


def test_bytes_that_are_not_utf8_are_shown_as_escapes() -> None:
    assert decode(b"caf\xe9 \xd8\xa7") == "caf\\xe9 ا"


def test_decoded_text_can_always_be_encoded_again() -> None:
    assert decode(bytes(range(256)) * 3).encode()


def test_line_cut_at_the_end_of_the_head_is_no_sample() -> None:
    assert head_lines(b"one\n\ntwo\nthr") == ["one", "two"]
    assert head_lines(b"only") == ["only"]
    assert head_lines(b"") == []
