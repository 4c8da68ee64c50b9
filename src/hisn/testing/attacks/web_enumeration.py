"""Play a walk through voter references: one look-up after the other, counting upwards."""

from __future__ import annotations

from collections.abc import Iterator

from hisn.testing.sources import portal
from hisn.testing.sources.portal import Request
from hisn.testing.stream import Attack, Record, Stage

_EXITS = tuple(f"203.0.113.{last}" for last in range(241, 249))


def _requests(stage: Stage) -> Iterator[tuple[int, Request]]:
    dice = stage.dice
    time = stage.calendar.start_of("counting") + dice.between(5, 15) * 60_000_000
    reference = 4_100_000 + dice.below(9_000)
    for _ in range(400):
        reference += dice.between(1, 2)
        time += dice.between(300, 1_900) * 1_000
        target = f"/registration/status?reference=VR-{reference}&year=1970"
        found = dice.chance(0.9)
        yield (
            time,
            Request(
                dice.pick(_EXITS),
                target,
                200 if found else 404,
                2_210 if found else 512,
                agent="python-requests/2.32.5",
            ),
        )


def _play(stage: Stage) -> Iterator[Record]:
    return portal.played(_requests(stage))


ENUMERATION = Attack(
    name="voter-enumeration",
    title="Voter look-ups enumerated by a script from eight addresses",
    source=portal.PATH,
    expect=("web_scripted_voter_lookup", "web_voter_references_walked"),
    play=_play,
)
