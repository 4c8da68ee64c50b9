from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hisn.elections.sketch import digest64, digests_in, estimate, joined, packed

DIGESTS = st.lists(st.integers(0, (1 << 64) - 1), max_size=40)


@given(DIGESTS, st.integers(1, 12))
def test_a_sketch_holds_the_smallest_digests_once(digests: list[int], k: int) -> None:
    assert list(digests_in(packed(digests, k))) == sorted(set(digests))[:k]


@given(st.lists(DIGESTS, max_size=5), st.integers(1, 12), st.randoms(use_true_random=False))
def test_sketches_of_parts_make_the_sketch_of_the_whole_in_any_order(
    parts: list[list[int]], k: int, random: object
) -> None:
    whole = packed([digest for part in parts for digest in part], k)
    sketches = [packed(part, k) for part in parts]
    random.shuffle(sketches)  # type: ignore[attr-defined]
    made = b""
    for each in sketches:
        made = joined(made, each, k)
    assert made == whole


def test_few_things_are_counted_exactly_and_many_about_right() -> None:
    for count in (0, 1, 63, 127):
        assert estimate(packed([digest64(str(n)) for n in range(count)], 128), 128) == count
    for count in (128, 1_000, 50_000):
        found = estimate(packed([digest64(str(n)) for n in range(count)], 128), 128)
        assert 0.75 < found / count < 1.3


def test_estimates_do_not_fall_when_more_is_seen() -> None:
    digests = [digest64(str(n)) for n in range(600)]
    estimates = [estimate(packed(digests[:n], 16), 16) for n in range(1, 600)]
    assert all(a <= b for a, b in pairwise(estimates))


def test_text_that_no_log_should_have_is_counted_too() -> None:
    assert digest64("\udc80") != digest64("?")
