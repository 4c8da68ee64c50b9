from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.node.samples import signer

from hisn.core.instant import Instant
from hisn.core.keys import PublicKey
from hisn.errors import InputError
from hisn.node import auth
from hisn.node.auth import Doorkeeper, RequestSigner, request_message
from hisn.testing.fake_clock import START, FakeClock

NORTH, SOUTH, EAST = "north.example", "south.example", "east.example"
PATH = "/log/ab/tile/entries/000"


class Listed:
    def __init__(self) -> None:
        self.keys = {name: signer(number).public.ed25519 for number, name in enumerate((NORTH, SOUTH), 1)}

    def request_key(self, origin: str) -> PublicKey | None:
        return self.keys.get(origin)


def make() -> tuple[RequestSigner, Doorkeeper, FakeClock]:
    clock = FakeClock()
    return RequestSigner(NORTH, signer(1).ed25519, clock), Doorkeeper(SOUTH, Listed(), clock), clock


def refusal(
    door: Doorkeeper, header: str | None, method: str = "GET", target: str = PATH, body: bytes = b""
) -> str:
    with pytest.raises(InputError) as caught:
        door.admit(header, method, target, body)
    assert caught.value.code in ("E2402", "E2403")
    return caught.value.message


def test_what_is_signed_is_written_out() -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    expected = f"hisn request/1\nPOST\n/p?q=1\n17\nsouth.example\n{digest}"
    assert request_message("POST", "/p?q=1", "17", SOUTH, b"body") == expected.encode()


def test_a_member_is_known_by_its_signature() -> None:
    north, door, _ = make()
    assert door.admit(north.header("GET", PATH, SOUTH), "GET", PATH) == NORTH
    assert door.admit(north.header("POST", PATH, SOUTH, b"body"), "POST", PATH, b"body") == NORTH


def test_a_request_is_accepted_once() -> None:
    north, door, _ = make()
    header = north.header("GET", PATH, SOUTH)
    door.admit(header, "GET", PATH)
    assert "before" in refusal(door, header)
    assert door.admit(north.header("GET", PATH, SOUTH), "GET", PATH) == NORTH


def test_a_request_for_one_node_does_not_open_another() -> None:
    north, door, _ = make()
    assert "another node" in refusal(door, north.header("GET", PATH, EAST))


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("POST", PATH, b""), ("GET", PATH + "/", b""), ("GET", PATH + "?x", b""), ("GET", PATH, b"x")],
)
def test_a_signature_is_good_for_its_request_alone(method: str, target: str, body: bytes) -> None:
    north, door, _ = make()
    assert "does not hold" in refusal(door, north.header("GET", PATH, SOUTH), method, target, body)


def test_nobody_signs_for_another_member() -> None:
    _, door, clock = make()
    thief = RequestSigner(NORTH, signer(9).ed25519, clock)
    assert "does not hold" in refusal(door, thief.header("GET", PATH, SOUTH))
    stranger = RequestSigner("stranger.example", signer(9).ed25519, clock)
    assert "not an active member" in refusal(door, stranger.header("GET", PATH, SOUTH))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_clock_that_is_off_is_refused(seconds: int) -> None:
    north, door, clock = make()
    clock.advance(600)
    header = north.header("GET", PATH, SOUTH)
    clock.advance(seconds)
    assert "present" in refusal(door, header)


@pytest.mark.parametrize("seconds", [-299, 299])
def test_a_clock_that_is_off_a_little_is_accepted(seconds: int) -> None:
    north, door, clock = make()
    clock.advance(600)
    header = north.header("GET", PATH, SOUTH)
    clock.advance(seconds)
    assert door.admit(header, "GET", PATH) == NORTH


def test_a_restart_does_not_open_the_door_to_what_was_accepted_before_it() -> None:
    north, door, clock = make()
    header = north.header("GET", PATH, SOUTH)
    door.admit(header, "GET", PATH)
    clock.advance(1)
    assert "remembers" in refusal(Doorkeeper(SOUTH, Listed(), clock), header)


def test_what_is_forgotten_stays_refused_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_REMEMBERED", 2)
    north, door, clock = make()
    first = north.header("GET", PATH, SOUTH)
    door.admit(first, "GET", PATH)
    door.admit(north.header("GET", PATH, SOUTH), "GET", PATH)
    clock.advance(1_000)
    door.admit(north.header("GET", PATH, SOUTH), "GET", PATH)
    clock.set(Instant(START))
    assert "remembers" in refusal(door, first)


def test_a_flooder_is_refused_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_REMEMBERED", 3)
    north, door, clock = make()
    own = RequestSigner(SOUTH, signer(2).ed25519, clock)
    for _ in range(3):
        door.admit(north.header("GET", PATH, SOUTH), "GET", PATH)
    assert "too often" in refusal(door, north.header("GET", PATH, SOUTH))
    assert door.admit(own.header("GET", PATH, SOUTH), "GET", PATH) == SOUTH


def test_a_signer_gives_no_time_twice_though_the_clock_stands_or_goes_back() -> None:
    north, door, clock = make()
    headers = [north.header("GET", PATH, SOUTH) for _ in range(50)]
    clock.advance(-60)
    headers += [north.header("GET", PATH, SOUTH) for _ in range(50)]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda header: door.admit(header, "GET", PATH), headers)) == {NORTH}


GOOD = 'Hisn-Sig origin="a", time="1", to="b", sig="' + "A" * 86 + '=="'


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer abc",
        GOOD + " ",
        GOOD.replace("Hisn-Sig", "hisn-sig"),
        GOOD.replace('time="1"', 'time="+1"'),
        GOOD.replace('time="1"', 'time="01"'),
        GOOD.replace('time="1"', 'time="9999999999999999999"'),
        GOOD.replace('time="1"', 'time="١"'),
        GOOD.replace("A==", "B=="),
        GOOD.replace('origin="a"', 'origin="a\nb"'),
        GOOD.replace('origin="a"', 'origin="a" origin="b"'),
    ],
)
def test_a_header_is_read_strictly(header: str | None) -> None:
    _, door, _ = make()
    with pytest.raises(InputError) as caught:
        door.admit(header, "GET", PATH)
    assert caught.value.code == "E2402"


@given(st.text(max_size=200))
def test_a_hostile_header_raises_an_input_error_and_nothing_else(text: str) -> None:
    _, door, _ = make()
    for header in (text, GOOD + text, GOOD.replace('"b"', f'"{text}"')):
        with suppress(InputError):
            door.admit(header, "GET", PATH)
