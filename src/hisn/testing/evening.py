"""Compose the bundled scenarios: the county's election evening, and one source at any size."""

from __future__ import annotations

from hisn.errors import UsageError
from hisn.testing import attacks
from hisn.testing.county import VESNA
from hisn.testing.generator import Scenario, Source, county_sources

DEFAULT_SEED = 2026
DEFAULT_SIZE = 40_000
MIN_SIZE = 1_000


def election_evening(
    seed: int = DEFAULT_SEED, size: int = DEFAULT_SIZE, *, with_attacks: bool = True
) -> Scenario:
    """Return the evening of 2026-11-03 in the county of Vesna with about `size` records.

    Raises UsageError for a size below a thousand: the attacks would be the whole evening.
    """
    if size < MIN_SIZE:
        raise UsageError(
            "E1090",
            f"A generated evening needs at least {MIN_SIZE} records, not {size}",
            hint="Leave --size out, or ask for more.",
        )
    planted = attacks.ALL if with_attacks else ()
    return Scenario(seed=seed, size=size, sources=county_sources(VESNA), attacks=planted)


def single_source(name: str, seed: int, size: int, *, with_attacks: bool = True) -> Scenario:
    """Return a scenario of one source alone, for measurements at large sizes.

    `name` is the folder of the source: ``portal``, ``ems``, ``registry``.  Raises UsageError for
    any other name.
    """
    for source in county_sources(VESNA):
        if source.path.partition("/")[0] == name:
            planted = attacks.ALL if with_attacks else ()
            whole = Source(source.path, source.background, 1_000, source.device)
            return Scenario(seed=seed, size=size, sources=(whole,), attacks=planted)
    raise UsageError(
        "E1091", f"There is no source named {name}", hint="One of: portal, ems, registry, devices."
    )
