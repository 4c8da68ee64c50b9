"""Make real nodes for tests, alone and in units, and let them seal."""

from __future__ import annotations

import hashlib
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hisn.app.guard import GuardRequest, GuardResult, guard
from hisn.app.home import NewNode, Node, init_node, open_node
from hisn.app.intake import intake_folder
from hisn.app.sealer import seal_to
from hisn.app.serve import RunningNode, ServeOptions
from hisn.app.unit_draft import UnitDraft
from hisn.app.unit_files import adopt, draft_unit, own_enrolment, sign_draft
from hisn.events.declare import Declarations
from hisn.evidence.batch import Mode
from hisn.node.serve import Listen
from hisn.testing.fake_clock import FakeClock

UNIT = "Delta unit"
MEMBERS = ("east.example", "north.example", "south.example")
OUTSIDE = ("press.example", "school.example")
LINE = '203.0.113.7 - - [03/Nov/2026:20:{minute:02}:00 +0000] "GET {target} HTTP/1.1" 200 12 "-" "curl/8"\n'
RULE = """
title: A marked path
id: 5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0001
status: test
logsource:
    category: webserver
detection:
    selection:
        cs-uri-query|contains: marked
    condition: selection
level: high
"""


CORRELATION = """
---
title: Marked paths together
id: 5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f000c
status: test
level: critical
correlation:
    type: event_count
    rules: [5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0001]
    group-by: [c-ip]
    timespan: 10m
    condition: {gte: 3}
"""


class Dice:
    """Give bytes that look random and are the same in every run with one seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        self._count += 1
        return hashlib.shake_256(f"{self._seed} {self._count}".encode()).digest(size)


def nobody() -> str:
    raise AssertionError("nobody may be asked for a passphrase")


def alone(folder: Path, name: str = "vesna.example", seed: str | None = None, **more: Any) -> Node:
    """Make a node that is a unit of one member, and open it; with a seed its keys are known."""
    wanted = NewNode(origin=name, side=more.pop("side", name.partition(".")[0]), unit=name, **more)
    return init_node(folder, wanted, FakeClock(), Dice(seed or name))


def opened(folder: Path) -> Node:
    """Open a node whose key is open."""
    return open_node(folder, nobody)


def draft_of(roots: Mapping[str, Path], outside: Sequence[str] = OUTSIDE) -> UnitDraft:
    """Return the draft of a unit of these nodes, which nobody has signed."""
    members: list[bytes] = []
    witnesses: list[bytes] = []
    for name, root in roots.items():
        with opened(root) as node:
            enrolment = own_enrolment(node, UNIT, as_witness=name in outside)
        (witnesses if name in outside else members).append(enrolment)
    return draft_unit(UNIT, members, witnesses)


def signed_by_all(roots: Mapping[str, Path], draft: UnitDraft) -> UnitDraft:
    """Return a draft that every node has signed, one after another."""
    for root in roots.values():
        with opened(root) as node:
            draft = sign_draft(node, draft)
    return draft


def adopted_by_all(roots: Mapping[str, Path], draft: UnitDraft) -> None:
    """Put a draft in force on every node."""
    for root in roots.values():
        with opened(root) as node:
            adopt(node, draft)


def make_nodes(
    folder: Path,
    urls: Mapping[str, str] | None = None,
    names: Sequence[str] = (*MEMBERS, *OUTSIDE),
) -> dict[str, Path]:
    """Make nodes that are each alone; return their folders."""
    roots = {name: folder / name for name in names}
    for name, root in roots.items():
        alone(root, name, url=(urls or {}).get(name, "")).close()
    return roots


def found(folder: Path, urls: Mapping[str, str] | None = None) -> dict[str, Path]:
    """Found a unit of three members and two outside witnesses; return the folders of their nodes."""
    roots = make_nodes(folder, urls)
    adopted_by_all(roots, signed_by_all(roots, draft_of(roots)))
    return roots


def copied(roots: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Copy nodes that were founded once, so that each test may change its own."""
    for name, root in roots.items():
        shutil.copytree(root, folder / name)
    return {name: folder / name for name in roots}


def free_urls(names: Sequence[str] = (*MEMBERS, *OUTSIDE)) -> dict[str, str]:
    """Return an address on loopback for each name, with ports that nobody uses now."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        ports = [each.getsockname()[1] for each in taken]
    return {name: f"http://127.0.0.1:{port}" for name, port in zip(names, ports, strict=True)}


def listen_at(url: str) -> Listen:
    """Return where a node listens that is reached at an address."""
    return Listen(port=int(url.rpartition(":")[2]))


@contextmanager
def served(
    roots: Mapping[str, Path], urls: Mapping[str, str], interval_s: float = 3_600
) -> Iterator[dict[str, RunningNode]]:
    """Serve nodes while the block runs; with the default interval they publish nothing by themselves."""
    with ExitStack() as stack:
        running: dict[str, RunningNode] = {}
        try:
            for name, root in roots.items():
                options = ServeOptions(listen_at(urls[name]), interval_s)
                running[name] = RunningNode(partial(opened, root), options, lambda _code, _text: None)
                stack.enter_context(running[name].background())
            yield running
        finally:
            # All at once: each takes a fifth of a second.
            for node in running.values():
                node.stop()


def write_logs(folder: Path, **targets: Sequence[str]) -> Path:
    """Write one access log for each name, a line for each target."""
    folder.mkdir(exist_ok=True)
    for name, each in targets.items():
        lines = [LINE.format(minute=at % 60, target=target) for at, target in enumerate(each)]
        (folder / f"{name}.log").write_text("".join(lines))
    return folder


def write_rule(folder: Path) -> Path:
    """Write the one rule of these tests: a path with the word "marked"."""
    path = folder / "marked.yml"
    path.write_text(RULE)
    return path


def request_of(rule: Path, *paths: Path | str, **more: Any) -> GuardRequest:
    """Ask to judge paths by one rule."""
    declarations = more.pop("declarations", Declarations())
    return GuardRequest(
        paths=tuple(str(path) for path in paths), declarations=declarations, rules=(rule,), **more
    )


def seal(node: Node, request: GuardRequest, mode: Mode = "fields") -> GuardResult:
    """Judge into the log of a node."""
    with intake_folder(node.places.intake) as folder:
        return guard(request, None, seal_to(node, folder, mode))
