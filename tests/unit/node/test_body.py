from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.canon import b64
from hisn.errors import InputError
from hisn.node.body import (
    AddCheckpoint,
    MirrorInfo,
    SignSubtree,
    format_add_checkpoint,
    format_mirror_info,
    format_sign_subtree,
    format_tree_size,
    parse_add_checkpoint,
    parse_mirror_info,
    parse_sign_subtree,
    parse_tree_size,
)

HASH = bytes(range(32))
NOTE = b"log.example\n7\nroot\n\n\xe2\x80\x94 log.example AAAA\n"


def test_the_example_of_the_witness_specification_is_read() -> None:
    data = (
        b"old 20852014\n"
        b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
        b"jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        b"\n"
        b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    )
    read = parse_add_checkpoint(data)
    assert read.old == 20852014
    assert len(read.proof) == 2
    assert read.note.startswith(b"example.com/behind-the-sofa\n20852163\n")
    assert format_add_checkpoint(read) == data


def test_the_example_of_a_subtree_is_read() -> None:
    lines = [b"subtree 8 13", *[b64(HASH).encode()] * 5, b"", b"example.com\n14\n"]
    read = parse_sign_subtree(b"\n".join(lines))
    assert (read.start, read.end, len(read.proof)) == (8, 13, 4)


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(min_size=1),
)
def test_add_checkpoint_comes_back_as_it_was_written(old: int, proof: list[bytes], note: bytes) -> None:
    request = AddCheckpoint(old, tuple(proof), note)
    assert parse_add_checkpoint(format_add_checkpoint(request)) == request


@given(st.integers(0, 40), st.integers(0, 2**22), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_sign_subtree_comes_back_as_it_was_written(level: int, place: int, proof: list[bytes]) -> None:
    request = SignSubtree(place << level, (place + 1) << level, HASH, tuple(proof), NOTE)
    assert parse_sign_subtree(format_sign_subtree(request)) == request


@pytest.mark.parametrize(
    "old",
    [
        b"old",
        b"old ",
        b"old -1",
        b"old +5",
        b"old 05",
        b"old 5_0",
        b"old  5",
        b"old 5 ",
        b"old 5\r",
        b"OLD 5",
        b"old 9223372036854775808",
        b"old 99999999999999999999",
        "old ٥".encode(),
        b"old 0x5",
        b"",
        b"new 5",
    ],
)
def test_old_is_read_strictly(old: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_add_checkpoint(old + b"\n\n" + NOTE)
    assert caught.value.code == "E2400"


@pytest.mark.parametrize(
    "line",
    [
        b"AAAA",
        b64(HASH).encode()[:-1],
        b64(HASH).encode() + b"\r",
        b" " + b64(HASH).encode(),
        b64(HASH * 2).encode(),
        b64(HASH).encode()[:-2] + b"9=",
        b"=" * 44,
        b"old 5",
    ],
)
def test_a_line_of_proof_is_one_hash_in_its_one_spelling(line: bytes) -> None:
    with pytest.raises(InputError):
        parse_add_checkpoint(b"old 5\n" + line + b"\n\n" + NOTE)
    with pytest.raises(InputError):
        parse_sign_subtree(b"subtree 0 5\n" + line + b"\n\n" + NOTE)


def test_a_proof_has_63_lines_at_most() -> None:
    line = b64(HASH).encode() + b"\n"
    assert len(parse_add_checkpoint(b"old 5\n" + line * 63 + b"\n" + NOTE).proof) == 63
    with pytest.raises(InputError):
        parse_add_checkpoint(b"old 5\n" + line * 64 + b"\n" + NOTE)
    with pytest.raises(InputError):
        parse_sign_subtree(b"subtree 0 5\n" + line * 65 + b"\n" + NOTE)


@pytest.mark.parametrize(
    "data", [b"", b"old 5\n", b"old 5\n\n", b"old 5\r\n\r\nnote", b"\n\nnote", b"old 5\nnote"]
)
def test_a_request_without_its_parts_is_malformed(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_add_checkpoint(data)
    with pytest.raises(InputError):
        parse_sign_subtree(data)


@pytest.mark.parametrize(
    "bounds", [b"1 3", b"3 2", b"5 5", b"0 0", b"08 13", b"8 13 ", b"8", b"8 99999999999999999999"]
)
def test_a_range_is_a_subtree(bounds: bytes) -> None:
    with pytest.raises(InputError):
        parse_sign_subtree(b"subtree " + bounds + b"\n" + b64(HASH).encode() + b"\n\n" + NOTE)


def test_a_subtree_without_its_hash_is_malformed() -> None:
    with pytest.raises(InputError):
        parse_sign_subtree(b"subtree 0 5\n\n" + NOTE)


@given(st.integers(0, 2**63 - 1))
def test_a_size_comes_back_as_it_was_written(size: int) -> None:
    assert parse_tree_size(format_tree_size(size)) == size


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"5", b"5\n\n", b"5\r\n", b"05\n", b"+5\n", b"5 \n", b"1" * 20 + b"\n"]
)
def test_a_size_is_read_strictly(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_tree_size(data)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.binary())
def test_the_state_of_a_mirror_comes_back_as_it_was_written(size: int, entry: int, ticket: bytes) -> None:
    info = MirrorInfo(size, entry, ticket)
    assert parse_mirror_info(format_mirror_info(info)) == info


@pytest.mark.parametrize("data", [b"", b"1\n2\n", b"1\n2\n\n\n", b"1\n2\nAA\n", b"1\n02\n\n", b"1\n2\n\nx"])
def test_the_state_of_a_mirror_is_read_strictly(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_mirror_info(data)


def test_a_ticket_that_no_upload_can_carry_is_refused() -> None:
    with pytest.raises(InputError):
        parse_mirror_info(format_mirror_info(MirrorInfo(1, 2, bytes(2**16))))


@given(st.binary(max_size=300))
def test_hostile_bytes_raise_an_input_error_and_nothing_else(data: bytes) -> None:
    for parse in (parse_add_checkpoint, parse_sign_subtree, parse_tree_size, parse_mirror_info):
        for text in (data, b"old 5\n" + data, b"subtree 0 5\n" + data, b"1\n2\n" + data):
            with suppress(InputError):
                parse(text)
