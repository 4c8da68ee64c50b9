"""Read what a rule says of itself: identity, level, log source, author.

pySigma validates it.  A mistake here is noted but does not stop the rule: an attack would be
missed for a date written with slashes.  A mistake in the log source stops it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from hisn.rules.pack import LEVELS, RuleInfo, RuleSource
from hisn.rules.sigma.documents import Data, Map, Scalar, Sequence, data_of
from hisn.rules.sigma.refusal import MALFORMED, TAXONOMY, RefusedError

DEFAULT_LEVEL = "medium"
"""Taken where the author gives no level: neither hidden by a threshold nor an alarm."""

_NOT_METADATA = frozenset(("detection", "logsource", "correlation", "filter", "action"))


@dataclass(frozen=True, slots=True)
class Metadata:
    """Hold a document's head. `problems` are (line, reason)."""

    id: str
    name: str
    level: str
    info: RuleInfo
    problems: tuple[tuple[int, str], ...]


def derived_id(digest: str) -> str:
    """Return a UUID made of a digest, for rules whose author gave none."""
    return str(uuid.UUID(bytes=bytes.fromhex(digest)[:16], version=5))


def text_of(root: Map, key: str) -> str:
    """Return a key's value as text; empty where it is missing, null, a list or a mapping."""
    node = root.get(key)
    return node.text.strip() if isinstance(node, Scalar) and node.kind is not type(None) else ""


def read_metadata(root: Map, digest: str, licence: str) -> Metadata:
    """Return the metadata of a rule, filter or correlation. Raises RefusedError E2111.

    `licence` stands for rules that name none.
    """
    taxonomy = text_of(root, "taxonomy")
    if taxonomy not in ("", "sigma"):
        # Its field names mean something else: judged by ours, the rule would silently never match.
        raise RefusedError(TAXONOMY, root.line_of("taxonomy"), f"the taxonomy '{taxonomy}' is not known")
    problems = list(_problems(root))
    level = text_of(root, "level").lower()
    if level not in LEVELS:
        if not level:
            problems.append((root.line, f"no level is given; taken as {DEFAULT_LEVEL}"))
        level = DEFAULT_LEVEL
    return Metadata(
        id=_id_of(text_of(root, "id")) or derived_id(digest),
        name=text_of(root, "name"),
        level=level,
        info=RuleInfo(
            title=text_of(root, "title"),
            description=text_of(root, "description"),
            author=text_of(root, "author"),
            status=text_of(root, "status"),
            date=text_of(root, "modified") or text_of(root, "date"),
            references=_texts(root, "references"),
            tags=_texts(root, "tags"),
            falsepositives=_texts(root, "falsepositives"),
            fields=_texts(root, "fields"),
            licence=text_of(root, "license") or licence,
        ),
        problems=tuple(problems),
    )


def read_logsource(root: Map) -> RuleSource:
    """Return the log source, lower case. Raises RefusedError."""
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaLogSource

    line = root.line_of("logsource")
    node = root.get("logsource")
    if not isinstance(node, Map):
        reason = "the log source is no mapping" if node else "there is no log source"
        raise RefusedError(MALFORMED, line, reason)
    values: dict[str, str] = {}
    for key, at, value in node.entries:
        if key not in ("product", "category", "service"):
            continue
        if not isinstance(value, Scalar):
            raise RefusedError(MALFORMED, at, f"the {key} of the log source is not a text")
        text = text_of(node, key).lower()
        if text:
            values[key] = text
    try:
        source = SigmaLogSource.from_dict(values)
    except SigmaError as error:
        raise RefusedError(MALFORMED, line, str(error)) from None
    return RuleSource(product=source.product, category=source.category, service=source.service)


def _id_of(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def _texts(root: Map, key: str) -> tuple[str, ...]:
    node = root.get(key)
    items = node.items if isinstance(node, Sequence) else (node,)
    return tuple(
        item.text.strip() for item in items if isinstance(item, Scalar) and item.kind is not type(None)
    )


def _problems(root: Map) -> Iterator[tuple[int, str]]:
    from sigma.rule.base import SigmaRuleBase

    head: dict[str, Data] = {
        key: data_of(value) for key, _, value in root.entries if key not in _NOT_METADATA
    }
    for key in ("id", "date", "modified"):
        if head.get(key) is not None:
            head[key] = text_of(root, key)
    try:
        _, errors = SigmaRuleBase.from_dict_common_params(head, collect_errors=True)
    except Exception as error:  # noqa: BLE001  pySigma assumes types that hostile YAML does not keep
        yield root.line, f"pySigma cannot read the metadata: {type(error).__name__}"
        return
    for problem in errors:
        key = type(problem).__name__.removeprefix("Sigma").removesuffix("Error").lower()
        yield root.line_of(_KEYS.get(key, key)), str(problem)


_KEYS = {"identifier": "id", "tag": "tags", "value": "tags", "type": "name"}
