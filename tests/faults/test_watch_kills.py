"""``hisn watch`` is killed at random moments under load, and loses nothing and seals nothing twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from tests.unit.app.units import RULE, alone, free_urls, opened
from tests.unit.app.watch.world import evening_log, final_findings

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Statement, parse_statement
from hisn.app.node_status import check_node
from hisn.app.places import blob_name
from hisn.evidence.disclosure import Value
from hisn.evidence.sealed_map import parse_map
from hisn.testing.dice import Dice

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes of a POSIX system")
PATIENCE_S = 120
LINES = 6_000


class Place:
    """Hold a node, and logs that grow until they are whole."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        alone(self.home).close()
        (folder / "rule.yml").write_text(RULE)
        self.config = folder / "watch.toml"
        self.config.write_text(
            f'rules = ["{folder}/rule.yml"]\n[cycle]\nseconds = 0.02\nsnapshot = 20\n'
            f'[[follow]]\npath = "{self.logs}"\n'
        )
        self.streams = {"a.log": evening_log(11, LINES), "b.log": evening_log(12, LINES // 2)}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hisn", "watch", str(self.config), "--no-hyperscan", "-q", *words]
        environment = os.environ | {"HISN_HOME": str(self.home)}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)

    def sealed(self) -> int:
        """Return how many cycles are sealed."""
        database = sqlite3.connect(f"file:{self.home}/state/commit.db?mode=ro", uri=True)
        row = database.execute("SELECT value FROM register WHERE name = 'watch/watch'").fetchone()
        database.close()
        return int(json.loads(row[0])["sealed"][0]) if row else 0

    def finish(self) -> None:
        out = self.home.with_name("out.jsonl")
        with self.start("--once", "--jsonl", str(out)) as process:
            status = process.wait(PATIENCE_S)
            said = process.stderr.read() if process.stderr else b""
        coverage = json.loads(out.read_bytes().splitlines()[-1])
        assert (status, said, coverage["incomplete_reasons"]) == (0, b"", []), coverage["sources"]

    def acts(self) -> list[tuple[Statement, dict[str, Value]]]:
        with opened(self.home) as node:
            assert check_node(node).is_sound
            assert node.log.refusal is None
            found = []
            for leaf in node.log.entries(0, node.log.head().checkpoint.size):
                act = parse_statement(parse_envelope(leaf).payload)
                body = node.blobs.get(blob_name(act.body.sha256)) if act.body else None
                sealed = act.body is not None and act.body.name == "sealed"
                found.append((act, dict(parse_map(body)[1].values) if body and sealed else {}))
            return found


def write_all(place: Place, dice: Dice, pause_s: float) -> None:
    """Write the logs as servers do; rotate one of them on the way."""
    rest = {name: data.splitlines(keepends=True) for name, data in place.streams.items()}
    half = len(rest["a.log"]) // 2
    is_rotated = False
    while any(rest.values()):
        name = dice.pick(tuple(name for name in rest if rest[name]))
        count = 1 + dice.below(60)
        with (place.logs / name).open("ab") as file:
            file.write(b"".join(rest[name][:count]))
        del rest[name][:count]
        if not is_rotated and len(rest["a.log"]) < half:
            (place.logs / "a.log").rename(place.logs / "a.log.1")
            is_rotated = True
        time.sleep(pause_s)


def check_sealed_once(place: Place, acts: list[tuple[Statement, dict[str, Value]]]) -> None:
    """Walk the log: every record is in exactly one batch, at its place in the stream."""
    ranges: dict[str, list[tuple[int, int, int]]] = {}
    for act, body in acts:
        if act.kind == "batch":
            row = act.public["part"], body["first_record"], body["last_record"]
            ranges.setdefault(str(body["source"]), []).append(row)  # type: ignore[arg-type] # all are numbers
    for name, data in place.streams.items():
        lines = data.splitlines(keepends=True)
        offsets = [0]
        for line in lines:
            offsets.append(offsets[-1] + len(line))
        record = 1
        for part, first, last in sorted(ranges[name]):
            assert (part, first) == (offsets[record - 1], record), f"{name}: lost or doubled at {record}"
            record = last + 1
        assert record == len(lines) + 1, f"{name}: the end is missing"


def kill_again_and_again(place: Place, kills: int) -> None:
    """Kill the watch so often while it works, then let it finish."""
    dice = Dice(kills, "kills")
    writer = threading.Thread(target=write_all, args=(place, Dice(1, "writer"), 0.05 * kills / 10))
    writer.start()
    for number in range(kills):
        before = place.sealed()
        process = place.start()
        # Most die while they work; some while they begin, or play again what the last one did.
        end = time.monotonic() + (20 if number % 5 else 0.5 + dice.random())
        while place.sealed() == before and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.7 * dice.random())
        if dice.random() < 0.7:
            os.killpg(process.pid, signal.SIGKILL)  # all its processes at once, as loss of power does
        else:
            process.kill()  # the others see that it is gone, and end
        process.wait(PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()
    writer.join()
    place.finish()


TOKEN = "a token of sixteen and more"


def send_all(port: int, data: bytes, patience_s: float) -> None:
    """Post a stream in bodies, each of them again until it was taken, as a careful sender does."""
    rows = data.splitlines(keepends=True)
    end = time.monotonic() + patience_s
    with httpx.Client(timeout=5.0) as client:
        for start in range(0, len(rows), 100):
            while True:
                headers = {
                    "Authorization": f"Bearer {TOKEN}",
                    "Content-Type": "text/plain",
                    "Idempotency-Key": f"body-{start}",
                }
                try:
                    answer = client.post(
                        f"http://127.0.0.1:{port}/portal",
                        content=b"".join(rows[start : start + 100]),
                        headers=headers,
                    )
                except httpx.TransportError:
                    assert time.monotonic() < end
                    time.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    break
                time.sleep(0.05)
            time.sleep(0.1)


def test_what_was_acknowledged_by_http_is_sealed_once_however_often_it_is_killed(tmp_path: Path) -> None:
    place = Place(tmp_path / "killed")
    port = int(free_urls(("a",))["a"].rpartition(":")[2])
    (tmp_path / "token").write_text(TOKEN)
    place.streams = {"portal": evening_log(13, 6_000)}
    listening = f'[[http]]\nlisten = "127.0.0.1:{port}"\n[http.sources]\nportal = "{tmp_path}/token"\n'
    rest = place.config.read_text().split("[[follow]]")[0]
    place.config.write_text(rest + listening)
    sender = threading.Thread(target=send_all, args=(port, place.streams["portal"], 120.0))
    sender.start()
    dice = Dice(1, "http")
    for _ in range(5):
        before = place.sealed()
        process = place.start()
        end = time.monotonic() + 20
        while place.sealed() == before and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.5 * dice.random())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()
    with place.start() as process:
        sender.join()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    place.finish()
    acts = place.acts()
    check_sealed_once(place, acts)
    expected = Place(tmp_path / "undisturbed")
    expected.streams = place.streams
    (expected.logs / "portal").write_bytes(place.streams["portal"])
    expected.finish()
    assert final_findings(acts) == final_findings(expected.acts())


def undisturbed(folder: Path) -> Place:
    place = Place(folder)
    for name, data in place.streams.items():
        (place.logs / name).write_bytes(data)
    place.finish()
    return place


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.full)])
def test_killed_at_random_moments_it_is_as_if_nothing_had_happened(tmp_path: Path, kills: int) -> None:
    place = Place(tmp_path / "killed")
    kill_again_and_again(place, kills)
    acts = place.acts()
    check_sealed_once(place, acts)
    expected = undisturbed(tmp_path / "undisturbed").acts()
    assert final_findings(acts) == final_findings(expected)
    assert sum(act.kind == "batch" for act, _body in acts) > 10
    assert sum(act.kind == "finding" for act, _body in expected) > 10
    intake = place.home / "state" / "intake"
    assert not intake.exists() or not [path for path in intake.iterdir() if path.is_dir()]
