"""Compare the rosters that two people have, and prove the fork if members signed two of one number.

Rosters are named by a folder with epochs, by the file of one epoch, by a draft that was signed, or by a
proof pack, which has those of its unit in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hisn.app.fork_pack import Proof
from hisn.app.home import Node, read_epochs
from hisn.app.unit_draft import parse_draft
from hisn.app.unit_review import document_in
from hisn.app.verify import read_pack
from hisn.errors import InputError, UsageError, VerificationError
from hisn.evidence.pack import parse_pack
from hisn.evidence.packing import build_roster_fork_pack
from hisn.unit.enrol import assemble_roster
from hisn.unit.rosterdoc import parse_roster
from hisn.verify.check import verify_pack
from hisn.verify.steps import Result


@dataclass(frozen=True, slots=True)
class RostersCompared:
    """Say which epochs both sides have; the first that differs is proven to be a fork, or none does."""

    epochs: tuple[int, ...]
    proof: Proof | None


def compare_rosters(node: Node, first: Path, second: Path | None = None) -> RostersCompared:
    """Compare the rosters of two sides, by default with those that this node has adopted.

    Raises UsageError (no rosters there, none in common), VerificationError where two rosters differ
    and do not prove a fork: too few have signed one of them, or they are of another unit.
    """
    own = dict(enumerate(read_epochs(node.places.rosters)))
    one, other = _epochs_at(first), own if second is None else _epochs_at(second)
    common = tuple(sorted(one.keys() & other.keys()))
    if not common:
        raise UsageError(
            "E1344",
            f"the two sides have no epoch in common: {_named(one)}, and {_named(other)}",
            hint="compare rosters of one number",
        )
    forked = next((each for each in common if document_in(one[each]) != document_in(other[each])), None)
    if forked is None:
        return RostersCompared(common, None)
    before = [own[each] for each in range(forked) if each in own]
    data = build_roster_fork_pack(node.charter.document, before, one[forked], other[forked])
    report = verify_pack(data, genesis=node.charter.genesis)
    if report.result is not Result.FORK_PROVEN:
        raise VerificationError(
            "E3422",
            f"the two epochs {forked} differ, and that proves nothing:"
            f" {report.failed.detail if report.failed else report.result.value}",
            hint="a draft that too few have signed is no roster; compare with what other members adopted",
            unchanged="no pack was written",
        )
    return RostersCompared(common, Proof(data, report, 0))


def _named(epochs: dict[int, bytes]) -> str:
    return ", ".join(map(str, sorted(epochs)))


def _epochs_at(path: Path) -> dict[int, bytes]:
    """Return the envelopes of a side by their numbers; nobody has verified them."""
    envelopes = read_epochs(path) if path.is_dir() else _envelopes_in(read_pack(path))
    try:
        found = {parse_roster(document_in(each)).epoch: each for each in envelopes}
    except VerificationError:
        found = {}
    if not found:
        raise UsageError(
            "E1343",
            f"there is no roster at {path}",
            hint="name a folder with epochs, the file of one, a draft that was signed, or a proof pack",
        )
    return found


def _envelopes_in(data: bytes) -> tuple[bytes, ...]:
    try:
        files = parse_pack(data)
    except VerificationError:
        pass
    else:
        return tuple(files[name] for name in sorted(files) if name.startswith("roster/"))
    try:
        draft = parse_draft(data)
    except InputError:
        return (data,)
    return (*draft.epochs, assemble_roster(draft.document, draft.signatures))
