"""``hisn watch`` as a process: without a configuration, stopped by signals, read by programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.app.units import LINE, RULE, alone, opened

from hisn.cli.main import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes of a POSIX system")
PATIENCE_S = 60


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    alone(tmp_path / "home").close()
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "logs").mkdir()
    write(tmp_path, "/", "/?marked", "/x")
    return tmp_path / "home"


def write(folder: Path, *targets: str, minute: int = 0) -> None:
    with (folder / "logs" / "a.log").open("a") as file:
        file.writelines(LINE.format(minute=minute, target=target) for target in targets)


def command(folder: Path, *words: str) -> list[str]:
    start = [sys.executable, "-m", "hisn", "watch", str(folder / "logs")]
    return [*start, "--rules", str(folder / "rule.yml"), "--no-hyperscan", *words]


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def test_once_judges_what_is_there_and_tells_it(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [
        "watch",
        str(tmp_path / "logs"),
        "--rules",
        str(tmp_path / "rule.yml"),
        "--no-hyperscan",
        "--once",
    ]
    assert run([*words, "--jsonl", "-"]) == 0
    out = capfd.readouterr()
    change, coverage = (json.loads(line) for line in out.out.splitlines())
    assert (change["state"], change["finding"]["count"]) == ("closed", 1)
    assert coverage["complete"] is True
    assert "Judged 3 records" in out.err
    assert run([*words, "-q"]) == 0
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_and_it_goes_on_later(home: Path, tmp_path: Path, number: int) -> None:
    out = tmp_path / "out.jsonl"
    with subprocess.Popen(command(tmp_path, "--jsonl", str(out), "-q"), stderr=subprocess.PIPE) as process:
        until(lambda: len(lines(out)) == 1)
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    first, coverage = lines(out)
    assert coverage["schema"] == "hisn.coverage.v1"
    write(tmp_path, "/?marked", minute=1)
    with subprocess.Popen(command(tmp_path, "--jsonl", str(out), "-q")) as process:
        until(lambda: len(lines(out)) > 2)
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
    second = lines(out)[2]
    assert second["thread"] == first["thread"], "one finding grows; it does not repeat"
    assert (second["revision"], second["state"]) == (2, "grown")
    with opened(home) as node:
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts() == {"batch": 2, "charter": 1, "finding": 1}


def test_a_second_signal_ends_it_at_once(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with subprocess.Popen(command(tmp_path, "--jsonl", str(out), "-q"), stderr=subprocess.DEVNULL) as process:
        until(lambda: lines(out))
        process.send_signal(signal.SIGSTOP)
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        assert process.wait(PATIENCE_S) in (0, 130)
    assert subprocess.run(command(tmp_path, "--once", "-q"), check=False).returncode == 0


def test_a_reader_that_goes_away_ends_it(home: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        command(tmp_path, "--jsonl", "-", "-q"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        write(tmp_path, *["/?marked"] * 5, minute=2)
        assert process.wait(PATIENCE_S) == 141


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["none/none.log"], 2, "E1352"),
        (["none.toml"], 2, "E1350"),
        (["{logs}", "--jsonl", "{logs}/none/out.jsonl"], 6, "E5607"),
        (["{logs}", "--level", "urgent"], 2, "urgent"),
        ([], 2, "CONFIG|PATH"),
    ],
)
def test_errors_are_clear(
    tmp_path: Path, words: list[str], status: int, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(logs=tmp_path / "logs") for word in words]
    assert run(["watch", *given]) == status
    assert says in capfd.readouterr().err


def test_a_configuration_names_everything(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "county.toml"
    config.write_text(
        f'rules = ["{tmp_path}/rule.yml"]\njsonl = "-"\nlevel = "critical"\nseal = false\n'
        f'[[follow]]\nname = "web"\npath = "{tmp_path}/logs"\n'
    )
    assert run(["watch", str(config), "--once", "--no-hyperscan"]) == 0
    (coverage,) = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert [source["name"] for source in coverage["sources"]] == ["web/a.log"]
    assert run(["watch", str(config), "--once", "--no-hyperscan", "--level", "low"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 2


def test_an_incomplete_run_says_so(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs" / "b.log").write_bytes(b"words of no form\n")
    words = [
        "watch",
        str(tmp_path / "logs"),
        "--rules",
        str(tmp_path / "rule.yml"),
        "--once",
        "--no-hyperscan",
    ]
    assert run(words) == 3
    assert "INCOMPLETE" in capfd.readouterr().err


def test_a_first_watch_makes_the_node_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    environment = os.environ | {"HISN_HOME": str(tmp_path / "fresh")}
    done = subprocess.run(
        command(tmp_path, "--once"), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert str(tmp_path / "fresh" / "keys") in done.stderr
    with opened(tmp_path / "fresh") as node:
        assert node.log.head().checkpoint.size == 3


def test_forget_begins_anew(home: Path, tmp_path: Path) -> None:
    words = [
        "watch",
        str(tmp_path / "logs"),
        "--rules",
        str(tmp_path / "rule.yml"),
        "--once",
        "--no-hyperscan",
    ]
    assert run([*words, "-q"]) == 0
    assert run([*words, "-q"]) == 0
    assert run([*words, "-q", "--forget"]) == 0
    with opened(home) as node:
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts()["batch"] == 2
