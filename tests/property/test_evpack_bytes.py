"""Whatever bytes a verifier is given, it answers with a report or a verification error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hisn.core.canon import Json, canonical, parse_json
from hisn.errors import VerificationError
from hisn.evidence.pack import parse_pack, write_pack
from hisn.verify.check import Verifier, verify_pack
from hisn.verify.plain import plain_text
from hisn.verify.steps import Result
from vectors import make_evpack

FOLDER = Path(make_evpack.__file__).parent / "evpack"


@cache
def packs() -> tuple[dict[str, bytes], ...]:
    names = ("good-quiet", "good-whole-records", "good-two-batches", "fork-heads", "fork-acts", "good-token")
    return tuple(parse_pack((FOLDER / f"{name}.evpack").read_bytes()) for name in names)


VERIFIER = Verifier(None)


def judge(data: bytes) -> Result:
    """Return the result, and show that the report can be written."""
    try:
        report = VERIFIER.verify(data)
    except VerificationError:
        return Result.INVALID
    text = plain_text(report)
    assert text.splitlines()[-1].startswith(report.result.value)
    assert all(char.isprintable() or char == "\n" for char in text)
    return report.result


@given(st.binary(max_size=2_000))
def test_arbitrary_bytes(data: bytes) -> None:
    try:
        verify_pack(data, genesis=None)
    except VerificationError:
        return
    raise AssertionError("arbitrary bytes cannot be a pack")


names = st.sampled_from(
    ["pack.json", "policy", "charter/genesis.json", "roster/0000.dsse", "roster/0001.dsse", "VERIFY.md"]
    + [f"acts/000{n}.{kind}" for n in range(3) for kind in ("leaf", "tlog-proof")]
    + [f"{folder}/000{n}.json" for n in range(3) for folder in ("bodies", "events")]
    + [
        "heads/0000.checkpoint",
        "timestamps/0000.tsr",
        "fork/a.checkpoint",
        "fork/b.leaf",
        "fork/a.tlog-proof",
    ]
)
jsons: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(names, st.binary(max_size=200) | jsons.map(canonical), max_size=12))
def test_packs_of_arbitrary_files(files: dict[str, bytes]) -> None:
    assert judge(write_pack(files)) is Result.INVALID


@given(st.data())
def test_packs_with_a_piece_of_a_file_replaced(data: st.DataObject) -> None:
    files = dict(data.draw(st.sampled_from(packs())))
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 20))
    files[name] = content[:start] + data.draw(st.binary(max_size=20)) + content[start + length :]
    judge(write_pack(files))


def mutated(draw: st.DataObject, value: Json) -> Json:
    """Return a JSON value with one part replaced, dropped or doubled."""
    if isinstance(value, dict) and value and draw.draw(st.booleans()):
        key = draw.draw(st.sampled_from(sorted(value)))
        return {**value, key: mutated(draw, value[key])}
    if isinstance(value, list) and value and draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(value) - 1))
        return [*value[:at], mutated(draw, value[at]), *value[at + 1 :]]
    return draw.draw(jsons | st.just([value, value]))


@given(st.data())
def test_packs_with_a_part_of_their_json_replaced(data: st.DataObject) -> None:
    files = dict(data.draw(st.sampled_from(packs())))
    name = data.draw(
        st.sampled_from([name for name in sorted(files) if name.endswith((".json", ".leaf", ".dsse"))])
    )
    try:
        value = parse_json(files[name], max_bytes=len(files[name]))
    except VerificationError:
        return
    files[name] = canonical(mutated(data, value))
    judge(write_pack(files))
