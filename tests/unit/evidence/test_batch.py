"""A batch commits to every record of a chunk, in source order, and can show each field of each."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.evidence.hashers import HASHERS, hasher_named
from tests.unit.evidence.sealing import (
    KEY,
    block_of,
    chunk_of,
    naive_leaves,
    naive_root,
    naive_texts,
)

from hisn.errors import VerificationError
from hisn.events.batch import NO_TIME, Chunk
from hisn.events.schema import Cell
from hisn.evidence.batch import Mode, OpenBatch, salt_key_of, seal_chunk
from hisn.evidence.disclosure import check_record, open_leaf, whole_leaf
from hisn.evidence.sealed_map import check_absent
from hisn.tlog.merkle import EMPTY_ROOT, leaf_hash, verify_inclusion

MODES: tuple[Mode, ...] = ("fields", "whole")

FIRST = block_of(
    [
        {"EventID": 1, "Image": "C:\\tools\\a.exe", "User": None, "Tags": ("x", 1, None)},
        {"EventID": 1, "Image": 'quote " and ü', "User": "", "Tags": ()},
        {"EventID": 1, "Image": "C:\\tools\\a.exe", "User": "line\nbreak\x00", "Tags": "x"},
    ],
    [1, 3, 6],
    times=[0, NO_TIME, 1_700_000_000_123_456],
    constants=["EventID"],
)
SECOND = block_of(
    [
        {"a": 10**70, "b": -(10**64) + 1, "_time": "not ours", "__raw": ""},
        {"a": 0, "b": 1, "_time": 2, "__raw": "x"},
    ],
    [2, 5],
    times=[-1, -(2**62)],
    raws=["textual record", b"\xff\x00bytes"],
)
CHUNK = chunk_of(FIRST, SECOND)


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_is_the_tree_that_the_format_describes(mode: Mode) -> None:
    sealed = seal_chunk(CHUNK, KEY, mode)
    leaves = naive_leaves(CHUNK, KEY, mode)
    assert sealed.leaf_hashes == b"".join(leaf_hash(leaf) for leaf in leaves)
    assert sealed.root == naive_root(leaves)
    assert sealed.count == 5


def test_events_stand_in_the_order_of_the_source_whatever_block_they_are_in() -> None:
    assert seal_chunk(CHUNK, KEY, "fields").numbers.tolist() == [1, 2, 3, 5, 6]


def test_the_span_of_a_batch_is_that_of_its_usable_times() -> None:
    sealed = seal_chunk(CHUNK, KEY, "fields")
    assert (sealed.first_time, sealed.last_time) == (-1, 1_700_000_000_123_456)
    timeless = chunk_of(replace(FIRST, times=np.full(3, NO_TIME)))
    assert seal_chunk(timeless, KEY, "fields").first_time is None


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_of_nothing_has_the_empty_tree(mode: Mode) -> None:
    sealed = seal_chunk(chunk_of(), KEY, mode)
    assert (sealed.root, sealed.count, sealed.first_time) == (EMPTY_ROOT, 0, None)


@pytest.mark.parametrize("mode", MODES)
def test_the_order_of_blocks_and_the_process_change_nothing(mode: Mode) -> None:
    expected = seal_chunk(CHUNK, KEY, mode)
    other = seal_chunk(pickle.loads(pickle.dumps(chunk_of(SECOND, FIRST))), KEY, mode)
    assert other.leaf_hashes == expected.leaf_hashes
    assert other.root == expected.root


def test_a_field_that_never_varies_is_sealed_like_any_other() -> None:
    varying = block_of(
        [FIRST.fields(row) for row in range(3)], [1, 3, 6], times=FIRST.times.tolist(), raws=FIRST.raws
    )
    assert (
        seal_chunk(chunk_of(varying), KEY, "fields").root == seal_chunk(chunk_of(FIRST), KEY, "fields").root
    )


def test_every_event_opens_to_its_fields_under_the_batch_root() -> None:
    batch = OpenBatch(CHUNK, KEY, "fields")
    shown = batch.fields(2, ["Image", "_record", "User"])
    opened = open_leaf(shown.presented)
    verify_inclusion(leaf_hash(opened.leaf), 2, 5, shown.path, batch.sealed.root)
    assert opened.values == {"Image": 'quote " and ü', "_record": 3, "User": ""}
    assert opened.hidden == ("EventID", "Tags", "_raw", "_time")
    check_absent(opened, "ParentImage")


def test_an_event_shows_what_the_reference_says() -> None:
    batch = OpenBatch(CHUNK, KEY, "fields")
    order = [(FIRST, 0), (SECOND, 0), (FIRST, 1), (SECOND, 1), (FIRST, 2)]
    for index, (block, row) in enumerate(order):
        assert list(batch.sealed_map(index).disclosures) == naive_texts(block, row, KEY, index)


def test_a_source_cannot_speak_with_the_names_that_sealing_adds() -> None:
    batch = OpenBatch(CHUNK, KEY, "fields")
    opened = open_leaf(batch.fields(1, ["__time", "_time", "___raw"]).presented)
    assert opened.values == {"__time": "not ours", "_time": "1969-12-31T23:59:59.999999Z", "___raw": ""}


def test_a_time_that_no_calendar_holds_is_sealed_as_none() -> None:
    assert open_leaf(OpenBatch(CHUNK, KEY, "fields").fields(3, ["_time"]).presented).values == {"_time": None}


def test_an_integer_too_long_for_any_reader_is_sealed_as_its_digits() -> None:
    opened = open_leaf(OpenBatch(CHUNK, KEY, "fields").fields(1, ["a", "b"]).presented)
    assert opened.values == {"a": "1" + "0" * 70, "b": -(10**64) + 1}


def test_the_whole_record_opens_beside_its_fields() -> None:
    batch = OpenBatch(CHUNK, KEY, "fields")
    opened = open_leaf(batch.fields(3, ["_raw"]).presented)
    shown = batch.record(3)
    check_record(opened, shown.raw_salt, shown.record)
    assert shown.record == b"\xff\x00bytes"
    with pytest.raises(VerificationError) as caught:
        check_record(opened, shown.raw_salt, b"\xff\x00byteS")
    assert caught.value.code == "E3341"


def test_a_record_sealed_whole_opens_whole() -> None:
    batch = OpenBatch(CHUNK, KEY, "whole")
    shown = batch.record(1)
    leaf = whole_leaf(shown.raw_salt, shown.record)
    verify_inclusion(leaf_hash(leaf), 1, 5, shown.path, batch.sealed.root)
    assert shown.record == b"textual record"


def test_equal_events_have_nothing_in_common_to_see() -> None:
    twins = chunk_of(block_of([{"a": "x"}] * 50, list(range(1, 51)), raws=["same"] * 50))
    for mode in MODES:
        hashes = seal_chunk(twins, KEY, mode).leaf_hashes
        assert len({hashes[at : at + 32] for at in range(0, len(hashes), 32)}) == 50


def test_no_two_batches_of_one_file_share_their_salts() -> None:
    places = [("a", 0, 0), ("a", 0, 1), ("a", 1, 0), ("b", 0, 0), ("", 0, 0), ("\udcff", 0, 0)]
    assert len({salt_key_of(KEY, *place) for place in places}) == len(places)
    assert salt_key_of(KEY, "a", 0, 0) != salt_key_of(bytes(32), "a", 0, 0)


def test_many_small_blocks_give_the_same_batch_as_few_large_ones() -> None:
    random.seed(4)
    records: list[dict[str, Cell]] = [
        {"a": random.choice("xyz"), "b": random.randrange(9)} for _ in range(300)
    ]
    numbers = list(range(7, 307))
    one = chunk_of(block_of(records, numbers))
    many = Chunk("a.log", "generic", tuple(block_of([r], [n]) for r, n in zip(records, numbers, strict=True)))
    assert seal_chunk(one, KEY, "fields").leaf_hashes == seal_chunk(many, KEY, "fields").leaf_hashes


@pytest.mark.parametrize("name", HASHERS)
def test_no_text_is_too_odd_to_be_sealed(name: str) -> None:
    odd = block_of([{"a\udc80": "\ud800", "b": ("\udfff", None)}], [1], raws=["\udc00"])
    batch = OpenBatch(chunk_of(odd), KEY, "fields", hasher_named(name))
    shown = batch.fields(0, ["a\\udc80", "b"])
    opened = open_leaf(shown.presented)
    verify_inclusion(leaf_hash(opened.leaf), 0, 1, shown.path, batch.sealed.root)
    assert opened.values == {"a\\udc80": "\\ud800", "b": ("\\udfff", None)}
