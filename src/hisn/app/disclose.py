"""Give another member everything that a finding rests on, so that he can find it himself.

That is more than a proof pack shows: the encrypted files as a whole, with their keys.  Who has an
intake key opens every record of that file, not only those of the finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hisn.app.evdata import write_evdata
from hisn.app.evidence_pack import batches_of, find_finding
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.pack_parts import covering_head, pack_act, trust_of, verified
from hisn.app.reopen import OwnAct, batch_act, encrypted_parts, own_act
from hisn.app.reread import BatchAct
from hisn.core.proof_limits import MAX_PACK_NUMBER
from hisn.errors import UsageError
from hisn.evidence.packing import PackParts
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.verify.steps import Report, Result


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Say what was given away: the names of whole files, and how many batches of them are named."""

    files: tuple[str, ...]
    batches: int
    report: Report


def disclose(node: Node, finding: str, path: Path, *, unwitnessed: bool = False) -> Disclosed:
    """Write the file by which another member can recheck a finding.

    Raises UsageError (no such finding, or of too many batches), StorageError (erased or missing),
    PolicyError (no quorum has seen it, and `unwitnessed` was not said).
    """
    node.member.fold.catch_up(node.log)
    stated = own_act(node, find_finding(node, finding))
    acts = [own_act(node, leaf) for leaf, _root, _events in batches_of(stated)]
    if len(acts) >= MAX_PACK_NUMBER:
        raise UsageError(
            "E1319",
            f"the finding rests on {len(acts)} batches, and a pack holds fewer than {MAX_PACK_NUMBER}",
            hint="show single events of it: hisn evidence pack",
            unchanged="nothing was written",
        )
    head = covering_head(node, stated.place.index, unwitnessed=unwitnessed)
    data, report = _pack(node, head, [stated, *acts])
    batches = [batch_act(act) for act in acts]
    vault = node.vault()
    keys = {batch.commitment: vault.get(batch.commitment).key for batch in batches}
    write_evdata(path, data, keys, _files(node, batches))
    if report.result is Result.VALID:
        # Who rechecks it cites this state as seen; a pack that carries his answer needs it then.
        Heads(node).keep(head.raw)
    names = dict.fromkeys(batch.file for batch in batches)
    return Disclosed(tuple(names), len(batches), report)


def _pack(node: Node, head: SignedCheckpoint, acts: Sequence[OwnAct]) -> tuple[bytes, Report]:
    """Return the pack that shows every field of the acts, verified."""
    shown = [pack_act(node, head, act, act.opened.names if act.opened else ()) for act in acts]
    return verified(node, PackParts(trust=trust_of(node), acts=shown, finding=0))


def _files(node: Node, batches: Sequence[BatchAct]) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    for ciphertext in dict.fromkeys(batch.ciphertext for batch in batches):
        yield ciphertext, encrypted_parts(node, ciphertext)
