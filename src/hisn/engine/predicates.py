"""Define what single tests mean on single texts: shared by the reference and the columnar engine.

Every function is total: text that a test cannot read (a word as a number) fails the test, and no
text makes a function raise or take more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias, assert_never

import re2

from hisn.rules.expr import ANY_RUN, Compare, FieldRef, Network, Number, Op, TimeOf, TimePart

AnyNetwork: TypeAlias = IPv4Network | IPv6Network
Parts: TypeAlias = tuple[str | int, ...]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]+)")
_DATE = re.compile(
    r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?: ?(?:[Zz]|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
_ADDRESS_CHARS = frozenset("0123456789abcdefABCDEF.:")

MAX_NUMBER_CHARS = 140
"""Longer text is no number: nobody logs one, and big-number arithmetic is not linear."""
MAX_ADDRESS_CHARS = 64
MAX_TIME_CHARS = 48
RE2_MAX_MEM = 64 * 1024 * 1024


def folded(text: str, *, cased: bool) -> str:
    """Return the text as it is compared: case folded unless the test is cased."""
    return text if cased else text.casefold()


def compare_texts(op: Op, text: str, value: str) -> bool:
    """Compare two texts that are already folded alike."""
    match op:
        case "equals":
            return text == value
        case "contains":
            return value in text
        case "startswith":
            return text.startswith(value)
        case "endswith":
            return text.endswith(value)
        case _:
            assert_never(op)


def compare_numbers(op: Compare, left: Decimal | int, right: Decimal | int) -> bool:
    """Compare two exact numbers."""
    match op:
        case "eq":
            return left == right
        case "lt":
            return left < right
        case "lte":
            return left <= right
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case _:
            assert_never(op)


def parse_number(text: str) -> Decimal | None:
    """Return the number a text writes, or None.

    Counts: decimal digits with optional sign, fraction and exponent (at most three digits), and
    ``0x`` with hexadecimal digits.  Blanks around it, ``1_000``, ``1,5``, ``NaN``, ``inf`` and
    digits of other scripts do not, nor does text beyond `MAX_NUMBER_CHARS`.
    """
    if not text or len(text) > MAX_NUMBER_CHARS:
        return None
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    if found := _HEX.fullmatch(text):
        magnitude = Decimal(int(found[2], 16))
        return magnitude.copy_negate() if found[1] == "-" else magnitude
    return None


def number_holds(atom: Number, number: Decimal) -> bool:
    """Tell whether a number passes the test. Raises ValueError if the rule's own value is no number."""
    wanted = parse_number(atom.value)
    if wanted is None:
        raise ValueError(f"not a number: {atom.value!r}")
    return compare_numbers(atom.op, number, wanted)


def parse_address(text: str) -> tuple[int, int] | None:
    """Return (version, address as an int) of a text that is an IP address and nothing else, or None.

    An IPv4-mapped IPv6 address (``::ffff:10.0.0.1``, as Windows and dual-stack servers log it) is
    the IPv4 address.  A zone (``%eth0``) is dropped.  Ports, brackets, prefixes and IPv4 numbers
    with leading zeros are no address.
    """
    if len(text) > MAX_ADDRESS_CHARS:
        return None
    bare = text.partition("%")[0] if ":" in text else text
    if not bare or not _ADDRESS_CHARS.issuperset(bare):
        return None
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return (6, int(address)) if mapped is None else (4, int(mapped))
    return 4, int(address)


def parse_network(text: str) -> AnyNetwork:
    """Return the network of a rule; host bits may be set. Raises ValueError."""
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            # Mapped addresses count as IPv4, so must networks of them.
            return IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def network_bounds(atom: Network) -> tuple[int, int, int]:
    """Return (version, first, last) of the atom's network. Raises ValueError."""
    network = parse_network(atom.network)
    return network.version, int(network.network_address), int(network.broadcast_address)


def network_holds(atom: Network, address: tuple[int, int]) -> bool:
    """Tell whether an address as `parse_address` returns it lies in the network."""
    version, first, last = network_bounds(atom)
    return address[0] == version and first <= address[1] <= last


