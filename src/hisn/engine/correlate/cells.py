"""Turn cells into what correlations compare: texts, digests of them, exact numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from fractions import Fraction

from hisn.core import limits
from hisn.engine.predicates import parse_number
from hisn.events.schema import Cell, texts_of

SCALE_DIGITS = 18
SCALE = 10**SCALE_DIGITS
"""Numbers are counted in units of 1 / SCALE: sums are sums of whole numbers, and exact."""
_MAX_NUMBER = 10**30 * SCALE

_EMPTY = hashlib.blake2b(digest_size=8, person=b"hisn correlate")

NOTHING = 0
"""Stands for the digest of values that are missing."""


def text_of(cell: Cell) -> str | None:
    """Return the text by which a cell is grouped and counted; None where it has no value.

    42 and "42" are one value, as they are for rules; null and an empty list are none.  A list of
    one is that one, a longer one is one value, written as a JSON array of its texts.  Case counts.
    Of a very long text the beginning and the SHA-256 stand for the whole.
    """
    if isinstance(cell, str) and len(cell) <= limits.MAX_GROUP_CHARS:
        return cell
    texts = texts_of(cell)
    if not texts:
        return None
    text = texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)
    if len(text) <= limits.MAX_GROUP_CHARS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[: limits.MAX_GROUP_CHARS - 80]}… (sha256 {digest})"


def texts_of_cells(cells: Sequence[Cell]) -> tuple[str, ...] | None:
    """Return the texts of several cells; None where one of them has no value."""
    texts = tuple([text for cell in cells if (text := text_of(cell)) is not None])
    return texts if len(texts) == len(cells) else None


def digest_of(texts: tuple[str, ...]) -> int:
    """Return 64 bits that stand for the texts, never `NOTHING`.

    They are the same on every machine, so that what is sorted by them is, too.  To find two
    values with the same bits takes 2**32 tries, and hides one value of the finder's own.
    """
    lengths = ",".join([str(len(text)) for text in texts])
    state = _EMPTY.copy()
    state.update("\0".join((lengths, *texts)).encode("utf-8", "surrogatepass"))
    return int.from_bytes(state.digest(), "big", signed=True) or 1


def number_of(cell: Cell) -> int | None:
    """Return the number that a cell writes, times `SCALE`; None where it writes none.

    Numbers are read as rules read them.  One of 10**30 or more, or with more than 18 digits
    behind the point, is none: it is counted as a value that could not be read, never rounded.
    """
    if isinstance(cell, int):
        scaled = cell * SCALE
        return scaled if abs(scaled) < _MAX_NUMBER else None
    texts = texts_of(cell)
    number = parse_number(texts[0]) if len(texts) == 1 else None
    if number is None:
        return None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or number.adjusted() >= 30:
        return None
    exact = Fraction(number) * SCALE
    return exact.numerator if exact.denominator == 1 else None


def text_of_number(value: Fraction) -> str:
    """Write a number exactly: as a decimal where it is one, else as a fraction."""
    twos_and_fives = value.denominator
    digits = 0
    while twos_and_fives % 10 == 0:
        twos_and_fives //= 10
        digits += 1
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
            digits += 1
    if twos_and_fives != 1:
        return f"{value.numerator}/{value.denominator}"
    if not digits:
        return str(value.numerator)
    whole, rest = divmod(abs(value.numerator) * 10**digits // value.denominator, 10**digits)
    decimals = f"{rest:0{digits}}".rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}.{decimals}"
