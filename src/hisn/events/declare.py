"""Read what the operator declares about sources: a TOML file with one table per name pattern.

::

    [[source]]
    match = "ems/*.log"        # of the source's name; * and ? do not cross "/", ** does
    kind = "linux"             # all the following are optional
    year = 2024
    zone = "-05:00"
    asset = "ems-01"
    product = ["linux"]
    category = []
    service = ["sshd"]
    seal = "whole"             # how --seal commits its events: "fields" or "whole"
    class = "pollbook"         # ballot and pollbook: nothing public about counts or times

The last table that matches a name wins, field by field.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import astuple, dataclass, replace
from typing import Any, Literal

from hisn.core.place import Place
from hisn.errors import InputError
from hisn.events.schema import Declaration

_ZONE = re.compile(r"(?:([+-])(\d\d):?(\d\d)|Z|UTC)", re.ASCII)
_KEYS = {"match", "kind", "year", "zone", "asset", "product", "category", "service", "seal", "class"}
_MODES = ("fields", "whole")


@dataclass(frozen=True, slots=True)
class Sealing:
    """Say how events of a source are committed; no part of what a finding depends on.

    `mode` None: as the caller chooses.  `asset_class` is the inventory's word for the asset.
    """

    mode: Literal["fields", "whole"] | None = None
    asset_class: str | None = None


@dataclass(frozen=True, slots=True)
class Declarations:
    """Give the declaration for a source's name; `by_glob` in order, later ones win by field."""

    default: Declaration = Declaration()
    by_glob: tuple[tuple[str, Declaration], ...] = ()
    sealing: tuple[tuple[str, Sealing], ...] = ()

    def sealing_of(self, name: str) -> Sealing:
        """Return how the source is to be sealed; later tables win field by field."""
        chosen = Sealing()
        for glob, more in self.sealing:
            if re.fullmatch(_expression(glob), name):
                chosen = Sealing(more.mode or chosen.mode, more.asset_class or chosen.asset_class)
        return chosen

    def of(self, name: str) -> Declaration:
        """Return what is declared for the source."""
        declaration = self.default
        for glob, more in self.by_glob:
            if re.fullmatch(_expression(glob), name):
                declaration = _merged(declaration, more)
        return declaration

    def digest_of(self, name: str) -> str:
        """Return the SHA-256 (hex) of what is declared for the source; empty where nothing is."""
        declaration = self.of(name)
        if declaration == Declaration():
            return ""
        parts = [sorted(value) if isinstance(value, frozenset) else value for value in astuple(declaration)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def parse_zone(text: str) -> int:
    """Return the offset from UTC in seconds of ``+01:00``, ``-0500``, ``Z``. Raises InputError."""
    match = _ZONE.fullmatch(text.strip())
    if match is None or int(match[2] or 0) > 18 or int(match[3] or 0) > 59:
        raise InputError("E2021", f"not a zone: {text!r}", hint="write +01:00, -05:00 or UTC")
    seconds = int(match[2] or 0) * 3600 + int(match[3] or 0) * 60
    return -seconds if match[1] == "-" else seconds


def parse_declarations(data: bytes, path: str, default: Declaration | None = None) -> Declarations:
    """Parse a declarations file. Raises InputError (E2020, E2021) with the place."""
    import tomllib

    place = Place(path)
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("E2020", f"not a declarations file: {error}", place=place) from None
    tables = document.get("source", [])
    if set(document) - {"source"} or not isinstance(tables, list):
        raise InputError("E2020", "a declarations file holds [[source]] tables only", place=place)
    by_glob = []
    sealing = []
    for table in tables:
        if not isinstance(table, dict) or not isinstance(table.get("match"), str) or set(table) - _KEYS:
            raise InputError("E2020", f"not a [[source]] table: {table!r}", place=place)
        by_glob.append((table["match"], _declaration(table, place)))
        if "seal" in table or "class" in table:
            sealing.append((table["match"], _sealing(table, place)))
    return Declarations(default or Declaration(), tuple(by_glob), tuple(sealing))


def _sealing(table: dict[str, Any], place: Place) -> Sealing:
    mode, asset_class = table.get("seal"), table.get("class")
    if mode not in (None, *_MODES):
        raise InputError("E2020", f"seal is one of: {', '.join(_MODES)}", place=place)
    if asset_class is not None and not isinstance(asset_class, str):
        raise InputError("E2020", "class is a name", place=place)
    return Sealing(mode, asset_class)


def _declaration(table: dict[str, Any], place: Place) -> Declaration:
    for key, wanted in (("kind", str), ("year", int), ("zone", str), ("asset", str)):
        if key in table and (not isinstance(table[key], wanted) or isinstance(table[key], bool)):
            raise InputError("E2020", f"{key} has the wrong type", place=place)
    year = table.get("year")
    if year is not None and not 1980 <= year < 2200:
        raise InputError("E2020", f"year {year} is outside 1980 to 2199", place=place)
    return Declaration(
        kind=table.get("kind"),
        year=year,
        zone_s=parse_zone(table["zone"]) if "zone" in table else None,
        asset=table.get("asset"),
        products=_names(table, "product", place),
        categories=_names(table, "category", place),
        services=_names(table, "service", place),
    )


def _names(table: dict[str, Any], key: str, place: Place) -> frozenset[str]:
    names = table.get(key, [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError("E2020", f"{key} is a name or a list of names", place=place)
    return frozenset(name.lower() for name in names)


def _merged(base: Declaration, more: Declaration) -> Declaration:
    return replace(
        base,
        kind=base.kind if more.kind is None else more.kind,
        year=base.year if more.year is None else more.year,
        zone_s=base.zone_s if more.zone_s is None else more.zone_s,
        asset=base.asset if more.asset is None else more.asset,
        products=base.products | more.products,
        categories=base.categories | more.categories,
        services=base.services | more.services,
    )


def _expression(glob: str) -> str:
    """Return our own regular expression for a glob; runs of stars are joined, so it stays linear."""
    parts = re.split(r"(\*+|\?)", glob)
    known = {"?": "[^/]", "*": "[^/]*"}
    return "".join(known.get(part) or (".*" if part.startswith("**") else re.escape(part)) for part in parts)
