"""Acts of any content read back as they were written, and no bytes make the readers fail otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.acts.samples import signer, statement

from hisn.acts.chain import Act, verify_chain, verify_equivocation
from hisn.acts.envelope import parse_envelope, verify_envelope
from hisn.acts.kinds import KINDS
from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement, parse_statement
from hisn.acts.write import format_envelope, head_json, sign_statement, statement_json
from hisn.core.canon import MAX_EXACT, Json, canonical
from hisn.core.instant import MAX_INSTANT, MIN_INSTANT, format_instant
from hisn.errors import VerificationError
from hisn.tlog.merkle import leaf_hash

KEYS = signer("north act")
LEAF = sign_statement(statement("batch"), KEYS)

digests = st.binary(min_size=32, max_size=32)
hexes = digests.map(bytes.hex)
counts = st.integers(0, MAX_EXACT)
ids = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}(/[a-z0-9_-][a-z0-9._-]{0,20}){0,2}", fullmatch=True)
times = st.integers(MIN_INSTANT, MAX_INSTANT).map(format_instant)
tokens = st.from_regex(r"[!-~]{0,40}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
heads = st.builds(Head, ids, counts, digests)
references = st.builds(Ref, ids, counts, digests)


def distinct(values: st.SearchStrategy[str], size: int) -> st.SearchStrategy[list[str]]:
    return st.lists(values, max_size=size, unique=True).map(sorted)


@st.composite
def headers(draw: st.DrawFn, *, answers: bool) -> Header:
    actor, seq = draw(ids), draw(counts)
    seen = {head.origin: head for head in draw(st.lists(heads, max_size=4))}
    return Header(
        actor=actor,
        origin=actor,
        seq=seq,
        prev=draw(digests) if seq else None,
        seen=tuple(seen[origin] for origin in sorted(seen)),
        claimed_time=draw(times),
        thread=draw(tokens),
        deadline=draw(st.just("") | times),
        audience=tuple(draw(distinct(ids, 4))) or ("*",),
        agreement=draw(tokens),
        in_reply_to=draw(references if answers else st.none() | references),
    )


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Json]:
    ordinal, secret, timed = draw(counts), draw(st.booleans()), draw(st.booleans())
    plain: dict[str, Json] = {
        name: draw(hexes) for name in ("source", "root", "ciphertext", "raw", "key", "mapping")
    }
    return plain | {
        "part": draw(counts),
        "ordinal": ordinal,
        "prev": draw(hexes) if ordinal else "",
        "mode": draw(st.sampled_from(["fields", "whole"])),
        "count": None if secret else draw(counts),
        "parser": draw(texts),
        "first": draw(times) if timed and not secret else None,
        "last": draw(times) if timed and not secret else None,
        "unparsed": None if secret else draw(counts),
    }


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    kind = draw(st.sampled_from(KINDS))
    detail = st.dictionaries(texts, st.just("") | texts | counts, max_size=4)
    public: dict[str, Any] = {
        "charter": st.fixed_dictionaries({"genesis": hexes}),
        "roster": st.fixed_dictionaries({"epoch": counts, "document": hexes}),
        "batch": batches(),
        "finding": st.just({}),
        "recheck": st.just({"outcome": "same"}),
        "dissent": st.just({"outcome": "different"}),
        "key-event": st.fixed_dictionaries(
            {"event": st.sampled_from(["gap", "erase", "rotate"]), "detail": detail}
        ),
        "cutoff": st.fixed_dictionaries({"heads": heads.map(lambda head: [head_json(head)]), "time": times}),
        "observation": st.fixed_dictionaries({"what": texts, "digest": hexes}),
    }
    sort = statement(kind).body
    body = BodyRef(sort.name, draw(digests)) if sort else None
    said = Statement(kind, draw(headers(answers=kind in ("recheck", "dissent"))), draw(public[kind]), body)
    if kind == "charter" and body:
        return replace(said, public={"genesis": body.sha256.hex()})
    return said


@given(statements())
def test_a_statement_reads_back_as_it_was_written(said: Statement) -> None:
    text = statement_json(said)
    assert parse_statement(text) == said
    assert statement_json(parse_statement(text)) == text


@given(statements())
def test_a_signed_act_reads_back_as_it_was_signed(said: Statement) -> None:
    leaf = sign_statement(said, KEYS)
    assert verify_envelope(leaf, KEYS.public) == said
    assert format_envelope(parse_envelope(leaf)) == leaf


def only_refuses(data: bytes) -> None:
    for reader in (parse_statement, parse_envelope, lambda leaf: verify_envelope(leaf, KEYS.public)):
        try:
            reader(data)
        except VerificationError:
            continue


@given(st.binary(max_size=400))
def test_no_bytes_make_a_reader_fail_otherwise(data: bytes) -> None:
    only_refuses(data)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts | hexes | st.just("body"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(statements(), st.data())
def test_no_structure_makes_a_reader_fail_otherwise(said: Statement, data: st.DataObject) -> None:
    whole = json.loads(statement_json(said))
    place: Any = whole
    while isinstance(place, dict | list) and place:
        steps = sorted(place) if isinstance(place, dict) else range(len(place))
        step = data.draw(st.sampled_from(list(steps)))
        if not isinstance(place[step], dict | list) or data.draw(st.booleans()):
            place[step] = data.draw(values)
            break
        place = place[step]
    only_refuses(canonical(whole))


@given(st.integers(0, len(LEAF) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused(position: int, change: int) -> None:
    flipped = LEAF[:position] + bytes([LEAF[position] ^ change]) + LEAF[position + 1 :]
    with pytest.raises(VerificationError):
        verify_envelope(flipped, KEYS.public)


def test_every_single_byte_flipped_is_refused() -> None:
    for position in range(len(LEAF)):
        flipped = LEAF[:position] + bytes([LEAF[position] ^ (1 << position % 8)]) + LEAF[position + 1 :]
        with pytest.raises(VerificationError):
            verify_envelope(flipped, KEYS.public)


@given(st.integers(0, len(LEAF)), st.binary(max_size=3))
def test_bytes_taken_away_or_put_in_are_refused(position: int, more: bytes) -> None:
    for changed in (LEAF[:position] + more + LEAF[position:], LEAF[:position]):
        if changed != LEAF:
            with pytest.raises(VerificationError):
                verify_envelope(changed, KEYS.public)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from(["", "x"])), max_size=6))
def test_a_chain_holds_exactly_if_numbers_and_predecessors_do(parts: list[tuple[int, bool, str]]) -> None:
    acts: list[Act] = []
    good = True
    for position, (number, is_linked, thread) in enumerate(parts):
        linked = leaf_hash(acts[-1].leaf) if acts and is_linked else bytes(32)
        said = statement("key-event", seq=number, prev=linked if number else None, seen=(), thread=thread)
        good = good and number == position and (is_linked or not position)
        # What a chain judges are acts whose signatures were verified before.
        acts.append(Act(statement_json(said), said))
    try:
        verify_chain(acts)
    except VerificationError:
        assert not good
    else:
        assert good


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_no_bytes_pass_as_a_proof_of_equivocation(first: bytes, second: bytes) -> None:
    with pytest.raises(VerificationError):
        verify_equivocation(first, second, KEYS.public)
