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
from hisn.app.pack_parts import cited_by, covering_head, pack_act, trust_of, verified
from hisn.app.reopen import OwnAct, batch_act, encrypted_parts, own_act
from hisn.app.reread import BatchAct
from hisn.core.proof_limits import MAX_PACK_NUMBER
from hisn.errors import UsageError
from hisn.evidence.packing import PackParts
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.verify.steps import Report, Result


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Hold what is to be given away: the verified pack, and the batches whose files go with it."""

    pack: bytes
    report: Report
    head: SignedCheckpoint
    batches: tuple[BatchAct, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of the files of which everything is given away."""
        return tuple(dict.fromkeys(batch.file for batch in self.batches))


def disclose(node: Node, finding: str, path: Path, *, unwitnessed: bool = False) -> Disclosure:
    """Write the file by which another member can recheck a finding; see the two steps."""
    prepared = prepare_disclosure(node, finding, unwitnessed=unwitnessed)
    write_disclosure(node, prepared, path)
    return prepared


def prepare_disclosure(node: Node, finding: str, *, unwitnessed: bool = False) -> Disclosure:
    """Return what a recheck of a finding needs, for its owner to look at before anything is written.

    Raises UsageError (no such finding, or of too many batches), StorageError (a body is missing),
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
    return Disclosure(data, report, head, tuple(batch_act(act) for act in acts))


def write_disclosure(node: Node, prepared: Disclosure, path: Path) -> None:
    """Write it, with the files and their keys. Raises StorageError (erased, missing, or the disk)."""
    vault = node.vault()
    keys = {batch.commitment: vault.get(batch.commitment).key for batch in prepared.batches}
    write_evdata(path, prepared.pack, keys, _files(node, prepared.batches))
    if prepared.report.result is Result.VALID:
        # Who rechecks it cites this state as seen; a pack that carries his answer needs it then.
        Heads(node).keep(prepared.head.raw)


def _pack(node: Node, head: SignedCheckpoint, acts: Sequence[OwnAct]) -> tuple[bytes, Report]:
    """Return the pack that shows every field of the acts, verified."""
    shown = [pack_act(node, head, act, act.opened.names if act.opened else ()) for act in acts]
    heads = cited_by(node, acts)
    return verified(node, PackParts(trust=trust_of(node, head.raw), acts=shown, finding=0, heads=heads))


def _files(node: Node, batches: Sequence[BatchAct]) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    for ciphertext in dict.fromkeys(batch.ciphertext for batch in batches):
        yield ciphertext, encrypted_parts(node, ciphertext)
