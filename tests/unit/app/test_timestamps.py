"""A time-stamping service is a stranger: its tokens count by roots that the reader trusts, or not at all."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.app.tsa import Authority, make_authority, serving
from tests.unit.node import hostile

from hisn.app.timestamps import ask_for_token, check_stamps, read_roots
from hisn.core.limits import MAX_TOKEN_BYTES
from hisn.errors import StorageError, UsageError

pytestmark = pytest.mark.needs("openssl")
LEAF = b"the leaf of an act"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("needs the program openssl")
    return make_authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "other", "Other time")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.token_over(LEAF)


def problem_of(token: bytes, *roots: Path, leaf: bytes = LEAF) -> str:
    (stamp,) = check_stamps({0: leaf}, {0: token}, read_roots(roots))
    assert stamp.time is None
    return stamp.problem


def test_a_token_is_asked_for_and_holds(authority: Authority) -> None:
    with serving(authority.reply) as url:
        token = ask_for_token(LEAF, url)
    (stamp,) = check_stamps({3: LEAF}, {3: token}, read_roots([authority.root]))
    assert (stamp.act, stamp.problem) == (3, "")
    assert stamp.time is not None
    assert abs(datetime.fromisoformat(stamp.time) - datetime.now(UTC)) < timedelta(minutes=5)


def test_among_several_roots_one_is_enough(authority: Authority, other: Authority, token: bytes) -> None:
    roots = read_roots([other.root, authority.root, authority.root])
    assert check_stamps({0: LEAF}, {0: token}, roots)[0].time


def test_a_root_that_is_not_the_services_proves_nothing(other: Authority, token: bytes) -> None:
    assert problem_of(token, other.root)


def test_a_token_over_another_act_does_not_hold(authority: Authority, token: bytes) -> None:
    assert "Mismatch" in problem_of(token, authority.root, leaf=LEAF + b"!")


def test_a_token_of_an_act_that_is_not_there_does_not_hold(authority: Authority, token: bytes) -> None:
    (stamp,) = check_stamps({0: LEAF}, {7: token}, read_roots([authority.root]))
    assert (stamp.act, stamp.time, stamp.problem) == (7, None, "there is no such act")


def test_a_token_over_a_weak_digest_does_not_hold(authority: Authority) -> None:
    assert problem_of(authority.token_over(LEAF, "-sha1"), authority.root)


@pytest.mark.parametrize("data", [b"", b"\x30", b"garbage", b"\x30\x84\xff\xff\xff\xff" + bytes(99)])
def test_garbage_is_no_token(authority: Authority, data: bytes) -> None:
    assert problem_of(data, authority.root)


def test_a_token_changed_anywhere_never_holds_at_another_time(authority: Authority, token: bytes) -> None:
    roots = read_roots([authority.root])
    (true,) = check_stamps({0: LEAF}, {0: token}, roots)
    for at in range(0, len(token), 7):
        forged = bytearray(token)
        forged[at] ^= 1
        (stamp,) = check_stamps({0: LEAF}, {0: bytes(forged)}, roots)
        assert stamp.time in (None, true.time), at


@given(data=st.binary(max_size=400), at=st.integers(0, 10**5))
def test_hostile_tokens_are_told_and_raise_nothing(
    authority: Authority, token: bytes, data: bytes, at: int
) -> None:
    at %= len(token)
    for hostile_token in (data, token[:at] + data + token[at + len(data) :]):
        (stamp,) = check_stamps({0: LEAF}, {0: hostile_token}, read_roots([authority.root]))
        assert stamp.time or stamp.problem


def refused(url: str, timeout_s: float = 5.0) -> str:
    with pytest.raises(StorageError) as caught:
        ask_for_token(LEAF, url, timeout_s)
    assert caught.value.code == "E5321"
    assert caught.value.unchanged == "no pack was written"
    return caught.value.message


def test_a_service_that_stamps_other_bytes_is_refused(authority: Authority) -> None:
    with serving(lambda _query: authority.token_over(b"something else")) as url:
        assert "other bytes" in refused(url)


def test_an_old_answer_is_refused(authority: Authority, token: bytes) -> None:
    """It would say that the act existed then; but nobody had asked for it then."""
    with serving(lambda _query: token) as url:
        assert "another question" in refused(url)


def test_an_answer_without_a_token_is_refused(authority: Authority) -> None:
    """The service declines: a status, and no token."""
    declined = bytes.fromhex("3005300302010 2".replace(" ", ""))
    with serving(lambda _query: declined) as url:
        assert "no token" in refused(url)


@pytest.mark.parametrize("status", [302, 403, 500])
def test_an_error_of_the_service_is_told(authority: Authority, token: bytes, status: int) -> None:
    with serving(lambda _query: token, status) as url:
        assert str(status) in refused(url) or "redirects" in refused(url)


def test_a_garbage_answer_is_told() -> None:
    with serving(lambda _query: b"<html>no such page</html>") as url:
        assert "no token" in refused(url)


def test_an_endless_answer_costs_its_cap(authority: Authority) -> None:
    with serving(lambda _query: bytes(MAX_TOKEN_BYTES + 1)) as url:
        assert str(MAX_TOKEN_BYTES) in refused(url)


@pytest.mark.parametrize(
    "behave",
    [
        hostile.silent,
        hostile.drips_head,
        hostile.drips_body,
        hostile.endless,
        hostile.garbage,
        hostile.breaks_off,
    ],
    ids=["silent", "drips-head", "drips-body", "endless", "garbage", "breaks-off"],
)
def test_a_hostile_service_costs_a_bounded_time(behave: Callable[[socket], None]) -> None:
    began = time.monotonic()
    with hostile.raw_server(behave) as url:
        refused(url, 0.5)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/tsr", "no address", "ftp://127.0.0.1/", "http://[", ""])
def test_an_address_that_leads_nowhere_is_told(url: str) -> None:
    assert refused(url)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
def test_a_root_that_is_no_certificate_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "root.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_roots([path])
    assert caught.value.code == "E1320"


def test_without_the_extra_it_is_said_which_one(
    monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    for work in (
        lambda: check_stamps({0: LEAF}, {0: b""}, ()),
        lambda: ask_for_token(LEAF, "http://127.0.0.1:9"),
    ):
        with pytest.raises(UsageError) as caught:
            work()
        assert caught.value.code == "E1321"
