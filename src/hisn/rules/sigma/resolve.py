"""Find out what correlations refer to, and refuse those that cannot be judged as they are written.

A name or id may mean several documents: all of them are meant.  A correlation of which one is
refused is refused as well, and says so: with half of its rules it would silently see less.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hisn.core import limits
from hisn.rules.correlation import Alias, Correlation, Reference, correlation_digest
from hisn.rules.correlation_shape import shape_problem, unsound_chains
from hisn.rules.pack import Refused
from hisn.rules.sigma.correlation import CorrelationDraft
from hisn.rules.sigma.refusal import (
    CIRCLE,
    CORRELATION_CONDITION,
    CORRELATION_FIELDS,
    CORRELATION_LIMIT,
    DUPLICATE,
    REFERENCE,
    REFUSED_REFERENCE,
    SHARED_NAME,
    RefusedError,
)


@dataclass(frozen=True, slots=True)
class Named:
    """Hold what a rule can be referred to by, and its digest."""

    id: str
    name: str
    digest: str
    title: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Hold what became of correlations."""

    correlations: tuple[Correlation, ...]
    refused: tuple[Refused, ...]
    notes: tuple[Refused, ...]


def resolve(
    drafts: Iterable[CorrelationDraft], rules: Iterable[Named], broken: Mapping[str, Refused]
) -> Resolved:
    """Return the correlations with all references resolved, in the order of (id, digest).

    `broken` has the refused rules by id and name.
    """
    ordered = sorted(drafts, key=lambda draft: (draft.path, draft.line, draft.document))
    return _Resolution(ordered, rules, broken).run()


@dataclass(slots=True)
class _Meaning:
    """Hold all that a name or id means: digests of rules, and places of correlations."""

    rules: set[str] = field(default_factory=set)
    drafts: set[int] = field(default_factory=set)


