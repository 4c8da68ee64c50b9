"""Play password guessing against the portal host that at last succeeds."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources import sshd
from hisn.testing.stream import Attack, Record, Stage

_ADDRESS = "198.51.100.251"
_NAMES = ("admin", "root", "test", "oracle", "postgres", "webadmin", "deploy")
_ACCOUNT = "deploy"


def _play(stage: Stage) -> Iterator[Record]:
    dice = stage.dice
    host = stage.county.portal_host
    time = stage.calendar.start_of("voting") + 9 * 3_600_000_000
    for _ in range(120):
        time += dice.between(1_200, 4_800) * 1_000
        name = dice.pick(_NAMES)
        unknown = "" if name in ("root", _ACCOUNT) else "invalid user "
        message = (
            f"Failed password for {unknown}{name} from {_ADDRESS} port {dice.between(32_768, 60_999)} ssh2"
        )
        yield Record(time, sshd.line(time, host, dice.between(2_000, 60_000), message))
    time += 7_000_000
    process = dice.between(2_000, 60_000)
    port = dice.between(32_768, 60_999)
    for message in (
        f"Accepted password for {_ACCOUNT} from {_ADDRESS} port {port} ssh2",
        f"pam_unix(sshd:session): session opened for user {_ACCOUNT}(uid=1004) by (uid=0)",
    ):
        yield Record(time, sshd.line(time, host, process, message))
        time += 2_000


GUESSING = Attack(
    name="ssh-guessing",
    title="Password guessing against the portal host, then a success",
    source=sshd.PATH,
    expect=("logon_ssh_password_from_internet", "logon_ssh_failed_password", "logon_ssh_guessed_password"),
    play=_play,
)
