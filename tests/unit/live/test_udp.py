from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.live.listeners import NOW_US, Listening, spool_in

from hisn.live import committer, udp
from hisn.live.syslog import Listen, SyslogFeed
from hisn.live.udp import dropped_by_kernel


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Listening]:
    feed = SyslogFeed("syslog", Listen(transport="udp"), spool_in(tmp_path))
    feed.resume(None, NOW_US)
    yield Listening(feed)
    feed.close()


def send(there: Listening, *messages: bytes) -> None:
    assert isinstance(there.feed, SyslogFeed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for message in messages:
            sender.sendto(message, there.feed.address)


def test_a_datagram_is_a_record(there: Listening) -> None:
    send(there, b"<13>one", b"<13>two\n", b"", b"<13>three\n<13>forged")
    assert there.until(3) == b"<13>one\n<13>two\n<13>three#012<13>forged\n"


def test_the_largest_datagram(there: Listening) -> None:
    message = b"<13>" + b"x" * 65_000
    send(there, message)
    assert there.until(1) == message + b"\n"


def test_what_the_kernel_drops_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "_RECEIVE_BUFFER", 4_096)
    monkeypatch.setattr(udp.UdpReceiver, "start", lambda self: None)
    feed = SyslogFeed("syslog", Listen(transport="udp"), spool_in(tmp_path))
    feed.resume(None, NOW_US)
    there = Listening(feed)
    send(there, *[b"<13>message %d" % number for number in range(500)])
    assert feed._receiver._socket is not None
    dropped = dropped_by_kernel(feed._receiver._socket)
    assert 0 < dropped < 500
    assert there.until_said("dropped").count == dropped
    monkeypatch.undo()
    feed._receiver.start()
    kept = there.until(500 - dropped).count(b"\n")
    send(there, b"<13>one more")
    there.until(kept + 1)
    # The kernel's two ways of telling agree, and nothing is counted twice.
    assert sum(note.count for note in there.notes if note.kind == "dropped") == dropped
    assert feed._receiver._dropped_by_kernel == dropped  # type: ignore[union-attr]
    feed.close()


def test_what_we_drop_is_counted(there: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "MAX_OFFERED_BYTES", 0)
    send(there, b"<13>one", b"<13>two")
    counted = there.until_said("dropped").count
    while counted < 2:
        there.poll()
        counted = sum(note.count for note in there.notes if note.kind == "dropped")
    assert counted == 2


def test_a_socket_that_the_kernel_does_not_know_has_dropped_nothing() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        assert dropped_by_kernel(other) == 0
