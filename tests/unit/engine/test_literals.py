from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine import literals
from hisn.engine.databases import Databases
from hisn.engine.literals import FewLiterals, GramLiterals, LiteralFinder, distinct, gram_offsets
from hisn.engine.plan import compile_plan

WORDS = (
    b"cmd",
    b"powershell",
    b"shell",
    b"ell",
    b"mimikatz",
    b"-enc",
    b"\xc3\x9f!",
    b"abcabcabc",
    b"aaaa",
    b"a\nb",
)
WAYS = ("few", "grams", "hyperscan")


def finder_of(way: str, words: Sequence[bytes]) -> LiteralFinder:
    match way:
        case "few":
            return FewLiterals(words)
        case "grams":
            return GramLiterals(words, gram_offsets(words))
        case _:
            pytest.importorskip("hyperscan")
            return Databases(compile_plan(pack_of())).literals(0, words)


def places(finder: LiteralFinder, text: bytes) -> list[tuple[int, int]]:
    found, ends = finder.find(text)
    return sorted(zip(found.tolist(), ends.tolist(), strict=True))


def looked_up(words: Sequence[bytes], text: bytes) -> list[tuple[int, int]]:
    """Compare every literal at every place: the slow and certain way."""
    return sorted(
        (index, at + len(word))
        for index, word in enumerate(words)
        for at in range(len(text))
        if text[at : at + len(word)] == word
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"c", []),
        (b"cm", []),
        (b"cmd", [(0, 3)]),
        (b"cmdcmd", [(0, 3), (0, 6)]),
        (b"powershell", [(1, 10), (2, 10), (3, 10)]),
        (b"powershel", []),
        (b"abcabcabcabc", [(7, 9), (7, 12)]),
        (b"aaaaaa", [(8, 4), (8, 5), (8, 6)]),
        (b"\0cmd\0", [(0, 4)]),
        (b"xa\nbx", [(9, 4)]),
        (b"\xc3\x9f!", [(6, 3)]),
    ],
)
def test_literals_are_found_wherever_they_stand(
    way: str, text: bytes, expected: list[tuple[int, int]]
) -> None:
    assert places(finder_of(way, WORDS), text) == expected


@pytest.mark.parametrize("way", WAYS)
def test_random_texts_hide_no_literal(way: str) -> None:
    dice = random.Random(5)
    words = tuple({bytes(dice.choices(b"abc", k=dice.randint(3, 12))) for _ in range(60)})
    finder = finder_of(way, words)
    for _ in range(40):
        text = bytes(dice.choices(b"abc\n", k=dice.randint(0, 200)))
        assert places(finder, text) == looked_up(words, text)


@pytest.mark.parametrize("way", WAYS)
def test_a_literal_at_the_very_end_is_not_lost_to_padding(way: str) -> None:
    # The gram at the end reaches into the padding, which is zeros.
    words = (b"xyz", b"xyzxyzxyz", b"tail")
    for length in range(12):
        text = b"-" * length + b"tail"
        assert places(finder_of(way, words), text) == [(2, length + 4)]
        assert places(finder_of(way, words), text[:-1]) == []


def test_literals_with_the_same_gram_are_told_apart() -> None:
    words = tuple(b"same-gram" + bytes([letter]) for letter in b"abcdefgh")
    finder = GramLiterals(words, (0,) * len(words))
    assert places(finder, b"same-gramc same-gramz same-grama") == [(0, 32), (2, 10)]


def test_a_gram_before_the_text_begins_is_no_place() -> None:
    # The literal's gram stands in its middle: the text has the gram but not what comes before.
    finder = GramLiterals((b"01234567rare-gram",), (8,))
    assert places(finder, b"rare-gram") == []
    assert places(finder, b"7rare-gram") == []


def test_more_candidates_than_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "_CANDIDATES_AT_ONCE", 7)
    assert len(places(finder_of("grams", WORDS), b"cmd " * 100)) == 100


def test_the_gram_that_is_rare_among_the_literals_is_chosen() -> None:
    words = (b"\\windows\\system32\\a.exe", b"\\windows\\system32\\b.exe", b"\\windows\\system32\\cmd.exe")
    for word, offset in zip(words, gram_offsets(words), strict=True):
        gram = word[offset : offset + 8]
        assert sum(gram in other for other in words) == 1


@pytest.mark.parametrize("values", [[], [3], [3, 3, 3], [2, -1, 2, 0], [0, -(2**31)]])
def test_distinct_values_are_sorted_and_once(values: list[int]) -> None:
    assert distinct(np.array(values, np.int64)).tolist() == sorted(set(values))


def test_distinct_keeps_the_smallest_unsigned_key() -> None:
    # One less than zero is the largest unsigned number, and still differs from its neighbour.
    assert distinct(np.array([0, 0, 5], np.uint64)).tolist() == [0, 5]
    assert distinct(np.array([0], np.uint32)).tolist() == [0]
