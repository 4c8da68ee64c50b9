"""Attack the feeds of a watch: flood them, hold them up, forge records, lead them to other files."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from tests.unit.live.listeners import NOW_US, Listening, connect, spool_in
from tests.unit.live.logs import Log, Watcher

from hisn.core.limits import MiB
from hisn.live import handles, lineage
from hisn.live.folder import FolderFeed
from hisn.live.http_lines import Door, HttpFeed
from hisn.live.syslog import Listen, SyslogFeed
from hisn.node import serve

TOKEN = "a token of more than 16 characters"


@contextmanager
def syslog(folder: Path, transport: str = "tcp", spool_bytes: int = 64 * MiB) -> Iterator[Listening]:
    feed = SyslogFeed("syslog", Listen(transport=transport), spool_in(folder, spool_bytes))
    feed.resume(None, NOW_US)
    try:
        yield Listening(feed)
    finally:
        feed.close()


def address(there: Listening) -> tuple[str, int]:
    assert isinstance(there.feed, SyslogFeed)
    return there.feed.address


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def test_flooding_over_tcp_costs_disk_and_no_memory_and_loses_nothing(tmp_path: Path) -> None:
    line = b"<13>" + b"x" * 1_019 + b"\n"
    count = 120 * MiB // len(line)
    with syslog(tmp_path) as there:
        before, most = resident_bytes(), 0

        def flood() -> None:
            with connect(address(there)) as sender:
                sender.settimeout(120)
                for _ in range(count // 1_024):
                    sender.sendall(line * 1_024)

        thread = threading.Thread(target=flood)
        thread.start()
        # Nobody takes anything: the spool fills, and then the flood has to wait.
        there.feed.notes(NOW_US)
        deadline = time.monotonic() + 60
        while not any(note.kind == "waiting" for note in there.feed.notes(NOW_US)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert thread.is_alive()
        taken = 0
        while taken < count:
            for piece in there.feed.poll(4 * MiB, NOW_US):
                taken += piece.data.count(line)
            there.feed.committed(there.feed.position())
            most = max(most, resident_bytes())
        thread.join()
    assert taken == count
    assert most - before < 150 * MiB


def test_flooding_over_udp_counts_every_message_that_was_lost(tmp_path: Path) -> None:
    sent = 60_000
    with syslog(tmp_path, "udp") as there, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(sent):
            sender.sendto(b"<13>flood %d " % number + b"x" * 300, address(there))
        kept, quiet_since = 0, time.monotonic()
        while time.monotonic() < quiet_since + 1:
            if got := there.poll().count(b"\n"):
                kept, quiet_since = kept + got, time.monotonic()
            there.feed.committed(there.feed.position())
            time.sleep(0.01)
        lost = sum(note.count for note in there.notes if note.kind == "dropped")
    assert kept + lost == sent


def test_flooding_with_connections_keeps_no_sender_of_another_address_out(tmp_path: Path) -> None:
    with syslog(tmp_path) as there:
        held = []
        for _ in range(200):
            with suppress(OSError):
                held.append(connect(address(there)))
                held[-1].sendall(b"<13>never ended")
        honest = socket.create_connection(address(there), timeout=20, source_address=("127.0.0.2", 0))
        with honest:
            honest.sendall(b"<13>honest\n")
            assert b"<13>honest\n" in there.until(1)
        assert there.until_said("refused").count
        for each in held:
            each.close()


def test_no_record_is_forged_within_a_message(tmp_path: Path) -> None:
    forged = b"<38>sshd[1]: Accepted password for root from 192.0.2.1"
    message = b"<13>portal: search for \n" + forged
    with syslog(tmp_path) as there, connect(address(there)) as sender:
        sender.sendall(b"%d %s" % (len(message), message))
        assert there.until(1).count(b"\n") == 1
    with syslog(tmp_path / "udp", "udp") as there, socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(message, address(there))
        assert there.until(1).count(b"\n") == 1


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[HttpFeed, httpx.Client]]:
    door = Door(lambda app: serve.NodeServer(app, serve.Listen()))
    feed = HttpFeed("web", TOKEN, spool_in(tmp_path, 256 * MiB), door)
    feed.resume(None, NOW_US)
    with httpx.Client(base_url=door.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        yield feed, client
    feed.close()


def test_compression_bombs_cost_no_memory(web: tuple[HttpFeed, httpx.Client]) -> None:
    feed, client = web
    bomb = gzip.compress(bytes(1 << 20)) * 500
    before, most = resident_bytes(), 0
    answers: list[int] = []

    def send() -> None:
        answer = client.post("/web", content=bomb, headers={"Content-Encoding": "gzip"})
        answers.append(answer.status_code)

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, resident_bytes())
        time.sleep(0.01)
    assert answers == [413] * 12
    assert feed.poll(MiB, NOW_US) == []
    assert most - before < 150 * MiB


def test_slow_bodies_of_one_source_hold_up_no_other(tmp_path: Path) -> None:
    door = Door(lambda app: serve.NodeServer(app, serve.Listen()))
    slow = HttpFeed("slow", TOKEN, spool_in(tmp_path / "a", 256 * MiB), door)
    quick = HttpFeed("quick", TOKEN, spool_in(tmp_path / "b", 256 * MiB), door)
    for feed in (slow, quick):
        feed.resume(None, NOW_US)
    host, port = door.url.removeprefix("http://").split(":")
    head = f"POST /slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\nx"
    held = [connect((host, int(port))) for _ in range(20)]
    for each in held:
        each.sendall(head.encode())
    time.sleep(0.3)
    answer = httpx.post(
        f"{door.url}/quick", content=b"1\n", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
    )
    assert answer.status_code == 200
    for each in held:
        each.close()
    slow.close()
    quick.close()


@pytest.mark.parametrize("moment", ["before we look", "between looking and opening"])
def test_a_log_that_becomes_a_link_leads_us_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    folder, secret = tmp_path / "logs", tmp_path / "shadow"
    folder.mkdir()
    secret.write_bytes(b"root:$6$secret\n")
    log = Log(folder / "app.log")
    log.write(b"one\n")
    watcher = Watcher(lambda: FolderFeed("logs", str(folder)))
    watcher.poll()

    def swap() -> None:
        log.path.unlink(missing_ok=True)
        log.path.symlink_to(secret)

    if moment == "before we look":
        swap()
    else:
        log.path.unlink()
        log.write(b"two\n")
        real = handles.open_file

        def slow(path: str) -> tuple[int, os.stat_result]:
            swap()
            return real(path)

        monkeypatch.setattr(lineage, "open_file", slow)
    for _ in range(3):
        watcher.poll()
    assert b"secret" not in watcher.data()
    watcher.feed.close()
