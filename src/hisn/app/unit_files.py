"""Found a unit and take in epochs: enrolments, a draft that everybody signs, and its adoption.

Each node checks the whole draft before it signs, and again when it is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Head, parse_statement
from hisn.app.addresses import WITNESS_PATH
from hisn.app.heads import Heads
from hisn.app.home import Node, read_epochs, replace_unit, require_names, write_config
from hisn.app.identity import ROLES
from hisn.app.member import Draft as ActDraft
from hisn.app.unit_draft import UnitDraft
from hisn.app.unit_review import GENESIS, Ground, ground_of, review, void_entries, watched_folder
from hisn.core.canon import MAX_EXACT, Json
from hisn.core.keys import DualPublic
from hisn.errors import PolicyError, UsageError
from hisn.storage.files import write_whole
from hisn.unit.draft import MEMBER_ROLES, Change, make_charter, make_roster
from hisn.unit.enrol import assemble_roster, make_enrolment, sign_roster, verify_enrolment
from hisn.unit.roster import new_keys, verify_roster_chain
from hisn.unit.rosterdoc import Roster, parse_roster


def own_enrolment(node: Node, unit: str, *, as_witness: bool = False) -> bytes:
    """Return this node's enrolment for a unit of that name, signed with every key in it.

    Raises UsageError (E1309) for a name that no unit can have.
    """
    require_names(unit=unit)
    signers = {role: node.own_keys.enrolling(role) for role in (("witness",) if as_witness else ROLES)}
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
    return UnitDraft(node.charter.document, roster.document, epochs=read_epochs(node.places.rosters))


def sign_draft(node: Node, draft: UnitDraft) -> UnitDraft:
    """Return the draft with this member's signatures. Raises UsageError, VerificationError, PolicyError.

    Nothing is signed that this node would not adopt, nor what ends another's keys before entries
    that this node has witnessed, nor what makes its own entries void.
    """
    reviewed = review(node, draft)
    old, new = reviewed.old, reviewed.new
    if reviewed.void:
        raise _voiding(reviewed.void)
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
    return replace(draft, signatures=tuple(known[key] for key in sorted(known)))


def _voiding(count: int) -> PolicyError:
    return PolicyError(
        "E4332",
        f"{count} entries of this node's log stand behind the place where its new keys begin: nobody"
        " could verify them any more",
        hint="draft again, so that the new keys begin behind them; --room leaves room for more",
        unchanged="nothing was signed or adopted",
    )


def adopt(node: Node, draft: UnitDraft, *, may_void: bool = False) -> Roster:
    """Put a fully signed draft in force on this node, and log it. Raises VerificationError, PolicyError.

    A new unit replaces one in which this node was alone; the acts in its log stay.  Done again, it
    finishes what was begun.  An epoch that makes entries of this node void needs `may_void`: once
    others have adopted it, there is no other way.
    """
    ground = ground_of(node, draft)
    drafted = parse_roster(draft.document)
    chain = ground.chain
    is_known = drafted.epoch < len(chain) and chain[drafted.epoch].document == draft.document
    is_own = ground.charter.genesis == node.charter.genesis
    if is_known:
        envelopes = ground.envelopes
        roster = chain[drafted.epoch]
    else:
        envelopes = (*ground.envelopes, assemble_roster(draft.document, draft.signatures))
        roster = verify_roster_chain(draft.charter, envelopes)[-1]
    envelope = envelopes[roster.epoch]
    if not is_own and roster.find(node.config.origin) is None:
        return _watch(node, ground, roster, envelopes)
    if not is_known:
        count = void_entries(node, chain[-1] if chain else None, roster)
        if count and not may_void:
            raise _voiding(count)
        if is_own:
            write_whole(node.places.rosters / f"{roster.epoch:04d}.dsse", envelope)
        else:
            _require_own_keys(node, roster)
            replace_unit(node.places, draft.charter, envelopes)
    node.reload_unit()
    _keep_address(node, roster)
    _log_adoption(node, roster, envelope)
    return roster


def _keep_address(node: Node, roster: Roster) -> None:
    """Take over the address that the unit knows this node by: the next enrolment names it."""
    member = roster.find(node.config.origin)
    if member is not None and member.url != node.config.url:
        node.config = structs.replace(node.config, url=member.url)
        write_config(node.places, node.config)


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
    """Log what was adopted, unless the log says so already: adopting can be killed and done again.

    A suspended member logs nothing: what it signs counts no more.
    """
    member = roster.find(node.config.origin)
    if member is None or not member.is_active:
        return
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


def _watch(node: Node, ground: Ground, roster: Roster, envelopes: Sequence[bytes]) -> Roster:
    """Take in a unit that this node witnesses from outside. Raises UsageError where it does not."""
    folder = watched_folder(node, ground.charter)
    is_watched = (folder / GENESIS).exists()
    if not is_watched and all(each.name != node.config.origin for each in roster.witnesses):
        raise UsageError(
            "E1330",
            f"{node.config.origin} is neither a member nor a witness in this draft",
            hint="adopt drafts of your own unit only",
            unchanged="nothing was adopted",
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for epoch, envelope in enumerate(envelopes):
        path = folder / f"{epoch:04d}.dsse"
        if not path.exists():
            write_whole(path, envelope)
    if not is_watched:
        # Last: without it the folder counts as empty.
        write_whole(folder / GENESIS, ground.charter.document)
    return roster
