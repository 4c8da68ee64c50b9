"""Sealing begins without a manual: where there is no node, one is made, and no other is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.app.units import alone, nobody

from hisn.acts.kinds import is_id
from hisn.app import make_node
from hisn.app.make_node import open_or_make, own_hostname, own_name
from hisn.errors import StorageError


def test_a_node_is_made_once_and_opened_from_then_on(tmp_path: Path) -> None:
    with open_or_make(tmp_path / "node", nobody)[0] as made:
        genesis = made.charter.genesis
        assert made.config.origin == own_hostname()
    node, is_new = open_or_make(tmp_path / "node", nobody)
    with node:
        assert (node.charter.genesis, is_new) == (genesis, False)


def test_a_damaged_node_is_not_taken_for_none(tmp_path: Path) -> None:
    """A new one in its place would leave its log without its keys."""
    alone(tmp_path).close()
    (tmp_path / "node.json").write_bytes(b"{")
    with pytest.raises(StorageError):
        open_or_make(tmp_path, nobody)
    (tmp_path / "node.json").unlink()
    key = (tmp_path / "keys" / "node.key").read_bytes()
    make_node.open_or_make(tmp_path, nobody)[0].close()
    assert (tmp_path / "keys" / "node.key").read_bytes() == key


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("EMS-01.County.example", "ems-01.county.example/hisn"),
        ("my laptop!", "my-laptop/hisn"),
        ("-.-", "hisn/hisn"),
        ("", "hisn/hisn"),
        ("кот", "hisn/hisn"),
        ("x" * 300, "x" * 80 + "/hisn"),
    ],
)
def test_the_name_of_a_host_becomes_an_id(hostname: str, name: str) -> None:
    assert own_name(hostname) == name


@given(st.text())
def test_every_host_can_be_a_member(hostname: str) -> None:
    assert is_id(own_name(hostname))
