"""Follow a unit's roster from its charter on: epoch by epoch, each adopted by the one before.

The genesis digest is the only trust that comes from outside.  An epoch counts if

1. it names the charter, the document before it and the number that is due;
2. every key that is new in it has signed it: nobody enrols a key that he does not hold;
3. enough active members signed it with their root keys, counted in the old epoch and in the new;
4. no key is dropped, changed or opened again, so that every old act can be verified for ever;
5. it ends no key of a member before the last state of his log that a quorum had witnessed, and adds
   or changes nothing of a member, unless that member's own root key signed it.

Others can end a member's keys from now on, and so suspend it; nobody's past is voided by a majority.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from hisn.acts.envelope import Envelope, parse_dsse, verify_signature
from hisn.acts.kinds import is_ascending
from hisn.core.keys import DualPublic, key_id_hex
from hisn.core.proof_limits import MAX_EPOCHS, MAX_ROSTER_BYTES, MAX_ROSTER_SIGNATURES
from hisn.errors import VerificationError
from hisn.unit.rosterdoc import (
    ENTRY_ROLES,
    Charter,
    Key,
    Member,
    Roster,
    parse_charter,
    parse_roster,
    safe_quorum,
)

ROSTER_TYPE = "application/vnd.hisn.roster+json"
_HINT = "do not adopt it; ask the other members which epoch they have"


def _refuse(code: str, reason: str) -> VerificationError:
    return VerificationError(code, reason, hint=_HINT)


def verify_roster_chain(charter: bytes, envelopes: Sequence[bytes]) -> tuple[Roster, ...]:
    """Return the epochs that a charter and its envelopes prove, from epoch 0 on. Raises VerificationError.

    That the charter is the right one is the caller's duty: compare `Charter.genesis`.
    """
    if not 1 <= len(envelopes) <= MAX_EPOCHS:
        raise _refuse("E3405", f"a unit has 1 to {MAX_EPOCHS} epochs, not {len(envelopes)}")
    founded = parse_charter(charter)
    chain: tuple[Roster, ...] = ()
    for envelope in envelopes:
        chain = (*chain, verify_epoch(founded, chain, envelope))
    return chain


def verify_epoch(charter: Charter, chain: Sequence[Roster], data: bytes) -> Roster:
    """Return the epoch that follows a verified chain, with its signers. Raises VerificationError."""
    envelope = parse_dsse(data, ROSTER_TYPE, max_bytes=MAX_ROSTER_BYTES, max_signatures=MAX_ROSTER_SIGNATURES)
    new = parse_roster(envelope.payload)
    old = chain[-1] if chain else None
    check_link(charter, old, new)
    fresh = new_keys(old, new)
    roots = {member.id: member.open_key("root") for member in new.members}
    old_roots = {member.id: member.open_key("root") for member in old.members} if old else {}
    pairs = dict.fromkeys([*fresh, *roots.values(), *old_roots.values()])
    signed = _verify_signatures(envelope, [pair for pair in pairs if pair])
    if not set(fresh) <= signed:
        raise _refuse("E3407", f"{len(set(fresh) - signed)} new keys have not signed the epoch")
    for roster, held in ((old, old_roots), (new, roots)):
        votes = sum(held[member.id] in signed for member in roster.active) if roster else 0
        if roster and votes < threshold(charter, roster):
            raise _refuse(
                "E3408",
                f"{votes} of {threshold(charter, roster)} members needed of epoch {roster.epoch}"
                f" have signed epoch {new.epoch}",
            )
    signers = frozenset(name for name, pair in (roots | old_roots).items() if pair in signed)
    check_step(old, new, signers)
    return replace(new, signers=signers)


def threshold(charter: Charter, roster: Roster) -> int:
    """Return how many active members must sign: what the charter says, never less than is safe."""
    count = len(roster.active)
    return max(safe_quorum(count), min(charter.thresholds["roster"], count))


def check_link(charter: Charter, old: Roster | None, new: Roster) -> None:
    """Return if an epoch is the next one of this charter and chain. Raises VerificationError."""
    number = old.epoch + 1 if old else 0
    if new.epoch != number:
        raise _refuse("E3405", f"epoch {new.epoch} stands where epoch {number} is due")
    founded, previous = (charter.genesis.hex(), old.digest.hex()) if old else ("", "")
    if (new.name, new.charter, new.previous) != (charter.name, founded, previous):
        raise _refuse("E3406", f"epoch {number} follows another charter or another epoch than these")
    if old is None:
        if new.digest.hex() != charter.roster:
            raise _refuse("E3406", "the charter names another first roster")
        if not safe_quorum(len(new.active)) <= charter.thresholds["roster"] <= len(new.active):
            raise _refuse("E3408", "the charter's threshold is not safe, or cannot be reached")


def new_keys(old: Roster | None, new: Roster) -> tuple[DualPublic, ...]:
    """Return the keys that must prove in this epoch that somebody holds them."""
    known = {key.public for member in old.members for key in member.keys} if old else set()
    witnesses = {(each.name, each.public) for each in old.witnesses} if old else set()
    fresh = [key.public for member in new.members for key in member.keys if key.public not in known]
    fresh += [each.public for each in new.witnesses if (each.name, each.public) not in witnesses]
    return tuple(fresh)


def _verify_signatures(envelope: Envelope, pairs: Iterable[DualPublic]) -> frozenset[DualPublic]:
    """Return the pairs of keys that signed; every signature must be of one of them, and hold."""
    ids = [signature.key_id for signature in envelope.signatures]
    named = {pair: (key_id_hex(pair.ed25519), key_id_hex(pair.mldsa)) for pair in pairs}
    known = {
        key_id: key
        for pair, key_ids in named.items()
        for key_id, key in zip(key_ids, (pair.ed25519, pair.mldsa), strict=True)
    }
    if not is_ascending(ids) or not set(ids) <= known.keys():
        raise _refuse("E3409", "the epoch is signed twice by one key, by an unknown one, or out of order")
    for signature in envelope.signatures:
        verify_signature(envelope, signature, known[signature.key_id])
    counts = {pair: sum(key_id in ids for key_id in key_ids) for pair, key_ids in named.items()}
    if 1 in counts.values():
        raise _refuse("E3409", "somebody has signed the epoch with one of his two keys only")
    return frozenset(pair for pair, count in counts.items() if count)


def check_step(old: Roster | None, new: Roster, owners: Collection[str]) -> None:
    """Return if one epoch may follow another, given whose own root keys signed it.

    Raises VerificationError.
    """
    heads = {head.origin: head for head in new.at}
    before = {member.id: member for member in old.members} if old else {}
    if heads.keys() != before.keys():
        raise _refuse(
            "E3410", "an epoch names the last witnessed state of every member before it, of no other"
        )
    for known in old.at if old else ():
        head = heads[known.origin]
        if head.size < known.size or (head.size == known.size and head.root != known.root):
            raise _refuse("E3410", f"the witnessed state of {known.origin} goes back")
    if missing := before.keys() - {member.id for member in new.members}:
        raise _refuse("E3411", f"{min(missing)} is dropped from the roster; its old acts need its keys")
    for member in new.members:
        _check_member(before.get(member.id), member, new, is_owned=member.id in owners)


def _check_member(old: Member | None, member: Member, roster: Roster, *, is_owned: bool) -> None:
    left = {key.public: key for key in member.keys}
    for key in old.keys if old else ():
        now = left.pop(key.public, None)
        if now is None or (now.role, now.start) != (key.role, key.start):
            raise _refuse("E3411", f"a {key.role} key of {member.id} is dropped or changed")
        if now.until != key.until:
            _check_end(member.id, key, now, roster, is_owned=is_owned)
    floor = roster.witnessed(member.id)
    for key in left.values():
        in_time = key.start >= floor if key.role in ENTRY_ROLES else key.start == roster.epoch
        if not in_time or key.until is not None:
            raise _refuse("E3412", f"a new {key.role} key of {member.id} does not begin now")
    is_changed = old is None or left or (old.side, old.url) != (member.side, member.url)
    if is_changed and not is_owned:
        raise _refuse("E3413", f"{member.id} is changed, and its own root key has not signed that")
    if old is None and not member.is_active:
        raise _refuse("E3412", f"{member.id} joins as a suspended member")


def _check_end(origin: str, old: Key, new: Key, roster: Roster, *, is_owned: bool) -> None:
    if new.until is None or (old.until is not None and new.until > old.until):
        raise _refuse("E3411", f"a {old.role} key of {origin} that had ended counts again")
    if old.role not in ENTRY_ROLES and new.until != roster.epoch:
        # A quorum of the past is others' past, too: not even the owner takes a cosignature back.
        raise _refuse("E3412", f"a {old.role} key of {origin} does not end now, but in the past")
    if is_owned:
        return
    if old.role == "root":
        raise _refuse("E3413", f"the root key of {origin} is ended, and it has not signed that")
    if old.role in ENTRY_ROLES and new.until < roster.witnessed(origin):
        size = roster.witnessed(origin)
        raise _refuse("E3416", f"others end a key of {origin} at {new.until}; {size} entries were witnessed")


def key_in_force(chain: Sequence[Roster], epoch: int, origin: str, role: str, entry: int) -> DualPublic:
    """Return the keys that count for an entry under a head which the witnesses of an epoch cosigned.

    A later epoch that the owner signed can end them in the past, for a thief may have used them; one
    that only others signed cannot: whoever has the witnessed head has it.  Raises VerificationError.
    """
    keys = chain[epoch].keys_at(origin, role, entry)
    # A key's end never moves back: the last of those epochs says what all of them say.
    later = next((each for each in reversed(chain[epoch + 1 :]) if origin in each.signers), None)
    member = later.find(origin) if later else None
    if member and any(key.public == keys and not key.covers(entry) for key in member.keys):
        raise _refuse("E3417", f"{origin} itself revoked its {role} key before entry {entry}")
    return keys