def parse_time_parts(text: str) -> dict[TimePart, int] | None:
    """Return the parts of a date as written, or None: ISO 8601 (also ``/`` and a blank for ``T``).

    Minute and hour are absent for a bare date; `week` is the ISO week.  No zone is converted.
    """
    if len(text) > MAX_TIME_CHARS:
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    try:
        week = date(year, month, day).isocalendar().week
    except ValueError:
        return None
    parts: dict[TimePart, int] = {"day": day, "week": week, "month": month, "year": year}
    if found[4] is not None:
        hour, minute = int(found[4]), int(found[5])
        if hour > 23 or minute > 59:
            return None
        parts["hour"], parts["minute"] = hour, minute
    return parts


def time_holds(atom: TimeOf, parts: dict[TimePart, int]) -> bool:
    """Tell whether the parts of a date pass the test; false where the date lacks the part."""
    value = parts.get(atom.part)
    return value is not None and compare_numbers(atom.op, value, atom.value)


def reference_holds(atom: FieldRef, texts: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Tell whether one text of the field passes the test against one text of the other field."""
    left = [folded(text, cased=atom.cased) for text in texts]
    right = [folded(text, cased=atom.cased) for text in others]
    return any(compare_texts(atom.op, text, other) for text in left for other in right)


def encode_text(text: str) -> bytes:
    """Return the UTF-8 that expressions search; a lone surrogate counts as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def compile_regex(pattern: str, flags: str) -> Callable[[bytes], object]:
    """Return the search of an RE2 expression; it yields something true on a match.

    Raises `re2.error` for what RE2 refuses.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = RE2_MAX_MEM
    source = f"(?{flags}){pattern}" if flags else pattern
    search: Callable[[bytes], object] = re2.compile(source.encode("utf-8", "surrogatepass"), options).search
    return search


def _segments(parts: Parts) -> list[list[str | int]]:
    """Split the parts at every run of ``*``; n stars give n+1 segments of fixed length."""
    segments: list[list[str | int]] = [[]]
    for part in parts:
        if part == ANY_RUN:
            segments.append([])
        elif part != "":
            segments[-1].append(part)
    return segments


def _length(segment: list[str | int]) -> int:
    return sum(len(part) if isinstance(part, str) else 1 for part in segment)


def _stands_at(segment: list[str | int], text: str, start: int) -> bool:
    for part in segment:
        if isinstance(part, str):
            if not text.startswith(part, start):
                return False
            start += len(part)
        else:
            start += 1
    return start <= len(text)


def _find(segment: list[str | int], text: str, start: int) -> int:
    """Return the first position from `start` where the segment stands, or -1."""
    offset = 0
    for part in segment:
        if isinstance(part, str):
            at = text.find(part, start + offset)
            while at >= 0 and not _stands_at(segment, text, at - offset):
                at = text.find(part, at + 1)
            return at - offset if at >= 0 else -1
        offset += 1
    return start if start + offset <= len(text) else -1


def wildcard_holds(parts: Parts, text: str) -> bool:
    """Tell whether the parts match the whole text, both folded alike before.

    Segments between stars have fixed length, so that taking the leftmost place of each is right
    and nothing is ever tried twice.
    """
    first, *rest = _segments(parts)
    if not rest:
        return _length(first) == len(text) and _stands_at(first, text, 0)
    if not _stands_at(first, text, 0):
        return False
    at = _length(first)
    *middle, last = rest
    for segment in middle:
        at = _find(segment, text, at)
        if at < 0:
            return False
        at += _length(segment)
    start = len(text) - _length(last)
    return start >= at and _stands_at(last, text, start)


def fold_parts(parts: Parts, *, cased: bool) -> Parts:
    """Return wildcard parts with their texts folded."""
    return tuple(folded(part, cased=cased) if isinstance(part, str) else part for part in parts)


def anywhere(parts: Parts) -> Parts:
    """Return the parts of a keyword as a wildcard over the whole text."""
    return (ANY_RUN, *parts, ANY_RUN)
