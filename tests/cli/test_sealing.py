"""``hisn guard --seal`` as processes: two at once, killed half-way, on a full disk, fed by a pipe."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.app.units import LINE, alone, opened, write_logs, write_rule

from hisn.app.node_status import check_node
from hisn.app.places import Places
from hisn.cli.main import run
from hisn.errors import StorageError
from hisn.storage.lock import held_now

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes of a POSIX system")
PATIENCE_S = 60


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a node; it is this machine's."""
    alone(tmp_path / "home").close()
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    return write_rule(tmp_path / "rules")


def many_logs(folder: Path, count: int) -> Path:
    """Write logs of ten lines each, every third of them marked."""
    targets = ["/?marked" if at % 3 else "/" for at in range(10)]
    return write_logs(folder, **{f"{folder.name}{number:03}": targets for number in range(count)})


def sealing(logs: Path | str, rule: Path, *words: str) -> list[str]:
    command = [sys.executable, "-m", "hisn", "guard", str(logs), "--rules", str(rule), "--seal", "-q"]
    return [*command, "--batch-rows", "10", *words]


def counts(home: Path) -> dict[str, int]:
    with opened(home) as node:
        node.member.fold.catch_up(node.log)
        return node.member.fold.table.counts()


def is_sound(home: Path) -> bool:
    with opened(home) as node:
        return check_node(node).is_sound and node.log.refusal is None


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def test_two_runs_on_one_node_at_once_both_land(home: Path, rule: Path, tmp_path: Path) -> None:
    folders = [many_logs(tmp_path / name, 25) for name in ("one", "two")]
    runs = [
        subprocess.Popen(sealing(folder, rule, "-j", "1"), stdout=subprocess.DEVNULL) for folder in folders
    ]
    assert [each.wait(PATIENCE_S) for each in runs] == [0, 0]
    assert counts(home) == {"batch": 50, "charter": 1, "finding": 50}
    assert is_sound(home)
    assert left_behind(home) == []


def left_behind(home: Path) -> list[str]:
    """Return the folders of runs that are over, or were killed."""
    return [path.name for path in Places(home).intake.iterdir() if path.is_dir()]


def hear_interrupts() -> None:
    """Undo what a shell does for jobs in the background: they, and all that they start, ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def running(home: Path, rule: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Begin a long run, and give it when it has sealed some batches."""
    logs = many_logs(tmp_path / "many", 400)
    command = sealing(logs, rule, "-j", "2")
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 (no thread runs here)
    ) as process:
        with opened(home) as node:
            until(lambda: node.log.head().checkpoint.size > 20)
        yield process
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_killed_run_leaves_a_sound_log_and_no_plain_copies(
    home: Path, rule: Path, tmp_path: Path, running: subprocess.Popen[bytes]
) -> None:
    os.killpg(running.pid, signal.SIGKILL)  # all its processes at once, as loss of power does
    running.wait(PATIENCE_S)
    assert is_sound(home)
    sealed = counts(home)["batch"]
    assert 0 < sealed < 400
    (copies,) = left_behind(home)
    assert len(list((Places(home).intake / copies).iterdir())) > 300
    until(lambda: is_free(Places(home).intake / copies / "lock"))
    more = many_logs(tmp_path / "more", 1)
    assert run(["guard", str(more), "--rules", str(rule), "--seal", "-q", "-o", str(tmp_path / "out")]) == 0
    assert left_behind(home) == []
    assert counts(home)["batch"] == sealed + 1
    assert is_sound(home)


def test_a_run_whose_first_process_is_killed_leaves_a_sound_log_and_no_plain_copies(
    home: Path, rule: Path, tmp_path: Path, running: subprocess.Popen[bytes]
) -> None:
    """The processes that outlive it see that it is gone, and end."""
    running.send_signal(signal.SIGKILL)
    running.wait(PATIENCE_S)
    until(lambda: all(is_free(Places(home).intake / name / "lock") for name in left_behind(home)))
    more = many_logs(tmp_path / "more", 1)
    assert run(["guard", str(more), "--rules", str(rule), "--seal", "-q", "-o", str(tmp_path / "out")]) == 0
    assert left_behind(home) == []
    assert is_sound(home)


def is_free(lock: Path) -> bool:
    with suppress(StorageError), held_now(lock) as is_alone:
        return is_alone
    return True  # its folder is gone


def test_an_interrupted_run_leaves_a_sound_log_and_no_plain_copies(
    home: Path, running: subprocess.Popen[bytes]
) -> None:
    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE_S) == 130
    assert left_behind(home) == []
    assert is_sound(home)


def test_no_room_for_the_copy_is_a_storage_error_and_judges_nothing(
    home: Path, rule: Path, tmp_path: Path
) -> None:
    (tmp_path / "big.log").write_text(LINE.format(minute=1, target="/?marked") * 20_000)

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    done = subprocess.run(
        [*sealing(tmp_path / "big.log", rule), "-o", str(tmp_path / "out")],
        capture_output=True, text=True, preexec_fn=small_disk, check=False,
    )  # fmt: skip
    assert done.returncode == 6
    assert "E5320" in done.stderr
    assert not (tmp_path / "out").exists()
    assert counts(home) == {"charter": 1}
    assert left_behind(home) == []
    assert is_sound(home)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv"])
def test_findings_are_the_same_byte_for_byte_with_and_without_sealing(
    rule: Path, tmp_path: Path, form: str
) -> None:
    logs = many_logs(tmp_path / "many", 8)
    (logs / "broken.log").write_bytes(bytes(range(256)))
    outputs = []
    for number, words in enumerate(
        ([], ["--seal", "-j", "1"], ["--seal", "-j", "2", "--seal-mode", "whole"])
    ):
        path = tmp_path / f"out{number}"
        assert run(["guard", str(logs), "--rules", str(rule), "-q", form, "-o", str(path), *words]) == 3
        outputs.append(path.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_what_comes_through_a_pipe_is_sealed_as_it_came(home: Path, rule: Path, tmp_path: Path) -> None:
    data = (LINE.format(minute=1, target="/?marked") * 5_000).encode()
    outputs = []
    for words in ([], ["--seal"]):
        command = [sys.executable, "-m", "hisn", "guard", "-", "--rules", str(rule), "--json", "-q", *words]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert counts(home)["batch"] == 1
    assert is_sound(home)


def test_the_first_sealing_on_a_machine_makes_its_node(rule: Path, tmp_path: Path) -> None:
    """Two at once, on a machine that has none: one makes it, both seal or one says why not."""
    logs = many_logs(tmp_path / "logs", 3)
    environment = os.environ | {"HISN_HOME": str(tmp_path / "fresh")}
    done = subprocess.run(sealing(logs, rule), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert str(tmp_path / "fresh" / "keys") in done.stderr
    assert counts(tmp_path / "fresh")["batch"] == 3
