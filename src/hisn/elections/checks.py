"""Define the checks that are part of the program, as rules have it: a stable id, and a digest.

A finding of a check names the digest.  It covers the check's version, every threshold and what the
operator supplied: with other thresholds, another calendar or another country database, the same
records may give another finding, and it is then another rule that gave it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hisn.core import limits
from hisn.core.canon import Json, canonical
from hisn.elections import baseline, marks, minutes, surge
from hisn.elections.countries import Countries
from hisn.elections.phases import ElectionCalendar


@dataclass(frozen=True, slots=True)
class Check:
    """Describe one check as a finding shows it."""

    id: str
    version: int
    title: str
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    author: str = "Hisn project"
    licence: str = "Apache-2.0"


WEB_SURGE = Check(
    id="hisn.web-surge",
    version=1,
    title="Surge of web requests",
    tags=("attack.impact", "attack.t1498", "attack.t1499.002"),
    falsepositives=(
        "Many people at once: results, a deadline, the news",
        "Previews and copies of a page that is passed on",
        "A new application that asks for pages as no browser does",
    ),
)


def web_surge_digest(calendar: ElectionCalendar, countries: Countries | None) -> str:
    """Return the SHA-256 (hex) over all that decides what `WEB_SURGE` finds."""
    content: dict[str, Json] = {
        "check": WEB_SURGE.id,
        "version": WEB_SURGE.version,
        "calendar": calendar.digest,
        "countries": countries.digest if countries else "",
        "marks": dict(marks.PARAMETERS),
        "baseline": {
            "least minutes": baseline.LEAST_MINUTES,
            "whole minutes": baseline.WHOLE_MINUTES,
            "stretch requests": baseline.STRETCH_REQUESTS,
            "least stretches": baseline.LEAST_STRETCHES,
            "slot minutes": baseline.SLOT_MINUTES,
            "endpoints": limits.MAX_ENDPOINTS,
        },
        "surge": {
            "fire within minutes": surge.FIRE_WITHIN_MINUTES,
            "quiet minutes": surge.QUIET_MINUTES,
            "calm minutes": surge.CALM_MINUTES,
            "least waves": surge.LEAST_WAVES,
            "marked minutes": surge.MARKED_MINUTES,
            "rare part": surge.RARE_PART,
        },
        "bounds": [list(grade) for grade in minutes.GRADES],
        "cells": limits.MAX_MINUTE_CELLS,
        "agents": limits.AGENT_BUCKETS,
    }
    return hashlib.sha256(canonical(content)).hexdigest()
