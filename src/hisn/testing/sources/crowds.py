"""Bring crowds to the portal that are no attack: a link in the news, an application that polls.

They are what a detector of floods must not take for one.  Their requests are background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hisn.core.instant import Instant
from hisn.testing.calendar import MINUTE_US, Span, arrivals
from hisn.testing.county import outside_address
from hisn.testing.sources import portal
from hisn.testing.sources.portal import BROWSERS, Request, Visitor
from hisn.testing.stream import Background, Record, Stage, in_order, merged

Crowd = Callable[[Stage, int], Iterator[Record]]
"""Make about so many requests, in time order."""

_APP = "VesnaVotes/3.2 (okhttp/5.1)"


def _minutes(pattern: tuple[int, ...], span: Span) -> Iterator[int]:
    """Yield the weight of each minute: a pattern that is repeated over the span."""
    for at in range((span.end - span.start) // MINUTE_US):
        yield pattern[at % len(pattern)]


def news_link(start: int, minutes: int, page: str, arrived_from: str, *, loads_assets: bool = True) -> Crowd:
    """Return the readers of an article that links to one page, or of a message with a link to a document."""
    span = Span(Instant(start), Instant(start + minutes * MINUTE_US))

    def play(stage: Stage, count: int) -> Iterator[Record]:
        def bursts() -> Iterator[list[Record]]:
            stamp = portal.Stamp()
            views = count * 100 // 320 if loads_assets else count
            fading = (max(1, 60 - at) for at in range(minutes))
            for time in arrivals(fading, span, views, stage.dice):
                visitor = Visitor(outside_address(stage.dice), stage.dice.pick(BROWSERS), arrived_from, 1)
                seen = portal.view(visitor, time, stage, is_first=loads_assets, target=page)
                yield [Record(when, portal.line(stamp(when), request)) for when, request in seen]

        return in_order(bursts())

    return play


def refreshing(start: int, minutes: int, every: int) -> Crowd:
    """Return people who come back whenever results are published, every so many minutes."""
    span = Span(Instant(start), Instant(start + minutes * MINUTE_US))
    pattern = (8, 6, 4, 2, 1, *([0] * max(0, every - 5)))

    def play(stage: Stage, count: int) -> Iterator[Record]:
        def bursts() -> Iterator[list[Record]]:
            stamp = portal.Stamp()
            for time in arrivals(_minutes(pattern, span), span, count * 100 // 420, stage.dice):
                visitor = Visitor(outside_address(stage.dice), stage.dice.pick(BROWSERS), "-", 1)
                seen = portal.view(visitor, time, stage, is_first=True, target="/results")
                yield [Record(when, portal.line(stamp(when), request)) for when, request in seen]

        return in_order(bursts())

    return play


def polling_app(span: Span, surge: int, surge_minutes: int) -> Crowd:
    """Return an application on many telephones: it asks for the results' file, and more after a push."""

    def play(stage: Stage, count: int) -> Iterator[Record]:
        weights = [
            40 if 0 <= at * MINUTE_US + span.start - surge < surge_minutes * MINUTE_US else 1
            for at in range((span.end - span.start) // MINUTE_US)
        ]
        dice = stage.dice
        return portal.played(
            (time, Request(outside_address(dice), "/api/v1/results.json", 200, 48_000, agent=_APP))
            for time in arrivals(iter(weights), span, count, dice)
        )

    return play


def with_crowds(*crowds: tuple[int, Crowd]) -> Background:
    """Return the portal's ordinary traffic with crowds on top, each with its share of it in percent."""

    def background(stage: Stage, count: int) -> Iterator[Record]:
        streams = [portal.background(stage, count)]
        streams += [crowd(stage, count * percent // 100) for percent, crowd in crowds]
        return merged(*streams)

    return background
