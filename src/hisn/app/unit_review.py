"""Say what a draft of the roster changes, as this node computes it, and who has still to sign it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hisn.acts.envelope import Envelope, parse_dsse, verify_signature
from hisn.app.home import Node, read_chain, read_epochs
from hisn.app.unit_draft import UnitDraft
from hisn.app.witnessed import cosigned_sizes
from hisn.core.keys import DualPublic, key_id_hex
from hisn.core.proof_limits import MAX_ROSTER_BYTES, MAX_ROSTER_SIGNATURES
from hisn.errors import PolicyError, UsageError, VerificationError
from hisn.unit.compare import Difference, Needed, differences, needed
from hisn.unit.enrol import check_adoption, owners_needed
from hisn.unit.roster import ROSTER_TYPE, new_keys, threshold, verify_roster_chain
from hisn.unit.rosterdoc import ENTRY_ROLES, Charter, Roster, parse_charter, parse_roster

GENESIS = "genesis.json"


@dataclass(frozen=True, slots=True)
class Ground:
    """Hold what a draft goes on from: the charter, and all epochs before it, verified."""

    charter: Charter
    chain: tuple[Roster, ...]
    envelopes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Say what a draft changes; `old` is None for a new unit.

    `void` counts the entries of this node's own log that nobody could verify any more: they stand
    behind the beginning of its new keys, and older ones have signed them.
    """

    charter: Charter
    old: Roster | None
    new: Roster
    void: int

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Return everything in which the epochs differ."""
        return differences(self.old, self.new)

    @property
    def needed(self) -> tuple[Needed, ...]:
        """Return how many must agree from then on, where that changes."""
        return needed(self.charter, self.old, self.new)


def ground_of(node: Node, draft: UnitDraft) -> Ground:
    """Return what a draft goes on from, as this node knows it, or as the draft proves it to a newcomer.

    Raises UsageError, PolicyError, VerificationError.
    """
    charter = parse_charter(draft.charter)
    if charter.genesis == node.charter.genesis:
        return _known(charter, node.rosters, node.places.rosters, draft)
    watched = watched_folder(node, charter)
    if (watched / GENESIS).exists():
        return _known(charter, read_chain(watched / GENESIS, watched)[1], watched, draft)
    drafted = parse_roster(draft.document)
    is_outside = drafted.find(node.config.origin) is None
    if not is_outside and (len(node.roster.members) > 1 or node.roster.epoch):
        raise PolicyError(
            "E4330",
            f"this node is in the unit {node.charter.name}, and the draft is of another one",
            hint="make another node for another unit: HISN_HOME",
            unchanged="nothing was signed or adopted",
        )
    if drafted.epoch != len(draft.epochs):
        raise UsageError(
            "E1331",
            f"the draft is of epoch {drafted.epoch}, and {len(draft.epochs)} epochs before it are in it",
            hint="get the whole draft from the member who drafted it",
            unchanged="nothing was signed or adopted",
        )
    chain = verify_roster_chain(draft.charter, draft.epochs) if draft.epochs else ()
    return Ground(charter, chain, draft.epochs)


def _known(charter: Charter, chain: tuple[Roster, ...], folder: Path, draft: UnitDraft) -> Ground:
    """Return what this node has adopted; refuse a draft that goes on from something else."""
    drafted = parse_roster(draft.document)
    sent = [document_in(each) for each in draft.epochs]
    if drafted.epoch < len(chain):
        sent = [*sent[: drafted.epoch], draft.document]
    for roster, document in zip(chain, sent, strict=False):
        if document != roster.document:
            raise VerificationError(
                "E3421",
                f"the draft has another epoch {roster.epoch} than the one that this node has adopted",
                hint="if enough members have signed both, that is a fork, and hisn unit fork proves it",
                unchanged="nothing was signed or adopted",
            )
    if drafted.epoch > len(chain):
        raise UsageError(
            "E1331",
            f"the draft is of epoch {drafted.epoch}, and this node has adopted {len(chain)} epochs",
            hint="adopt the epochs between in their order, then this one",
            unchanged="nothing was signed or adopted",
        )
    return Ground(charter, chain, read_epochs(folder)[: len(chain)])


def watched_folder(node: Node, charter: Charter) -> Path:
    """Return where the rosters of a unit lie that this node witnesses from outside."""
    return node.places.watched / charter.genesis.hex()


def review(node: Node, draft: UnitDraft) -> Reviewed:
    """Return what a draft changes, if this node may sign it.

    Raises UsageError, VerificationError for one that cannot follow, PolicyError for one that gives a
    side a veto, or that ends another's keys before entries which this node has witnessed.
    """
    ground = ground_of(node, draft)
    old = ground.chain[-1] if ground.chain else None
    new = check_adoption(
        ground.charter,
        ground.chain,
        draft.document,
        cosigned=cosigned_sizes(node.register, (member.id for member in old.members) if old else ()),
        agreed=_agreed(draft, old),
    )
    return Reviewed(ground.charter, old, new, void_entries(node, old, new))


def _agreed(draft: UnitDraft, old: Roster | None) -> frozenset[str]:
    """Return the members whose own root keys have signed the draft; a draft may name any signer."""
    signed = {each.key_id: each for each in draft.signatures}
    envelope = Envelope(ROSTER_TYPE, draft.document, ())
    agreed = set()
    for member in old.members if old else ():
        root = member.open_key("root")
        with suppress(VerificationError, KeyError):
            for key in (root.ed25519, root.mldsa) if root else ():
                verify_signature(envelope, signed[key_id_hex(key)], key)
            agreed.add(member.id)
    return frozenset(agreed)


def void_entries(node: Node, old: Roster | None, new: Roster) -> int:
    """Count the entries of the own log behind the beginning of a new key: what signed them ends before."""
    known, member = (each.find(node.config.origin) if each else None for each in (old, new))
    if known is None or member is None or not known.is_active:
        return 0
    before = {key.public for key in known.keys}
    starts = [
        key.start
        for key in member.keys
        if key.role in ENTRY_ROLES and key.until is None and key.public not in before
    ]
    return max([0, *(node.log.head().checkpoint.size - start for start in starts)])


def missing_from(draft: UnitDraft) -> tuple[str, ...]:
    """Return the members and witnesses who have to sign still.

    Those are the owners of keys that are new, the members of whom something changes that only they
    can change, and, while the threshold is not reached, everybody who can vote.  Adoption decides.
    """
    signed = {each.key_id for each in draft.signatures}
    charter, new = parse_charter(draft.charter), parse_roster(draft.document)
    old = parse_roster(document_in(draft.epochs[-1])) if draft.epochs else None
    fresh = set(new_keys(old, new))
    wanted = [(member.id, key.public) for member in new.members for key in member.keys if key.public in fresh]
    wanted += [(each.name, each.public) for each in new.witnesses if each.public in fresh]
    owners = owners_needed(old, new)
    for roster in (old, new) if old else (new,):
        roots = [(member, member.open_key("root")) for member in roster.members]
        wanted += [(member.id, root) for member, root in roots if root and member.id in owners]
        voters = [(member.id, root) for member, root in roots if root and member.is_active]
        if sum(_has_signed(signed, root) for _, root in voters) < threshold(charter, roster):
            wanted += voters
    return tuple(sorted({name for name, public in wanted if not _has_signed(signed, public)}))


def _has_signed(signed: Collection[str], public: DualPublic) -> bool:
    return key_id_hex(public.ed25519) in signed


def document_in(envelope: bytes) -> bytes:
    """Return the roster document of an envelope that nobody has verified. Raises VerificationError."""
    return parse_dsse(
        envelope, ROSTER_TYPE, max_bytes=MAX_ROSTER_BYTES, max_signatures=MAX_ROSTER_SIGNATURES
    ).payload
