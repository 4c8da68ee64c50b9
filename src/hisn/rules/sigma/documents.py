"""Read the YAML documents of a rule file into nodes that know their lines.

libyaml parses, in C; its events are read one by one.  PyYAML's own composer is not used: it
recurses in C and a file of nothing but brackets kills the process.  Plain scalars keep their
literal, and are typed by the few rules that YAML 1.1 and 1.2 agree on: ``0123`` and ``12:30``
stay text (YAML 1.1 would read 83 and 750), ``yes`` and ``on`` are booleans as in pySigma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hisn.core import limits
from hisn.core.proof_limits import MAX_NUMBER_CHARS
from hisn.rules.sigma.refusal import LIMIT, UNREADABLE, RefusedError

if TYPE_CHECKING:
    from yaml.events import CollectionStartEvent, Event, ScalarEvent

_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^(?!---[ \t\r\n]|---\Z|%|\.\.\.\s|\.\.\.\Z)[ \t]*[^\s#]", re.MULTILINE)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_BOOLEANS = {
    name: name.lower() in ("true", "yes", "on")
    for base in ("true", "false", "yes", "no", "on", "off")
    for name in (base, base.capitalize(), base.upper())
}
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_NUMBER_STARTS = frozenset("+-.0123456789")

Kind = type[str] | type[int] | type[float] | type[bool] | type[None]
Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"


@dataclass(frozen=True, slots=True)
class Scalar:
    """Hold one value as written; `kind` is the Python type that YAML gives it."""

    line: int
    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Sequence:
    """Hold a list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """Hold a mapping with text keys in the order written; each entry is (key, line, value)."""

    line: int
    entries: tuple[tuple[str, int, Node], ...]

    def get(self, key: str) -> Node | None:
        """Return the value of a key, or None."""
        for name, _, value in self.entries:
            if name == key:
                return value
        return None

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping where the key is missing."""
        for name, line, _ in self.entries:
            if name == key:
                return line
        return self.line


Node = Scalar | Sequence | Map


@dataclass(frozen=True, slots=True)
class Document:
    """Hold one document of a file: its text as it stands there, and its root (or why there is none)."""

    line: int
    data: bytes
    root: Map | RefusedError


def read_documents(data: bytes) -> Iterator[Document]:
    """Yield the non-empty documents of a rule file.

    A document that cannot be read has a `RefusedError` for a root; the ones behind it are read
    all the same.  Raises RefusedError where the file as a whole is unusable.
    """
    if len(data) > limits.MAX_RULE_BYTES:
        raise RefusedError(LIMIT, 1, f"the file is larger than {limits.MAX_RULE_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RefusedError(UNREADABLE, line, "the file is not UTF-8") from None
    starts = [match.start() for match in _MARKER.finditer(text)]
    if not starts or _CONTENT.search(text, 0, starts[0]):
        starts.insert(0, 0)
    if len(starts) > limits.MAX_RULE_DOCUMENTS:
        raise RefusedError(LIMIT, 1, f"the file has more than {limits.MAX_RULE_DOCUMENTS} documents")
    line, last = 1, 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line += text.count("\n", last, start)
        last = start
        part = text[start:end]
        # A file of one document is digested as it is, so that sha256sum shows the same digest.
        raw = data if len(starts) == 1 else part.encode()
        try:
            root = _compose(part, line)
        except RefusedError as error:
            yield Document(line, raw, error)
            continue
        if isinstance(root, Map):
            yield Document(line, raw, root)
        elif root is not None:
            yield Document(line, raw, RefusedError(UNREADABLE, root.line, "the document is not a mapping"))


def _compose(text: str, first_line: int) -> Node | None:
    import yaml

    try:
        events = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        return _Composer(events, first_line).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        raise RefusedError(UNREADABLE, line, f"not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = first_line + text.count("\n", 0, error.position)
        raise RefusedError(UNREADABLE, line, f"not valid YAML: {error.reason}") from None
    except yaml.YAMLError as error:
        raise RefusedError(UNREADABLE, first_line, f"not valid YAML: {error}") from None


class _Composer:
    """Build nodes from events.

    Aliases share nodes, so the size of what they stand for is counted when they are used: a few
    hundred bytes of aliases ("billion laughs") would otherwise unfold to gigabytes later.
    """

    def __init__(self, events: Iterator[Event], first_line: int) -> None:
        self._events = events
        self._first = first_line
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._size = 0

    def document(self) -> Node | None:
        import yaml

        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:  # pragma: no cover - files are cut at markers, and libyaml wants one
                    raise RefusedError(UNREADABLE, self._line(event), "a second document without '---'")
                root = self._node(next(self._events), 0)
        if isinstance(root, Scalar) and root.kind is type(None):
            return None
        return root

    def _line(self, event: Event) -> int:
        mark = event.start_mark
        return self._first + (mark.line if mark else 0)

    def _count(self, size: int, line: int) -> None:
        self._size += size
        if self._size > limits.MAX_RULE_NODES:
            raise RefusedError(
                LIMIT, line, f"the document unfolds to more than {limits.MAX_RULE_NODES} values"
            )

    def _node(self, event: Event, depth: int) -> Node:
        import yaml

        line = self._line(event)
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(event.anchor or "")
            if known is None:
                raise RefusedError(UNREADABLE, line, f"the alias *{event.anchor} is not defined before")
            self._count(known[1], line)
            return known[0]
        if depth > limits.MAX_RULE_DEPTH:
            raise RefusedError(LIMIT, line, f"nested deeper than {limits.MAX_RULE_DEPTH} levels")
        before = self._size
        self._count(1, line)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, line, depth)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._map(event, line, depth)
        else:
            raise RefusedError(UNREADABLE, line, "not valid YAML")
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._size - before)
        return node

    def _scalar(self, event: ScalarEvent, line: int) -> Scalar:
        text: str = event.value
        tag: str | None = event.tag
        if tag is not None and tag not in ("!", "tag:yaml.org,2002:str"):
            raise RefusedError(UNREADABLE, line, f"the tag {tag} is not allowed in rules")
        if tag is not None or not event.implicit[0]:
            return Scalar(line, text, str)
        return Scalar(line, text, _kind_of(text))

    def _sequence(self, event: CollectionStartEvent, line: int, depth: int) -> Sequence:
        import yaml

        _no_tag(event, line)
        items = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(item, depth + 1))
        return Sequence(line, tuple(items))

    def _map(self, event: CollectionStartEvent, line: int, depth: int) -> Map:
        import yaml

        _no_tag(event, line)
        entries: list[tuple[str, int, Node]] = []
        seen = set()
        while not isinstance(item := next(self._events), yaml.MappingEndEvent):
            key = self._node(item, depth + 1)
            # An anchored key stands where its anchor does; the event knows its own line.
            key_line = self._line(item)
            if not isinstance(key, Scalar):
                raise RefusedError(UNREADABLE, key_line, "a key is not a plain text")
            if key.text == "<<" and isinstance(item, yaml.ScalarEvent) and item.implicit[0]:
                raise RefusedError(UNREADABLE, key_line, "merge keys (<<) are not allowed in rules")
            # YAML keeps the last of two equal keys: half a rule would vanish without a word.
            if key.text in seen:
                raise RefusedError(UNREADABLE, key_line, f"the key '{key.text}' stands twice")
            seen.add(key.text)
            entries.append((key.text, key_line, self._node(next(self._events), depth + 1)))
        return Map(line, tuple(entries))


def _no_tag(event: CollectionStartEvent, line: int) -> None:
    if event.tag is not None and event.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
        raise RefusedError(UNREADABLE, line, f"the tag {event.tag} is not allowed in rules")


def _kind_of(text: str) -> Kind:
    if text in _NULLS:
        return type(None)
    if text[0] in _NUMBER_STARTS:
        if _INT.fullmatch(text):
            return int
        if _FLOAT.fullmatch(text):
            return float
        return str
    return bool if text in _BOOLEANS else str


def value_of(scalar: Scalar) -> bool | int | float | str | None:
    """Return a scalar as a Python value; a whole number too long to be one stays text."""
    if scalar.kind is int:
        if len(scalar.text) > MAX_NUMBER_CHARS:
            return scalar.text
        return int(scalar.text, 16) if scalar.text.startswith("0x") else int(scalar.text)
    if scalar.kind is float:
        return float(scalar.text)
    if scalar.kind is bool:
        return _BOOLEANS[scalar.text]
    return None if scalar.kind is type(None) else scalar.text


def data_of(node: Node) -> Data:
    """Return a node as plain Python data, for pySigma's parsers of metadata."""
    if isinstance(node, Scalar):
        return value_of(node)
    if isinstance(node, Sequence):
        return [data_of(item) for item in node.items]
    return {key: data_of(value) for key, _, value in node.entries}


def merge(base: Map, over: Map) -> Map:
    """Return `base` with the entries of `over` put over it, mapping by mapping (``action: global``)."""
    merged = {key: (line, value) for key, line, value in base.entries}
    for key, line, value in over.entries:
        old = merged.get(key)
        if old is not None and isinstance(old[1], Map) and isinstance(value, Map):
            merged[key] = (old[0], merge(old[1], value))
        else:
            merged[key] = (line, value)
    return Map(base.line, tuple((key, line, value) for key, (line, value) in merged.items()))
