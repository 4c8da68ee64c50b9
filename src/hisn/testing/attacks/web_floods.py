"""Play floods in the shape of three that happened, scaled down to the county of Vesna.

* Knox County, 1 May 2018: the results site goes down as the polls close, flooded from 65 countries,
  while somebody tries a flaw.
* Georgia, 14 October 2024: the absentee portal is asked by hundreds of thousands of addresses,
  answers with a challenge, and recovers within hours.
* Moldova, 28 September 2025: eleven waves in twelve hours, imitating users.

The addresses are of 198.18.0.0/15 (RFC 2544), which nobody has; `networks` says which of them are
made to lie in which country, for a database that a test writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from hisn.core.instant import Instant
from hisn.testing.calendar import MINUTE_US, Span, arrivals
from hisn.testing.dice import Dice
from hisn.testing.sources import portal
from hisn.testing.sources.portal import BROWSERS, Request, Visitor
from hisn.testing.stream import Attack, Record, Stage, in_order

_CODES = (
    "AEALAMARATAUAZBABDBEBGBRBYCACHCLCNCOCZDEDKECEEEGESFIFRGBGEGRHUIDIEILINIQIRITJPKEKRKZLTLVMAMDMKMXMYNGNL"
    "NOPEPHPKPLPTRORSRUSESGTHTRUA"
)
COUNTRIES = tuple(_CODES[at : at + 2] for at in range(0, len(_CODES), 2))
HOME = "HR"

_AGENTS = ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", "Go-http-client/1.1")


def networks() -> dict[str, str]:
    """Return network and country of all addresses that the generator uses."""
    home = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8")
    abroad = {f"198.{18 + at // 64}.{at % 64 * 4}.0/22": COUNTRIES[at % len(COUNTRIES)] for at in range(128)}
    return dict.fromkeys(home, HOME) | abroad


def _bot(dice: Dice) -> str:
    return f"198.{dice.between(18, 19)}.{dice.below(256)}.{dice.below(256)}"


def _plateau(minutes: int) -> Iterator[int]:
    """Yield weights that rise for three minutes, stay, and fall for three."""
    return (min(at + 1, minutes - at, 4) for at in range(minutes))


def knox_county(requests: int) -> Attack:
    """Return a flood as the polls close, for an hour, with six tries of a flaw among it."""

    def asked(stage: Stage) -> Iterator[tuple[int, Request]]:
        dice = stage.dice
        start = stage.calendar.start_of("counting") + dice.between(-3, 2) * MINUTE_US
        span = Span(Instant(start), Instant(start + 60 * MINUTE_US))
        every = max(1, requests // 7)
        for at, time in enumerate(arrivals(_plateau(60), span, requests, dice), 1):
            if at % every == 0:
                yield time, Request("198.19.7.7", "/cms/preview.php?page=../../conf", 500, 190, "POST")
                continue
            fails = dice.chance(0.4)
            yield (
                time,
                Request(
                    _bot(dice), dice.pick(("/", "/results", "/results")), 503 if fails else 200,
                    190 if fails else 5_120, agent=dice.pick(_AGENTS),
                ),
            )  # fmt: skip

    return Attack(
        name="flood-as-the-polls-close",
        title="Flood from 65 countries as the polls close, and a flaw tried in it",
        source=portal.PATH,
        expect=(),
        play=lambda stage: portal.played(asked(stage)),
        note="A surge: hisn guard --calendar",
    )


def georgia(requests: int) -> Attack:
    """Return a flood of the absentee look-up for two hours, from four in the afternoon before early voting.

    From the tenth minute on nine in ten requests get a challenge.
    """

    def asked(stage: Stage) -> Iterator[tuple[int, Request]]:
        dice = stage.dice
        start = stage.span.start + 10 * 60 * MINUTE_US
        span = Span(Instant(start), Instant(start + 120 * MINUTE_US))
        for time in arrivals(_plateau(120), span, requests, dice):
            challenged = time > start + 10 * MINUTE_US and dice.chance(0.9)
            status = 403 if challenged else 503 if dice.chance(0.3) else 200
            target = f"/absentee/status?envelope=AB{dice.digits(8)}"
            yield time, Request(_bot(dice), target, status, 1_200, agent=dice.pick(BROWSERS))

    return Attack(
        name="flood-of-the-absentee-portal",
        title="Flood of the absentee look-up from a great many addresses, met with a challenge",
        source=portal.PATH,
        expect=(),
        play=lambda stage: portal.played(asked(stage)),
        note="A surge: hisn guard --calendar",
    )


WAVES = 11
_WAVE_MINUTES = 24
_WAVE_EVERY = 65


def moldova(requests: int) -> Attack:
    """Return eleven waves in twelve hours of voting, of visitors who load pages as people do."""

    def bursts(stage: Stage) -> Iterator[list[Record]]:
        dice = stage.dice
        stamp = portal.Stamp()
        start = stage.calendar.start_of("voting") + 30 * MINUTE_US
        for wave in range(WAVES):
            begins = start + wave * _WAVE_EVERY * MINUTE_US
            span = Span(Instant(begins), Instant(begins + _WAVE_MINUTES * MINUTE_US))
            visits = requests * 100 // (WAVES * 330)
            for time in arrivals(_plateau(_WAVE_MINUTES), span, visits, dice):
                visitor = Visitor(_bot(dice), dice.pick(BROWSERS), "https://www.google.com/", 1)
                seen = portal.view(visitor, time, stage, is_first=True)
                yield [Record(when, portal.line(stamp(when), request)) for when, request in seen]

    return Attack(
        name="flood-in-eleven-waves",
        title="Eleven waves of visitors from all over the world in twelve hours of voting",
        source=portal.PATH,
        expect=(),
        play=lambda stage: in_order(bursts(stage)),
        note="A surge: hisn guard --calendar",
    )
