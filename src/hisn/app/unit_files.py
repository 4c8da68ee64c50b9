"""Found a unit and take in epochs: enrolments, a draft that everybody signs, and its adoption.

A draft is one file that goes from member to member: the charter (of a new unit), the roster
document, and the signatures so far.  Each node checks the whole draft before it signs, and again
when it is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hisn.acts.envelope import Envelope, Signature, parse_envelope, verify_signature
from hisn.acts.statement import Head, parse_statement
from hisn.app.addresses import WITNESS_PATH
from hisn.app.heads import Heads
from hisn.app.home import Node, read_chain, replace_unit, require_names
from hisn.app.identity import ROLES
from hisn.app.member import Draft as ActDraft
from hisn.app.witnessed import cosigned_sizes
from hisn.core.canon import MAX_EXACT, Json, b64, canonical, parse_b64, parse_canonical
from hisn.core.keys import DualPublic, key_id_hex
from hisn.core.proof_limits import MAX_ROSTER_BYTES
from hisn.errors import InputError, PolicyError, UsageError, VerificationError
from hisn.storage.files import write_whole
from hisn.unit.draft import MEMBER_ROLES, Change, make_charter, make_roster
from hisn.unit.enrol import (
    assemble_roster,
    check_adoption,
    make_enrolment,
    sign_roster,
    verify_enrolment,
)
from hisn.unit.roster import ROSTER_TYPE, new_keys, verify_roster_chain
from hisn.unit.rosterdoc import Charter, Roster, parse_charter, parse_roster

FORMAT = "hisn-draft/1"
_GENESIS = "genesis.json"


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
    """Return this node's enrolment for a unit of that name, signed with every key in it.

    Raises UsageError (E1309) for a name that no unit can have.
    """
    require_names(unit=unit)
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
    """Return the draft of this unit's next epoch. Raises PolicyError for a change that cannot be.

    It names the newest state of every log that a quorum had cosigned, as far as it is known here.
    """
    published = node.log.published()
    kept = Heads(node)
    known = [published, *(kept.newest(each.id, MAX_EXACT) for each in node.roster.members)]
    heads = {each.checkpoint.origin: each.checkpoint for each in reversed(known) if each}
    seen = [
        Head(head.origin, head.size, head.root)
        for head in heads.values()
        if head.size > node.roster.witnessed(head.origin)
    ]
    roster = make_roster(node.charter, node.rosters, seen, changes)
    return UnitDraft(node.charter.document, roster.document)


def sign_draft(node: Node, draft: UnitDraft) -> UnitDraft:
    """Return the draft with this member's signatures. Raises UsageError, VerificationError, PolicyError.

    Nothing is signed that this node would not adopt, nor what ends another's keys before entries
    that this node has witnessed.
    """
    charter, chain = _chain_under(node, draft)
    old = chain[-1] if chain else None
    new = check_adoption(
        charter,
        chain,
        draft.document,
        cosigned=cosigned_sizes(node.register, (member.id for member in old.members) if old else ()),
        agreed=_agreed(draft, old),
    )
    # In a later epoch other keys than these have nothing to say, and their signatures are refused.
    wanted: set[DualPublic | None] = set(new_keys(old, new))
    wanted |= {member.open_key("root") for roster in (old, new) if roster for member in roster.members}
    signers = node.own_keys.signers_of(wanted)
    if not signers:
        raise UsageError(
            "E1330",
            f"{node.config.origin} has no key that must sign this draft",
            hint="hand your enrolment to whoever drafts: hisn unit enrol",
            unchanged="nothing was signed",
        )
    known = {each.key_id: each for each in (*draft.signatures, *sign_roster(draft.document, signers))}
    return UnitDraft(draft.charter, draft.document, tuple(known[key] for key in sorted(known)))


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

    A new unit replaces one in which this node was alone; the acts in its log stay.  Done again, it
    finishes what was begun.
    """
    charter, chain = _chain_under(node, draft)
    drafted = parse_roster(draft.document)
    is_known = drafted.epoch < len(chain) and chain[drafted.epoch].document == draft.document
    is_own = charter.genesis == node.charter.genesis
    envelope = assemble_roster(draft.document, draft.signatures)
    if is_known:
        roster = chain[drafted.epoch]
    else:
        folder = node.places.rosters if is_own else _watched(node, charter)
        before = [(folder / f"{epoch:04d}.dsse").read_bytes() for epoch in range(len(chain))]
        roster = verify_roster_chain(draft.charter, [*before, envelope])[-1]
    if not is_own and roster.find(node.config.origin) is None:
        return _watch(node, charter, roster, envelope)
    if is_known:
        envelope = (node.places.rosters / f"{roster.epoch:04d}.dsse").read_bytes()
    elif is_own:
        write_whole(node.places.rosters / f"{roster.epoch:04d}.dsse", envelope)
    else:
        _require_own_keys(node, roster)
        replace_unit(node.places, draft.charter, envelope)
    node.reload_unit()
    _log_adoption(node, roster, envelope)
    return roster


def _require_own_keys(node: Node, roster: Roster) -> None:
    """Refuse a unit in which somebody else stands under this node's name."""
    member = roster.find(node.config.origin)
    if member is None or any(member.open_key(role) != node.signer(role).public for role in MEMBER_ROLES):
        raise UsageError(
            "E1330",
            f"the keys of {node.config.origin} in this draft are not this node's",
            hint="tell whoever drafted it: somebody enrolled under your name",
            unchanged="nothing was adopted",
        )


def _log_adoption(node: Node, roster: Roster, envelope: bytes) -> None:
    """Log what was adopted, unless the log says so already: adopting can be killed and done again."""
    node.member.fold.catch_up(node.log)
    said = [
        parse_statement(parse_envelope(node.log.read_entry(position)).payload).public
        for kind in ("charter", "roster")
        for position in node.member.fold.table.positions(kind)
    ]
    founded: dict[str, Json] = {"genesis": node.charter.genesis.hex()}
    adopted: dict[str, Json] = {"epoch": roster.epoch, "document": roster.digest.hex()}
    drafts = []
    if founded not in said:
        drafts.append(ActDraft(kind="charter", public=founded, clear=node.charter.document))
    if adopted not in said:
        drafts.append(ActDraft(kind="roster", public=adopted, clear=envelope))
    node.member.record(drafts)


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
    path = folder / f"{roster.epoch:04d}.dsse"
    if not (path.exists() and (folder / _GENESIS).exists()):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, envelope)
        # Last: without it the folder counts as empty.
        write_whole(folder / _GENESIS, charter.document)
    return roster


def _chain_under(node: Node, draft: UnitDraft) -> tuple[Charter, tuple[Roster, ...]]:
    """Return the charter and the chain that a draft goes on from. Raises UsageError, PolicyError."""
    charter = parse_charter(draft.charter)
    if charter.genesis == node.charter.genesis:
        return charter, node.rosters
    watched = _watched(node, charter)
    if (watched / _GENESIS).exists():
        return read_chain(watched / _GENESIS, watched)
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
