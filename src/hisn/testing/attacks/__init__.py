"""Plant attacks in the county's logs: one small module per kind, each with its ground truth."""

from __future__ import annotations

from hisn.testing.attacks import (
    database_tampering,
    device_tampering,
    ems_intrusion,
    ems_tools,
    ssh_guessing,
    web_enumeration,
    web_injection,
    web_scanner,
    web_traversal,
)
from hisn.testing.stream import Attack

ALL: tuple[Attack, ...] = (
    web_injection.SLOW_INJECTION,
    web_enumeration.ENUMERATION,
    web_traversal.TRAVERSAL,
    web_traversal.WEBSHELL,
    web_scanner.SCANNER,
    ssh_guessing.GUESSING,
    *ems_intrusion.ATTACKS,
    *ems_tools.ATTACKS,
    *database_tampering.ATTACKS,
    *device_tampering.ATTACKS,
)
"""Every attack, in the order in which records of the same instant are written."""
