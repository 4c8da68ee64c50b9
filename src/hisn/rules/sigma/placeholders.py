r"""Replace placeholders (``%Servers%``) by what the operator's file says they mean.

Only values with the modifier `expand` have placeholders; ``\%`` is a plain percent sign
(specification, section Placeholders).  A placeholder that the file does not name refuses the
rule: left as text it would never match, and nobody would know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import TypeAlias

from hisn.core import limits
from hisn.errors import InputError, Place
from hisn.rules.sigma.documents import Map, Node, Scalar, Sequence, read_documents
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
    """Return the placeholders of a YAML file ``name: value`` or ``name: [values]``.

    Values are Sigma strings: wildcards count.  Raises InputError E2105 with the line.
    """
    result: dict[str, tuple[str, ...]] = {}
    try:
        for name, line, node in _entries(data):
            _define(result, name, line, node)
    except RefusedError as error:
        raise InputError(
            PLACEHOLDER,
            f"the placeholder file cannot be used: {error.reason}",
            place=Place(path, line=error.line),
            hint="Write each placeholder as 'name: value' or as 'name:' and a list of values.",
        ) from None
    return result


def _entries(data: bytes) -> Iterator[tuple[str, int, Node]]:
    for document in read_documents(data):
        if isinstance(document.root, RefusedError):
            raise document.root
        yield from document.root.entries


def _define(result: dict[str, tuple[str, ...]], name: str, line: int, node: Node) -> None:
    if name in result:
        raise RefusedError(PLACEHOLDER, line, f"the placeholder {name} is defined twice")
    result[name] = tuple(_texts(node))


def _texts(node: Node) -> Iterator[str]:
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        raise RefusedError(PLACEHOLDER, node.line, "a placeholder without values")
    for item in items:
        if not isinstance(item, Scalar) or item.kind is type(None):
            kind = "a mapping" if isinstance(item, Map) else "no text"
            raise RefusedError(PLACEHOLDER, item.line, f"the value of a placeholder is {kind}")
        yield item.text
