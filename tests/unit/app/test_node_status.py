"""How a node stands is said as it is: also where it is damaged, old, alone or careless."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, World
from tests.unit.app.units import alone, opened

from hisn.app import node_status
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.node_status import FILE, advise, check_node, status_of
from hisn.app.places import Places, blob_name
from hisn.evidence.escrow import EscrowSecret
from hisn.node.holds import Hold, Holds
from hisn.tlog.staging import LogNames

ESCROW = str(EscrowSecret(bytes(range(32))).public)


def log_folder(node: Node) -> Path:
    return node.places.root / LogNames(node.config.origin).folder


def test_a_members_status(sealed_unit: World) -> None:
    with sealed_unit.open(EAST) as (node,):
        found = status_of(node)
        assert (found.origin, found.unit, found.epoch) == (EAST, "Delta unit", 0)
        assert found.acts == {"batch": 2, "charter": 2, "finding": 2, "roster": 1}
        assert found.size == found.published == sum(found.acts.values())
        assert found.genesis == node.charter.genesis.hex()
        assert set(found.witnesses) == {NORTH, "south.example", "press.example", "school.example"}
        assert found.refusal is None


def test_a_sound_node_is_sound(sealed_unit: World) -> None:
    with sealed_unit.open(EAST) as (node,):
        checked = check_node(node)
        assert checked.is_sound
        assert checked.log.entries == node.log.head().checkpoint.size


def blobs_of(node: Node, kind: str) -> list[tuple[int, Path]]:
    """Return places and files of all bodies of a kind, or of the sealed files."""
    if kind == FILE:
        known = {row[2].hex() for row in node.member.fold.table.bodies()}
        files = [
            path
            for path in (node.places.root / "blob").rglob("*")
            if path.is_file() and path.name not in known
        ]
        return [(node.member.fold.table.positions("batch")[0], path) for path in files]
    rows = [row for row in node.member.fold.table.bodies() if row[1] == kind]
    return [(position, node.places.root / blob_name(body)) for position, _, body in rows]


@pytest.mark.parametrize("kind", ["charter", "roster", "batch", "finding", FILE])
@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_every_body_and_sealed_file_that_is_lost_or_changed_is_named(
    unit: World, kind: str, damage: str
) -> None:
    with unit.open(EAST) as (node,):
        node.member.fold.catch_up(node.log)
        _, path = blobs_of(node, kind)[0]
        if damage == "missing":
            path.unlink()
        else:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        checked = check_node(node)
        assert not checked.is_sound
        assert [name for _, name in getattr(checked, damage)] == [kind]
        assert checked.log.problems == ()


def test_what_was_erased_is_not_missing(unit: World) -> None:
    """Erasing is a right of those whose data it was; the log says that it was done."""
    with unit.open(EAST) as (node,):
        node.member.fold.catch_up(node.log)
        position, path = blobs_of(node, "finding")[0]
        body = next(body for place, _, body in node.member.fold.table.bodies() if place == position)
        node.member.record(
            [Draft(kind="key-event", public={"event": "erase", "detail": {"body": body.hex()}})]
        )
        path.unlink()
        assert check_node(node).is_sound
        for _, file in blobs_of(node, FILE):
            file.unlink()
        assert [name for _, name in check_node(node).missing] == [FILE] * 2


@pytest.mark.parametrize("tile", ["tile/entries/000.p/*", "tile/0/000.p/*"])
def test_a_damaged_log_is_named_file_by_file_and_signs_nothing(unit: World, tile: str) -> None:
    with unit.open(EAST) as (node,):
        newest = max(log_folder(node).glob(tile), key=lambda path: int(path.name))
        data = bytearray(newest.read_bytes())
        data[-1] ^= 1
        newest.write_bytes(data)
    with unit.open(EAST) as (node,):
        checked = check_node(node)
        assert not checked.is_sound
        assert newest.relative_to(log_folder(node)).as_posix() in [each.name for each in checked.log.problems]
        found = status_of(node)
        assert found.refusal is not None
        assert checked.log.checkpoint is not None
        assert found.size == checked.log.checkpoint.size
        assert advise(node)[0].code == "refuses"


def test_a_damaged_log_whose_table_is_gone_can_still_be_looked_at(unit: World) -> None:
    with unit.open(EAST) as (node,):
        shutil.rmtree(log_folder(node) / "tile" / "entries")
    for path in (unit.roots[EAST] / "state").glob("projection.db*"):
        path.unlink()
    with unit.open(EAST) as (node,):
        assert status_of(node).refusal is not None
        assert not check_node(node).is_sound


def test_a_restored_old_copy_says_that_it_is_one(unit: World, tmp_path: Path) -> None:
    root = unit.roots[EAST]
    shutil.copytree(root, tmp_path / "copy")
    with unit.open(EAST) as (node,):
        node.member.record([Draft(kind="observation", public={"what": "later", "digest": "00" * 32})])
        newer = node.log.head().raw
    shutil.rmtree(root)
    shutil.copytree(tmp_path / "copy", root)
    with unit.open(EAST) as (node,):
        with pytest.raises(Exception, match="a witness has seen"):
            node.log.check_witness_head(newer)
        found = status_of(node)
        assert found.refusal is not None
        assert advise(node)[0].code == "refuses"
        assert advise(node)[0].is_grave


def test_a_careless_node_is_told_what_to_change(tmp_path: Path) -> None:
    with alone(tmp_path) as node:
        advice = {each.code: each for each in advise(node)}
        assert set(advice) == {"no-witness", "open-key", "no-escrow", "unpublished"}
        assert advice["no-witness"].is_grave
        assert advice["no-escrow"].is_grave
        assert advice["unpublished"].args == {"count": "1"}
        assert [each.is_grave for each in advise(node)] == sorted(
            (each.is_grave for each in advise(node)), reverse=True
        )
        node.places.keys.chmod(0o755)
        assert "keys-readable" in [each.code for each in advise(node)]


def test_a_careful_member_has_nothing_to_change(unit: World) -> None:
    with unit.open(EAST) as (node,):
        codes = [each.code for each in advise(node)]
        assert codes == ["no-escrow", "open-key"]


def test_logs_that_are_not_cosigned_are_named(unit: World) -> None:
    with unit.open(EAST) as (node,):
        Holds(node.register).put("south.example", Hold.UNLEARNT)
        (advice,) = [each for each in advise(node) if each.code == "not-cosigned"]
        assert (advice.is_grave, advice.args) == (True, {"logs": "south.example"})


def test_keys_that_nobody_else_can_open_are_counted(tmp_path: Path) -> None:
    with alone(tmp_path) as node:
        node.vault().new_keys(3)
    config = Places(tmp_path).config
    config.write_bytes(config.read_bytes().replace(b'"escrow": []', b'"escrow": ["%s"]' % ESCROW.encode()))
    with opened(tmp_path) as node:
        found = {each.code: each.args for each in advise(node)}
        assert found["keys-without-escrow"] == {"count": "3"}
        assert "no-escrow" not in found
        node.vault().escrow_all()
        assert "keys-without-escrow" not in {each.code for each in advise(node)}


def test_few_witnesses_outside_the_unit_are_told(sealed_unit: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_status, "MIN_OUTSIDE", 3)
    with sealed_unit.open(EAST) as (node,):
        assert "few-outside" in [each.code for each in advise(node)]
