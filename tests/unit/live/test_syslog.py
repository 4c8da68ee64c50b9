from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.live.listeners import (
    NOW_US,
    Certificates,
    Listening,
    connect,
    make_certificates,
    spool_in,
)

from hisn.errors import StorageError
from hisn.live import committer, syslog
from hisn.live import spool as spool_module
from hisn.live.listening import Tls
from hisn.live.syslog import Listen, SyslogFeed


def listening(folder: Path, listen: Listen, max_bytes: int = 1 << 24) -> Iterator[Listening]:
    feed = SyslogFeed("syslog", listen, spool_in(folder, max_bytes))
    feed.resume(None, NOW_US)
    yield Listening(feed)
    feed.close()


@pytest.fixture
def tcp(tmp_path: Path) -> Iterator[Listening]:
    yield from listening(tmp_path, Listen(transport="tcp"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def address(there: Listening) -> tuple[str, int]:
    assert isinstance(there.feed, SyslogFeed)
    return there.feed.address


def test_messages_of_both_framings(tcp: Listening) -> None:
    with connect(address(tcp)) as one, connect(address(tcp)) as two:
        one.sendall(b"<13>by line\n")
        two.sendall(b"13 <13>by octets")
        assert sorted(tcp.until(2).splitlines()) == [b"<13>by line", b"<13>by octets"]


def test_many_messages_come_once_and_in_order(tcp: Listening) -> None:
    lines = b"".join(b"<13>message %d\n" % number for number in range(20_000))
    with connect(address(tcp)) as sender:
        sender.sendall(lines)
    assert tcp.until(20_000) == lines


def test_a_connection_that_ends_within_a_message(tcp: Listening) -> None:
    with connect(address(tcp)) as sender:
        sender.sendall(b"<13>one\n<13>tw")
    assert tcp.until(2) == b"<13>one\n<13>tw\n"
    assert tcp.until_said("cut").count == 1


def test_a_sender_who_miscounts_loses_the_connection(tcp: Listening) -> None:
    with connect(address(tcp)) as sender:
        sender.sendall(b"7 <13>one<13>two is not counted\n")
        assert sender.recv(1) == b""
    assert tcp.until(2).startswith(b"<13>one\n")
    assert "wrongly" in tcp.until_said("cut").reason


def test_what_was_taken_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SyslogFeed("syslog", Listen(transport="tcp"), spool_in(tmp_path))
    first.resume(None, NOW_US)
    with connect(first.address) as sender:
        sender.sendall(b"<13>one\n")
        while not first.poll(1000, NOW_US):
            time.sleep(0.01)
        position = first.position()
        sender.sendall(b"<13>two\n")
        while not first.poll(1000, NOW_US):
            time.sleep(0.01)
    first.close()
    second = SyslogFeed("syslog", Listen(transport="tcp"), spool_in(tmp_path))
    second.resume(position, NOW_US)
    assert Listening(second).until(1) == b"<13>two\n"
    second.close()


def test_a_full_spool_makes_the_sender_wait_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "SEGMENT_BYTES", 100_000)
    monkeypatch.setattr(committer, "_AGAIN_S", 0.01)
    running = listening(tmp_path, Listen(transport="tcp"), max_bytes=600_000)
    there = next(running)
    data = (b"<13>" + b"x" * 995 + b"\n") * 20_000
    with connect(address(there)) as sender:
        sender.settimeout(0.5)
        rest = memoryview(data)
        with suppress(TimeoutError):
            while rest:
                rest = rest[sender.send(rest) :]
        assert rest
        sender.settimeout(0.01)
        while len(there.data) < len(data):
            with suppress(TimeoutError):
                rest = rest[sender.send(rest) :]
            there.poll()
            there.feed.committed(there.feed.position())
    assert there.data == data
    assert there.until_said("waiting").reason
    assert list(running) == []


def test_too_many_connections_are_refused(tmp_path: Path) -> None:
    there = listening(tmp_path, Listen(transport="tcp", max_connections=4))
    feed = next(there)
    held = [connect(address(feed)) for _ in range(2)]
    for each in held:
        each.sendall(b"<13>x\n")
    feed.until(2)
    with connect(address(feed)) as third:
        assert third.recv(1) == b""
    assert feed.until_said("refused").unit == "connections"
    for each in held:
        each.close()
    # A place that was left is free again.
    for _ in range(200):
        with connect(address(feed)) as another:
            another.sendall(b"<13>y\n")
            another.settimeout(0.2)
            try:
                if another.recv(1) == b"":
                    continue
            except TimeoutError:
                break
    assert b"<13>y\n" in feed.until(3)
    assert list(there) == []


def test_a_message_that_never_ends_loses_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog, "MESSAGE_S", 0.2)
    there = listening(tmp_path, Listen(transport="tcp"))
    feed = next(there)
    with connect(address(feed)) as slow, connect(address(feed)) as quiet:
        quiet.sendall(b"<13>one\n")
        feed.until(1)
        slow.sendall(b"<13>slow")
        for _ in range(10):
            slow.settimeout(0.1)
            try:
                assert slow.recv(1) == b""
                break
            except TimeoutError:
                slow.sendall(b".")
        else:
            raise AssertionError("it still has its place")
        quiet.sendall(b"<13>two\n")
        assert b"<13>two\n" in feed.until(3)
    assert list(there) == []


def test_over_tls(tmp_path: Path, certificates: Certificates) -> None:
    tls = Tls(certificate=certificates.certificate("localhost"), key=certificates.key("localhost"))
    there = listening(tmp_path, Listen(transport="tls", tls=tls))
    feed = next(there)
    with certificates.client().wrap_socket(connect(address(feed)), server_hostname="localhost") as sender:
        sender.sendall(b"13 <13>hello tls")
        assert feed.until(1) == b"<13>hello tls\n"
    with connect(address(feed)) as plain:
        plain.sendall(b"<13>not secured\n" * 10)
        assert plain.recv(1_000)[:1] in (b"", b"\x15")
    assert "secure" in feed.until_said("refused").reason
    assert list(there) == []


def send_and_wait(context: ssl.SSLContext, there: tuple[str, int]) -> None:
    """Send; with TLS 1.3, a sender learns only when reading that he was refused."""
    with context.wrap_socket(connect(there), server_hostname="localhost") as stranger:
        stranger.sendall(b"<13>stranger\n")
        if not stranger.recv(1):
            raise ConnectionError


def test_only_known_senders(tmp_path: Path, certificates: Certificates) -> None:
    tls = Tls(
        certificate=certificates.certificate("localhost"),
        key=certificates.key("localhost"),
        client_ca=certificates.authority,
        client_names=frozenset({"sender.example"}),
    )
    there = listening(tmp_path, Listen(transport="tls", tls=tls))
    feed = next(there)
    for name in (None, "localhost"):
        context = certificates.client(name)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            send_and_wait(context, address(feed))
    with certificates.client("sender.example").wrap_socket(
        connect(address(feed)), server_hostname="localhost"
    ) as sender:
        sender.sendall(b"<13>known\n")
        assert feed.until(1) == b"<13>known\n"
    assert list(there) == []


def test_a_certificate_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="certificate"):
        SyslogFeed(
            "syslog",
            Listen(transport="tls", tls=Tls(certificate="/no/such", key="/no/such")),
            spool_in(tmp_path),
        )


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        feed = SyslogFeed("syslog", Listen(transport="tcp", port=port), spool_in(tmp_path))
        with pytest.raises(StorageError, match=f"port {port}"):
            feed.resume(None, NOW_US)
