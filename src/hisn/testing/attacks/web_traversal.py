"""Play path traversal for the portal's secrets, and a search for a web shell left behind."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources import portal
from hisn.testing.sources.portal import Request
from hisn.testing.stream import Attack, Record, Stage

_FILES = (
    "/news/attachment?file=../../../../etc/passwd",
    "/news/attachment?file=..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/news/attachment?file=%252e%252e%252f%252e%252e%252fetc%252fshadow",
    "/static/..%5c..%5c..%5cwindows%5cwin.ini",
    "/news/attachment?file=/proc/self/environ",
)
_SHELLS = (
    "/uploads/shell.php?cmd=id",
    "/uploads/c99.php",
    "/static/img/cmd.jsp?cmd=whoami",
    "/uploads/wso.php",
    "/aspnet_client/shell.aspx?cmd=ipconfig",
)


def _walk(
    stage: Stage, address: str, targets: tuple[str, ...], after_min: int
) -> Iterator[tuple[int, Request]]:
    dice = stage.dice
    time = stage.calendar.start_of("voting") + after_min * 60_000_000
    for target in targets:
        time += dice.between(800, 9_000) * 1_000
        yield time, Request(address, target, dice.pick((403, 404)), 512, agent=portal.BROWSERS[5])


def _traversal(stage: Stage) -> Iterator[Record]:
    return portal.played(_walk(stage, "192.0.2.244", _FILES, 11 * 60 + 20))


def _webshell(stage: Stage) -> Iterator[Record]:
    return portal.played(_walk(stage, "192.0.2.245", _SHELLS, 11 * 60 + 52))


TRAVERSAL = Attack(
    name="path-traversal",
    title="Path traversal for system files through the news attachment page",
    source=portal.PATH,
    expect=("web_path_traversal", "web_sensitive_file"),
    play=_traversal,
)
WEBSHELL = Attack(
    name="webshell-probe",
    title="Search for web shells under the upload folder",
    source=portal.PATH,
    expect=("web_webshell",),
    play=_webshell,
)
