"""Found the demonstration's unit: five real nodes on this machine that witness each other.

Adria and Boreas are states that distrust each other, the Observers a mission both have invited;
two witnesses stand outside.  Each node has its own folder, keys, log and address.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hisn.app.evidence_pack import Packed, PackRequest, make_pack
from hisn.app.heads import Heads
from hisn.app.home import NewNode, init_node, open_node
from hisn.app.serve import RunningNode, ServeOptions
from hisn.app.unit_files import adopt, draft_unit, own_enrolment, sign_draft
from hisn.app.verify import Checked, verify_file
from hisn.app.verify_page import build_page
from hisn.errors import VerificationError
from hisn.findings.model import Finding
from hisn.node.serve import Listen
from hisn.storage.files import write_whole

UNIT = "Joint unit of Adria and Boreas"
MEMBERS = (("adria.example", "adria"), ("boreas.example", "boreas"), ("observers.example", "observers"))
OUTSIDE = (("academy.example", "academy"), ("registry.example", "registry"))
ADRIA = MEMBERS[0][0]
NODES = "nodes"
PACK = "finding.evpack"
TAMPERED = "tampered.evpack"
PAGE = "verify.html"
SHOWN_FIELDS = ("audit_command", "audit_object_name", "application_name")
"""What Adria shows of a finding in its voter database: what was done to which table, and no voter."""
_PATIENCE_S = 30.0
_TITLE = "Voters changed by hand from a console"


@dataclass(frozen=True, slots=True)
class DemoUnit:
    """Hold the founded unit: its genesis digest, and where Adria's node lies."""

    genesis: str
    home: Path
    members: tuple[str, ...]
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """Hold the pack that was written, what a stranger's verifier says, and what of a changed copy."""

    finding: Finding
    packed: Packed
    verified: Checked
    tampered: str


def nobody() -> str:
    """Return no passphrase: the demonstration's keys lie open, and protect nothing."""
    return ""


@contextmanager
def founded(folder: Path) -> Iterator[DemoUnit]:
    """Make the nodes, found the unit, and serve all nodes while the block runs."""
    nodes = folder / NODES
    shutil.rmtree(nodes, ignore_errors=True)
    everybody = (*MEMBERS, *OUTSIDE)
    ports = _free_ports(len(everybody))
    homes = {name: nodes / side for name, side in everybody}
    enrolments: dict[str, bytes] = {}
    for (name, side), port in zip(everybody, ports, strict=True):
        wanted = NewNode(origin=name, side=side, unit=name, url=f"http://127.0.0.1:{port}")
        with init_node(homes[name], wanted) as node:
            enrolments[name] = own_enrolment(node, UNIT, as_witness=(name, side) in OUTSIDE)
    draft = draft_unit(
        UNIT, [enrolments[name] for name, _ in MEMBERS], [enrolments[name] for name, _ in OUTSIDE]
    )
    for name, _side in everybody:
        with open_node(homes[name], nobody) as node:
            draft = sign_draft(node, draft)
    for name, _side in everybody:
        with open_node(homes[name], nobody) as node:
            adopt(node, draft)
    with open_node(homes[ADRIA], nobody) as node:
        genesis = node.charter.genesis.hex()
    with ExitStack() as stack:
        for (name, _side), port in zip(everybody, ports, strict=True):
            stack.enter_context(_running(homes[name], port).background())
        _await_heads(homes[ADRIA])
        yield DemoUnit(
            genesis,
            homes[ADRIA],
            tuple(name for name, _ in MEMBERS),
            tuple(name for name, _ in OUTSIDE),
        )


def _await_heads(home: Path) -> None:
    """Wait until a node has a cosigned state of every other member's log, for its acts to cite."""
    until = time.monotonic() + _PATIENCE_S
    with open_node(home, nobody) as node:
        while len(Heads(node).cite()) < len(MEMBERS) - 1 and time.monotonic() < until:
            time.sleep(0.1)


def _running(home: Path, port: int) -> RunningNode:
    options = ServeOptions(Listen(port=port), interval_s=0.5)
    return RunningNode(lambda: open_node(home, nobody), options, lambda _code, _text: None)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def prove(folder: Path, unit: DemoUnit, findings: tuple[Finding, ...]) -> Proof:
    """Pack the finding in the voter database, verify it as a stranger would, and a changed copy.

    The page that verifies in a browser is written beside them.
    """
    finding = next(each for each in findings if each.title == _TITLE)
    with open_node(unit.home, nobody) as node:
        packed = make_pack(node, PackRequest(finding=finding.id, show=SHOWN_FIELDS))
    write_whole(folder / PACK, packed.data)
    write_whole(folder / TAMPERED, changed_in_one_bit(packed.data))
    write_whole(folder / PAGE, build_page())
    verified = verify_file(folder / PACK, unit.genesis)
    return Proof(finding, packed, verified, _verdict_on(folder / TAMPERED, unit.genesis))


def changed_in_one_bit(pack: bytes) -> bytes:
    """Return a pack in which one bit of what it shows of its first event is another."""
    changed = bytearray(pack)
    changed[pack.index(b'"disclosures":{"0":"', pack.index(b'{"act":')) + 40] ^= 1
    return bytes(changed)


def _verdict_on(path: Path, genesis: str) -> str:
    try:
        failed = verify_file(path, genesis).report.failed
    except VerificationError as error:
        return error.message
    return str(failed.detail) if failed else ""
