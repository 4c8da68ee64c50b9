"""Found a unit and take in epochs: enrolments, a draft that everybody signs, and its adoption.

A draft is one file that goes from member to member: the charter (of a new unit), the roster
document, and the signatures so far.  Each node checks the whole draft before it signs, and again
when it is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from hisn.acts.envelope import Signature
from hisn.acts.statement import Head
from hisn.app.home import Node, read_chain, replace_unit
from hisn.app.identity import ROLES
from hisn.app.member import Draft as ActDraft
from hisn.app.publish import WITNESS_PATH
from hisn.core.canon import Json, b64, canonical, parse_b64, parse_canonical
from hisn.core.keys import key_id_hex
from hisn.core.proof_limits import MAX_ROSTER_BYTES
from hisn.errors import InputError, PolicyError, UsageError, VerificationError
from hisn.storage.files import write_whole
from hisn.unit.draft import Change, make_charter, make_roster
from hisn.unit.enrol import (
    assemble_roster,
    check_adoption,
    make_enrolment,
    sign_roster,
    verify_enrolment,
)
from hisn.unit.roster import Charter, Roster, parse_charter, verify_roster_chain
from hisn.unit.rosterdoc import parse_roster

FORMAT = "hisn-draft/1"


@dataclass(frozen=True, slots=True)
class UnitDraft:
    """Hold a roster document that is being signed; `charter` of a new unit, or of the one that goes on."""

    charter: bytes
    document: bytes
    signatures: tuple[Signature, ...] = ()

    def encode(self) -> bytes:
        """Return the draft's file."""
        signed: list[Json] = [{"keyid": each.key_id, "sig": b64(each.raw)} for each in self.signatures]
        return canonical(
            {
                "format": FORMAT,
                "charter": b64(self.charter),
                "document": b64(self.document),
                "signatures": signed,
            }
        )


def parse_draft(data: bytes) -> UnitDraft:
    """Return the draft of a file. Raises InputError (E2320)."""
    try:
        value = parse_canonical(data, max_bytes=4 * MAX_ROSTER_BYTES)
        return _draft_of(value)
    except (VerificationError, KeyError, TypeError) as error:
        raise InputError(
            "E2320", "this file is no draft of a unit", hint="get it again from the member who drafted it"
        ) from error


def _draft_of(value: Any) -> UnitDraft:
    if value["format"] != FORMAT or set(value) != {"format", "charter", "document", "signatures"}:
        raise KeyError("format")
    signatures = tuple(Signature(str(each["keyid"]), parse_b64(each["sig"])) for each in value["signatures"])
    return UnitDraft(parse_b64(value["charter"]), parse_b64(value["document"]), signatures)


def own_enrolment(node: Node, unit: str, *, as_witness: bool = False) -> bytes:
    """Return this node's enrolment for a unit of that name, signed with every key in it."""
    signers = {role: node.signer(role) for role in (("witness",) if as_witness else ROLES)}
    # A member's address is that of its whole node, an outside witness's where it takes checkpoints.
    url = node.config.url + WITNESS_PATH if as_witness and node.config.url else node.config.url
    return make_enrolment(unit, node.config.origin, node.config.side, url, signers)


def draft_unit(name: str, members: Sequence[bytes], witnesses: Sequence[bytes]) -> UnitDraft:
    """Return the draft of a new unit. Raises VerificationError and PolicyError."""
    found = [verify_enrolment(data) for data in members]
    outside = [verify_enrolment(data) for data in witnesses]
    charter, roster = make_charter(name, found, outside)
    return UnitDraft(charter.document, roster.document)


def draft_epoch(node: Node, changes: Sequence[Change]) -> UnitDraft:
    """Return the draft of this unit's next epoch. Raises PolicyError for a change that cannot be."""
    published = node.log.published()
    head = published.checkpoint if published else None
    heads = [Head(head.origin, head.size, head.root)] if head else []
    roster = make_roster(node.charter, node.rosters, heads, changes)
    return UnitDraft(node.charter.document, roster.document)


