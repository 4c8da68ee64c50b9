"""A whole watch over real files: three processes, one log, and the findings of guard."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.app.units import RULE, alone, free_urls, nobody, opened
from tests.unit.app.watch.world import guarded, web_log

from hisn.app.disclose import disclose
from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.app.guard import GuardRequest, guard
from hisn.app.node_status import check_node
from hisn.app.options import phases_from
from hisn.app.recheck import recheck
from hisn.app.rejudge import Outcome
from hisn.app.watch.config import parse_config, read_config
from hisn.app.watch.outbox import Told, Waiting
from hisn.app.watch.start import WatchRequest, run_watch
from hisn.app.wiring import load_rule_pack
from hisn.engine.coverage import Coverage
from hisn.errors import UsageError
from hisn.events.declare import Declarations
from hisn.findings.model import Finding
from hisn.verify.check import verify_pack
from hisn.verify.steps import Result

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
STREAMS = {"a.log": web_log(1), "b.log": web_log(2)}


class Quiet:
    def __init__(self) -> None:
        self.statuses: list[Any] = []
        self.watch: Any = None

    def opened(self, opened: Any) -> None:
        self.origin = opened.origin

    def begun(self, watch: Any) -> None:
        self.watch = watch

    def status(self, status: Any) -> None:
        self.statuses.append(status)

    def ended(self, watch: Any, coverage: Any) -> None:
        self.coverage = coverage


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        alone(folder / "home").close()
        (folder / "rule.yml").write_text(RULE)
        (folder / "watched").mkdir()
        self.told: dict[str, Finding] = {}

    def write(self, name: str, data: bytes) -> None:
        with (self.folder / "watched" / name).open("ab") as file:
            file.write(data)

    def request(self, **more: Any) -> WatchRequest:
        import msgspec

        config = msgspec.structs.replace(
            read_config([str(self.folder / "watched")]),
            rules=(str(self.folder / "rule.yml"),),
            **more.pop("config", {}),
        )

        def listen(_cycle: object, told: Any) -> None:
            for each in told:
                self.told[each.change.thread] = each.change.finding

        return WatchRequest(
            config=config, root=self.folder / "home", use_hyperscan=False, listeners=(listen,), **more
        )

    def once(self, **more: Any) -> Coverage:
        return run_watch(self.request(is_once=True, **more), Quiet(), threading.Event(), nobody)

    def read_on(self) -> None:
        """Watch until what is there was read."""
        quiet = Quiet()
        self.live(lambda: bool(quiet.statuses) and quiet.watch.figures.records > 0, quiet=quiet)

    def live(self, until: Callable[[], bool], quiet: Quiet | None = None, **more: Any) -> Quiet:
        """Watch until something is so."""
        stop, quiet = threading.Event(), quiet or Quiet()

        def wait() -> None:
            end = time.monotonic() + 60
            while not until() and time.monotonic() < end:
                time.sleep(0.02)
            stop.set()

        thread = threading.Thread(target=wait)
        thread.start()
        run_watch(self.request(config={"pause_s": 0.0}, **more), quiet, stop, nobody)
        thread.join()
        return quiet


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_once_is_guard_on_the_same_bytes(place: Place, tmp_path: Path) -> None:
    for name, data in STREAMS.items():
        place.write(name, data)
    coverage = place.once()
    assert coverage.complete
    expected = {finding.id: finding for finding in guarded(tmp_path, STREAMS)}
    assert {finding.id: finding for finding in place.told.values()} == expected
    with opened(tmp_path / "home") as node:
        assert check_node(node).is_sound
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts() == {"batch": 2, "charter": 1, "finding": len(expected)}


def test_once_again_judges_only_what_is_new(place: Place, tmp_path: Path) -> None:
    place.write("a.log", STREAMS["a.log"])
    place.once()
    place.told.clear()
    place.once()
    assert place.told == {}
    place.write("a.log", b'10.0.0.1 - - [04/Nov/2026:20:00:00 +0000] "GET /?marked HTTP/1.1" 200 1 "-" "-"\n')
    place.once()
    (finding,) = place.told.values()
    assert finding.records == (201,)


def test_what_is_written_is_told_while_it_is_watched(place: Place) -> None:
    place.write("a.log", STREAMS["a.log"])
    writer = threading.Timer(1.0, place.write, ("b.log", STREAMS["b.log"]))
    writer.start()
    quiet = place.live(lambda: any(finding.source == "b.log" for finding in place.told.values()))
    writer.join()
    assert {finding.source for finding in place.told.values()} == {"a.log", "b.log"}
    assert quiet.watch.figures.records == 400
    assert quiet.statuses[-1].records == 400
    assert quiet.origin == "vesna.example"


def test_what_is_sent_by_syslog_and_http_is_sealed_and_told(place: Place, tmp_path: Path) -> None:
    token = "a token of sixteen and more"
    (tmp_path / "token").write_text(token)
    ports = [int(url.rpartition(":")[2]) for url in free_urls(("a", "b")).values()]
    config = parse_config(
        f"""
