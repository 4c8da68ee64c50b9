"""What was sealed opens again only as what the log holds, and only while its owner has everything."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, VOTE, WEB, World, id_of
from tests.unit.app.units import request_of, seal, write_logs

from hisn.app.evidence_pack import batches_of, find_finding
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.app.reopen import batch_act, encrypted_parts, own_act, reopener
from hisn.app.reread import BatchAct
from hisn.app.unseal import unseal
from hisn.core import limits
from hisn.errors import StorageError, VerificationError


def batch_in(node: Node, source: str = VOTE) -> int:
    ((leaf, _root, _events),) = batches_of(own_act(node, find_finding(node, id_of(node, source))))
    return leaf


def files_of(unit: World, folder: str) -> list[Path]:
    return [path for path in (unit.roots[EAST] / folder).rglob("*") if path.is_file()]


def test_a_batch_opens_with_its_records(unit: World) -> None:
    with unit.open(EAST) as (east,), reopener(east) as opener:
        found = opener.batch(batch_in(east))
        assert (found.chunk.source, found.chunk.records, found.mode) == (VOTE, 3, "fields")
        assert found.batch.sealed.root.hex() == found.act.statement.public["root"]


def test_one_file_is_decrypted_once_for_all_its_batches(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEALED_CHUNKS", 1)
    path = tmp_path / "two.log"
    path.write_text(write_logs(tmp_path / "l", x=["/" + "x" * 900] * 3_000).joinpath("x.log").read_text())
    with unit.open(EAST) as (east,):
        before = east.log.head().checkpoint.size
        seal(east, request_of(unit.rule, path))
        count = len([at for at in east.member.fold.table.positions("batch") if at >= before])
        assert count > 1
        calls: list[int] = []

        def counted(act: BatchAct, key: bytes, parts: Iterable[bytes], folder: Path) -> str:
            calls.append(act.index)
            return unseal(act, key, parts, folder)

        monkeypatch.setattr("hisn.app.reopen.unseal", counted)
        with reopener(east) as opener:
            for position in range(before, before + count):
                opener.batch(position)
    assert len(calls) == 1


def copies_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_clear_copies_are_gone_afterwards_whatever_happens(unit: World) -> None:
    with unit.open(EAST) as (east,):
        folder = east.places.intake
        with reopener(east) as opener:
            opener.batch(batch_in(east))
            assert copies_in(folder)
        assert copies_in(folder) == []
        with suppress(KeyboardInterrupt), reopener(east) as opener:
            opener.batch(batch_in(east))
            raise KeyboardInterrupt
        assert copies_in(folder) == []


def test_an_act_that_is_no_batch_is_not_opened(unit: World) -> None:
    with unit.open(EAST) as (east,), reopener(east) as opener:
        with pytest.raises(VerificationError) as caught:
            opener.batch(find_finding(east, id_of(east, VOTE)))
        assert caught.value.code == "E3380"


def test_a_lost_body_is_said_so(unit: World) -> None:
    with unit.open(EAST) as (east,):
        leaf = batch_in(east)
        body = own_act(east, leaf).statement.body
        assert body is not None
        east.blobs.delete(blob_name(body.sha256))
        with pytest.raises(StorageError) as caught:
            batch_act(own_act(east, leaf))
        assert caught.value.code == "E5340"
        with pytest.raises(StorageError) as caught:
            own_act(east, leaf).field("source")
        assert caught.value.code == "E5340"


def test_a_lost_file_is_said_so(unit: World) -> None:
    with unit.open(EAST) as (east,):
        with pytest.raises(StorageError) as caught:
            encrypted_parts(east, bytes(32))
        assert caught.value.code == "E5341"


def test_a_changed_body_is_refused(unit: World) -> None:
    with unit.open(EAST) as (east,):
        leaf, other = batch_in(east), batch_in(east, WEB)
        bodies = [own_act(east, at).statement.body for at in (leaf, other)]
        assert bodies[0] is not None
        assert bodies[1] is not None
        paths = [unit.roots[EAST] / blob_name(body.sha256) for body in bodies if body]
        paths[0].write_bytes(paths[1].read_bytes())
        with pytest.raises(VerificationError):
            own_act(east, leaf)


def test_a_changed_encrypted_file_is_refused(unit: World) -> None:
    for path in files_of(unit, "blob"):
        if path.read_bytes().startswith(b"hisn-raw/1\n"):
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    with unit.open(EAST) as (east,), reopener(east) as opener:
        with pytest.raises(VerificationError) as caught:
            opener.batch(batch_in(east))
        assert caught.value.code == "E3344"


def test_a_batch_that_comes_out_otherwise_is_not_shown(unit: World) -> None:
    with unit.open(EAST) as (east,):
        batch = own_act(east, batch_in(east))
        assert batch.opened is not None
        draft = Draft(
            kind="batch",
            public={**batch.statement.public, "root": "11" * 32},
            sealed=dict(batch.opened.values),
        )
        (place,) = east.member.record([draft])
        with reopener(east) as opener, pytest.raises(VerificationError) as caught:
            opener.batch(place.index)
        assert caught.value.code == "E3381"


def test_a_clear_body_is_compared_with_its_act(unit: World) -> None:
    with unit.open(EAST) as (east,):
        act = own_act(east, 0)
        assert (act.statement.kind, act.sealed, act.opened) == ("charter", None, None)
        body = act.statement.body
        assert body is not None
        (unit.roots[EAST] / blob_name(body.sha256)).write_bytes(b"another charter")
        with pytest.raises(VerificationError):
            own_act(east, 0)
