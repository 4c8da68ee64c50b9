from __future__ import annotations

from functools import reduce
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.elections import sketch
from hisn.elections.minutes import (
    GRADES,
    Bounds,
    Cell,
    Minute,
    agent_bucket,
    followed,
    join,
    narrow,
    pack,
    unpack,
)

BOUNDS = Bounds(4, 3, 3, 3)
NAMES = [f"/{name}" for name in "abcdefg"]


def cells(k: int) -> st.SearchStrategy[Cell]:
    digests = st.lists(st.integers(0, 30), max_size=9)
    return st.builds(
        lambda n, e, d, r: Cell(n, e, 0, 0, sketch.packed(d, k), sorted(r)[: BOUNDS.records]),
        st.integers(1, 9), st.integers(0, 3), digests, st.lists(st.integers(1, 50), max_size=5),
    )  # fmt: skip


@st.composite
def minutes(draw: st.DrawFn) -> Minute:
    first = draw(st.integers(0, 50))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    counts = st.dictionaries(st.integers(0, 63), st.integers(1, 9), max_size=4)
    countries = st.dictionaries(st.sampled_from(["HR", "DE", ""]), st.integers(1, 9))
    return Minute(
        first=first,
        last=first + draw(st.integers(0, 9)),
        whole=draw(cells(BOUNDS.digests)),
        assets=draw(st.integers(0, 5)),
        networks=sketch.packed(draw(st.lists(st.integers(0, 9), max_size=6)), BOUNDS.digests),
        agents=sorted(draw(counts).items()),
        countries=sorted(draw(countries).items()),
        endpoints=followed({name: draw(cells(BOUNDS.endpoint_digests)) for name in names}, BOUNDS),
    )


@given(st.lists(minutes(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_parts_of_a_minute_make_the_same_bytes_in_any_order(parts: list[Minute], random: Random) -> None:
    def together(order: list[Minute]) -> bytes:
        return pack(reduce(lambda one, other: join(one, other, BOUNDS), order))

    whole = together(parts)
    random.shuffle(parts)
    assert together(parts) == whole


@given(minutes(), minutes(), minutes())
def test_joining_is_associative(a: Minute, b: Minute, c: Minute) -> None:
    left = join(join(a, b, BOUNDS), c, BOUNDS)
    assert pack(left) == pack(join(a, join(b, c, BOUNDS), BOUNDS))


@given(minutes())
def test_packing_loses_nothing(minute: Minute) -> None:
    assert unpack(pack(minute)) == minute


@given(minutes(), minutes())
def test_narrowing_before_or_after_is_the_same(a: Minute, b: Minute) -> None:
    tight = Bounds(2, 1, 2, 1)
    assert pack(join(narrow(a, tight), narrow(b, tight), tight)) == pack(narrow(join(a, b, BOUNDS), tight))


def test_a_flood_of_invented_endpoints_is_bounded() -> None:
    endpoints = {f"/{n}": Cell(1) for n in range(5_000)}
    kept = followed(endpoints, GRADES[0])
    assert len(kept) == GRADES[0].endpoints
    assert kept == sorted(kept)


def test_agents_fall_into_buckets() -> None:
    assert all(0 <= agent_bucket(f"agent/{n}") < limits.AGENT_BUCKETS for n in range(500))
