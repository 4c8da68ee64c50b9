"""Compose days on which the portal has a surge: three floods, and crowds that are none."""

from __future__ import annotations

from hisn.errors import UsageError
from hisn.testing.attacks import web_floods
from hisn.testing.calendar import EVENING, Span, local
from hisn.testing.generator import Scenario, Source
from hisn.testing.sources import crowds, portal
from hisn.testing.stream import Attack, Background

_EARLY = Span(local("2026-10-21 06:00"), local("2026-10-21 20:00"))
_VOTING = Span(local("2026-11-03 01:00"), local("2026-11-03 22:00"))
_CLOSING = local("2026-11-03 20:00")

_NEWS = crowds.news_link(local("2026-11-03 18:00"), 50, "/polling-place", "https://herald.example/live")
_DOCUMENT = crowds.news_link(local("2026-11-03 18:30"), 40, "/summary.pdf", "-", loads_assets=False)
_REFRESHING = crowds.refreshing(_CLOSING, 240, 30)
_APP = crowds.polling_app(EVENING, local("2026-11-03 20:20"), 40)

FLOODS = ("knox", "georgia", "moldova")
CROWDS = ("night", "news", "document", "publishing", "app")


def flood_day(name: str, seed: int, size: int, *, factor: int = 3) -> Scenario:
    """Return a day with one flood (`FLOODS`) or one crowd (`CROWDS`) on about `size` ordinary requests.

    `factor` says how many times the ordinary requests of the day the flood has.  Raises UsageError
    (E1092) for any other name.
    """
    match name:
        case "knox":
            return _day(seed, size, EVENING, attack=web_floods.knox_county(size * factor))
        case "georgia":
            return _day(seed, size, _EARLY, attack=web_floods.georgia(size * factor))
        case "moldova":
            return _day(seed, size, _VOTING, attack=web_floods.moldova(size * factor * 2))
        case "night":
            return _day(seed, size, EVENING)
        case "news":
            return _day(seed, size, EVENING, crowds.with_crowds((factor * 20, _NEWS)))
        case "document":
            return _day(seed, size, EVENING, crowds.with_crowds((factor * 20, _DOCUMENT)))
        case "publishing":
            return _day(seed, size, EVENING, crowds.with_crowds((factor * 50, _REFRESHING)))
        case "app":
            return _day(seed, size, EVENING, crowds.with_crowds((factor * 50, _APP)))
        case _:
            known = ", ".join((*FLOODS, *CROWDS))
            raise UsageError("E1092", f"There is no flood or crowd named {name}", hint=f"One of: {known}.")


def _day(
    seed: int, size: int, span: Span, background: Background = portal.background, attack: Attack | None = None
) -> Scenario:
    source = Source(portal.PATH, background, 1_000)
    return Scenario(seed, size, (source,), (attack,) if attack else (), span=span)
