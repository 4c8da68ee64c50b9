"""Make findings of the episodes of correlations: a function of the episode, the rules and the mapping."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import assert_never

from hisn.core import limits
from hisn.core.instant import format_instant
from hisn.core.timespan import timespan_text
from hisn.engine.correlate.episode import Episode, Part
from hisn.findings.build import techniques_of
from hisn.findings.confidence import confidence_of_status
from hisn.findings.model import SCHEMA, Evidence, Finding, Reason
from hisn.findings.sentence import MEASURE, english
from hisn.rules.correlation import (
    SIGNS,
    TEMPORAL,
    AllSeen,
    AnySeen,
    Correlation,
    NotSeen,
    Presence,
    Seen,
    silenced_correlations,
)
from hisn.rules.pack import Pack


class CorrelatedFindings:
    """Turn episodes into findings; those of a correlation that is heard through others are none.

    `declared` gives the digest of what the operator declared about a source.
    """

    def __init__(
        self, pack: Pack, mapping_digest: str, engine_version: str, declared: Callable[[str], str]
    ) -> None:
        self._pack = pack
        self._mapping_digest = mapping_digest
        self._engine_version = engine_version
        self._declared = declared
        self._silent = silenced_correlations(pack)
        self._ids = {rule.digest: rule.id for rule in pack.rules}
        titles = {rule.digest: rule.info.title for rule in pack.rules}
        titles |= {each.digest: each.info.title for each in pack.correlations}
        self._asked = [_asked(each, titles) for each in pack.correlations]

    def findings(self, episodes: Iterable[Episode]) -> tuple[Finding, ...]:
        """Return the findings of some episodes, in the order of findings."""
        made = [each for episode in episodes if (each := self.finding(episode)) is not None]
        return tuple(sorted(made, key=order_of))

    def finding(self, episode: Episode) -> Finding | None:
        """Return the finding of an episode, or None where another correlation speaks for it.

        Its id is the same in all states of the episode: it is made of what the episode began with.
        """
        if episode.correlation in self._silent:
            return None
        correlation = self._pack.correlations[episode.correlation]
        first, last = format_instant(episode.first_us), format_instant(episode.last_us)
        evidence = tuple(self._evidence(episode.evidence))
        inside = [each for each in evidence if each.source == episode.first_source]
        records = sorted({number for each in inside for number in each.records})
        why = (self._measure(episode, correlation), *_common(episode))
        info = correlation.info
        return Finding(
            id=self._id(episode, correlation),
            rule_id=correlation.id,
            rule_digest=correlation.digest,
            title=info.title,
            level=correlation.level,
            confidence=confidence_of_status(info.status),
            asset=episode.first_asset,
            source=episode.first_source,
            first=first,
            last=last,
            count=episode.count,
            records=tuple(records),
            records_complete=all(each.complete for each in evidence),
            why=why,
            sentence=english(episode.first_asset, (first, last), episode.count, why),
            tags=info.tags,
            techniques=techniques_of(info.tags),
            falsepositives=info.falsepositives,
            author=info.author,
            licence=info.licence,
            evidence=evidence,
            group=episode.group,
        )

    def _id(self, episode: Episode, correlation: Correlation) -> str:
        identity = (
            SCHEMA,
            correlation.digest,
            self._mapping_digest,
            self._declared(episode.first_source),
            self._engine_version,
            *(text for pair in episode.group for text in pair),
            episode.fired_us,
            episode.first_us,
            episode.first_source,
            episode.first_record,
        )
        # As ids of other findings: file names and damaged logs carry lone surrogates.
        data = b"\0".join(ascii(part).encode() for part in identity)
        return "f-" + hashlib.sha256(data).hexdigest()[:32]

    def _evidence(self, parts: Sequence[Part]) -> Iterator[Evidence]:
        share = _share([len(part.numbers) for part in parts], limits.MAX_RECORDS_PER_FINDING)
        for part in parts:
            yield Evidence(
                source=part.source,
                rule_id=self._ids[part.rule_digest],
                records=part.numbers[:share],
                complete=part.is_complete and len(part.numbers) <= share,
            )

    def _measure(self, episode: Episode, correlation: Correlation) -> Reason:
        grows = any(each.op in ("gt", "gte") for each in correlation.condition)
        return Reason(
            field=", ".join(correlation.fields),
            test=f"{MEASURE}{correlation.kind}|{timespan_text(correlation.timespan_us)}",
            pattern=self._asked[episode.correlation],
            value=episode.extreme if grows else episode.value,
        )


def order_of(finding: Finding) -> tuple[bool, str, str, int, str, str]:
    """Return what findings are sorted by: first time, source, first record, rule; untimed last."""
    first = finding.first or ""
    return not first, first, finding.source, finding.records[0], finding.rule_id, finding.id


def _share(lengths: Sequence[int], most: int) -> int:
    """Return how many records each part may name so that all of them name at most so many."""
    left, waiting = most, len(lengths)
    for length in sorted(lengths):
        if length * waiting > left:
            break
        left -= length
        waiting -= 1
    return max(limits.MIN_RECORDS_PER_FINDING, left // waiting) if waiting else most


def _common(episode: Episode) -> Iterator[Reason]:
    """Yield what the records of an episode have in common, as the plain tests that they are."""
    for name, text in episode.group:
        beyond = len(text) - limits.MAX_REASON_CHARS
        value = text if beyond <= 0 else f"{text[: limits.MAX_REASON_CHARS]}… (+{beyond})"
        yield Reason(field=name, test=name, pattern="", value=value)


def _asked(correlation: Correlation, titles: dict[str, str]) -> str:
    """Return what a correlation asks for, with titles for names."""
    numbers = ", ".join(f"{SIGNS[each.op]} {each.value}" for each in correlation.condition)
    if correlation.kind not in TEMPORAL:
        return numbers
    by_name = {each.name: titles[each.digests[0]] for each in correlation.references}
    if correlation.expression is not None:
        return _words(correlation.expression, by_name)
    joint = " → " if correlation.kind == "temporal_ordered" else " + "
    named = joint.join(by_name[reference.name] for reference in correlation.references)
    return f"{numbers}: {named}" if numbers else named


def _words(node: Presence, titles: dict[str, str]) -> str:
    match node:
        case Seen():
            return titles[node.name]
        case NotSeen():
            return f"not ({_words(node.item, titles)})"
        case AllSeen():
            return " and ".join(f"({_words(item, titles)})" for item in node.items)
        case AnySeen():
            return " or ".join(f"({_words(item, titles)})" for item in node.items)
    assert_never(node)
