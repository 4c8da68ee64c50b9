"""Derive from a roster who must have cosigned a log, and judge a head of it by that.

The witnesses of a log are the other active members and the outside witnesses, n of them.  The quorum
is k = floor(2n/3) + 1, so f = n - k of them may lie.  No side may be able to withhold it: without the
witnesses of any one side k must be left (`check_no_veto`; with one witness a side that needs n >= 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from hisn.core.keys import DualPublic
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import CosignerKeys, LogKeys, SignedCheckpoint, times_of, verify_checkpoint
from hisn.tlog.note import format_vkey
from hisn.unit.roster import key_in_force
from hisn.unit.rosterdoc import NOW, Roster, safe_quorum


@dataclass(frozen=True, slots=True)
class Witness:
    """Hold a witness of one log: a member, or somebody outside the unit."""

    name: str
    side: str
    url: str
    public: DualPublic
    is_member: bool


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Say who cosigned a head with both keys, of which side, and when at the latest (s since 1970)."""

    name: str
    side: str
    time_s: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Say how well a head is witnessed: by whom, who is missing, and by the rules of which epoch."""

    epoch: int
    is_reached: bool
    cosigners: tuple[Cosigner, ...]
    missing: tuple[str, ...]

    @property
    def sides(self) -> tuple[str, ...]:
        """Return the sides that cosigned: the strength of a quorum, printed and never required."""
        return tuple(sorted({each.side for each in self.cosigners}))

    @property
    def before_s(self) -> int | None:
        """Return the second by which the head existed, whoever lied; None without a quorum.

        At most f witnesses lie, so of the f + 1 smallest times one is honest: the head was there by
        then, and so by the largest of these, the (f+1)-th smallest of all.
        """
        return self._time(from_newest=False)

    @property
    def present_s(self) -> int | None:
        """Return a second that had passed when the quorum cosigned, whoever lied; None without a quorum."""
        return self._time(from_newest=True)

    def _time(self, *, from_newest: bool) -> int | None:
        count = len(self.cosigners) + len(self.missing)
        times = sorted((each.time_s for each in self.cosigners), reverse=from_newest)
        return times[count - safe_quorum(count)] if self.is_reached else None


def witnesses_of(roster: Roster, origin: str) -> tuple[Witness, ...]:
    """Return who counts as a witness of a member's log: never the member itself."""
    keys = ((member, member.open_key("witness")) for member in roster.active if member.id != origin)
    inside = [
        Witness(each.id, each.side, each.url, public, is_member=True) for each, public in keys if public
    ]
    outside = [
        Witness(each.name, each.side, each.url, each.public, is_member=False) for each in roster.witnesses
    ]
    return (*inside, *outside)


def policy_text(roster: Roster, origin: str, size: int | None = None) -> bytes:
    """Return what a head of a member's log must fulfil to be published, as a C2SP tlog-policy.

    A witness has two lines and a group, for it signs with two keys.  The log's keys are those in force
    for the last entry of `size`, without it those without an end.  Raises VerificationError where the
    member has none.
    """
    log = LogKeys(origin, roster.keys_at(origin, "log", NOW if size is None else max(size, 1) - 1))
    witnesses = witnesses_of(roster, origin)
    lines = [f"log {format_vkey(vkey)}" for vkey in log.vkeys]
    for each in witnesses:
        vkeys = zip(("ed", "pq"), CosignerKeys(each.name, each.public).vkeys, strict=True)
        lines += [f"witness {each.name}.{end} {format_vkey(vkey)} {each.url}".rstrip() for end, vkey in vkeys]
    lines += [f"group {each.name} 2 {each.name}.ed {each.name}.pq" for each in witnesses]
    if witnesses:
        names = " ".join(each.name for each in witnesses)
        # Ids are lowercase: no witness has that name.
        lines += [f"group QUORUM {safe_quorum(len(witnesses))} {names}", "quorum QUORUM"]
    else:
        lines.append("quorum none")
    return "".join(f"{line}\n" for line in lines).encode()


def judge_head(chain: Sequence[Roster], signed: SignedCheckpoint) -> Witnessed:
    """Return how well the head of a member's log is witnessed, by the newest epoch whose quorum it has.

    An epoch's witnesses judge up to the state that the next epoch names.  Beyond it their old keys
    may be stolen and count no more, but for one case: more than f members who signed that next epoch
    have cosigned this head, too.  Then the state it names was too old when they signed it, and what
    was witnessed stays witnessed (nobody's past is voided by a majority).

    A head that no quorum cosigned is judged by the newest epoch.  Raises VerificationError: the log
    itself has not signed it with keys that count there, or a witness's line does not verify.
    """
    for epoch in range(len(chain) - 1, -1, -1):
        with suppress(VerificationError):
            found = _judge(chain, epoch, signed)
            if found.is_reached:
                return found
    return _judge(chain, len(chain) - 1, signed)


def _judge(chain: Sequence[Roster], epoch: int, signed: SignedCheckpoint) -> Witnessed:
    roster, head = chain[epoch], signed.checkpoint
    public = key_in_force(chain, epoch, head.origin, "log", max(head.size, 1) - 1)
    verify_checkpoint(signed, LogKeys(head.origin, public))
    witnesses = witnesses_of(roster, head.origin)
    vkeys = {each.name: CosignerKeys(each.name, each.public).vkeys for each in witnesses}
    times = times_of(signed.note, [vkey for pair in vkeys.values() for vkey in pair])
    cosigners = tuple(
        Cosigner(each.name, each.side, max(times[vkey] for vkey in vkeys[each.name]))
        for each in witnesses
        if all(vkey in times for vkey in vkeys[each.name])
    )
    names = {each.name for each in cosigners}
    missing = tuple(each.name for each in witnesses if each.name not in names)
    # Without any witness one is needed, too: nobody has seen anything then.
    needed = safe_quorum(len(witnesses))
    is_reached = len(cosigners) >= needed and all(
        head.size <= later.witnessed(head.origin) or len(names & later.signers) > len(witnesses) - needed
        for later in chain[epoch + 1 :]
    )
    return Witnessed(epoch, is_reached, cosigners, missing)
