"""What the tap says of a minute is what a plain count says, however the log was cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.elections.mmdb import write_countries
from tests.unit.elections.web_lines import Asked, chunk_of, lines_of

from hisn.core.instant import Instant
from hisn.elections import sketch
from hisn.elections.countries import Countries
from hisn.elections.minutes import GRADES, Cell, Minute, MinuteNote, agent_bucket, join, unpack
from hisn.elections.templates import ASSETS, NOT_FOUND
from hisn.elections.web_tap import WebTap, network_of
from hisn.events.batch import Block, Chunk
from hisn.events.mapping import load_mapping
from hisn.events.schema import Layout
from hisn.testing.sources.portal import Request

MAPPING = load_mapping()
START = 1_793_000_040  # twenty seconds before a full minute

ADDRESSES = ("192.0.2.1", "192.0.2.9", "198.51.100.7", "2001:db8::1", "2001:db8:0:9::1", "a-host")
REQUESTS = st.builds(
    Request,
    address=st.sampled_from(ADDRESSES),
    target=st.sampled_from(("/", "/precinct/1", "/precinct/22?x=1", "/a.css", "/form", "*")),
    status=st.sampled_from((200, 304, 403, 404, 429, 500, 503)),
    method=st.sampled_from(("GET", "HEAD", "POST")),
    referer=st.sampled_from(("-", "https://vote.vesna.example/")),
    agent=st.sampled_from(("curl/8", "-", "Mozilla/5.0")),
)
LOGS = st.lists(st.builds(Asked, st.integers(0, 200), REQUESTS), min_size=1, max_size=40)

_NAMES = {
    "/precinct/1": "/precinct/#",
    "/precinct/22?x=1": "/precinct/#",
    "/a.css": ASSETS,
    "*": "(malformed)",
}


def name_of(request: Request) -> str:
    if request.status == 404:
        return NOT_FOUND
    name = _NAMES.get(request.target, request.target)
    return f"POST {name}" if request.method == "POST" and name.startswith("/") else name


def plain_cell(rows: list[tuple[int, Asked]], digests: int) -> Cell:
    requests = [asked.request for _, asked in rows]
    return Cell(
        requests=len(requests),
        errors=sum(request.status >= 500 for request in requests),
        refused=sum(request.status in (403, 429) for request in requests),
        referred=sum(request.referer != "-" for request in requests),
        addresses=sketch.packed((sketch.digest64(request.address) for request in requests), digests),
        records=sorted(number for number, _ in rows)[: GRADES[0].records],
    )


def plain_count(log: list[Asked]) -> dict[int, Minute]:
    """Count as the documents say, one request after the other."""
    by_minute = defaultdict(list)
    for number, asked in enumerate(log, 1):
        by_minute[(START + asked.second) // 60].append((number, asked))
    found = {}
    for minute, rows in by_minute.items():
        times = [(START + asked.second) * 1_000_000 for _, asked in rows]
        by_name = defaultdict(list)
        for row in rows:
            by_name[name_of(row[1].request)].append(row)
        found[minute] = Minute(
            first=min(times),
            last=max(times),
            whole=plain_cell(rows, GRADES[0].digests),
            assets=len(by_name[ASSETS]) if ASSETS in by_name else 0,
            networks=sketch.packed(
                (sketch.digest64(network_of(asked.request.address)) for _, asked in rows), GRADES[0].digests
            ),
            agents=sorted(Counter(agent_bucket(a.request.agent.strip("-")) for _, a in rows).items()),
            endpoints=sorted(
                (name, plain_cell(part, GRADES[0].endpoint_digests)) for name, part in by_name.items() if part
            ),
        )
    return found


def together(notes: list[MinuteNote]) -> dict[int, Minute]:
    parts = defaultdict(list)
    for note in notes:
        parts[note.minute].append(unpack(note.data))
    return {at: reduce(lambda one, other: join(one, other, GRADES[0]), part) for at, part in parts.items()}


@given(LOGS, st.integers(1, 40), st.booleans())
def test_the_tap_counts_what_is_there_however_the_log_is_cut(
    log: list[Asked], size: int, at_once: bool
) -> None:
    lines = lines_of(log, START)
    chunks = [chunk_of(lines[at : at + size], at + 1) for at in range(0, len(lines), size)]
    tap = WebTap(MAPPING, 0)
    notes = list(tap(chunks)) if at_once else [note for chunk in chunks[::-1] for note in tap([chunk])]
    assert together(notes) == plain_count(log)


def ask(second: int = 0, **more: object) -> Asked:
    return Asked(second, Request(**{"address": "192.0.2.1", "target": "/", **more}))  # type: ignore[arg-type]


def notes_of(*asked: Asked, begins: int = 0, **more: object) -> tuple[MinuteNote, ...]:
    return WebTap(MAPPING, begins, **more)([chunk_of(lines_of(list(asked), START))])  # type: ignore[arg-type]


def test_requests_before_the_calendar_are_left_out() -> None:
    begins = (START + 30) * 1_000_000
    (note,) = notes_of(ask(0), ask(40), begins=begins)
    assert unpack(note.data).whole.records == [2]
    assert notes_of(ask(0), begins=begins) == ()


def test_the_operators_window_holds_here_too() -> None:
    limit = (START + 100) * 1_000_000
    (note,) = notes_of(ask(0), ask(100), keep=lambda times: times < limit)
    assert unpack(note.data).whole.records == [1]
    (whole, _) = notes_of(ask(0), ask(100), keep=lambda _times: None)
    assert unpack(whole.data).whole.requests == 1


def test_countries_are_counted_where_a_database_is_given(tmp_path: object) -> None:
    countries = Countries(write_countries(tmp_path / "c.mmdb", {"192.0.2.0/24": "HR"}))  # type: ignore[operator]
    asked = [ask(), ask(), ask(address="203.0.113.1")]
    (note,) = notes_of(*asked, countries=countries)
    assert unpack(note.data).countries == [("", 1), ("HR", 2)]


def test_sites_are_told_apart_by_source_and_asset() -> None:
    lines = lines_of([ask()], START)
    tap = WebTap(MAPPING, 0)
    notes = tap(
        [chunk_of(lines, source="b"), chunk_of(lines, source="a", asset="x"), chunk_of(lines, source="a")]
    )
    assert [(note.source, note.asset) for note in notes] == [("a", ""), ("a", "x"), ("b", "")]


def test_virtual_hosts_of_one_log_are_sites_of_their_own() -> None:
    lines = [
        host + line for host in (b"one.example ", b"two.example:443 ") for line in lines_of([ask()], START)
    ]
    notes = WebTap(MAPPING, 0)([chunk_of(lines)])
    assert [note.asset for note in notes] == ["one.example", "two.example"]


def _block(kind: str, **columns: Sequence[Any]) -> Block:
    times = np.array([START * 1_000_000])
    return Block(Layout(kind, tuple(columns)), np.array([1]), times, tuple(columns.values()), [b""])


@pytest.mark.parametrize(
    "block",
    [
        _block("windows", **{"c-ip": ["192.0.2.1"], "cs-uri-stem": ["/"]}),
        _block("w3c", **{"cs-method": ["GET"], "cs-uri-stem": ["/"]}),
        _block("w3c", **{"cs-method": ["GET"], "c-ip": ["192.0.2.1"]}),
    ],
)
def test_what_is_no_web_request_or_says_too_little_is_left_alone(block: Block) -> None:
    assert WebTap(MAPPING, 0)([Chunk("s", "x", (block,))]) == ()


def test_a_layout_without_agent_and_referrer_is_counted() -> None:
    block = _block(
        "w3c", **{"cs-method": ["GET"], "cs-uri-stem": ["/a"], "c-ip": ["192.0.2.1"], "sc-status": (503,)}
    )
    (note,) = WebTap(MAPPING, 0)([Chunk("s", "x", (block,))])
    minute = unpack(note.data)
    assert (minute.whole.errors, minute.whole.referred, minute.endpoints[0][0]) == (1, 0, "/a")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [ask(n, address=f"192.0.2.{n}", target=f"/{'abc'[n % 3]}", agent=f"a{n}") for n in range(20)]
    before = notes_of(*asked)
    monkeypatch.setattr("hisn.elections.web_tap._MAX_KNOWN", 2)
    assert notes_of(*asked) == before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("::ffff:192.0.2.1", "192.0.2.7", True),
        ("2001:db8:1::1", "2001:db8:1:ffff::9%eth0", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("host-a", "host-b", False),
    ],
)
def test_networks_are_24_and_48_bits(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_times_before_1970_do_no_harm() -> None:
    block = Block(
        Layout("w3c", ("cs-method", "c-ip", "cs-uri-stem")),
        np.array([1]), np.array([Instant(-90_000_000)]), (["GET"], ["192.0.2.1"], ["/"]), [b""],
    )  # fmt: skip
    (note,) = WebTap(MAPPING, -(10**12))([Chunk("s", "x", (block,))])
    assert note.minute == -2
