"""The node runs as a process of its own until it is told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from hisn.app.home import NewNode, init_node
from hisn.cli.main import run
from hisn.node.known import origin_hash

_PATIENCE_S = 60


def test_an_address_that_is_none_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--listen", "8470"]) == 2
    assert "E1304" in capfd.readouterr().err


def test_without_a_node_there_is_nothing_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HISN_HOME", str(tmp_path))
    assert run(["serve", "--listen", "127.0.0.1:0"]) == 2
    assert "E1301" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_it_says_where_it_listens_publishes_and_ends_by_a_signal(tmp_path: Path) -> None:
    init_node(tmp_path / "n", NewNode(origin="vesna.example", side="county", unit="Vesna")).close()
    command = [sys.executable, "-m", "hisn", "serve", "--listen", "127.0.0.1:0", "--interval", "0.1"]
    environment = os.environ | {"HISN_HOME": str(tmp_path / "n")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            url = process.stderr.readline().split()[-1]
            until = time.monotonic() + _PATIENCE_S
            address = f"{url}/log/{origin_hash('vesna.example')}/checkpoint"
            while (answer := httpx.get(address)).status_code != 200 and time.monotonic() < until:
                time.sleep(0.1)
            assert answer.text.startswith("vesna.example\n1\n")
            process.send_signal(signal.SIGTERM)
            assert process.wait(_PATIENCE_S) == 0
        finally:
            process.kill()
