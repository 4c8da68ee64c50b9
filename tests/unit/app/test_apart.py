"""The node is open in another process than the one that judges, which ends with the run, come what may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests.unit.app.units import alone, nobody, opened, request_of, write_logs, write_rule

from hisn.app.apart import SealerApart, sealer_apart
from hisn.app.guard import GuardResult, guard
from hisn.app.home import NewNode, init_node
from hisn.app.judge import Judge, Part
from hisn.app.places import Places
from hisn.app.pool import judge_groups
from hisn.app.sealed import ChunkSealer, SealedChunk
from hisn.engine.scan import Window
from hisn.errors import HisnError, InputError, StorageError, UsageError
from hisn.events.declare import Declarations
from hisn.events.open import discover
from hisn.events.tasks import Task
from hisn.evidence.batch import Mode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    alone(tmp_path / "home").close()
    return tmp_path / "home"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_logs(tmp_path / "logs", a=["/", "/?marked", "/x"], b=["/?marked"])


def sealed_apart(home: Path, rule: Path, logs: Path, mode: Mode = "fields", **more: object) -> GuardResult:
    with sealer_apart(home, mode, nobody) as sealer:
        assert isinstance(sealer, SealerApart)
        sealer.open()
        result = guard(request_of(rule, logs, **more), None, sealer)
        assert sealer.finish().is_published
    return result


def left_behind(home: Path) -> list[str]:
    intake = Places(home).intake
    return [path.name for path in intake.iterdir() if path.is_dir()] if intake.exists() else []


@pytest.mark.parametrize("mode", ["fields", "whole"])
@pytest.mark.parametrize("window", [None, Window(0, 2**52)])
def test_a_run_is_sealed_as_it_is_in_one_process(
    home: Path, tmp_path: Path, logs: Path, mode: Mode, window: Window | None
) -> None:
    rule = write_rule(tmp_path)
    plain = guard(request_of(rule, logs, window=window))
    result = sealed_apart(home, rule, logs, mode, window=window)
    assert (result.findings, result.coverage) == (plain.findings, plain.coverage)
    assert result.sealed is not None
    assert (result.sealed.batches, result.sealed.findings, result.sealed.size) == (2, 2, 5)
    with opened(home) as node:
        node.member.fold.catch_up(node.log)
        assert node.member.fold.table.counts() == {"batch": 2, "charter": 1, "finding": 2}
    assert left_behind(home) == []


def test_the_process_that_judges_never_opens_the_node(home: Path, tmp_path: Path, logs: Path) -> None:
    """Its children parse hostile bytes, and have all of its memory."""
    command = ["guard", str(logs), "--rules", str(write_rule(tmp_path)), "--seal", "-q", "--jsonl"]
    code = f"import sys; from hisn.cli.main import run; run({command!r}); print(*sys.modules)"
    environment = os.environ | {"HISN_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    names = set(done.stdout.splitlines()[-1].split())
    assert "hisn.app.guard" in names
    assert names & {"hisn.app.home", "hisn.app.identity", "hisn.core.signers", "hisn.app.member"} == set()


class Curious(Judge):
    """Look, where hostile bytes are parsed, for the way to the keys."""

    def __init__(self, way: int) -> None:
        self._way = way

    def run(self, tasks: Sequence[Task]) -> list[Part]:  # type: ignore[override]
        """Raise what was found."""
        for handle in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if os.fstat(int(handle.name)).st_ino == self._way:
                    raise HisnError("E1099", "the way is open")
        return []


class Kept:
    """Be a sealer with a way to some process that holds keys."""

    compute = ChunkSealer({})

    def __init__(self, *pipes: Connection) -> None:
        self.pipes = pipes

    def commit(self, sealed: Sequence[SealedChunk]) -> None:
        """Commit nothing."""


def test_no_worker_keeps_a_way_to_the_keys(home: Path) -> None:
    with sealer_apart(home, "fields", nobody) as sealer:
        (pipe,) = sealer.pipes
        way = os.fstat(pipe.fileno()).st_ino
        groups = [(Task("a", "a"),), (Task("b", "b"),)]
        assert list(judge_groups(groups, lambda: Curious(way), 2, Kept(pipe))) == []
        with pytest.raises(HisnError, match="the way is open"):
            list(judge_groups(groups, lambda: Curious(way), 2, Kept()))


def locked(home: Path) -> Path:
    wanted = NewNode(origin="vesna.example", side="county", unit="Vesna", passphrase="correct horse")
    init_node(home, wanted).close()
    return home


def test_the_passphrase_is_asked_where_the_terminal_is(tmp_path: Path) -> None:
    asked: list[int] = []

    def passphrase() -> str:
        asked.append(os.getpid())
        return "correct horse"

    with sealer_apart(locked(tmp_path / "home"), "fields", passphrase) as sealer:
        assert sealer.open().origin == "vesna.example"
    assert asked == [os.getpid()]


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError),
        sealer_apart(locked(tmp_path / "home"), "fields", lambda: "wrong") as sealer,
    ):
        sealer.open()


def test_nobody_at_the_terminal_is_said_as_it_is_in_one_process(tmp_path: Path) -> None:
    def passphrase() -> str:
        raise UsageError("E1302", "nobody can be asked")

    with (
        pytest.raises(UsageError, match="nobody can be asked"),
        sealer_apart(locked(tmp_path / "home"), "fields", passphrase) as sealer,
    ):
        sealer.open()


def test_a_node_is_made_only_when_the_run_begins(tmp_path: Path) -> None:
    """Options that cannot be are found after the process was started: they must leave nothing behind."""
    root = tmp_path / "fresh"
    with pytest.raises(UsageError), sealer_apart(root, "fields", nobody) as sealer:
        raise UsageError("E1000", "no such option")
    assert not root.exists()
    with sealer_apart(root, "fields", nobody) as sealer:
        assert sealer.open().is_new
    with sealer_apart(root, "fields", nobody) as sealer:
        assert not sealer.open().is_new


def test_what_cannot_be_stored_there_is_raised_here(home: Path, tmp_path: Path, logs: Path) -> None:
    Places(home).intake.mkdir(parents=True)
    (Places(home).intake / "lock").mkdir()
    with pytest.raises(StorageError) as caught:
        sealed_apart(home, write_rule(tmp_path), logs)
    assert caught.value.code != "E5346"


def test_a_slip_of_ours_there_is_told_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HISN_DEBUG", raising=False)
    monkeypatch.setattr("hisn.app.sealer.NodeSealer.open", lambda _self: 1 / 0)
    with pytest.raises(HisnError, match="ZeroDivisionError"), sealer_apart(home, "fields", nobody) as sealer:
        sealer.open()


def test_only_what_sealing_needs_is_done_there(home: Path) -> None:
    with sealer_apart(home, "fields", nobody) as sealer:
        assert isinstance(sealer, SealerApart)
        sealer.open()
        sealer._send("__reduce__")
        with pytest.raises(HisnError, match="no such call"):
            sealer._answer(tuple)
        with pytest.raises(HisnError, match="nothing was taken in"):
            _ = sealer.compute


def test_a_process_that_was_killed_is_a_storage_error(home: Path) -> None:
    """The system kills the largest process when memory is full."""
    with sealer_apart(home, "fields", nobody) as sealer:
        assert isinstance(sealer, SealerApart)
        sealer.open()
        assert sealer._process.pid is not None
        os.kill(sealer._process.pid, signal.SIGKILL)
        with pytest.raises(StorageError, match="status -9") as caught:
            sealer.finish()
    assert caught.value.code == "E5346"


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_run_that_fails_leaves_no_process_and_no_copy(
    home: Path, logs: Path, error: type[BaseException]
) -> None:
    started: list[SealerApart] = []

    def fail() -> None:
        found = discover([str(logs)], Declarations())
        with sealer_apart(home, "fields", nobody) as sealer:
            assert isinstance(sealer, SealerApart)
            started.append(sealer)
            sealer.open()
            sealer.begin(found, Declarations(), "00" * 32)()
            assert len(left_behind(home)) == 1
            raise error

    with pytest.raises(error):
        fail()
    assert not started[0]._process.is_alive()
    assert left_behind(home) == []


def test_ctrl_c_reaches_it_only_through_the_other_process(home: Path, logs: Path) -> None:
    """The terminal tells every process of the group: this one finishes what it writes."""
    found = discover([str(logs)], Declarations())
    with sealer_apart(home, "fields", nobody) as sealer:
        assert isinstance(sealer, SealerApart)
        sealer.open()
        assert sealer._process.pid is not None
        os.kill(sealer._process.pid, signal.SIGINT)
        sealer.begin(found, Declarations(), "00" * 32)()
        assert sealer.finish().is_published
