"""Proof packs that must be refused, each for the attack in its name."""

from __future__ import annotations

from collections.abc import Iterator

from vectors.evpack_vector import Vector


def vectors() -> Iterator[Vector]:
    """Yield the vectors."""
    yield from ()
