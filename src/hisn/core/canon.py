"""Write and read the few texts that get signed or hashed: JSON, base64, hexadecimal, decimals.

One value has one text here.  Whatever reads hostile bytes raises `VerificationError` and nothing
else; whatever writes raises `ValueError`, for then our own program is wrong.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, NoReturn, TypeAlias

from hisn.core.proof_limits import MAX_JSON_VALUES, MAX_NUMBER_CHARS
from hisn.errors import VerificationError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_EXACT = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8785, 3.2.2.3)."""
MAX_DECIMAL = 2**63 - 1

# Strings, an unclosed one up to the end, so that hostile text is passed once and never again.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# What is no sign of base64url becomes one that is none of base64 either.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/???")
_HEX32 = re.compile(r"[0-9a-f]{64}")
_DECIMAL = re.compile(rb"0|[1-9][0-9]{0,18}")


def canonical(value: Json, *, wide: bool = False) -> bytes:
    """Return the one JSON text of a value (RFC 8785 without floats).

    Names stand in the order of their UTF-16 units.  Integers are at most 2**53-1 in size, with
    `wide` at most 64 digits long.  Raises ValueError for anything else.
    """
    ordered = _ordered(value, 10**MAX_NUMBER_CHARS - 1 if wide else MAX_EXACT)
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(value: Json, bound: int) -> Json:
    match value:
        case None | bool() | str():
            return value
        case int():
            if not -bound <= value <= bound:
                raise ValueError("an integer is too large for canonical JSON")
            return value
        case list():
            return [_ordered(item, bound) for item in value]
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise ValueError("a name in canonical JSON must be text")
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return {name: _ordered(value[name], bound) for name in names}
        case _:
            raise ValueError(f"canonical JSON cannot hold a {type(value).__name__}")


def _refuse_json(reason: str) -> VerificationError:
    return VerificationError(
        "E3100", f"not strict JSON: {reason}", hint="ask its sender for the original bytes"
    )


def _refuse_fraction(text: str) -> NoReturn:
    raise _refuse_json(f"the number {text[:MAX_NUMBER_CHARS]} is no integer")


def _integer(text: str) -> int:
    # Capped before `int`: a million digits cost quadratic time.
    if len(text.lstrip("-")) > MAX_NUMBER_CHARS:
        raise _refuse_json("an integer is too long")
    if text == "-0":
        raise _refuse_json("zero has no sign")
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Two readers that keep the first and the last would see two different statements.
        raise _refuse_json("a name stands twice in one object")
    return found


def _measure(data: bytes, max_depth: int, max_values: int) -> None:
    """Refuse what is too deep or too much, before anything is made of it.

    An empty list of 3 bytes takes more than 60 in memory, and each level a piece of the stack.
    """
    values = depth = at = 0
    while at < len(data):
        text = _STRING.search(data, at)
        start, end = text.span() if text else (len(data), len(data))
        plain, at = data[at:start], end
        values += plain.count(b",") + plain.count(b"[") + plain.count(b"{")
        if values > max_values:
            raise _refuse_json(f"it has more than {max_values} values")
        for bracket in plain.translate(None, _NO_BRACKETS):
            depth += 1 if bracket in b"[{" else -1
            if depth > max_depth:
                raise _refuse_json(f"nested deeper than {max_depth}")


def parse_json(
    data: bytes, *, max_bytes: int, max_depth: int = 32, max_values: int = MAX_JSON_VALUES
) -> Json:
    """Return the value of strict JSON: UTF-8, unique names, integers; bounded in size, depth and values.

    Raises VerificationError.
    """
    if len(data) > max_bytes:
        raise _refuse_json(f"{len(data)} bytes are more than {max_bytes}")
    _measure(data, max_depth, max_values)
    try:
        value: Json = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_refuse_fraction,
            parse_constant=_refuse_fraction,
        )
        if b"\\u" in data:
            # An escape can name half of a surrogate pair, which no UTF-8 can say.
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise _refuse_json(str(error)[:200]) from error
    return value


def parse_canonical(
    data: bytes, *, max_bytes: int, max_depth: int = 32, max_values: int = MAX_JSON_VALUES, wide: bool = False
) -> Json:
    """Return the value of JSON that is written exactly as `canonical` writes it.

    Raises VerificationError: of a text that is free in its spelling, two would pass as one act.
    """
    value = parse_json(data, max_bytes=max_bytes, max_depth=max_depth, max_values=max_values)
    try:
        same = canonical(value, wide=wide) == data
    except ValueError as error:
        raise _refuse_json(str(error)) from error
    if not same:
        raise VerificationError(
            "E3101", "the JSON is not in its canonical form", hint="ask its sender for the original bytes"
        )
    return value


def b64(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(data).decode()


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_b64(text: str | bytes, what: str = "a value") -> bytes:
    """Return the bytes of standard base64 in its one spelling. Raises VerificationError."""
    given = text.encode("ascii", "replace") if isinstance(text, str) else text
    try:
        data = base64.b64decode(given, validate=True)
    except ValueError:
        data = b""
    # Spare bits or spare padding: one signature would have many texts.
    if base64.b64encode(data) != given:
        raise VerificationError(
            "E3102", f"{what} is not strict base64", hint="ask its sender for the original bytes"
        )
    return data


def parse_b64url(text: str | bytes, what: str = "a value") -> bytes:
    """Return the bytes of base64url without padding in its one spelling. Raises VerificationError."""
    given = text.encode("ascii", "replace") if isinstance(text, str) else text
    return parse_b64(given.translate(_FROM_URL) + b"=" * (-len(given) % 4), what)


def parse_hex32(text: str, what: str = "a digest") -> bytes:
    """Return the 32 bytes of 64 lowercase hexadecimal digits. Raises VerificationError."""
    if not _HEX32.fullmatch(text):
        raise VerificationError(
            "E3103",
            f"{what} is not 64 lowercase hexadecimal digits",
            hint="copy the digest as it was printed",
        )
    return bytes.fromhex(text)


def parse_decimal(text: str | bytes, what: str = "a number") -> int:
    """Return a decimal from 0 to 2**63-1 without sign, leading zeros or separators.

    Raises VerificationError: Python's own `int` takes "+5", "5_0" and Arabic digits, too.
    """
    given = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if not _DECIMAL.fullmatch(given) or (value := int(given)) > MAX_DECIMAL:
        raise VerificationError(
            "E3104", f"{what} is not a plain decimal number", hint="ask its sender for the original bytes"
        )
    return value
