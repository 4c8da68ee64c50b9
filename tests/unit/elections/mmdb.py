"""Write small databases in MaxMind's format (version 2.0), so that no real one is needed.

Only what the tests need: one tree of 24-bit records over IPv6 (IPv4 in ::/96), and records of
``{"country": {"iso_code": ..}}``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_Tree = list[Any]


def write_countries(
    path: Path, codes: Mapping[str, str], kind: str = "Vesna-Country", form: str = "country"
) -> Path:
    """Write a database that gives a code for each network; later networks win inside earlier ones."""
    root: _Tree = [None, None]
    _insert(root, "fe00::/100", "ZZ")  # the library wants the count of nodes in 32 bits: have over a hundred
    for network, code in codes.items():
        _insert(root, network, code)
    nodes: list[_Tree] = []
    _number(root, nodes)
    places, data = _data(sorted({*codes.values(), "ZZ"}), form)
    tree = b"".join(_record(side, nodes, places).to_bytes(3, "big") for node in nodes for side in node)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_700_000_000,
        "database_type": kind,
        "description": {},
        "ip_version": 6,
        "languages": [],
        "node_count": len(nodes),
        "record_size": 24,
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    return path


def _insert(root: _Tree, text: str, code: str) -> None:
    network = ipaddress.ip_network(text)
    shift = 0 if network.version == 6 else 96
    value = int(network.network_address)
    bits = f"{value:0128b}"[: network.prefixlen + shift]
    node = root
    for bit in bits[:-1]:
        child = node[int(bit)]
        if not isinstance(child, list):
            child = node[int(bit)] = [child, child]
        node = child
    node[int(bits[-1])] = code


def _number(node: _Tree, nodes: list[_Tree]) -> None:
    nodes.append(node)
    for side in node:
        if isinstance(side, list):
            _number(side, nodes)


def _record(side: Any, nodes: list[_Tree], places: dict[str, int]) -> int:
    if side is None:
        return len(nodes)
    if isinstance(side, str):
        return len(nodes) + 16 + places[side]
    return next(at for at, node in enumerate(nodes) if node is side)


def _data(codes: list[str], form: str) -> tuple[dict[str, int], bytes]:
    places, data = {}, b""
    for code in codes:
        places[code] = len(data)
        data += _encoded({"country_code": code} if form == "flat" else {form: {"iso_code": code}})
    return places, data


def _encoded(value: Any) -> bytes:
    match value:
        case dict():
            return _head(7, len(value)) + b"".join(_encoded(k) + _encoded(v) for k, v in value.items())
        case list():
            return _head(11, len(value)) + b"".join(map(_encoded, value))
        case str():
            return _head(2, len(value)) + value.encode()
        case int():
            # The library wants the metadata in just these types.
            kind, size = (9, 8) if value >> 31 or value > 1_000_000_000 else (6, 4) if value > 99 else (5, 2)
            return _head(kind, size) + value.to_bytes(size, "big")
        case _:
            raise TypeError(value)


def _head(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes((kind << 5 | size,)) if kind < 8 else bytes((size, kind - 7))
