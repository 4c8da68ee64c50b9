"""Describe the invented county of Vesna: hosts, people's roles, addresses, pages.

Addresses come from the ranges kept for documentation (RFC 5737, RFC 3849) and, inside, from
10/8; names end in ``.example`` (RFC 2606).  Nobody lives here.
"""

from __future__ import annotations

from dataclasses import dataclass

from hisn.testing.dice import Dice

_OUTSIDE = ("192.0.2.", "198.51.100.", "203.0.113.")


@dataclass(frozen=True, slots=True)
class County:
    """Hold the names of one county's election systems."""

    name: str
    portal_host: str
    portal_url: str
    ems_host: str
    ems_domain: str
    database_host: str
    database_name: str
    web_server: str
    office_desks: tuple[str, ...]
    clerks: tuple[str, ...]
    devices: tuple[tuple[str, str], ...]
    """(device id, NIST SP 1500-101 device type)."""
    precincts: int


VESNA = County(
    name="Vesna",
    portal_host="portal-01",
    portal_url="https://vote.vesna.example",
    ems_host="EMS-VESNA-01.vesna.example",
    ems_domain="VESNA",
    database_host="regdb-01",
    database_name="registration",
    web_server="10.20.2.10",
    office_desks=("10.20.4.21", "10.20.4.22", "10.20.4.23", "10.20.4.24"),
    clerks=("clerk.one", "clerk.two", "clerk.three", "clerk.four"),
    devices=(
        ("TAB-001", "scan-single"),
        ("TAB-002", "scan-single"),
        ("TAB-003", "scan-single"),
        ("TAB-004", "scan-batch"),
        ("EPB-001", "electronic-poll-book"),
        ("EPB-002", "electronic-poll-book"),
    ),
    precincts=48,
)


def outside_address(dice: Dice) -> str:
    """Return an address of somebody on the Internet: six in ten IPv4, the rest IPv6.

    The last octets from 240 on are left to the attacks.
    """
    if dice.chance(0.6):
        return f"{dice.pick(_OUTSIDE)}{dice.between(1, 239)}"
    return f"2001:db8:{dice.below(65_536):x}:{dice.below(65_536):x}::{dice.between(1, 4_095):x}"