def sign_draft(node: Node, draft: UnitDraft) -> UnitDraft:
    """Return the draft with this member's signatures. Raises UsageError, VerificationError, PolicyError.

    Nothing is signed that this node would not adopt.
    """
    charter, chain = _chain_under(node, draft)
    roster = check_adoption(charter, chain, draft.document, cosigned={})
    wanted = {key.public for member in roster.members for key in member.keys if key.until is None}
    wanted |= {witness.public for witness in roster.witnesses}
    signers = [signer for role in ROLES if (signer := node.signer(role)).public in wanted]
    if not signers:
        raise UsageError(
            "E1330",
            f"{node.config.origin} has no key in this draft",
            hint="hand your enrolment to whoever drafts: hisn unit enrol",
            unchanged="nothing was signed",
        )
    known = {each.key_id: each for each in (*draft.signatures, *sign_roster(draft.document, signers))}
    return UnitDraft(draft.charter, draft.document, tuple(known[key] for key in sorted(known)))


def missing_from(draft: UnitDraft) -> tuple[str, ...]:
    """Return the members and witnesses of whom a key that counts has not signed yet.

    An epoch needs fewer: only keys that are new in it, and the threshold.  Adoption decides.
    """
    signed = {each.key_id for each in draft.signatures}
    roster = parse_roster(draft.document)
    needed = [
        (member.id, key.public)
        for member in roster.active
        for key in member.keys
        if key.until is None and (not roster.epoch or key.role == "root")
    ]
    needed += [(each.name, each.public) for each in roster.witnesses if not roster.epoch]
    return tuple(sorted({name for name, public in needed if key_id_hex(public.ed25519) not in signed}))


def adopt(node: Node, draft: UnitDraft) -> Roster:
    """Put a fully signed draft in force on this node, and log it. Raises VerificationError, PolicyError.

    A new unit replaces one in which this node was alone; the acts in its log stay.
    """
    charter, chain = _chain_under(node, draft)
    envelope = assemble_roster(draft.document, draft.signatures)
    folder = node.places.rosters if charter.genesis == node.charter.genesis else _watched(node, charter)
    before = [(folder / f"{epoch:04d}.dsse").read_bytes() for epoch in range(len(chain))]
    rosters = verify_roster_chain(draft.charter, [*before, envelope])
    roster = rosters[-1]
    if roster.find(node.config.origin) is None:
        return _watch(node, charter, roster, envelope)
    is_new = charter.genesis != node.charter.genesis
    if is_new:
        replace_unit(node.places, draft.charter, envelope)
    else:
        write_whole(node.places.rosters / f"{roster.epoch:04d}.dsse", envelope)
    drafts = []
    if is_new:
        drafts.append(
            ActDraft(kind="charter", public={"genesis": charter.genesis.hex()}, clear=draft.charter)
        )
    public: dict[str, Json] = {"epoch": roster.epoch, "document": sha256(draft.document).hexdigest()}
    drafts.append(ActDraft(kind="roster", public=public, clear=envelope))
    node.member.record(drafts)
    return roster


def _watch(node: Node, charter: Charter, roster: Roster, envelope: bytes) -> Roster:
    """Take in a unit that this node witnesses from outside. Raises UsageError where it does not."""
    if all(each.name != node.config.origin for each in roster.witnesses):
        raise UsageError(
            "E1330",
            f"{node.config.origin} is neither a member nor a witness in this draft",
            hint="adopt drafts of your own unit only",
            unchanged="nothing was adopted",
        )
    folder = _watched(node, charter)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(folder / f"{roster.epoch:04d}.dsse", envelope)
    write_whole(folder / "genesis.json", charter.document)
    return roster


def _chain_under(node: Node, draft: UnitDraft) -> tuple[Charter, tuple[Roster, ...]]:
    """Return the charter and the chain that a draft goes on from. Raises UsageError, PolicyError."""
    charter = parse_charter(draft.charter)
    if charter.genesis == node.charter.genesis:
        return charter, node.rosters
    watched = _watched(node, charter)
    if watched.is_dir():
        return read_chain(watched / "genesis.json", watched)
    drafted = parse_roster(draft.document)
    is_outside = drafted.find(node.config.origin) is None
    if not is_outside and (len(node.roster.members) > 1 or node.roster.epoch):
        raise PolicyError(
            "E4330",
            f"this node is in the unit {node.charter.name}, and the draft is of another one",
            hint="make another node for another unit: HISN_HOME",
            unchanged="nothing was signed or adopted",
        )
    if drafted.epoch:
        raise UsageError(
            "E1331",
            "the draft goes on from a unit that this node is not in",
            hint="adopt its epochs in order",
        )
    return charter, ()


def _watched(node: Node, charter: Charter) -> Path:
    return node.places.watched / charter.genesis.hex()
