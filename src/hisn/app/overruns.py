"""Log, once for each member and hour, that a member overran its quota: an `observation` for all to see."""

from __future__ import annotations

from hashlib import sha256

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.core.canon import canonical
from hisn.core.instant import format_instant
from hisn.node.known import origin_hash
from hisn.node.quota import Overrun
from hisn.tlog.ports import Conflict

ACTS, REQUESTS = "acts", "requests"
"""What was too much: entries of a log, by the charter's quota; requests to this node, by its own share."""
_FORMAT = "hisn-overrun/1"


def note_overrun(node: Node, what: str, overrun: Overrun) -> bool:
    """Log an overrun of one window, unless it is in the log; tell whether it is new. Raises StorageError.

    The act is logged first and remembered after it: if we die in between, the log is looked through.
    So neither a restart nor an old backup of the register brings a second act for one window.
    """
    start = format_instant(overrun.window_start)
    said = f"quota overrun: {what} of {overrun.member} in the hour from {start}"
    name = f"overrun/{what}/{origin_hash(overrun.member)}"
    row, new = node.register.get(name), said.encode()
    if row == new:
        return False
    is_new = not _is_logged(node, said)
    if is_new:
        body = canonical(
            {
                "beyond": overrun.refused,
                "format": _FORMAT,
                "from": start,
                "member": overrun.member,
                "what": what,
            }
        )
        public = {"what": said, "digest": sha256(body).hexdigest()}
        node.member.record([Draft(kind="observation", public={**public}, clear=body)])
    try:
        node.register.swap(name, row, new)
    except Conflict:
        return is_new
    return is_new


def _is_logged(node: Node, said: str) -> bool:
    node.member.fold.catch_up(node.log)
    for position in reversed(node.member.fold.table.positions("observation")):
        act = parse_statement(parse_envelope(node.log.read_entry(position)).payload)
        if act.public.get("what") == said:
            return True
    return False
