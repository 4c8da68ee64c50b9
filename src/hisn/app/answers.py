"""Find what other members answered to a finding of this node, in the copies of their logs that lie here.

An answer goes into a pack with its proof under a state that a quorum cosigned.  Whoever writes an
answer that does not verify must not thereby spoil the packs of others: it is left out, and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from hisn.acts.envelope import parse_envelope
from hisn.acts.kinds import ANSWERS
from hisn.acts.statement import BodyRef, Head, Ref, parse_statement
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.mirrored import Copy, mirrored
from hisn.app.places import blob_name
from hisn.errors import HisnError
from hisn.evidence.packing import PackAct, PackParts, build_pack, format_body
from hisn.evidence.sealed_map import parse_map, present
from hisn.node.fetched import check_fetched
from hisn.tlog.ports import DurabilityLost
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof
from hisn.verify.check import Verifier

MAX_ANSWERS = 8
"""Answers of one member in a pack, the newest: he can write any number."""
_SHOWN = ("rule_digest", "mapping", "engine", "batches")


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold one answer: who gave it, the act with its proof, and the states that it cites."""

    origin: str
    act: PackAct
    seen: tuple[Head, ...]


def with_answers(node: Node, place: Ref, parts: PackParts) -> tuple[PackParts, tuple[str, ...]]:
    """Return a pack's parts with what other members answered to its finding, and whose answer is unfit.

    Answers bring the cosigned states that they cite.  Raises StorageError.
    """
    found = [answer for member in node.roster.members for answer in _answers_of(node, member.id, place)]
    if not found:
        return parts, ()
    trial = _Trial(node, parts)
    fit: list[Answer] = found if trial.holds(found) else []
    unfit: list[str] = []
    for answer in found if not fit else ():
        if trial.holds([*fit, answer]):
            fit.append(answer)
        else:
            unfit.append(answer.origin)
    return trial.parts_with(fit), tuple(dict.fromkeys(unfit))


def _answers_of(node: Node, origin: str, place: Ref) -> list[Answer]:
    """Return the newest answers in one member's log; none where its copy cannot be read."""
    if origin == node.config.origin:
        return []
    try:
        with mirrored(node, origin) as copy:
            if copy is None:
                return []
            positions = copy.fold.table.replies(place.origin, place.index)
            return list(_read(node, copy, positions, place))[-MAX_ANSWERS:]
    except DurabilityLost:
        raise
    except HisnError:
        return []


def _read(node: Node, copy: Copy, positions: Sequence[int], place: Ref) -> Iterator[Answer]:
    for position in positions:
        leaf = copy.log.read_entry(position)
        act = parse_statement(parse_envelope(leaf).payload)
        if act.kind not in ANSWERS or act.header.in_reply_to != place:
            continue
        proof = TlogProof(position, copy.log.inclusion(position), copy.log.head().raw)
        body = _body(node, act.body) if act.body else None
        origin = copy.log.head().checkpoint.origin
        yield Answer(origin, PackAct(leaf, format_tlog_proof(proof), body), act.header.seen)


def _body(node: Node, ref: BodyRef) -> bytes | None:
    """Return what a pack shows of an answer's body, if the body was fetched and is the act's."""
    data = node.blobs.get(blob_name(ref.sha256))
    if data is None:
        return None
    with suppress(HisnError):
        check_fetched(ref, data)
        sealed, opened = parse_map(data)
        return format_body(present(sealed, [name for name in _SHOWN if name in opened.names]))
    return None


class _Trial:
    """Try whether a pack would verify with answers; its events play no part in that, and are left out."""

    def __init__(self, node: Node, parts: PackParts) -> None:
        self._parts = parts
        self._verifier = Verifier(node.charter.genesis)
        self._heads = Heads(node)

    def holds(self, answers: Sequence[Answer]) -> bool:
        """Tell whether a pack with these answers verifies."""
        pack = build_pack(replace(self.parts_with(answers), events=(), timestamps={}))
        return self._verifier.verify(pack).failed is None

    def parts_with(self, answers: Sequence[Answer]) -> PackParts:
        """Return the parts with answers, and those cosigned states that these cite and that are known."""
        cited = self._heads.proving(head for answer in answers for head in answer.seen)
        return replace(
            self._parts,
            acts=[*self._parts.acts, *(answer.act for answer in answers)],
            heads=tuple(dict.fromkeys([*self._parts.heads, *cited])),
        )