rules = ["{tmp_path}/rule.yml"]
pause_s = 0
[[syslog]]
name = "ems"
listen = "127.0.0.1:{ports[0]}"
transport = "tcp"
[[http]]
listen = "127.0.0.1:{ports[1]}"
[http.sources]
portal = "{tmp_path}/token"
""".encode(),
        "w.toml",
    )

    def by_syslog() -> None:
        with socket.create_connection(("127.0.0.1", ports[0])) as connection:
            connection.sendall(b"<34>1 2026-11-03T18:20:00Z host app - - - one line\n" * 20)

    def by_http() -> None:
        httpx.post(
            f"http://127.0.0.1:{ports[1]}/portal",
            content=STREAMS["a.log"],
            headers={"Authorization": f"Bearer {token}", "Content-Type": "text/plain"},
        ).raise_for_status()

    def send() -> None:
        end = time.monotonic() + 60
        for way in (by_syslog, by_http):
            while time.monotonic() < end:
                try:
                    way()
                    break
                except (OSError, httpx.TransportError):
                    time.sleep(0.05)

    stop, quiet = threading.Event(), Quiet()
    sender = threading.Thread(target=send)
    sender.start()

    def wait() -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and (quiet.watch is None or quiet.watch.figures.records < 220):
            time.sleep(0.02)
        stop.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    request = WatchRequest(config=config, root=tmp_path / "home", use_hyperscan=False)
    coverage = run_watch(request, quiet, stop, nobody)
    sender.join()
    waiter.join()
    assert {source.name: source.records for source in coverage.sources} == {"ems": 20, "portal": 200}
    with opened(tmp_path / "home") as node:
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts()["finding"] > 3


def test_without_sealing_no_node_is_needed(place: Place, tmp_path: Path) -> None:
    place.write("a.log", STREAMS["a.log"])
    coverage = run_watch(
        WatchRequest(
            config=place.request(config={"seal": False}).config, root=tmp_path / "none", is_once=True
        ),
        Quiet(),
        threading.Event(),
        nobody,
    )
    assert [source.records for source in coverage.sources] == [200]
    assert not (tmp_path / "none").exists()


def test_a_sender_runs_in_a_thread_of_its_own_until_the_end(place: Place) -> None:
    class Sender:
        name, level = "ops", "low"

        def __init__(self) -> None:
            self.got: list[Told] = []

        def run(self, waiting: Waiting) -> None:
            while (told := waiting.next(None)) is not None:
                self.got.append(told)
                waiting.done(told)

    sender = Sender()
    place.write("a.log", STREAMS["a.log"])
    place.live(lambda: len(sender.got) > 2, senders=(sender,))
    assert {each.change.thread for each in sender.got} <= place.told.keys()


def test_a_finding_of_a_watch_is_packed_verified_and_rechecked(place: Place, tmp_path: Path) -> None:
    """Pieces from the middle of a log are read again behind their context."""
    iis = b"#Software: IIS\n#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip\n"
    rows = [
        b"2026-11-03 18:%02d:%02d GET /x q=%s 10.0.0.1\n"
        % (n // 60, n % 60, b"marked" if n % 3 == 0 else b"a")
        for n in range(90)
    ]
    for start in range(0, 90, 30):
        place.write("u_ex.log", (iis if not start else b"") + b"".join(rows[start : start + 30]))
        place.read_on()
    place.once()
    (finding,) = place.told.values()
    assert finding.count == 30
    with opened(tmp_path / "home") as node:
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts()["batch"] == 3
        packed = make_pack(node, PackRequest(finding=finding.id))
        report = verify_pack(packed.data, genesis=node.charter.genesis)
        assert report.result in (Result.VALID, Result.VALID_UNWITNESSED), report.steps
        disclose(node, finding.id, tmp_path / "f.evdata")
        done = recheck(node, tmp_path / "f.evdata", load_rule_pack((tmp_path / "rule.yml",), None))
        assert done.verdict.outcome == Outcome.SAME, done.verdict


def test_another_system_is_told_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError) as caught:
        place.once()
    assert caught.value.code == "E1355"


def test_surges_are_found_as_guard_finds_them(place: Place, tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.toml"
    calendar.write_text(
        'format = "hisn-calendar/1"\nelection = "Vesna"\nzone = "UTC"\n'
        '[[phase]]\nname = "voting"\nbegins = 2026-11-03T00:00:00+00:00\n'
    )
    place.write("a.log", STREAMS["a.log"])
    coverage = place.once(config={"calendar": str(calendar)})
    expected, _countries = phases_from(str(calendar), None)
    request = GuardRequest(
        (str(tmp_path / "watched"),), Declarations(), rules=(tmp_path / "rule.yml",), processes=1,
        use_hyperscan=False, calendar=expected,
    )  # fmt: skip
    result = guard(request)
    assert coverage == result.coverage
    assert {finding.id for finding in place.told.values()} == {finding.id for finding in result.findings}
