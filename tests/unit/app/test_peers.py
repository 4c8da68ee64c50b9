"""A node serves the members of its unit, and witnesses the units it was asked to; nobody else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.unit.app.nodes import World
from tests.unit.app.units import (
    MEMBERS,
    OUTSIDE,
    alone,
    copied,
    draft_of,
    found,
    make_nodes,
    opened,
    signed_by_all,
)

from hisn.app.peers import Peers
from hisn.app.places import Places
from hisn.app.unit_files import adopt
from hisn.errors import StorageError

EAST, NORTH, SOUTH = MEMBERS
PRESS, SCHOOL = OUTSIDE


@pytest.fixture
def founded(sealed_unit: World) -> Mapping[str, Path]:
    return sealed_unit.roots


@pytest.fixture
def roots(founded: Mapping[str, Path], tmp_path: Path) -> dict[str, Path]:
    return copied(founded, tmp_path)


def test_members_know_each_others_logs_and_act_keys(roots: dict[str, Path]) -> None:
    peers = Peers(Places(roots[EAST]))
    for name in MEMBERS:
        with opened(roots[name]) as node:
            known = peers.find(name)
            assert known is not None
            assert known.verify(node.log.head())
            assert peers.request_key(name) == node.signer("act").public.ed25519


@pytest.mark.parametrize("name", [PRESS, "stranger.example", "", "EAST.example"])
def test_who_is_no_member_reads_no_entry_and_has_no_log_here(roots: dict[str, Path], name: str) -> None:
    peers = Peers(Places(roots[EAST]))
    assert peers.find(name) is None
    assert peers.request_key(name) is None


def test_a_witness_knows_the_logs_it_watches_and_lets_nobody_read(roots: dict[str, Path]) -> None:
    peers = Peers(Places(roots[PRESS]))
    assert all(peers.find(name) for name in MEMBERS)
    assert [peers.request_key(name) for name in MEMBERS] == [None] * 3
    assert peers.find(PRESS) is not None  # its own unit, in which it is alone


@pytest.mark.parametrize("damage", ["no genesis", "no epoch", "garbage", "a stray file"])
def test_a_damaged_copy_of_a_watched_unit_does_not_stop_the_node(roots: dict[str, Path], damage: str) -> None:
    """Somebody else's roster is damaged: its logs are not witnessed, and everybody sees who is missing."""
    watched = Places(roots[PRESS]).watched
    (unit,) = watched.iterdir()
    if damage == "no genesis":
        (unit / "genesis.json").unlink()
    elif damage == "no epoch":
        (unit / "0000.dsse").unlink()
    elif damage == "garbage":
        (unit / "0000.dsse").write_bytes(b"{}")
    else:
        shutil.rmtree(unit)
        unit.write_bytes(b"")
    peers = Peers(Places(roots[PRESS]))
    assert peers.find(EAST) is None
    assert peers.find(PRESS) is not None


def test_a_damaged_roster_of_ones_own_is_told(roots: dict[str, Path]) -> None:
    peers = Peers(Places(roots[EAST]))
    (roots[EAST] / "charter" / "genesis.json").unlink()
    with pytest.raises(StorageError):
        peers.reload()
    assert peers.find(NORTH) is not None  # it goes on with what it knew


def test_what_a_watched_unit_says_of_a_log_does_not_replace_what_the_own_unit_says(tmp_path: Path) -> None:
    """A unit that somebody made up names NORTH's log with his own keys, and asks EAST to witness it."""
    roots = found(tmp_path / "true")
    liars = make_nodes(tmp_path / "liars", names=("l1.example", "l2.example", "w1.example"))
    thief = tmp_path / "thief"
    alone(thief, NORTH, seed="thief").close()
    made_up = {NORTH: thief, **liars, EAST: roots[EAST]}
    draft = signed_by_all(made_up, draft_of(made_up, outside=("w1.example", EAST)))
    with opened(roots[EAST]) as node:
        assert adopt(node, draft).find(NORTH) is not None
    known = Peers(Places(roots[EAST])).find(NORTH)
    with opened(roots[NORTH]) as north:
        assert known is not None
        assert known.verify(north.log.head())
    assert Peers(Places(roots[EAST])).find("l1.example") is not None


def test_a_new_epoch_counts_after_reloading(
    roots: dict[str, Path], founded: Mapping[str, Path], tmp_path: Path
) -> None:
    fresh = tmp_path / "fresh"
    alone(fresh, EAST).close()
    peers = Peers(Places(fresh))
    assert peers.find(NORTH) is None
    shutil.rmtree(fresh)
    shutil.copytree(founded[EAST], fresh)
    peers.reload()
    assert peers.find(NORTH) is not None
