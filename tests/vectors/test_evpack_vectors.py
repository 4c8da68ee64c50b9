"""Every published proof pack is judged as its file says, and is made again byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from vectors.evpack_vector import Vector

from vectors import make_evpack

FOLDER = Path(make_evpack.__file__).parent / "evpack"
NAMES = sorted(path.stem for path in FOLDER.glob("*.evpack"))


@pytest.mark.parametrize("name", NAMES)
def test_a_published_pack_is_judged_as_its_file_says(name: str) -> None:
    said = json.loads((FOLDER / "expected" / f"{name}.json").read_text("utf-8"))
    genesis = bytes.fromhex(said["genesis"]) if said["genesis"] else None
    data = (FOLDER / f"{name}.evpack").read_bytes()
    vector = Vector(name, said["why"], data, genesis, said["result"], said["failed"])
    assert make_evpack.expected(vector) == said


def test_there_is_one_expectation_for_every_pack() -> None:
    assert sorted(path.stem for path in (FOLDER / "expected").glob("*.json")) == NAMES
    assert len([name for name in NAMES if name.startswith("bad-")]) >= 25


@pytest.mark.full
def test_the_published_packs_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    make_evpack.write(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert made == {path.relative_to(FOLDER): path.read_bytes() for path in FOLDER.rglob("*.*")}
