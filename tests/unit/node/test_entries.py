from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import InputError
from hisn.node.entries import (
    Package,
    Span,
    UploadHead,
    UploadReader,
    format_head,
    format_package,
    spans,
)

HEAD = UploadHead("log.example", 250, 600, b"ticket")


def body_of(head: UploadHead, entry: bytes = b"entry", proof: tuple[bytes, ...] = (b"\x07" * 32,)) -> bytes:
    packages = [
        format_package([entry] * (span.end - span.start), proof) for span in spans(head.start, head.end)
    ]
    return format_head(head) + b"".join(packages)


def read(data: bytes, step: int) -> tuple[UploadHead | None, list[Package], UploadReader]:
    reader = UploadReader()
    packages: list[Package] = []
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        if reader.head is None:
            if reader.read_head(piece):
                packages += reader.read_packages(b"")
        else:
            packages += reader.read_packages(piece)
    return reader.head, packages, reader


def test_packages_end_at_multiples_of_256() -> None:
    assert list(spans(250, 600)) == [Span(0, 250, 256), Span(256, 256, 512), Span(512, 512, 600)]
    assert list(spans(256, 512)) == [Span(256, 256, 512)]
    assert list(spans(257, 258)) == [Span(256, 257, 258)]
    assert list(spans(600, 600)) == []


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_packages_cover_every_entry_once(start: int, length: int) -> None:
    found = list(spans(start, start + length))
    assert [at for span in found for at in range(span.start, span.end)] == list(range(start, start + length))
    assert all(
        span.low % 256 == 0 and span.low <= span.start and span.end <= span.low + 256 for span in found
    )


@pytest.mark.parametrize("step", [1, 7, 1024, 10**6])
def test_an_upload_is_read_in_pieces_of_any_size(step: int) -> None:
    head, packages, reader = read(body_of(HEAD), step)
    assert head == HEAD
    assert [package.span for package in packages] == list(spans(250, 600))
    assert [len(package.entries) for package in packages] == [6, 256, 88]
    assert {package.proof for package in packages} == {(b"\x07" * 32,)}
    assert reader.is_done


@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=5),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
)
def test_a_package_comes_back_as_it_was_written(entries: list[bytes], proof: list[bytes]) -> None:
    data = format_head(UploadHead("o", 0, len(entries), b"")) + format_package(entries, proof)
    _, (package,), _ = read(data, 50)
    assert package.entries == tuple(entries)
    assert package.proof == tuple(proof)


def test_an_upload_that_breaks_off_keeps_what_was_complete() -> None:
    data = body_of(HEAD)
    first = len(format_head(HEAD)) + len(format_package([b"entry"] * 6, (b"\x07" * 32,)))
    for cut in range(len(data)):
        _, packages, reader = read(data[:cut], 500)
        assert (len(packages) > 0) == (cut >= first)
        assert not reader.is_done


def test_an_empty_upload_is_done_with_its_head() -> None:
    head, packages, reader = read(body_of(UploadHead("o", 600, 600, b"")), 3)
    assert head is not None
    assert packages == []
    assert reader.is_done


def test_bytes_behind_the_last_package_are_malformed() -> None:
    with pytest.raises(InputError) as caught:
        read(body_of(HEAD) + b"x", 1000)
    assert caught.value.code == "E2401"


def test_a_proof_of_more_than_63_hashes_is_malformed() -> None:
    data = format_head(UploadHead("o", 0, 1, b"")) + format_package([b"e"], ())[:-1]
    with pytest.raises(InputError):
        read(data + b"\x40" + bytes(64 * 32), 100)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00" + bytes(18),
        b"\x01\x00" + b"o" * 256 + bytes(18),
        b"\x00\x01\xff" + bytes(18),
        b"\x00\x01o" + (5).to_bytes(8) + (4).to_bytes(8) + bytes(2),
        b"\x00\x01o" + (5).to_bytes(8) + (2**63).to_bytes(8) + bytes(2),
    ],
)
def test_a_head_is_read_strictly(head: bytes) -> None:
    with pytest.raises(InputError):
        read(head, 4)


def test_the_largest_entry_is_carried() -> None:
    entry = bytes(2**16 - 1)
    _, (package,), _ = read(format_head(UploadHead("o", 0, 1, b"")) + format_package([entry], ()), 4096)
    assert package.entries == (entry,)


@given(st.binary(max_size=400), st.integers(1, 50))
def test_hostile_bytes_raise_an_input_error_and_nothing_else(data: bytes, step: int) -> None:
    for text in (data, b"\x00\x01o" + bytes(15) + b"\x05\x00\x00" + data):
        with suppress(InputError):
            read(text, step)
