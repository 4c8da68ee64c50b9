"""The published log lies with the other members, too: whoever loses his own can have it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.app.units import MEMBERS, OUTSIDE, alone, copied, opened, served

from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.publish import publish
from hisn.app.replicate import Replicated, mirror_peers, replicate_all
from hisn.core.signers import Signer
from hisn.node.auth import RequestSigner
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode
from hisn.node.without import Why
from hisn.tlog.fsck import fsck

EAST, NORTH, SOUTH = MEMBERS
Linked = tuple[dict[str, Path], dict[str, str]]


@pytest.fixture
def linked(linked_unit: Linked, tmp_path: Path) -> Linked:
    return copied(linked_unit[0], tmp_path), linked_unit[1]


@pytest.fixture
def node(linked: Linked) -> Iterator[Node]:
    """Open a node whose log is published; nobody has mirrored it yet."""
    roots, urls = linked
    with opened(roots[EAST]) as made:
        notes = [Draft(kind="observation", public={"what": f"{n}", "digest": "00" * 32}) for n in range(5)]
        made.member.record(notes)
        with served({name: roots[name] for name in (NORTH, SOUTH, *OUTSIDE)}, urls):
            assert publish(made).is_published
        yield made


def size_of(node: Node) -> int:
    return node.log.head().checkpoint.size


def test_the_mirrors_of_the_other_members_are_asked_and_no_others(node: Node, linked: Linked) -> None:
    peers = {peer.to: peer for peer in mirror_peers(node)}
    assert set(peers) == {NORTH, SOUTH}
    assert peers[NORTH].prefix == f"{linked[1][NORTH]}/mirror"
    assert peers[NORTH].keys.name == f"{NORTH}/mirror"


def test_every_mirror_has_the_published_log_and_is_asked_once(node: Node, linked: Linked) -> None:
    roots, urls = linked
    with served({name: roots[name] for name in (NORTH, SOUTH)}, urls):
        assert replicate_all(node) == [Replicated(NORTH, size_of(node)), Replicated(SOUTH, size_of(node))]
        folder = f"mirror/{origin_hash(EAST)}"
        signer = RequestSigner(SOUTH, signer_of(roots[SOUTH]), node.clock)
        with RemoteNode(urls[NORTH], NORTH, signer) as remote:
            report = fsck(lambda name: remote.file(folder, name), node.log.keys)
        assert report.require_sound() == node.log.head().checkpoint
    assert replicate_all(node) == []  # nobody has to be there: nothing is new


def signer_of(root: Path) -> Signer:
    with opened(root) as other:
        return other.signer("act").ed25519


def test_a_mirror_that_is_away_is_told_and_catches_up(node: Node, linked: Linked) -> None:
    roots, urls = linked
    with served({NORTH: roots[NORTH]}, urls):
        assert replicate_all(node) == [
            Replicated(NORTH, size_of(node)),
            Replicated(SOUTH, size_of(node), Why.AWAY),
        ]
    with served({SOUTH: roots[SOUTH]}, urls):
        assert replicate_all(node) == [Replicated(SOUTH, size_of(node))]


def test_what_is_not_published_leaves_no_node(tmp_path: Path, linked: Linked) -> None:
    with opened(linked[0][NORTH]) as north:
        assert north.log.published() is None
        assert replicate_all(north) == []
    with alone(tmp_path / "alone", "lone.example") as lone:
        publish(lone)
        assert replicate_all(lone) == []


def test_another_process_that_remembers_at_once_is_no_trouble(
    node: Node, linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots, urls = linked
    with opened(roots[EAST]) as other, served({name: roots[name] for name in (NORTH, SOUTH)}, urls):
        swap = node.register.swap

        def overtaken(name: str, old: bytes | None, new: bytes) -> None:
            if name.startswith("replicated/") and other.register.get(name) is None:
                other.register.swap(name, old, new)
            swap(name, old, new)

        monkeypatch.setattr(node.register, "swap", overtaken)
        assert [each.missing for each in replicate_all(node)] == [None, None]
        assert replicate_all(node) == []
