"""Five ``hisn serve`` processes on one machine: they witness and mirror each other, and some of them die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.unit.app.units import (
    MEMBERS,
    OUTSIDE,
    found,
    free_urls,
    opened,
    request_of,
    seal,
    write_logs,
    write_rule,
)

from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.node.known import origin_hash
from hisn.verify.check import verify_pack
from hisn.verify.steps import Result

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
PATIENCE_S = 90
EAST, NORTH, SOUTH = MEMBERS
PRESS, SCHOOL = OUTSIDE


class Process:
    """Run one node, and keep what it says."""

    def __init__(self, root: Path, url: str) -> None:
        self.lines: list[str] = []
        listen = url.removeprefix("http://")
        command = [sys.executable, "-m", "hisn", "serve", "--listen", listen, "--interval", "0.2"]
        environment = os.environ | {"HISN_HOME": str(root)}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(self.process.stderr)

    def said(self, *words: str) -> bool:
        """Tell whether it has said something with all these words, on one line."""
        return any(all(word in line for word in words) for line in self.lines)

    def kill(self) -> None:
        """Kill the process if it still runs."""
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

    def end(self, how: int = signal.SIGTERM) -> int:
        """End the process, and return its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        self.reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


@contextmanager
def running(roots: Mapping[str, Path], urls: Mapping[str, str]) -> Iterator[dict[str, Process]]:
    with ExitStack() as stack:
        processes = {name: Process(root, urls[name]) for name, root in roots.items()}
        for process in processes.values():
            stack.callback(process.kill)
        until(lambda: all(process.said("Listening") for process in processes.values()))
        yield processes


def test_real_nodes_witness_and_mirror_each_other_and_catch_up(tmp_path: Path) -> None:
    urls = free_urls()
    roots = found(tmp_path / "unit", urls)
    (tmp_path / "rules").mkdir()
    rule = write_rule(tmp_path / "rules")
    with running(roots, urls) as nodes:
        east = nodes[EAST]
        with opened(roots[EAST]) as node:
            seal(node, request_of(rule, write_logs(tmp_path / "logs", a=["/?marked", "/"])))
            size = node.log.head().checkpoint.size
        until(lambda: east.said("Published", f"{size};"))
        until(
            lambda: (
                east.said("Mirrored by", f"{NORTH}: {size}") and east.said("Mirrored by", f"{SOUTH}: {size}")
            )
        )
        for name in (NORTH, SOUTH):
            assert (roots[name] / "mirror" / origin_hash(EAST)).is_dir()

        for name in (PRESS, SCHOOL):  # two of four witnesses: no quorum without them
            assert nodes[name].end(signal.SIGKILL) == -signal.SIGKILL
        with opened(roots[EAST]) as node:
            seal(node, request_of(rule, write_logs(tmp_path / "more", b=["/?marked"])))
            newer = node.log.head().checkpoint.size
        until(lambda: east.said("unwitnessed", f"{newer};", PRESS, SCHOOL))
        assert not east.said("Published", f"{newer};")

        with running({PRESS: roots[PRESS]}, urls) as again:
            until(lambda: east.said("Published", f"{newer};"))
            until(lambda: east.said("Mirrored by", f"{SOUTH}: {newer}"))
            assert again[PRESS].end() == 0

        with opened(roots[EAST]) as node:
            node.member.fold.catch_up(node.log)
            for finding, _ in node.member.fold.table.findings("f-"):
                packed = make_pack(node, PackRequest(finding=finding))
                assert verify_pack(packed.data, genesis=node.charter.genesis).result is Result.VALID
        assert [nodes[name].end() for name in MEMBERS] == [0, 0, 0]
