r"""Replace placeholders (``%Servers%``) by what the operator's file says they mean.

Only values with the modifier `expand` have placeholders; ``\%`` is a plain percent sign
(specification, section Placeholders).  A placeholder that the file does not name refuses the
rule: left as text it would never match, and nobody would know.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TypeAlias

from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import InputError
from hisn.rules.sigma.refusal import LIMIT, PLACEHOLDER, RefusedError

Placeholders: TypeAlias = Mapping[str, tuple[str, ...]]

_TOKEN = re.compile(r"\\%|%([^%\\]+)%|\\.|[^\\%]+|.", re.DOTALL)
_RAW_TOKEN = re.compile(r"%([A-Za-z_][A-Za-z0-9_.-]*)%|[^%]+|%", re.DOTALL)


def expand(text: str, placeholders: Placeholders, line: int, *, is_raw: bool = False) -> Iterator[str]:
    """Yield the texts that a value stands for, still in Sigma's string syntax.

    `is_raw` for expressions, where a backslash is the expression's own.
    """
    pieces: list[tuple[str, ...]] = []
    total = 1
    for token in (_RAW_TOKEN if is_raw else _TOKEN).finditer(text):
        name = token[1]
        if name is None:
            pieces.append(("%" if token[0] == "\\%" else token[0],))
            continue
        values = placeholders.get(name)
        if values is None:
            raise RefusedError(PLACEHOLDER, line, f"the placeholder %{name}% is not defined")
        total *= len(values)
        if total > limits.MAX_EXPANSIONS:
            raise RefusedError(LIMIT, line, f"one value becomes more than {limits.MAX_EXPANSIONS} values")
        pieces.append(values)
    for choice in product(*pieces):
        yield "".join(choice)


def parse_placeholders(data: bytes, path: str) -> dict[str, tuple[str, ...]]:
    """Return the placeholders of a TOML file ``name = "value"`` or ``name = ["value", …]``.

    Values are Sigma strings: wildcards count.  Raises InputError E2105.
    """
    if len(data) > limits.MAX_RULE_BYTES:
        raise _broken(path, f"larger than {limits.MAX_RULE_BYTES} bytes")
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, str(error)) from None
    return {name: tuple(_texts(name, value, path)) for name, value in table.items()}


def _texts(name: str, value: object, path: str) -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    if not items:
        raise _broken(path, f"'{name}' has no values")
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise _broken(path, f"a value of '{name}' is no text")
        yield str(item)


def _broken(path: str, reason: str) -> InputError:
    return InputError(
        PLACEHOLDER,
        f"the placeholder file cannot be used: {reason}",
        place=Place(path),
        hint='write each placeholder as name = "value" or name = ["value", "value"]',
    )
