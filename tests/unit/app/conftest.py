"""Found one unit for all tests of this folder; whoever changes it takes a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.app import nodes, units

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.app.nodes import World


@pytest.fixture(scope="session")
def sealed_unit(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a unit of which EAST has sealed and published two findings; not to be changed."""
    return nodes.sealed_world(tmp_path_factory.mktemp("unit"))


@pytest.fixture
def unit(sealed_unit: World, tmp_path: Path) -> World:
    """Return a copy of that unit for one test."""
    return sealed_unit.copy(tmp_path / "unit")


@pytest.fixture(scope="session")
def linked_unit(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], dict[str, str]]:
    """Return the folders and addresses of a unit whose nodes can reach each other; not to be changed."""
    urls = units.free_urls()
    return units.found(tmp_path_factory.mktemp("linked"), urls), urls
