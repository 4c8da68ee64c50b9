"""Write the authentication log of the portal host: syslog as RFC 5424 says, facility authpriv."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from hisn.testing.calendar import ZONE, arrivals, office_minutes
from hisn.testing.stream import Record, Stage, in_order

PATH = "portal/auth.log"

_PRIORITY = 10 * 8 + 6
_KEY = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"


def line(time: int, host: str, process: int, message: str) -> str:
    """Return the line of one message of sshd."""
    second, fraction = divmod(time, 1_000_000)
    moment = datetime.fromtimestamp(second, ZONE).strftime("%Y-%m-%dT%H:%M:%S")
    return f"<{_PRIORITY}>1 {moment}.{fraction:06d}+01:00 {host} sshd {process} - - {message}"


def background(stage: Stage, count: int) -> Iterator[Record]:
    """Yield about `count` messages: the backup account's sessions, clerks, a mistyped password."""
    times = arrivals(office_minutes(stage.calendar, stage.span), stage.span, count // 4, stage.dice)
    return in_order(_session(stage, time) for time in times)


def _session(stage: Stage, time: int) -> list[Record]:
    dice = stage.dice
    host = stage.county.portal_host
    process = dice.between(2_000, 60_000)
    port = dice.between(32_768, 60_999)
    messages = []
    if dice.chance(0.8):
        user, source = "backup", "10.20.5.5"
        how = f"publickey for {user} from {source} port {port} ssh2: ED25519 {_KEY}"
    else:
        user, source = dice.pick(stage.county.clerks), dice.pick(stage.county.office_desks)
        how = f"password for {user} from {source} port {port} ssh2"
        if dice.chance(0.05):
            messages.append(f"Failed {how}")
    messages += (
        f"Accepted {how}",
        f"pam_unix(sshd:session): session opened for user {user}(uid=1001) by (uid=0)",
        f"Disconnected from user {user} {source} port {port}",
        f"pam_unix(sshd:session): session closed for user {user}",
    )
    moments = (time + step * 1_500_000 for step in range(len(messages)))
    return [
        Record(moment, line(moment, host, process, message))
        for moment, message in zip(moments, messages, strict=False)
    ]
