"""Whatever a chunk holds, every hasher gives the tree that the format describes, and every field opens."""

from __future__ import annotations

from hashlib import shake_256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.evidence.hashers import HASHERS, hasher_named
from tests.unit.evidence.sealing import KEY, block_of, chunk_of, naive_leaves, naive_root

from hisn.core.instant import MAX_INSTANT, MIN_INSTANT
from hisn.core.proof_limits import MAX_VALUE_DEPTH
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Cell
from hisn.evidence.batch import Mode, OpenBatch, seal_chunk
from hisn.evidence.disclosure import Value, check_record, open_leaf, parse_presented, slot_count
from hisn.evidence.sealed_map import format_map, parse_map, present, presented_json, seal_map
from hisn.tlog.merkle import leaf_hash, verify_inclusion

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.sampled_from(
    ["", '"', "\\", "\x00", "\u2028", "_raw", "_time", "__pad", "ü", "10.0.0.7"]
)
SCALARS = st.none() | TEXTS | st.integers() | st.integers(-(10**66), 10**66)
CELLS = SCALARS | st.lists(SCALARS, max_size=3).map(tuple)
TIMES = st.just(NO_TIME) | st.integers(MIN_INSTANT, MAX_INSTANT)
RAWS = st.binary(max_size=120) | TEXTS


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    sizes = draw(st.lists(st.integers(1, 5), max_size=4))
    numbers = draw(st.permutations(range(1, sum(sizes) + 1)))
    blocks: list[Block] = []
    for size in sizes:
        mine, numbers = sorted(numbers[:size]), numbers[size:]
        names = draw(st.lists(TEXTS, max_size=9, unique=True))
        records: list[dict[str, Cell]] = [{name: draw(CELLS) for name in names} for _ in mine]
        constants = [name for name in names if all(record[name] == records[0][name] for record in records)]
        blocks.append(
            block_of(
                records,
                mine,
                times=draw(st.lists(TIMES, min_size=size, max_size=size)),
                raws=draw(st.lists(RAWS, min_size=size, max_size=size)),
                constants=draw(st.lists(st.sampled_from(constants), unique=True)) if constants else [],
            )
        )
    return chunk_of(*blocks)


@pytest.mark.parametrize("hasher", HASHERS)
@given(chunk=chunks(), mode=st.sampled_from(["fields", "whole"]))
def test_every_hasher_gives_the_tree_that_the_format_describes(hasher: str, chunk: Chunk, mode: Mode) -> None:
    sealed = seal_chunk(chunk, KEY, mode, hasher_named(hasher))
    leaves = naive_leaves(chunk, KEY, mode)
    assert sealed.leaf_hashes == b"".join(map(leaf_hash, leaves))
    assert sealed.root == naive_root(leaves)


@settings(max_examples=settings().max_examples // 4)
@given(chunks(), st.randoms(use_true_random=False))
def test_every_event_opens_under_the_root(chunk: Chunk, dice: Random) -> None:
    batch = OpenBatch(chunk, KEY, "fields")
    for index in {0, batch.sealed.count // 2, batch.sealed.count - 1} & set(range(batch.sealed.count)):
        names = open_leaf(batch.fields(index, []).presented).names
        shown = batch.fields(index, [name for name in names if dice.random() < 0.5 or name == "_raw"])
        opened = open_leaf(shown.presented)
        verify_inclusion(leaf_hash(opened.leaf), index, batch.sealed.count, shown.path, batch.sealed.root)
        assert opened.hidden == tuple(name for name in names if name not in opened.values)
        record = batch.record(index)
        check_record(opened, record.raw_salt, record.record)


FIELD_NAMES = TEXTS.filter(lambda name: name not in ("_names", "_pad"))
NUMBERS = st.integers(-(10**64) + 1, 10**64 - 1)
VALUES = st.recursive(
    st.none() | TEXTS | NUMBERS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4
).filter(lambda value: _depth(value) <= MAX_VALUE_DEPTH)


def _depth(value: object) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, tuple) else 0


@given(st.dictionaries(FIELD_NAMES, VALUES, max_size=12), st.binary(min_size=1))
def test_a_sealed_map_gives_back_what_was_sealed(fields: dict[str, Value], seed: bytes) -> None:
    sealed = seal_map(fields, shake_256(seed).digest(16 * slot_count(len(fields))))
    again, opened = parse_map(format_map(sealed))
    assert again == sealed
    assert opened.values == fields
    some = sorted(fields)[::2]
    shown = open_leaf(parse_presented(presented_json(present(sealed, some))))
    assert shown.leaf == sealed.leaf
    assert shown.values == {name: fields[name] for name in some}
