"""Turn what an operator asks for into changes of the roster: who comes, who goes, whose keys are replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hisn.app.home import Node, require_names
from hisn.core.keys import DualPublic
from hisn.errors import UsageError
from hisn.unit.draft import Admit, Change, Dismiss, Join, Move, Rotate, Suspend
from hisn.unit.enrol import verify_enrolment
from hisn.unit.rosterdoc import ENTRY_ROLES


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """Say what is to change; members and witnesses come by their enrolments.

    `replace` are roles of this node's own keys.  `room` is how many entries more its old keys may sign
    before the new ones begin, while the draft goes round.  `stolen_from` is the entry from which on a
    thief may have used the old ones: they count before it alone.
    """

    members: Sequence[bytes] = ()
    witnesses: Sequence[bytes] = ()
    suspend: Sequence[str] = ()
    drop: Sequence[str] = ()
    replace: Sequence[str] = ()
    room: int = 0
    stolen_from: int | None = None
    url: str | None = None


def changes_of(node: Node, request: ChangeRequest) -> tuple[Change, ...]:
    """Return the changes. Raises UsageError (E1332 to E1334), VerificationError for an enrolment."""
    if not {*ENTRY_ROLES} & {*request.replace} and (request.room or request.stolen_from is not None):
        raise UsageError(
            "E1334",
            "--room and --stolen-from are about keys that are replaced, of the role act or log",
            hint="add --replace act or --replace log",
            unchanged="nothing was drafted",
        )
    if request.url is not None:
        require_names(url=request.url)
    changes: list[Change] = [Suspend(name) for name in request.suspend]
    # Dropped first: who is named twice goes on under another key.
    changes += [Dismiss(name) for name in request.drop]
    changes += [Join(verify_enrolment(data)) for data in request.members]
    changes += [Admit(verify_enrolment(data)) for data in request.witnesses]
    changes += [_rotation(node, role, request) for role in dict.fromkeys(request.replace)]
    changes += _move(node, request.url)
    if not changes:
        raise UsageError(
            "E1333",
            "nothing was named that is to change",
            hint="name an enrolment, --witness, --suspend, --drop, --replace or --url",
            unchanged="nothing was drafted",
        )
    return tuple(changes)


def _rotation(node: Node, role: str, request: ChangeRequest) -> Rotate:
    public: DualPublic = node.own_keys.next_signer(role).public
    if role not in ENTRY_ROLES:
        return Rotate(node.config.origin, role, public)
    size = node.log.head().checkpoint.size
    start = size + request.room
    until = start if request.stolen_from is None else request.stolen_from
    if until > start:
        raise UsageError(
            "E1334",
            f"the log has {size} entries: nobody can have used its keys at entry {until}",
            hint="name the first entry that the owner did not write",
            unchanged="nothing was drafted",
        )
    return Rotate(node.config.origin, role, public, until, start)


def _move(node: Node, url: str | None) -> list[Change]:
    member = node.roster.find(node.config.origin)
    return [Move(member.id, member.side, url)] if member and url is not None else []