class _Resolution:
    def __init__(
        self, drafts: list[CorrelationDraft], rules: Iterable[Named], broken: Mapping[str, Refused]
    ) -> None:
        self._drafts = drafts
        self._broken = dict(broken)
        self._meanings: dict[str, _Meaning] = {}
        self._titles: set[str] = set()
        self._done: dict[int, Correlation] = {}
        self._refused: list[Refused] = []
        self._notes: list[Refused] = []
        self._references = 0
        for rule in rules:
            self._titles.add(rule.title)
            for name in {rule.id, rule.name} - {""}:
                self._meanings.setdefault(name, _Meaning()).rules.add(rule.digest)
        for index, draft in enumerate(drafts):
            self._titles.add(draft.head.info.title)
            for name in {draft.head.id, draft.head.name} - {""}:
                self._meanings.setdefault(name, _Meaning()).drafts.add(index)

    def run(self) -> Resolved:
        for index in self._in_order():
            draft = self._drafts[index]
            try:
                if len(self._done) >= limits.MAX_CORRELATIONS:
                    reason = f"more than {limits.MAX_CORRELATIONS} correlations"
                    raise RefusedError(CORRELATION_LIMIT, draft.line, reason)
                self._done[index] = self._resolved(draft)
            except RefusedError as error:
                self._refuse(index, error)
        return Resolved(self._without_copies(), tuple(self._refused), tuple(self._notes))

    def _in_order(self) -> list[int]:
        """Return the drafts with what they refer to before them; refuse circles and long chains."""
        targets = {
            index: {at for _, name in draft.references for at in self._meaning(name).drafts}
            for index, draft in enumerate(self._drafts)
        }
        unsound = unsound_chains({str(index): {str(at) for at in ats} for index, ats in targets.items()})
        for index in sorted(int(text) for text in unsound):
            reason = (
                "the correlation refers to itself by way of others,"
                f" or heads a chain of more than {limits.MAX_CORRELATION_DEPTH}"
            )
            self._refuse(index, RefusedError(CIRCLE, self._drafts[index].line, reason))
        waiting = {index for index in targets if str(index) not in unsound}
        ordered: list[int] = []
        while waiting:
            ready = sorted(index for index in waiting if targets[index].isdisjoint(waiting))
            ordered += ready
            waiting.difference_update(ready)
        return ordered

    def _meaning(self, name: str) -> _Meaning:
        return self._meanings.get(name) or _Meaning()

    def _resolved(self, draft: CorrelationDraft) -> Correlation:
        references = tuple(self._reference(draft, line, name) for line, name in draft.references)
        correlation = Correlation(
            id=draft.head.id,
            digest=correlation_digest(draft.document, references),
            document=draft.document,
            name=draft.head.name[: limits.MAX_CORRELATION_NAME_CHARS],
            path=draft.path,
            line=draft.line,
            level=draft.head.level,
            info=draft.head.info,
            kind=draft.kind,
            references=references,
            group_by=draft.group_by,
            timespan_us=draft.timespan_us,
            aliases=self._aliases(draft, references),
            fields=draft.fields,
            percentile=draft.percentile,
            condition=draft.condition,
            expression=draft.expression,
            generate=draft.generate,
        )
        if problem := shape_problem(correlation):
            raise RefusedError(CORRELATION_CONDITION, draft.line, problem)
        return correlation

    def _reference(self, draft: CorrelationDraft, line: int, name: str) -> Reference:
        meaning = self._meaning(name)
        broken = self._broken.get(name)
        if broken is not None:
            reason = f"'{name}' is refused itself: {broken.path}:{broken.line}: {broken.reason}"
            raise RefusedError(REFUSED_REFERENCE, line, reason)
        digests = meaning.rules | {self._done[at].digest for at in meaning.drafts}
        if not digests:
            reason = f"the correlation refers to '{name}', which is not in the pack"
            if name in self._titles:
                reason += "; that is a title, but correlations refer to an id or a name"
            raise RefusedError(REFERENCE, line, reason)
        self._references += len(digests)
        if (
            len(digests) > limits.MAX_CORRELATION_RULES
            or self._references > limits.MAX_CORRELATION_REFERENCES
        ):
            reason = f"correlations refer to too many rules: '{name}' means {len(digests)}"
            raise RefusedError(CORRELATION_LIMIT, line, reason)
        if len(digests) > 1:
            reason = f"'{name}' means {len(digests)} rules; the correlation judges all of them"
            self._note(draft, line, SHARED_NAME, reason)
        return Reference(name=name, digests=tuple(sorted(digests)))

    def _aliases(self, draft: CorrelationDraft, references: Iterable[Reference]) -> tuple[Alias, ...]:
        """Return the aliases with the names that `references` use: one may say the id, one the name."""
        meant = {reference.digests: reference.name for reference in references}
        names = set(meant.values())
        aliases = []
        for line, alias, pairs in draft.aliases:
            fields: dict[str, str] = {}
            for name, text in pairs:
                meaning = self._meaning(name)
                drafts = {self._done[at].digest for at in meaning.drafts if at in self._done}
                known = name if name in names else meant.get(tuple(sorted(meaning.rules | drafts)))
                if known is None:
                    reason = f"the alias '{alias}' is for '{name}', to which the correlation does not refer"
                    raise RefusedError(CORRELATION_FIELDS, line, reason)
                if fields.setdefault(known, text) != text:
                    reason = f"the alias '{alias}' gives two fields for '{known}'"
                    raise RefusedError(CORRELATION_FIELDS, line, reason)
            aliases.append(Alias(name=alias, fields=tuple(sorted(fields.items()))))
        return tuple(sorted(aliases, key=lambda alias: alias.name))

    def _refuse(self, index: int, error: RefusedError) -> None:
        draft = self._drafts[index]
        entry = Refused(
            path=draft.path,
            line=error.line,
            reason=error.reason,
            code=error.code,
            id=draft.head.id,
            title=draft.head.info.title,
        )
        self._refused.append(entry)
        for name in {draft.head.id, draft.head.name} - {""}:
            self._broken.setdefault(name, entry)

    def _note(self, draft: CorrelationDraft, line: int, code: str, reason: str) -> None:
        head = draft.head
        self._notes.append(
            Refused(path=draft.path, line=line, reason=reason, code=code, id=head.id, title=head.info.title)
        )

    def _without_copies(self) -> tuple[Correlation, ...]:
        """Drop second copies; keep different correlations that share an id, as with rules."""
        kept: dict[tuple[str, str], Correlation] = {}
        by_id: dict[str, Correlation] = {}
        for index in sorted(self._done):
            each = self._done[index]
            twin = kept.setdefault((each.id, each.digest), each)
            other = by_id.setdefault(each.id, each)
            if twin is not each:
                reason = f"the same rule as {twin.path}:{twin.line}; judged once"
            elif other is not each:
                reason = f"another rule has the same id: {other.path}:{other.line}; both are judged"
            else:
                continue
            self._note(self._drafts[index], each.line, DUPLICATE, reason)
        return tuple(kept[key] for key in sorted(kept))
