"""A stream is cut into messages however it comes, and no message can pretend to be two."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.live.framing import MAX_MESSAGE_BYTES, Framer, Framing, line_of

MESSAGES = st.lists(st.text("ab1 é\t", max_size=12).map(lambda text: f"<13>{text}".encode()), max_size=10)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def fed(framer: Framer, pieces: list[bytes]) -> bytes:
    return b"".join(framer.feed(piece) for piece in pieces) + framer.end()


@given(MESSAGES, st.lists(st.integers(0, 500), max_size=8), st.sampled_from(["auto", "lines"]))
def test_lines_are_found_however_they_come(messages: list[bytes], cuts: list[int], framing: Framing) -> None:
    data = b"".join(message + b"\n" for message in messages)
    assert fed(Framer(framing), in_pieces(data, cuts)) == b"".join(map(line_of, messages))


@given(MESSAGES, st.lists(st.integers(0, 500), max_size=8), st.sampled_from(["auto", "octets"]))
def test_counted_messages_are_found_however_they_come(
    messages: list[bytes], cuts: list[int], framing: Framing
) -> None:
    data = b"".join(b"%d %s" % (len(message), message) for message in messages)
    assert fed(Framer(framing), in_pieces(data, cuts)) == b"".join(map(line_of, messages))


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_hostile_bytes_are_lines_or_refused(pieces: list[bytes]) -> None:
    framer = Framer()
    lines = fed(framer, pieces)
    assert lines == b"" or lines.endswith(b"\n")
    assert b"\n\n" not in lines


def test_a_line_feed_within_a_message_forges_no_record() -> None:
    message = b"<13>harmless\n<13>sshd: Accepted password for root"
    assert Framer().feed(b"%d %s" % (len(message), message)) == (
        b"<13>harmless#012<13>sshd: Accepted password for root\n"
    )


def test_ends_that_senders_add_are_no_part_of_a_message() -> None:
    assert Framer().feed(b"7 <13>ab\n6 <13>cd") == b"<13>ab\n<13>cd\n"
    assert Framer().feed(b"<13>ab\r\n<13>cd\0\n\n") == b"<13>ab\n<13>cd\n"


def test_text_that_begins_with_a_year_is_no_count() -> None:
    assert Framer().feed(b"2026-11-03T20:00:00Z host app: x\n") == b"2026-11-03T20:00:00Z host app: x\n"


def test_a_sender_who_miscounts_is_refused() -> None:
    framer = Framer()
    assert framer.feed(b"6 <13>ab<13>not counted, and long enough to tell") == b"<13>ab\n"
    assert framer.is_bad
    assert framer.feed(b"6 <13>cd") == b""
    assert framer.end() == b"<13>not counted, and long enough to tell6 <13>cd\n"


@pytest.mark.parametrize("count", [b"0 ", b"01 ", b"+5 ", b"5_0 ", b"1234567890 ", b" 5 "])
def test_only_plain_counts_are_counts(count: bytes) -> None:
    framer = Framer("octets")
    assert framer.feed(count + b"<13>" + b"x" * 60) == b""
    assert framer.is_bad


@pytest.mark.parametrize("framing", ["lines", "octets"])
def test_an_endless_message_is_passed_over_and_never_held(framing: Framing) -> None:
    framer = Framer(framing, max_bytes=1_000)
    size = 5_000_000
    lines = framer.feed(b"%d " % size if framing == "octets" else b"")
    for _ in range(size // 1_000):
        lines += framer.feed(b"x" * 1_000)
        assert len(framer._buffer) <= 2_000
    lines += framer.feed(b"" if framing == "octets" else b"\n")
    lines += framer.feed(b"6 <13>ab" if framing == "octets" else b"<13>ab\n")
    assert (lines, framer.overlong) == (b"<13>ab\n", 1)


def test_a_message_that_comes_byte_by_byte_costs_no_more_than_its_length() -> None:
    framer = Framer()
    started = time.process_time()
    for _ in range(MAX_MESSAGE_BYTES):
        framer.feed(b"x")
    assert time.process_time() - started < 5
    assert framer.feed(b"\n") == b"x" * MAX_MESSAGE_BYTES + b"\n"


@pytest.mark.parametrize(
    ("data", "rest"),
    [(b"<13>ab\n<13>c", b"<13>c\n"), (b"6 <13>ab9 <13>c", b"<13>c\n"), (b"6 <13>ab1", b"1\n")],
)
def test_what_a_broken_connection_leaves_is_given(data: bytes, rest: bytes) -> None:
    framer = Framer()
    framer.feed(data)
    assert framer.is_within
    assert framer.end() == rest
