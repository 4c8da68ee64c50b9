from __future__ import annotations

from ipaddress import ip_address, ip_network

from hisn.testing.county import outside_address
from hisn.testing.dice import Dice

DOCUMENTATION = [
    ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def test_nobody_real_is_named_by_an_address() -> None:
    dice = Dice(1, "addresses")
    for _ in range(500):
        address = ip_address(outside_address(dice))
        assert any(address in network for network in DOCUMENTATION if network.version == address.version)
