"""Found one unit for the commands about evidence; whoever changes it takes a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.app import nodes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.app.nodes import World


@pytest.fixture(scope="session")
def sealed_unit(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a unit of which EAST has sealed and published two findings; not to be changed."""
    return nodes.sealed_world(tmp_path_factory.mktemp("unit"))


@pytest.fixture
def unit(sealed_unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a copy of that unit; this machine's node is EAST's."""
    copy = sealed_unit.copy(tmp_path / "unit")
    monkeypatch.setenv("HISN_HOME", str(copy.roots[nodes.EAST]))
    return copy
