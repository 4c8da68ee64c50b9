from __future__ import annotations

import ipaddress
import itertools
from collections import Counter

from hisn.testing.attacks.web_floods import COUNTRIES, HOME, WAVES, georgia, knox_county, moldova, networks
from hisn.testing.calendar import EVENING, MINUTE_US, VESNA_2026, Span, local
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.stream import Attack, Record, Stage


def played(attack: Attack, span: Span = EVENING) -> list[Record]:
    return list(attack.planted(Stage(VESNA, VESNA_2026, span, Dice(1, attack.name))))


def addresses(records: list[Record]) -> list[str]:
    return [record.text.partition(" ")[0] for record in records]


def minutes(records: list[Record]) -> int:
    return (records[-1].time - records[0].time) // MINUTE_US


def test_knox_county_is_flooded_from_65_countries_as_the_polls_close() -> None:
    records = played(knox_county(6_000))
    assert abs(records[0].time - local("2026-11-03 20:00")) <= 3 * MINUTE_US
    assert minutes(records) == 59
    table = {ipaddress.ip_network(network): code for network, code in networks().items()}
    seen = {
        code
        for address in set(addresses(records))
        for network, code in table.items()
        if ipaddress.ip_address(address) in network
    }
    assert seen == set(COUNTRIES)
    assert len(COUNTRIES) == 65
    assert HOME not in COUNTRIES
    tries = [record for record in records if "POST /cms/" in record.text]
    assert 5 <= len(tries) <= 8


def test_georgia_is_asked_by_a_great_many_addresses_and_challenges_them() -> None:
    records = played(georgia(5_000), Span(local("2026-10-21 06:00"), local("2026-10-21 20:00")))
    assert len(set(addresses(records))) > 4_500
    assert all("/absentee/status" in record.text for record in records)
    late = Counter(record.text.split('" ')[1][:3] for record in records[1_000:])
    assert late["403"] > 0.8 * late.total()


def test_moldova_has_eleven_waves_that_look_like_people() -> None:
    records = played(moldova(20_000))
    gaps = [
        (one.time, other.time)
        for one, other in itertools.pairwise(records)
        if other.time - one.time > 20 * MINUTE_US
    ]
    assert len(gaps) == WAVES - 1
    assert 11 * 60 < minutes(records) < 12 * 60
    assert sum("/static/" in record.text for record in records) > len(records) // 4
    assert sum('"-"' in record.text for record in records) == 0
