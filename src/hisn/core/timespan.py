"""Write a length of time as rules do: ``90m``, ``24h``."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_US = 1_000_000


def timespan_text(span_us: int) -> str:
    """Return whole seconds, given in microseconds, in the largest unit that divides them."""
    seconds = span_us // _US
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"
