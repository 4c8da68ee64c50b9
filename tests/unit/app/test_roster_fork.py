"""Members who signed two rosters with one number are named to anybody, by one file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, VOTE, World, id_of
from tests.unit.app.units import MEMBERS, alone

from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.app.roster_fork import compare_rosters
from hisn.app.unit_draft import UnitDraft
from hisn.app.unit_files import adopt, draft_epoch, sign_draft
from hisn.errors import UsageError, VerificationError
from hisn.evidence.pack import parse_pack
from hisn.unit.draft import Move
from hisn.verify.check import verify_pack
from hisn.verify.steps import Result


class Split:
    """Hold a unit whose members signed two epochs with one number, and two files of what is in force."""

    def __init__(self, unit: World, folder: Path) -> None:
        self.unit = unit
        self.folder = folder
        self.drafts = {way: self.signed(way) for way in "ab"}
        for name, way in ((EAST, "a"), (NORTH, "b"), (SOUTH, "a")):
            with unit.open(name) as (node,):
                adopt(node, self.drafts[way])

    def signed(self, way: str, names: tuple[str, ...] = MEMBERS) -> UnitDraft:
        with self.unit.open(EAST) as (east,):
            draft = draft_epoch(east, [Move(EAST, "east", f"https://{way}.example")])
        for name in names:
            with self.unit.open(name) as (node,):
                draft = sign_draft(node, draft)
        return draft

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def rosters(self, name: str) -> Path:
        return self.unit.roots[name] / "roster"


@pytest.fixture
def split(unit: World, tmp_path: Path) -> Split:
    return Split(unit, tmp_path)


def proven(split: Split, first: Path, second: Path | None = None, at: str = EAST) -> bool:
    with split.unit.open(at) as (node,):
        compared = compare_rosters(node, first, second)
        genesis = node.charter.genesis
    if compared.proof is None:
        return False
    report = verify_pack(compared.proof.data, genesis=genesis)
    assert report.result is Result.FORK_PROVEN
    (said,) = [each for each in report.proven if each.code == "two-rosters"]
    assert said.args == {"epoch": 1, "names": ", ".join(MEMBERS)}
    assert "roster/0001.dsse" not in parse_pack(compared.proof.data)
    return True


def refused(kind: type[Exception], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(getattr(caught.value, "code", ""))


def test_a_draft_a_folder_a_file_and_a_pack_are_compared_with_what_is_in_force(split: Split) -> None:
    assert proven(split, split.file("b.draft", split.drafts["b"].encode()))
    assert proven(split, split.rosters(NORTH))
    assert proven(split, split.rosters(NORTH) / "0001.dsse")
    with split.unit.open(EAST) as (east,):
        pack = make_pack(east, PackRequest(finding=id_of(east, VOTE))).data
    assert proven(split, split.file("a.evpack", pack), at=NORTH)


def test_two_sides_of_others_are_compared(split: Split) -> None:
    first, second = split.rosters(EAST), split.rosters(NORTH)
    assert proven(split, first, second, at=SOUTH)
    assert not proven(split, first, split.rosters(SOUTH), at=NORTH)


def test_the_same_rosters_are_no_fork(split: Split) -> None:
    with split.unit.open(EAST) as (east,):
        compared = compare_rosters(east, split.rosters(SOUTH))
    assert (compared.epochs, compared.proof) == ((0, 1), None)


def test_a_draft_that_too_few_signed_accuses_nobody(unit: World, tmp_path: Path) -> None:
    split = Split.__new__(Split)
    split.unit, split.folder = unit, tmp_path
    few = split.file("few.draft", split.signed("b", MEMBERS[:2]).encode())
    whole = split.signed("a")
    for name in MEMBERS:
        with unit.open(name) as (node,):
            adopt(node, whole)
    assert refused(VerificationError, lambda: proven(split, few)) == "E3422"


def test_rosters_of_another_unit_accuse_nobody(split: Split) -> None:
    alone(split.folder / "stranger", "stranger.example").close()
    other = split.folder / "stranger" / "roster"
    assert refused(VerificationError, lambda: proven(split, other)) == "E3422"


def test_what_is_no_roster_is_told_so(split: Split) -> None:
    (split.folder / "empty").mkdir()
    for path in (split.folder / "empty", split.file("text", b"text"), split.file("json", b"{}")):
        assert refused(UsageError, lambda path=path: proven(split, path)) == "E1343"  # type: ignore[misc]


def test_sides_without_a_common_number_are_told_so(split: Split) -> None:
    folder = split.folder / "later"
    folder.mkdir()
    shutil.copy(split.rosters(EAST) / "0001.dsse", folder)
    first = split.rosters(EAST) / "0000.dsse"
    assert refused(UsageError, lambda: proven(split, first, folder)) == "E1344"
