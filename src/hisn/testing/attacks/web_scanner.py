"""Play a vulnerability scanner that says its name, with the burst of 404 that follows it."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources import portal
from hisn.testing.sources.portal import Request
from hisn.testing.stream import Attack, Record, Stage

_AGENT = "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)"
_FOLDERS = ("admin", "backup", "old", "test", "staging", "api", "db", "config", "tmp", "export")
_FILES = (
    ".env",
    ".git/config",
    "backup.zip",
    "dump.sql",
    "wp-login.php",
    "config.php.bak",
    "server-status",
    "id_rsa",
)


def _requests(stage: Stage) -> Iterator[tuple[int, Request]]:
    dice = stage.dice
    time = stage.calendar.start_of("counting") - dice.between(70, 90) * 60_000_000
    for folder in _FOLDERS:
        for file in _FILES:
            time += dice.between(20, 220) * 1_000
            yield time, Request("203.0.113.250", f"/{folder}/{file}", 404, 512, agent=_AGENT)


def _play(stage: Stage) -> Iterator[Record]:
    return portal.played(_requests(stage))


SCANNER = Attack(
    name="web-scanner",
    title="Vulnerability scanner against the portal an hour before the polls close",
    source=portal.PATH,
    expect=("web_scanner_agent", "web_config_probe", "web_probing_burst"),
    play=_play,
)
