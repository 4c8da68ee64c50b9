"""Read what Sysmon for Linux writes into syslog: one event as XML in the message.

Sigma's rules for Linux processes, files and connections are about these events, under the names
of the event's own ``Data`` elements (``Image``, ``CommandLine``).  The XML is flat and its texts
are escaped, so that two linear expressions read it; no XML parser sees what an attacker sends.
"""

from __future__ import annotations

import re
from html import unescape

from hisn.core import limits

PROGRAM_CLASS = "sysmon"

_EVENT_ID = re.compile(r"<EventID>(\d{1,5})</EventID>")
_SYSTEM = re.compile(r'<(Computer|EventRecordID|Level|Channel)>([^<]*)</|<TimeCreated SystemTime="([^"]*)"')
_DATA = re.compile(r'<Data Name="([\w.-]{1,64})">([^<]*)</Data>')
_MAX_MESSAGE = 262_144


def read_event(message: str) -> tuple[str, dict[str, str]] | None:
    """Return the event's id and its fields, ``SystemTime`` among them; None if it is no event."""
    if not message.startswith("<Event>") or len(message) > _MAX_MESSAGE:
        return None
    system, _, data = message.partition("<EventData>")
    event_id = _EVENT_ID.search(system)
    if event_id is None:
        return None
    found: dict[str, str] = {}
    for name, text, time in _SYSTEM.findall(system):
        found[name or "SystemTime"] = text or time
    for name, text in _DATA.findall(data):
        if len(found) == limits.MAX_FIELDS:
            break
        found.setdefault(name, unescape(text) if "&" in text else text)
    return event_id[1], found
