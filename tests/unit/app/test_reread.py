"""A sealed file is read again as its act says, and nothing else comes out than what the log holds."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.units import LINE

from hisn.app.judge import read_placed
from hisn.app.reread import BatchAct, OtherRootError, declaration_of, reread
from hisn.app.sealed import ChunkSealer, SealBy
from hisn.app.sealing import task_fields, visible
from hisn.core import limits
from hisn.errors import VerificationError
from hisn.events.declare import Declarations
from hisn.events.open import discover
from hisn.events.schema import Declaration
from hisn.evidence.batch import Mode
from hisn.evidence.disclosure import Value

KEY = b"k" * 32


def acts_of(path: Path, declaration: Declaration | None = None, mode: Mode = "fields") -> list[BatchAct]:
    """Seal a file, and return what its batch acts say."""
    tasks = discover((str(path),), Declarations(default=declaration or Declaration())).tasks
    compute = ChunkSealer({task.path: SealBy(KEY, mode) for task in tasks})
    acts = []
    for number, item in enumerate(each for each in read_placed(tasks) if hasattr(each, "chunk")):
        (sealed,) = compute([item])  # type: ignore[list-item]
        fields: dict[str, Value] = {"source": visible(sealed.source), **task_fields(sealed.task)}
        public = {
            "part": sealed.part,
            "ordinal": sealed.ordinal,
            "mode": mode,
            "root": sealed.root.hex(),
            "parser": "hisn 0 x",
        }
        acts.append(BatchAct(number, public, fields))
    return acts


def copied(path: Path, tmp_path: Path) -> str:
    """Return the path of the decrypted copy: another name, the same bytes."""
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    return str(copy)


def lines(count: int, pad: str = "") -> str:
    return "".join(LINE.format(minute=at % 60, target=f"/{at}{pad}") for at in range(count))


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a log of several batches."""
    monkeypatch.setattr(limits, "SEALED_CHUNKS", 1)
    path = tmp_path / "large.log"
    path.write_text(lines(6_000, "x" * 900))
    return path


def test_batches_come_out_as_they_were_sealed(large: Path, tmp_path: Path) -> None:
    acts = acts_of(large)
    assert len(acts) == 3
    found = list(reread(acts, copied(large, tmp_path), KEY))
    assert [each.act for each in found] == acts
    assert [each.batch.sealed.root.hex() for each in found] == [act.public["root"] for act in acts]


def test_a_file_is_read_once_and_no_further_than_the_last_batch_wanted(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(tasks: list[object]) -> Iterator[object]:
        for item in read_placed(tasks):  # type: ignore[arg-type]
            read.append(1)
            yield item

    acts = acts_of(large)
    monkeypatch.setattr("hisn.app.reread.read_placed", counted)
    assert len(list(reread([acts[1], acts[0]], copied(large, tmp_path), KEY))) == 2
    assert len(read) == 2


def test_another_file_does_not_pass_for_the_sealed_one(large: Path, tmp_path: Path) -> None:
    acts = acts_of(large)
    other = tmp_path / "other"
    other.write_text(large.read_text().replace("/17", "/18", 1))
    with pytest.raises(OtherRootError) as caught:
        list(reread(acts, str(other), KEY))
    assert caught.value.act == acts[0]
    assert caught.value.root is not None


def test_a_batch_that_is_not_in_the_file_is_named(large: Path, tmp_path: Path) -> None:
    act = acts_of(large)[0]
    invented = replace(act, public={**act.public, "ordinal": 99})
    with pytest.raises(OtherRootError) as caught:
        list(reread([invented], copied(large, tmp_path), KEY))
    assert caught.value.root is None


def test_one_stretch_of_a_file_is_not_taken_for_two_batches(large: Path, tmp_path: Path) -> None:
    act = acts_of(large)[0]
    with pytest.raises(OtherRootError) as caught:
        list(reread([act, replace(act, index=9)], copied(large, tmp_path), KEY))
    assert caught.value.act.index == 9


def test_another_key_gives_another_root(large: Path, tmp_path: Path) -> None:
    with pytest.raises(OtherRootError):
        list(reread(acts_of(large)[:1], copied(large, tmp_path), b"o" * 32))


def test_modes_are_sealed_differently_and_both_come_out(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(lines(5))
    (act,) = acts_of(path, mode="whole")
    assert next(reread([act], copied(path, tmp_path), KEY)).act.mode == "whole"
    with pytest.raises(OtherRootError):
        list(
            reread([replace(act, public={**act.public, "mode": "fields"})], copied(path, tmp_path) + "", KEY)
        )


def test_members_of_an_archive_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", lines(3))
        archive.writestr("b.log", lines(4))
    acts = acts_of(path)
    assert [act.source for act in acts] == ["logs.zip!a.log", "logs.zip!b.log"]
    assert {act.file for act in acts} == {"logs.zip"}  # whoever has its key reads all of them
    found = list(reread(acts, copied(path, tmp_path), KEY))
    assert [each.placed.chunk.records for each in found] == [3, 4]


def test_what_was_declared_is_part_of_how_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.write_text("Nov  3 20:00:00 host sshd[1]: hello\nNov  3 20:00:01 host sshd[1]: again\n")
    declaration = Declaration(year=2026, zone_s=3600, asset="ems", services=frozenset({"sshd"}))
    (act,) = acts_of(path, declaration)
    assert declaration_of(act) == declaration
    list(reread([act], copied(path, tmp_path), KEY))
    fields = {**act.fields, "declaration": (None, 2025, 3600, "ems", (), (), ("sshd",))}
    with pytest.raises(OtherRootError):
        list(reread([replace(act, fields=fields)], copied(path, tmp_path), KEY))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names of files")
def test_a_file_whose_name_is_no_text_comes_out_all_the_same(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.log"))
    path.write_text(lines(3))
    (act,) = acts_of(path)
    assert act.source == "caf\\xe9.log"
    assert len(list(reread([act], copied(path, tmp_path), KEY))) == 1


HOSTILE: list[tuple[str, Value]] = [
    ("end", -1),
    ("end", 0),
    ("end", "x"),
    ("member", 5),
    ("declaration", None),
    ("declaration", (None, None, None, None, (), ())),
    ("declaration", (None, 10**60, None, None, (), (), ())),
    ("declaration", (None, 0, None, None, (), (), ())),
    ("declaration", (None, None, 10**9, None, (), (), ())),
    ("declaration", (5, None, None, None, (), (), ())),
    ("declaration", (None, None, None, ("x",), (), (), ())),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_a_hostile_act_cannot_make_the_readers_fail(name: str, value: Value, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(lines(3))
    (act,) = acts_of(path)
    with pytest.raises(VerificationError) as caught:
        list(reread([replace(act, fields={**act.fields, name: value})], copied(path, tmp_path), KEY))
    assert caught.value.code == "E3382"


@pytest.mark.parametrize("name", ["task", "member", "end", "declaration", "source"])
def test_an_act_that_hides_how_it_was_read_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(lines(3))
    (act,) = acts_of(path)
    fields = {each: value for each, value in act.fields.items() if each != name}
    with pytest.raises(VerificationError) as caught:
        list(reread([replace(act, fields=fields)], copied(path, tmp_path), KEY))
    assert caught.value.code == "E3382"


@pytest.mark.parametrize("part", [1, 10**6, 2**53 - 1])
def test_a_range_that_is_not_there_gives_no_batch(part: int, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(lines(3))
    (act,) = acts_of(path)
    with pytest.raises(OtherRootError):
        list(reread([replace(act, public={**act.public, "part": part})], copied(path, tmp_path), KEY))
