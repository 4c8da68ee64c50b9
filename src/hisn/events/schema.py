"""Define what an event is: a flat map of field names to values, and where it came from.

A *cell* is one value of one field.  It is one of

* ``None``      the record says ``null``; a field that is not there at all is *missing*, and an
                empty text is ``""``: three different things;
* ``int``       an integer literal;
* ``str``       text, or the literal of any other scalar as it was written: ``true``, ``1.50``;
* ``tuple``     several values of one field (a JSON list of scalars), each one of the above.

Booleans and fractions become their literals at the border, because ``True == 1 == 1.0`` in
Python: a dictionary of distinct values would merge them silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Scalar: TypeAlias = int | str | None
Cell: TypeAlias = int | str | tuple[int | str | None, ...] | None


def texts_of(cell: Cell) -> tuple[str, ...]:
    """Return the texts that string tests look at: none for null, several for a list."""
    if cell is None:
        return ()
    if isinstance(cell, tuple):
        return tuple(str(item) for item in cell if item is not None)
    return (cell if isinstance(cell, str) else str(cell),)


@dataclass(frozen=True, slots=True)
class Logsource:
    """Say which Sigma log sources a record belongs to; a rule needs one of each that it names."""

    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def satisfies(self, product: str | None, category: str | None, service: str | None) -> bool:
        """Tell whether a rule for (product, category, service) looks at such records."""
        return (
            (product is None or product in self.products)
            and (category is None or category in self.categories)
            and (service is None or service in self.services)
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """Describe records of one kind that have the same keys, before any mapping.

    `kind` names the source format's family (``windows``, ``web``, ``zeek`` …) by which mappings
    are chosen.  `constants` are fields with one value for all the rows (channel, provider, event
    id); `names` are the fields that vary, in column order, unique, disjoint from `constants`.
    `declared` adds log sources and `asset` fixes the asset's name where the operator declared them.
    """

    kind: str
    names: tuple[str, ...]
    constants: tuple[tuple[str, Cell], ...] = ()
    declared: Logsource = Logsource()
    asset: str | None = None


@dataclass(frozen=True, slots=True)
class Unparsed:
    """Name a piece of a source that could not be read as a record: a hole, never skipped silently.

    `number` is the record (or line) number where known, `offset` the byte offset where known,
    `count` how many records the hole is known to hide (0: unknown).
    """

    reason: str
    number: int | None = None
    offset: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Declaration:
    """Hold what the operator says about a source that its lines do not say themselves.

    `year` completes RFC 3164 times, `zone_s` is the offset from UTC in seconds of times without
    a zone.  Neither ever comes from the clock or from a file's date: the same bytes must give
    the same findings tomorrow.  Both are part of the mapping digest.
    """

    kind: str | None = None
    year: int | None = None
    zone_s: int | None = None
    asset: str | None = None
    products: frozenset[str] = field(default_factory=frozenset)
    categories: frozenset[str] = field(default_factory=frozenset)
    services: frozenset[str] = field(default_factory=frozenset)
