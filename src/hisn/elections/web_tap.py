"""Look at the web requests among the records of a batch, and count them minute by minute.

A light tap beside the scanner: it sees the same chunks, in the worker that parsed them, and hands
on a few hundred bytes for each minute.  Only layouts of the category ``webserver`` that say who
asked for what are looked at; without a calendar there is no tap at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hisn.elections import sketch
from hisn.elections.countries import UNKNOWN, Countries
from hisn.elections.minutes import (
    GRADES,
    MINUTE_US,
    Bounds,
    Cell,
    Minute,
    MinuteNote,
    agent_bucket,
    followed,
    join,
    pack,
)
from hisn.elections.templates import ASSETS, MALFORMED, NOT_FOUND, endpoint, path_template
from hisn.events.batch import NO_TIME, Block, Chunk, Int64s
from hisn.events.mapping import FieldView, Mapping, Shape
from hisn.events.schema import Cell as EventCell
from hisn.events.schema import texts_of

Keep: TypeAlias = Callable[[Int64s], npt.NDArray[np.bool_] | None]
"""Say which times are judged; None for all."""

_ADDRESS = ("c-ip", "src_ip", "client_ip", "remote_addr")
_TARGET = ("cs-uri-stem", "c-uri-stem", "cs-uri", "c-uri")
_STATUS = ("sc-status", "status")
_MAX_KNOWN = 1 << 17
_NOT_FOUND = frozenset({"400", "404", "405", "410", "414"})
_REFUSED = frozenset({"403", "429"})


class _Columns(NamedTuple):
    """Hold the judged rows of a block: times, numbers, and the cells that matter."""

    times: Int64s
    numbers: Int64s
    address: Sequence[EventCell]
    target: Sequence[EventCell]
    method: Sequence[EventCell]
    status: Sequence[EventCell]
    referer: Sequence[EventCell]
    agent: Sequence[EventCell]
    asset: Sequence[EventCell]


class _Visitor(NamedTuple):
    digest: int
    network: int
    country: str


class _Codes(dict[EventCell, int]):
    """Number the distinct cells of a column."""

    def __missing__(self, cell: EventCell) -> int:
        code = self[cell] = len(self)
        return code


def _coded(cells: Sequence[EventCell]) -> tuple[list[EventCell], Int64s]:
    """Return the distinct cells, and each row's position among them."""
    codes = _Codes()
    array = np.fromiter(map(codes.__getitem__, cells), np.int64, len(cells))
    return list(codes), array


