"""Build a pack from rule files: everything is judged, refused or listed, nothing is dropped silently."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import msgspec

from hisn.rules.logic import all_of
from hisn.rules.pack import Pack, Refused, Rule, RuleSource, digest_of
from hisn.rules.sigma.correlation import CorrelationDraft, read_correlation
from hisn.rules.sigma.detection import Lowered, lower_section
from hisn.rules.sigma.documents import Document, Map, merge, read_documents
from hisn.rules.sigma.filters import Filter, canonical, read_filter
from hisn.rules.sigma.metadata import Metadata, read_logsource, read_metadata, text_of
from hisn.rules.sigma.placeholders import Placeholders
from hisn.rules.sigma.refusal import DUPLICATE, FILTER, MALFORMED, METADATA, RefusedError
from hisn.rules.sigma.resolve import Named, resolve


@dataclass(frozen=True, slots=True)
class RuleFile:
    """Hold one file of rules: its path relative to the rule folder, and its bytes."""

    path: str
    data: bytes
    licence: str = ""
    """Licence of rules in it that name none, as the collection's own licence file says."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """Hold a rule before filters and duplicates are settled."""

    digest: str
    path: str
    line: int
    head: Metadata
    logsource: RuleSource
    lowered: Lowered


@dataclass(slots=True)
class _Build:
    """Collect what the documents of all files give."""

    placeholders: Placeholders
    drafts: list[_Draft] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    correlations: list[CorrelationDraft] = field(default_factory=list)
    notes: list[Refused] = field(default_factory=list)
    broken: dict[str, Refused] = field(default_factory=dict)
    """Refused documents by id and name, for correlations that refer to them."""

    def add_file(self, file: RuleFile) -> None:
        try:
            for document in _resolved(file):
                self._add(document, file)
        except RefusedError as error:
            self.refused.append(_refused(file.path, error))

    def _add(self, document: Document, file: RuleFile) -> None:
        root = document.root
        try:
            if isinstance(root, RefusedError):
                raise root
            digest = hashlib.sha256(document.data).hexdigest()
            if root.get("filter") is not None:
                self.filters.append(read_filter(root, file.path, digest, self.placeholders))
                return
            head = read_metadata(root, digest, file.licence)
            if root.get("correlation") is not None:
                self.correlations.append(read_correlation(root, file.path, digest, _with_title(head, file)))
            else:
                self.drafts.append(self._rule(root, file.path, _with_title(head, file), digest))
            self._note_problems(file.path, head)
        except RefusedError as error:
            self._refuse(file.path, error, root)

    def _refuse(self, path: str, error: RefusedError, root: Map | RefusedError) -> None:
        readable = root if isinstance(root, Map) else None
        entry = _refused(path, error, readable)
        self.refused.append(entry)
        if readable is not None and readable.get("filter") is None:
            for key in ("id", "name"):
                if name := text_of(readable, key):
                    self.broken.setdefault(canonical(name), entry)

    def _rule(self, root: Map, path: str, head: Metadata, digest: str) -> _Draft:
        section = root.get("detection")
        if not isinstance(section, Map):
            reason = "the detection is no mapping" if section else "there is no detection"
            raise RefusedError(MALFORMED, root.line_of("detection"), reason)
        lowered = lower_section(section, self.placeholders)
        return _Draft(digest, path, root.line, head, read_logsource(root), lowered)

    def _note_problems(self, path: str, head: Metadata) -> None:
        for line, reason in head.problems:
            self.notes.append(
                Refused(path=path, line=line, reason=reason, code=METADATA, id=head.id, title=head.info.title)
            )


def _with_title(head: Metadata, file: RuleFile) -> Metadata:
    """Return the head with a title: everything people read begins with one."""
    if head.info.title:
        return head
    title = PurePosixPath(file.path).stem
    return replace(head, info=msgspec.structs.replace(head.info, title=title))


def build_pack(
    name: str,
    files: Iterable[RuleFile],
    placeholders: Mapping[str, tuple[str, ...]] | None = None,
) -> Pack:
    """Return the pack of the files' rules, in the order of (id, digest).

    Never raises for a file's content: a rule that cannot be judged is in `refused`, with its
    line and reason.
    """
    build = _Build(placeholders or {})
    for file in sorted(files, key=lambda file: file.path):
        build.add_file(file)
    drafts = _without_copies(_filtered(build.drafts, build.filters, build.notes), build.notes)
    placeholder_digest = _digest_of_placeholders(build.placeholders)
    names = [draft.head.name for draft in drafts]
    rules = [_rule(draft, placeholder_digest) for draft in drafts]
    resolved = resolve(
        build.correlations,
        [Named(rule.id, name, rule.digest, rule.info.title) for rule, name in zip(rules, names, strict=True)],
        build.broken,
    )
    # By digest, not by path: equal digests of packs mean equal order, which cached plans rely on.
    rules.sort(key=lambda rule: (rule.id, rule.digest))
    return Pack(
        name=name,
        digest=digest_of(rules, resolved.correlations),
        rules=tuple(rules),
        refused=tuple(sorted((*build.refused, *resolved.refused), key=_place)),
        correlations=resolved.correlations,
        notes=tuple(sorted((*build.notes, *resolved.notes), key=_place)),
    )


