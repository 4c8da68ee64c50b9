from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.limits import MAX_LINE_BYTES
from hisn.live.bodies import BadBody, TooLarge, lines_of, unpack

JSON = "application/json"
EVENTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(), max_size=3), max_size=5
)


def written(events: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


@given(EVENTS, st.sampled_from([None, 1]))
def test_every_form_gives_the_same_records(events: list[dict[str, object]], indent: int | None) -> None:
    def read(body: bytes, media_type: str = JSON) -> list[object]:
        return [json.loads(line) for line in lines_of(body, media_type).data.splitlines()]

    assert read(written(events)) == events
    assert read(written(events), "application/x-ndjson") == events
    assert read(json.dumps(events, indent=indent).encode()) == events
    assert read("".join(json.dumps(event) for event in events).encode()) == events
    if events:
        assert read(json.dumps(events[0], indent=indent).encode()) == events[:1]


def test_numbers_and_texts_of_an_array_stay_as_they_were_written() -> None:
    body = b'[{"a": 1.50, "b":"\\u0041\\n", "a":9007199254740993}, 7]'
    assert lines_of(body, JSON).data == b'{"a": 1.50, "b":"\\u0041\\n", "a":9007199254740993}\n7\n'


def test_text_is_taken_as_it_is() -> None:
    lines = lines_of(b"one\r\n\n[two\nthree", "text/plain")
    assert (lines.data, lines.count) == (b"one\n[two\nthree\n", 3)


def test_a_broken_line_does_not_lose_the_others() -> None:
    assert lines_of(b'{"a":1}\n{"a":\n{"a":3}\n', JSON).data == b'{"a":1}\n{"a":\n{"a":3}\n'


@pytest.mark.parametrize(
    "body", [b"[1, 2", b"[1] trailing", b'[{"a": nan}]', b"[" * 100_000, b'["\xff"]'[:3]]
)
def test_what_is_no_array_is_refused_whole(body: bytes) -> None:
    with pytest.raises(BadBody):
        lines_of(body, JSON)


def test_depth_is_no_way_to_break_us() -> None:
    body = b'{"a":' * 100_000
    assert lines_of(body, JSON).data == body + b"\n"


def test_a_record_beyond_the_cap_is_counted() -> None:
    lines = lines_of(b"x" * (MAX_LINE_BYTES + 1) + b"\ny\n", "")
    assert (lines.data, lines.count, lines.overlong) == (b"y\n", 1, 1)


@given(st.binary(max_size=2_000), st.sampled_from([JSON, "text/plain"]))
def test_hostile_bodies_are_lines_or_refused(body: bytes, media_type: str) -> None:
    try:
        lines = lines_of(body, media_type)
    except BadBody:
        return
    assert lines.data.count(b"\n") == lines.count


@given(st.lists(st.binary(max_size=300_000), min_size=1, max_size=3))
def test_packed_bodies_are_unpacked(parts: list[bytes]) -> None:
    assert unpack(b"".join(map(gzip.compress, parts))) == b"".join(parts)


@given(st.binary(max_size=500), st.integers(0, 500))
def test_what_is_no_gzip_is_refused(data: bytes, cut: int) -> None:
    packed = gzip.compress(data)
    for damaged in (packed[: cut % len(packed)], data[:1] + b"no" + data, packed + b"junk"):
        if damaged:
            with pytest.raises(BadBody):
                unpack(damaged)


def test_a_bomb_is_never_held() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(40)) + packer.flush()
    assert len(bomb) < 100_000
    with pytest.raises(TooLarge):
        unpack(bomb)
    assert unpack(gzip.compress(bytes(100)), 100) == bytes(100)
    with pytest.raises(TooLarge):
        unpack(gzip.compress(bytes(101)), 100)
