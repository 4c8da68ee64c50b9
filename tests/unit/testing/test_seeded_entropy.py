"""The same seed gives the same bytes, and no call the bytes of another."""

from __future__ import annotations

from hisn.testing.seeded_entropy import SeededEntropy


def test_one_seed_gives_one_stream() -> None:
    first, again = SeededEntropy(1, "a"), SeededEntropy(1, "a")
    assert [first.read(16) for _ in range(3)] == [again.read(16) for _ in range(3)]


def test_seeds_streams_and_calls_differ() -> None:
    streams = [SeededEntropy(1, "a"), SeededEntropy(2, "a"), SeededEntropy(1, "b"), SeededEntropy(11, "")]
    drawn = [stream.read(32) for stream in streams for _ in range(4)]
    assert len(set(drawn)) == 16
    assert len(SeededEntropy(0).read(100)) == 100
