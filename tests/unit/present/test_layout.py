from __future__ import annotations

import io

import pytest

from hisn.present.layout import cells, labelled, paint, terminal_width, wants_colour, wrap


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_and_never_against_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(Screen())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Screen())


def test_columns_are_counted_as_a_terminal_does() -> None:
    assert cells("abc") == 3
    assert cells("\u2066abc\u2069") == 3
    assert cells("مُهمّ") == 3
    assert cells("日本") == 4
    assert cells(paint("abc", "high", colour=True)) == 3


def test_words_longer_than_the_line_stay_whole() -> None:
    assert wrap("a C:\\very\\long\\path b", 5) == ["a", "C:\\very\\long\\path", "b"]


def test_an_isolate_is_closed_and_opened_again_at_a_break() -> None:
    assert wrap("x \u2066one two\u2069 y", 6) == ["x \u2066one\u2069", "\u2066two\u2069 y"]


def test_a_label_hangs_in_front() -> None:
    assert labelled("why", "one two three", indent=2, label_width=6, width=None) == ["  why   one two three"]
    assert labelled("why", "aaaaaaaaaa bbbbbbbbbb ccc", indent=2, label_width=6, width=28) == [
        "  why   aaaaaaaaaa",
        "        bbbbbbbbbb ccc",
    ]


def test_the_width_is_what_reads_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert terminal_width() == 110
    monkeypatch.setenv("COLUMNS", "20")
    assert terminal_width() == 60
