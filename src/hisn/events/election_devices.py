"""Make records of the events of NIST SP 1500-101 election event logs, whatever their encoding.

One record per Event.  Its fields and those of the Device and of the document around it keep the
specification's words in snake case: ``event_id``, ``event_type``, ``disposition``,
``other_disposition``, ``sequence``, ``timestamp``, ``severity``, ``user_id``, ``description``,
``details``, ``hash``; ``device_id``, ``device_type``, ``other_type``, ``manufacturer``, ``model``,
``version``; ``election_id``, ``generated_time``.  What the document does not say is missing.

``Details`` is the vendor's own text.  Where it is a JSON object its members are fields, too:
``Details.host``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hisn.events.batch import Block
from hisn.events.flatten import HoleError, flatten, scalar
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import decode_line
from hisn.events.times import parse_times

KIND = "election-device"

EVENT_FIELDS = {
    "Id": "event_id", "Type": "event_type", "Disposition": "disposition",
    "OtherDisposition": "other_disposition", "Sequence": "sequence", "TimeStamp": "timestamp",
    "Severity": "severity", "UserId": "user_id", "Description": "description", "Details": "details",
    "Hash": "hash",
}  # fmt: skip
DEVICE_FIELDS = {
    "Id": "device_id", "Type": "device_type", "OtherType": "other_type", "Manufacturer": "manufacturer",
    "Model": "model", "Version": "version",
}  # fmt: skip
LOG_FIELDS = {"ElectionId": "election_id", "GeneratedTime": "generated_time"}

_MAX_DETAILS = 65_536
_MAX_DETAIL_LAYOUTS = 256
"""Sets of details' names told apart in one stretch: names are the vendor's, or an attacker's."""


def named(names: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Cell]:
    """Return the scalars that the document gives for some of its names, under ours."""
    return {
        ours: scalar(found[theirs])
        for theirs, ours in names.items()
        if found.get(theirs) is not None and not isinstance(found[theirs], dict | list)
    }


def parse_events(
    events: Sequence[dict[str, Cell]],
    about: dict[str, Cell],
    declaration: Declaration,
    *,
    numbers: Sequence[int],
    raws: Sequence[bytes],
) -> Parsed:
    """Return the events of one device as blocks; `about` holds the fields of device and document."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[int]] = {}
    details = [_details(event.get("details", "")) for event in events]
    for at, (event, extra) in enumerate(zip(events, details, strict=True)):
        key = (tuple(event), tuple(extra))
        if key not in groups and len(groups) >= _MAX_DETAIL_LAYOUTS:
            key = (tuple(event), ())
        groups.setdefault(key, []).append(at)
    declared = Logsource(declaration.products, declaration.categories, declaration.services)
    blocks = []
    for (names, extras), ats in groups.items():
        columns: list[list[Cell]] = [[events[at][name] for at in ats] for name in names]
        columns += [[details[at][name] for at in ats] for name in extras]
        zone_s = declaration.zone_s
        blocks.append(
            Block(
                Layout(KIND, (*names, *extras), tuple(about.items()), declared, declaration.asset),
                np.array([numbers[at] for at in ats], np.int64),
                parse_times([_when(events[at]) for at in ats], zone_s),
                columns,
                [raws[at] for at in ats],
            )
        )
    return Parsed(tuple(blocks), (), len(events))


def _when(event: dict[str, Cell]) -> str | None:
    time = event.get("timestamp")
    # The specification wants a date and time in text; a number could mean anything.
    return time if isinstance(time, str) else None


def _details(text: Cell) -> dict[str, Cell]:
    """Return the members of details that are a JSON object; nothing for any other text."""
    if not isinstance(text, str) or not text.startswith("{") or len(text) > _MAX_DETAILS:
        return {}
    try:
        found = flatten(decode_line(text.encode()))
    except (ValueError, RecursionError, HoleError):
        return {}
    return {f"Details.{name}": cell for name, cell in found.items()}