def _flags(cells: Sequence[EventCell], wanted: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    """Return for which rows the first text of the cell is as wanted."""
    distinct, codes = _coded(cells)
    return np.array([wanted(_first(cell)) for cell in distinct], np.bool_)[codes]


def _first(cell: EventCell) -> str:
    texts = texts_of(cell)
    return texts[0] if texts else ""


class WebTap:
    """Count web requests; what it says of a record depends on that record alone."""

    def __init__(
        self,
        mapping: Mapping,
        begins: int,
        *,
        countries: Countries | None = None,
        keep: Keep | None = None,
        bounds: Bounds = GRADES[0],
    ) -> None:
        """Take the mapping, the beginning of the calendar (earlier requests are left out), countries."""
        self._mapping = mapping
        self._begins = begins
        self._countries = countries
        self._keep = keep
        self._bounds = bounds
        self._visitors: dict[str, _Visitor] = {}
        self._templates: dict[tuple[str, str], str] = {}
        self._agents: dict[str, int] = {}

    def __call__(self, chunks: Iterable[Chunk]) -> tuple[MinuteNote, ...]:
        """Return what the web requests of the chunks were like, sorted by source, asset and minute."""
        found: dict[tuple[str, str, int], Minute] = {}
        for chunk in chunks:
            for block in chunk.blocks:
                columns = self._columns(block)
                if columns is None:
                    continue
                for asset, number, minute in self._minutes(columns):
                    key = (chunk.source, asset, number)
                    known = found.get(key)
                    found[key] = minute if known is None else join(known, minute, self._bounds)
        return tuple(MinuteNote(*key, pack(minute)) for key, minute in sorted(found.items(), key=_by_key))

    def _columns(self, block: Block) -> _Columns | None:
        shape = self._mapping.shape(block.layout)
        if "webserver" not in shape.logsource.categories:
            return None
        address, target = _view(shape, _ADDRESS), _view(shape, _TARGET)
        if address is None or target is None:
            return None
        kept = (block.times != NO_TIME) & (block.times >= self._begins)
        wanted = self._keep(block.times) if self._keep else None
        if wanted is not None:
            kept &= wanted
        if not kept.any():
            return None
        whole = bool(kept.all())

        def cells(view: FieldView | None) -> Sequence[EventCell]:
            if view is None or view.column is None:
                return [None if view is None else view.constant] * int(kept.sum())
            column = block.columns[view.column]
            return column if whole else list(compress(column, kept))

        asset = None if shape.asset is None else shape.fields[shape.asset]
        if shape.asset_constant is not None:
            asset = FieldView(None, shape.asset_constant)
        return _Columns(
            block.times[kept],
            block.numbers[kept],
            cells(address),
            cells(target),
            cells(shape.fields.get("cs-method")),
            cells(_view(shape, _STATUS)),
            cells(shape.fields.get("cs-referer")),
            cells(shape.fields.get("cs-user-agent")),
            cells(asset),
        )

    def _minutes(self, columns: _Columns) -> Iterator[tuple[str, int, Minute]]:
        """Yield (asset, minute, what it was like) of each site and minute in the columns."""
        assets, of_asset = _coded(columns.asset)
        names = [_first(cell) for cell in assets]
        minutes = columns.times // MINUTE_US
        base = int(minutes.min())
        width = int(minutes.max()) - base + 1
        keys, groups = np.unique(of_asset * width + (minutes - base), return_inverse=True)
        rows = _Rows(columns, groups, len(keys), self._endpoints(columns), self._distinct(columns))
        for at, key in enumerate(keys.tolist()):
            yield names[key // width], base + key % width, rows.minute(at, self._bounds)

    def _endpoints(self, columns: _Columns) -> tuple[list[str], Int64s]:
        """Return the distinct endpoints, and each row's position among them."""
        targets, of_target = _coded(columns.target)
        methods, of_method = _coded(columns.method)
        missing = _flags(columns.status, _NOT_FOUND.__contains__)
        triples, inverse = np.unique(
            (of_target * len(methods) + of_method) * 2 + missing, return_inverse=True
        )
        names: dict[str, int] = {}
        codes = []
        for triple in triples.tolist():
            pair, is_missing = divmod(triple, 2)
            target, method = divmod(pair, len(methods))
            name = NOT_FOUND if is_missing else self._template(_first(targets[target]), methods[method])
            codes.append(names.setdefault(name, len(names)))
        return list(names), np.array(codes, np.int64)[inverse]

    def _template(self, target: str, method: EventCell) -> str:
        key = (target, _first(method))
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MAX_KNOWN:
                self._templates.clear()
            folded = path_template(target.partition("?")[0])
            template = self._templates[key] = (
                folded if folded in (ASSETS, MALFORMED) else endpoint(folded, key[1] or None)
            )
        return template

    def _distinct(self, columns: _Columns) -> _Distinct:
        addresses, of_address = _coded(columns.address)
        visitors = [self._visitor(_first(cell)) for cell in addresses]
        agents, of_agent = _coded(columns.agent)
        buckets = np.array([self._bucket(_first(cell)) for cell in agents], np.int64)
        return _Distinct(visitors, of_address, buckets[of_agent], self._countries is not None)

    def _visitor(self, address: str) -> _Visitor:
        visitor = self._visitors.get(address)
        if visitor is None:
            if len(self._visitors) >= _MAX_KNOWN:
                self._visitors.clear()
            country = self._countries.of(address) if self._countries else UNKNOWN
            visitor = self._visitors[address] = _Visitor(
                sketch.digest64(address), sketch.digest64(network_of(address)), country
            )
        return visitor

    def _bucket(self, agent: str) -> int:
        bucket = self._agents.get(agent)
        if bucket is None:
            if len(self._agents) >= _MAX_KNOWN:
                self._agents.clear()
            bucket = self._agents[agent] = agent_bucket(agent)
        return bucket


class _Distinct(NamedTuple):
    """Hold the visitors of a block, each row's position among them, and each row's agent bucket."""

    visitors: list[_Visitor]
    of_address: Int64s
    buckets: Int64s
    has_countries: bool


class _Rows:
    """Hold the rows of one block by group, a site and minute, and within it by endpoint."""

    def __init__(
        self,
        columns: _Columns,
        groups: Int64s,
        count: int,
        endpoints: tuple[list[str], Int64s],
        distinct: _Distinct,
    ) -> None:
        self._names, of_endpoint = endpoints
        order = np.lexsort((columns.numbers, of_endpoint, groups))
        self._starts = np.searchsorted(groups[order], np.arange(count + 1))
        self._endpoint = of_endpoint[order]
        self._numbers = columns.numbers[order]
        self._times = columns.times[order]
        self._address = distinct.of_address[order]
        self._buckets = distinct.buckets[order]
        self._distinct = distinct
        self._errors = _flags(columns.status, lambda text: len(text) == 3 and text[0] == "5")[order]
        self._refused = _flags(columns.status, _REFUSED.__contains__)[order]
        self._referred = _flags(columns.referer, lambda text: text not in ("", "-"))[order]

    def minute(self, group: int, bounds: Bounds) -> Minute:
        """Return what one group was like."""
        low, high = int(self._starts[group]), int(self._starts[group + 1])
        part = slice(low, high)
        cuts = np.flatnonzero(np.diff(self._endpoint[part])) + low + 1
        edges = [low, *cuts.tolist(), high]
        endpoints = {
            self._names[int(self._endpoint[start])]: self._cell(
                slice(start, end), bounds.endpoint_digests, bounds
            )
            for start, end in pairwise(edges)
        }
        assets = endpoints.get(ASSETS)
        visitors = [self._distinct.visitors[code] for code in set(self._address[part].tolist())]
        buckets, counts = np.unique(self._buckets[part], return_counts=True)
        return Minute(
            first=int(self._times[part].min()),
            last=int(self._times[part].max()),
            whole=self._cell(part, bounds.digests, bounds),
            assets=assets.requests if assets else 0,
            networks=sketch.packed((visitor.network for visitor in visitors), bounds.digests),
            agents=list(zip(buckets.tolist(), counts.tolist(), strict=True)),
            countries=self._countries(part),
            endpoints=followed(endpoints, bounds),
        )

    def _cell(self, part: slice, digests: int, bounds: Bounds) -> Cell:
        visitors = self._distinct.visitors
        return Cell(
            requests=part.stop - part.start,
            errors=int(self._errors[part].sum()),
            refused=int(self._refused[part].sum()),
            referred=int(self._referred[part].sum()),
            addresses=sketch.packed(
                (visitors[code].digest for code in set(self._address[part].tolist())), digests
            ),
            records=np.sort(self._numbers[part])[: bounds.records].tolist(),
        )

    def _countries(self, part: slice) -> list[tuple[str, int]]:
        if not self._distinct.has_countries:
            return []
        counts: dict[str, int] = {}
        codes, times = np.unique(self._address[part], return_counts=True)
        for code, count in zip(codes.tolist(), times.tolist(), strict=True):
            country = self._distinct.visitors[code].country
            counts[country] = counts.get(country, 0) + count
        return sorted(counts.items())


def _by_key(item: tuple[tuple[str, str, int], Minute]) -> tuple[str, str, int]:
    return item[0]


def _view(shape: Shape, names: Sequence[str]) -> FieldView | None:
    return next((shape.fields[name] for name in names if name in shape.fields), None)


def network_of(address: str) -> str:
    """Return the network of an address, /24 or /48; what is no address is a network of its own."""
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdigit() for part in parts):
        return address.rpartition(".")[0]
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed).rpartition(".")[0]
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped).rpartition(".")[0]
    return f"{int(parsed) >> 80:x}:"