def _rule(draft: _Draft, placeholders: str) -> Rule:
    digest = draft.digest
    if draft.lowered.has_placeholders:
        digest = _digest_of_texts([digest, placeholders])
    return Rule(
        id=draft.head.id,
        digest=digest,
        path=draft.path,
        line=draft.line,
        level=draft.head.level,
        logsource=draft.logsource,
        condition=draft.lowered.condition,
        info=draft.head.info,
    )


def _digest_of_texts(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _digest_of_placeholders(placeholders: Placeholders) -> str:
    return _digest_of_texts(
        json.dumps([name, *placeholders[name]], ensure_ascii=True) for name in sorted(placeholders)
    )


def _place(entry: Refused) -> tuple[str, int, str, str]:
    return (entry.path, entry.line, entry.code, entry.reason)


def _refused(path: str, error: RefusedError, root: Map | None = None) -> Refused:
    return Refused(
        path=path,
        line=error.line,
        reason=error.reason,
        code=error.code,
        id=text_of(root, "id") if root else "",
        title=text_of(root, "title") if root else "",
    )


def _resolved(file: RuleFile) -> Iterator[Document]:
    """Yield the documents of a file with their actions carried out (``global``, ``reset``, ``repeat``).

    The digest of a document that takes from others covers the bytes of all of them.
    """
    shared: Document | None = None
    previous: Document | None = None
    for document in read_documents(file.data):
        if isinstance(document.root, RefusedError):
            yield document
            continue
        match text_of(document.root, "action"):
            case "":
                alone = (
                    document.root.get("correlation") is not None or document.root.get("filter") is not None
                )
                previous = document if alone or shared is None else _joined(document, shared)
                yield previous
            case "global":
                shared = replace(document, root=_without_action(document.root))
                previous = shared
            case "reset":
                shared = None
            case "repeat" if previous is not None:
                previous = _joined(previous, replace(document, root=_without_action(document.root)))
                yield previous
            case action:
                reason = f"the action '{action}' is not known or has nothing to act on"
                line = document.root.line_of("action")
                yield replace(document, root=RefusedError(MALFORMED, line, reason))


def _without_action(root: Map) -> Map:
    return Map(root.line, tuple(entry for entry in root.entries if entry[0] != "action"))


def _joined(base: Document, over: Document) -> Document:
    assert isinstance(base.root, Map)  # noqa: S101  only readable documents are joined
    assert isinstance(over.root, Map)  # noqa: S101
    return Document(base.line, base.data + b"\n" + over.data, merge(base.root, over.root))


def _filtered(drafts: list[_Draft], filters: list[Filter], notes: list[Refused]) -> list[_Draft]:
    used: set[int] = set()
    result = []
    for draft in drafts:
        mine = []
        for index, entry in enumerate(filters):
            if entry.covers(draft.head.id, draft.head.name, draft.logsource):
                used.add(index)
                mine.append(entry)
        result.append(_with_filters(draft, mine) if mine else draft)
    for index, entry in enumerate(filters):
        if index not in used:
            reason = "the filter applies to no rule: check its 'rules' and its log source"
            notes.append(Refused(path=entry.path, line=entry.line, reason=reason, code=FILTER))
    return result


def _with_filters(draft: _Draft, filters: list[Filter]) -> _Draft:
    # What a rule finds depends on its filters, so its digest does too.
    return replace(
        draft,
        digest=_digest_of_texts([draft.digest, *sorted(entry.digest for entry in filters)]),
        lowered=Lowered(
            all_of([draft.lowered.condition, *(entry.lowered.condition for entry in filters)]),
            draft.lowered.has_placeholders or any(entry.lowered.has_placeholders for entry in filters),
        ),
    )


def _without_copies(drafts: list[_Draft], notes: list[Refused]) -> list[_Draft]:
    """Drop second copies of the same bytes; keep different rules that share an id, and say both.

    Two rules under one id are both judged: which one the operator means is not ours to guess,
    and a finding too many is seen where a finding too few is not.
    """
    first_of: dict[tuple[str, str], _Draft] = {}
    by_id: dict[str, _Draft] = {}
    for draft in drafts:
        head = draft.head
        twin = first_of.setdefault((head.id, draft.digest), draft)
        if twin is not draft:
            reason = f"the same rule as {twin.path}:{twin.line}; judged once"
        elif by_id.setdefault(head.id, draft) is not draft:
            other = by_id[head.id]
            reason = f"another rule has the same id: {other.path}:{other.line}; both are judged"
        else:
            continue
        notes.append(
            Refused(
                path=draft.path,
                line=draft.line,
                reason=reason,
                code=DUPLICATE,
                id=head.id,
                title=head.info.title,
            )
        )
    return list(first_of.values())
