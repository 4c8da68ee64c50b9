"""Answer a finding of another member in the own log: what a recheck gave, for everybody to see."""

from __future__ import annotations

from hisn import __version__
from hisn.acts.envelope import parse_envelope
from hisn.acts.kinds import ANSWERS
from hisn.acts.statement import Ref, parse_statement
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.recheck import Rechecked
from hisn.app.rejudge import Outcome
from hisn.errors import UsageError
from hisn.evidence.disclosure import Value
from hisn.tlog.merkle import leaf_hash

_KINDS = {Outcome.SAME: "recheck", Outcome.DIFFERENT: "dissent"}


def reply(node: Node, rechecked: Rechecked) -> tuple[Ref, bool]:
    """Put the answer into the log; return its place, and whether it is new.

    The same answer is not given twice.  Raises UsageError: E1314 the finding is this node's own,
    E1318 nothing was compared; StorageError.
    """
    stated, verdict = rechecked.stated, rechecked.verdict
    kind = _KINDS.get(verdict.outcome)
    if kind is None:
        raise UsageError(
            "E1318",
            "nothing was compared, so there is nothing to answer",
            hint="the reason is printed above; a dissent is for findings that came out differently",
            unchanged="nothing was written to the log",
        )
    if stated.place.origin == node.config.origin:
        raise UsageError(
            "E1314",
            "the finding is this node's own",
            hint="another member's recheck counts: hisn evidence disclose writes the file for it",
            unchanged="nothing was written to the log",
        )
    if known := _answered(node, stated.place, kind):
        return known, False
    draft = Draft(
        kind=kind,
        public={"outcome": verdict.outcome.value},
        sealed=_body(rechecked),
        in_reply_to=stated.place,
    )
    (place,) = node.member.record([draft], seen=(stated.head,))
    return place, True


def _body(rechecked: Rechecked) -> dict[str, Value]:
    claim = rechecked.stated.claim
    fields: dict[str, Value] = {
        "rule_digest": claim.text("rule_digest"),
        "mapping": claim.text("mapping"),
        "engine": __version__,
        "batches": tuple(str(batch.public["root"]) for batch in claim.batches),
    }
    for each in rechecked.verdict.differences:
        fields[f"expected.{each.field}"] = each.expected
        fields[f"got.{each.field}"] = each.got
    return fields


def _answered(node: Node, finding: Ref, kind: str) -> Ref | None:
    """Return the newest answer to the finding, if it says the same."""
    node.member.fold.catch_up(node.log)
    for position in reversed(node.member.fold.table.replies(finding.origin, finding.index)):
        leaf = node.log.read_entry(position)
        act = parse_statement(parse_envelope(leaf).payload)
        if act.kind in ANSWERS and act.header.in_reply_to == finding:
            return Ref(node.config.origin, position, leaf_hash(leaf)) if act.kind == kind else None
    return None
