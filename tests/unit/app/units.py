"""Make real nodes for tests, alone and in units, and let them seal."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hisn.app.guard import GuardRequest, GuardResult, guard
from hisn.app.home import NewNode, Node, init_node, open_node
from hisn.app.intake import intake_folder
from hisn.app.sealing import SealTo
from hisn.app.unit_files import UnitDraft, adopt, draft_unit, own_enrolment, sign_draft
from hisn.events.declare import Declarations
from hisn.evidence.batch import Mode
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
        return guard(request, None, SealTo(node.member, node.intaker(folder), mode))
