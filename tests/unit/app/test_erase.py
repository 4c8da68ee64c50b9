"""An erased key never comes back, whatever dies in between and whatever is restored."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, VOTE, WEB, World, disclosed, id_of
from tests.unit.app.units import LINE, nobody, request_of, seal, write_logs

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Head, Ref, parse_statement
from hisn.app.disclose import disclose
from hisn.app.erase import Erasure, ErasureRequest, erase, plan_erasure
from hisn.app.erased import erased
from hisn.app.evidence_list import describe, findings_of
from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.app.home import Node, open_node
from hisn.app.member import Draft
from hisn.app.node_status import check_node
from hisn.app.options import parse_moment
from hisn.app.places import blob_name
from hisn.app.recheck import recheck
from hisn.core.instant import Instant
from hisn.errors import StorageError, UsageError
from hisn.evidence.vault import Vault
from hisn.storage.keyring import FileKeyStore
from hisn.testing.fake_clock import START, FakeClock


def plan(node: Node, source: str = VOTE, *, bodies: bool = False) -> Erasure:
    return plan_erasure(node, ErasureRequest(finding=id_of(node, source), bodies=bodies))


def events_of(node: Node) -> list[dict[str, object]]:
    node.member.fold.catch_up(node.log)
    leaves = [node.log.read_entry(at) for at in node.member.fold.table.positions("key-event")]
    return [dict(parse_statement(parse_envelope(leaf).payload).public) for leaf in leaves]


def test_it_says_which_files_and_findings_are_meant(unit: World) -> None:
    with unit.open(EAST) as (east,):
        planned = plan(east)
        assert (planned.files, planned.batches, planned.bodies) == ((VOTE,), 1, ())
        assert planned.findings == (id_of(east, VOTE),)
        assert events_of(east) == []


def test_the_log_says_which_key_was_erased(unit: World) -> None:
    with unit.open(EAST) as (east,):
        planned = plan(east)
        erase(east, planned)
        assert events_of(east) == [{"event": "erase", "detail": {"key": planned.keys[0].hex()}}]
        assert erased(east).keys == frozenset(planned.keys)


def test_what_was_erased_can_be_shown_and_disclosed_no_more(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        erase(east, plan(east))
        finding = id_of(east, VOTE)
        for attempt in (
            lambda: make_pack(east, PackRequest(finding=finding)),
            lambda: disclose(east, finding, tmp_path / "f.evdata", unwitnessed=True),
            lambda: describe(east, finding),
        ):
            with pytest.raises(StorageError) as caught:
                attempt()
            assert caught.value.code == "E5300"
        make_pack(east, PackRequest(finding=id_of(east, WEB), unwitnessed=True))


def test_a_restored_folder_of_keys_loses_the_key_again(unit: World, tmp_path: Path) -> None:
    keys = unit.roots[EAST] / "keys"
    shutil.copytree(keys, tmp_path / "backup")
    with unit.open(EAST) as (east,):
        planned = plan(east)
        erase(east, planned)
    shutil.rmtree(keys)
    shutil.copytree(tmp_path / "backup", keys)
    name = planned.keys[0].hex()
    assert FileKeyStore(keys).get(name) is not None
    with unit.open(EAST) as (east,):
        assert east.vault().erased_again == (name,)
        with pytest.raises(StorageError) as caught:
            east.vault().get(planned.keys[0])
    assert caught.value.code == "E5300"
    assert FileKeyStore(keys).get(name) is None


def test_dying_between_log_and_key_leaves_no_key(unit: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_vault: Vault, _commitments: object) -> None:
        raise KeyboardInterrupt

    with unit.open(EAST) as (east,):
        planned = plan(east)
        with monkeypatch.context() as patch:
            patch.setattr(Vault, "erase", dies)
            with pytest.raises(KeyboardInterrupt):
                erase(east, planned)
        assert len(events_of(east)) == 1
    with unit.open(EAST) as (east,):
        east.vault()
        assert FileKeyStore(east.places.keys).get(planned.keys[0].hex()) is None


def test_dying_before_the_log_speaks_erases_nothing(unit: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with unit.open(EAST) as (east,):
        planned = plan(east)

        def dies(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(east.member, "record", dies)
        with pytest.raises(KeyboardInterrupt):
            erase(east, planned)
        assert FileKeyStore(east.places.keys).get(planned.keys[0].hex()) is not None


def body_of(node: Node, erasure: Erasure) -> bytes | None:
    return node.blobs.get(blob_name(erasure.bodies[0]))


def test_bodies_stay_unless_they_are_meant_too(unit: World) -> None:
    with unit.open(EAST) as (east,):
        with_bodies = plan(east, bodies=True)
        erase(east, plan(east))
        assert body_of(east, with_bodies) is not None


def test_the_body_of_a_finding_is_erased_and_comes_back_no_more(unit: World, tmp_path: Path) -> None:
    blobs = unit.roots[EAST] / "blob"
    shutil.copytree(blobs, tmp_path / "backup")
    with unit.open(EAST) as (east,):
        finding = id_of(east, VOTE)
        planned = plan(east, bodies=True)
        erase(east, planned)
        assert body_of(east, planned) is None
        assert events_of(east)[1] == {"event": "erase", "detail": {"body": planned.bodies[0].hex()}}
        with pytest.raises(UsageError):
            describe(east, finding)  # not even its id is kept
        assert [row.id for row in findings_of(east) if row.place == 5] == [""]
    shutil.copytree(tmp_path / "backup", blobs, dirs_exist_ok=True)
    with unit.open(EAST) as (east,):
        describe(east, id_of(east, WEB))
        assert body_of(east, planned) is None


def test_a_body_that_was_erased_is_not_missing(unit: World) -> None:
    with unit.open(EAST) as (east,):
        erase(east, plan(east, bodies=True))
        assert check_node(east).is_sound


def test_what_is_erased_is_not_erased_twice(unit: World) -> None:
    with unit.open(EAST) as (east,):
        erase(east, plan(east))
        with pytest.raises(UsageError) as caught:
            plan(east)
        assert caught.value.code == "E1315"
        assert plan(east, bodies=True).keys == ()


def test_bodies_can_be_erased_after_the_keys_of_their_files(unit: World) -> None:
    """Whoever forgets --bodies the first time must be able to say it the second time."""
    with unit.open(EAST) as (east,):
        erase(east, plan(east))
        planned = plan(east, bodies=True)
        erase(east, planned)
        assert body_of(east, planned) is None


def test_a_key_is_named_by_its_beginning_or_not_at_all(unit: World) -> None:
    with unit.open(EAST) as (east,):
        key = plan(east).keys[0]
        named = plan_erasure(east, ErasureRequest(intake=key.hex()[:10].upper()))
        assert (named.keys, named.files) == ((key,), (VOTE,))
        for wrong in ("", "zz", "0" * 64):
            with pytest.raises(UsageError) as caught:
                plan_erasure(east, ErasureRequest(intake=wrong))
            assert caught.value.code == "E1317"


def test_a_key_whose_file_gave_no_batch_can_be_erased(unit: World) -> None:
    """A run that was killed behind the taking in leaves such a key."""
    with unit.open(EAST) as (east,):
        (key,) = east.vault().new_keys(1)
        planned = plan_erasure(east, ErasureRequest(intake=key.commitment.hex()))
        assert (planned.keys, planned.files, planned.batches) == ((key.commitment,), (), 0)
        erase(east, planned)
        assert FileKeyStore(east.places.keys).get(key.commitment.hex()) is None


def test_what_was_sealed_before_a_day_is_erased_and_nothing_later(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        now = east.clock.now()
        seal(east, request_of(unit.rule, write_logs(tmp_path / "late", late=["/?marked"])))
        planned = plan_erasure(east, ErasureRequest(before=now))
        assert set(planned.files) == {VOTE, WEB}
        assert len(planned.findings) == 2
        with pytest.raises(UsageError):
            plan_erasure(east, ErasureRequest(before=parse_moment("2001-01-01")))


def test_a_file_is_kept_while_one_of_its_batches_is_young(unit: World, tmp_path: Path) -> None:
    """One archive, two logs in it, one of them sealed an hour later."""
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.log", "b.log"):
            archive.writestr(name, LINE.format(minute=1, target="/?marked"))
    clock = FakeClock()
    with open_node(unit.roots[EAST], nobody, clock) as east:
        record = east.member.record

        def slow(drafts: Sequence[Draft], seen: Sequence[Head] = ()) -> list[Ref]:
            places = []
            for draft in drafts:
                places += record([draft], seen)
                clock.advance(3_600)
            return places

        east.member.record = slow  # type: ignore[method-assign]
        seal(east, request_of(unit.rule, path))
        assert len(east.member.fold.table.positions("batch")) == 4
        with pytest.raises(UsageError):
            plan_erasure(east, ErasureRequest(before=Instant(START + 1)))
        planned = plan_erasure(east, ErasureRequest(before=Instant(START + 3_600_000_001)))
        assert (planned.files, planned.batches, len(planned.findings)) == (("two.zip",), 2, 2)


def test_disclosed_files_keep_their_keys_and_the_text_says_so(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(EAST) as (east,):
        erase(east, plan(east))
    with unit.open(NORTH) as (north,):
        assert recheck(north, path, unit.rules).verdict.outcome.value == "same"
