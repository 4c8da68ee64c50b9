"""Play the slow SQL injection through the application-status page.

After what was reported of the 2016 intrusion into a state's voter registration system: one
request every few minutes, for hours, through a page that everybody uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from hisn.testing.calendar import MINUTE_US
from hisn.testing.sources import portal
from hisn.testing.sources.portal import Request
from hisn.testing.stream import Attack, Record, Stage

ADDRESS = "198.51.100.247"

_PROBES = (
    "VR-1'",
    "VR-1' AND 7=7-- -",
    "VR-1' AND 7=8-- -",
    "VR-1' ORDER BY 9-- -",
    "VR-1' UNION SELECT NULL,NULL,NULL,NULL-- -",
    "VR-1' UNION ALL SELECT table_name,NULL,NULL,NULL FROM information_schema.tables-- -",
    "VR-1'/**/UNION/**/SELECT/**/column_name,2,3,4/**/FROM/**/information_schema.columns--",
    "VR-1' AND 2210=(SELECT 2210 FROM PG_SLEEP(5))-- -",
    "VR-1';SELECT PG_SLEEP(5)--",
    "VR-1' OR 'vesna'='vesna",
    "VR-1' AND ASCII(SUBSTRING((SELECT current_user),1,1))>109-- -",
    "VR-1' UNION SELECT reference,birth_year,district,status FROM voters LIMIT 50 OFFSET 100-- -",
)


def _requests(stage: Stage) -> Iterator[tuple[int, Request]]:
    dice = stage.dice
    time = stage.span.start + dice.between(5, 20) * MINUTE_US
    step = 0
    while time < stage.span.end:
        probe = _PROBES[step % len(_PROBES)]
        encode = quote if step % 3 else quote_plus
        status = 500 if step % len(_PROBES) == 0 else 200
        yield (
            time,
            Request(
                ADDRESS,
                f"/registration/status?reference={encode(probe)}&year=1970",
                status,
                dice.between(1_800, 9_000),
                agent=portal.BROWSERS[1],
            ),
        )
        step += 1
        time += dice.between(140, 420) * 1_000_000


def _play(stage: Stage) -> Iterator[Record]:
    return portal.played(_requests(stage))


SLOW_INJECTION = Attack(
    name="slow-sql-injection",
    title="Slow SQL injection through the application-status page",
    source=portal.PATH,
    expect=("web_sqli_union_select", "web_sqli_time_based", "web_sqli_boolean", "web_injection_felt"),
    play=_play,
)
