"""Make the parts of packs out of this node's files: trust, acts with their proofs, what is shown of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.reopen import OwnAct
from hisn.core.limits import MiB
from hisn.core.proof_limits import MAX_PACK_BYTES, MAX_PACK_STATES
from hisn.errors import PolicyError, StorageError, UsageError
from hisn.evidence.packing import PackAct, PackParts, Trust, build_pack, format_body
from hisn.evidence.sealed_map import present
from hisn.node.cosigned import CosignedRow
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof
from hisn.verify.check import verify_pack
from hisn.verify.logged import judge_states, policy_for
from hisn.verify.steps import Report

MAX_CITED_STATES = MAX_PACK_STATES // 2
"""States in a pack that its owner's acts cite; answers need room, too."""
_ASSET = 3
"""Where a declaration names the asset; see `sealing.task_fields`."""


def trust_of(node: Node, checkpoint: bytes) -> Trust:
    """Return what a pack about a signed checkpoint, or an entry under it, begins with.

    The policy is that of the epoch whose witnesses saw the checkpoint, with the log's keys of then:
    after a change of the roster the newest one would ask for others.  Raises VerificationError.
    """
    envelopes = [path.read_bytes() for path in sorted(node.places.rosters.glob("[0-9][0-9][0-9][0-9].dsse"))]
    policy = policy_for(node.rosters, judge_states(node.rosters, [checkpoint])[checkpoint])
    return Trust(genesis=node.charter.document, rosters=envelopes, policy=policy)


def covering_head(node: Node, index: int, *, unwitnessed: bool = False) -> SignedCheckpoint:
    """Return the published checkpoint that covers an entry.

    Without one, what is sealed does not leave the node: raises PolicyError, unless `unwitnessed`
    asks for the newest checkpoint with the cosignatures that there are.
    """
    published = node.log.published()
    if published is not None and published.checkpoint.size > index:
        return published
    if not unwitnessed:
        raise PolicyError(
            "E4331",
            f"no quorum of witnesses has seen entry {index} yet",
            hint="run hisn node publish, or say --unwitnessed: the pack then proves less, and says so",
            unchanged="no pack was written",
        )
    head = node.log.head()
    lines = CosignedRow(node.register, node.config.origin).load(head.note.text).lines
    return parse_signed_checkpoint(head.raw + b"".join(lines[name] for name in sorted(lines)))


def pack_act(node: Node, head: SignedCheckpoint, act: OwnAct, names: Iterable[str]) -> PackAct:
    """Return an act of the own log with its proof under a head, and the named fields of its body."""
    index, size = act.place.index, head.checkpoint.size
    proof = TlogProof(index, node.log.inclusion(index, size), head.raw)
    body = format_body(present(act.sealed, list(names))) if act.sealed else None
    return PackAct(act.leaf, format_tlog_proof(proof), body)


def cited_by(node: Node, acts: Iterable[OwnAct]) -> tuple[bytes, ...]:
    """Return the cosigned states of others' logs after which own acts were made, as far as they are here."""
    cited = (head for act in acts for head in act.statement.header.seen)
    return tuple(islice(Heads(node).proving(cited), MAX_CITED_STATES))


def verified(node: Node, parts: PackParts) -> tuple[bytes, Report]:
    """Return the pack of these parts and what the verifier says of it.

    Raises UsageError (E1323, it is too large), StorageError (E5342).
    """
    data = build_pack(parts)
    if len(data) > MAX_PACK_BYTES:
        raise too_much(f"the pack would have {len(data) // MiB} MiB, and may have {MAX_PACK_BYTES // MiB}")
    report = verify_pack(data, genesis=node.charter.genesis)
    if report.failed is not None:
        raise StorageError(
            "E5342",
            f"the pack does not verify: {report.failed.detail}",
            hint="run hisn node fsck; something in the node's folder was changed",
            unchanged="no pack was written",
        )
    return data, report


def too_much(reason: str) -> UsageError:
    """Return the error of a pack that would show more than a pack can hold."""
    return UsageError(
        "E1323",
        reason,
        hint="show fewer events: --context N instead of --whole-batch, a smaller N, or --records",
        unchanged="no pack was written",
    )


def names_of_batch(act: OwnAct) -> tuple[str, ...]:
    """Return the fields of a batch's body that every pack shows.

    What was declared about its source decides how rules see its records; without it nobody can
    judge them again.  It stays hidden where it names the asset.
    """
    match act.opened.values.get("declaration") if act.opened else None:
        case tuple(declared) if len(declared) > _ASSET and declared[_ASSET] is None:
            return ("count", "declaration")
        case _:
            return ("count",)
