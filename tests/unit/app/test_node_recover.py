"""A restored old copy signs nothing; it gets back what was witnessed, and its log names the gap."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.app.nodes import World
from tests.unit.app.units import (
    MEMBERS,
    OUTSIDE,
    alone,
    copied,
    free_urls,
    nobody,
    opened,
    request_of,
    seal,
    served,
    write_logs,
    write_rule,
)
from tests.unit.node import hostile

from hisn.app import node_recover
from hisn.app.member import Draft
from hisn.app.node_recover import OWN_FILES, Recovered, RecoverRequest, addresses_in, recover_log
from hisn.app.node_status import check_node, status_of
from hisn.app.publish import publish
from hisn.app.replicate import replicate_all
from hisn.errors import StorageError, UsageError
from hisn.node.published import Haste
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint
from hisn.tlog.sign import LogSigner, sign_checkpoint
from hisn.tlog.staging import LogNames

EAST, NORTH, SOUTH = MEMBERS
PRESS, SCHOOL = OUTSIDE
Linked = tuple[dict[str, Path], dict[str, str]]
PLAIN = RecoverRequest(at={})
HASTE = Haste(whole_s=5, grace_s=5)


@pytest.fixture
def linked(linked_unit: Linked, tmp_path: Path) -> Linked:
    return copied(linked_unit[0], tmp_path / "unit"), linked_unit[1]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir(exist_ok=True)


def note(text: str) -> Draft:
    return Draft(kind="observation", public={"what": text, "digest": "00" * 32})


def others(linked: Linked, *without: str) -> dict[str, Path]:
    return {name: root for name, root in linked[0].items() if name not in (EAST, *without)}


@contextmanager
def lost(linked: Linked, count: int = 4) -> Iterator[Path]:
    """Let EAST publish, be backed up, seal and publish more; serve the others; give the backup's folder."""
    root = linked[0][EAST]
    backup = root.parent / "backup"
    with served(others(linked), linked[1]):
        with opened(root) as node:
            node.member.record([note("before")])
            assert publish(node, HASTE).is_published
            replicate_all(node)
        shutil.copytree(root, backup)
        with opened(root) as node:
            node.member.record([note(f"after {number}") for number in range(count)])
            assert publish(node, HASTE).is_published
            assert all(each.missing is None for each in replicate_all(node))
        yield backup


def restore(backup: Path, root: Path, *parts: str) -> None:
    """Put an old copy back: the whole folder, or some parts of it."""
    for part in parts or (".",):
        shutil.rmtree(root / part) if (root / part).is_dir() else (root / part).unlink()
        (shutil.copytree if (backup / part).is_dir() else shutil.copy)(backup / part, root / part)


def entries_of(root: Path) -> list[bytes]:
    with opened(root) as node:
        return list(node.log.entries(0, node.log.head().checkpoint.size))


def recovers(root: Path, request: RecoverRequest = PLAIN) -> Recovered:
    done = recover_log(root, nobody, request)
    assert done is not None
    return done


def test_a_restored_old_backup_refuses_to_sign_and_recovers(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as backup:
        before = entries_of(root)
        restore(backup, root)
        with opened(root) as node:
            # A sealing run asks its witnesses before it signs anything.
            with pytest.raises(StorageError) as caught:
                node.member.record([note("a fork")])
            assert caught.value.code == "E5207"
            assert "hisn node recover" in caught.value.hint
            assert status_of(node).refusal is not None
            with pytest.raises(StorageError):
                publish(node, HASTE)
        done = recovers(root)
        assert (done.old, done.new, done.source) == (len(before) - 4, len(before), NORTH)
        with opened(root) as node:
            assert node.log.refusal is None
            assert list(node.log.entries(0, len(before))) == before
            assert node.key_events("gap") == [{"old": done.old, "new": done.new}]
            assert publish(node, HASTE).is_published
            assert check_node(node).log.problems == ()
        assert recover_log(root, nobody, PLAIN) is None


def test_an_old_backup_that_nobody_told_yet_recovers_before_it_signs(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as backup:
        before = entries_of(root)
        restore(backup, root)
        done = recovers(root)
        assert done.new == len(before)
        assert entries_of(root)[:-1] == before


def test_entries_that_no_backup_and_no_mirror_has_are_never_signed_over(linked: Linked) -> None:
    """The witnesses have seen a state of which nobody has the entries: this log must stay silent."""
    root = linked[0][EAST]
    with lost(linked) as backup:
        with opened(root) as node:
            node.member.record([note("never mirrored")])
            assert publish(node, HASTE).is_published
        restore(backup, root)
        with pytest.raises(StorageError) as caught:
            recover_log(root, nobody, PLAIN)
        assert caught.value.code == "E5339"
        assert NORTH in caught.value.message
        with opened(root) as node, pytest.raises(StorageError):
            node.member.record([note("a fork")])


full = pytest.mark.full


@pytest.mark.parametrize(
    "parts",
    [
        ("state/commit.db",),
        pytest.param(("log",), marks=full),
        ("log", "state"),
        pytest.param(("state",), marks=full),
    ],
    ids=str,
)
def test_old_parts_beside_new_ones_recover(linked: Linked, parts: tuple[str, ...]) -> None:
    root = linked[0][EAST]
    with lost(linked, 300) as backup:
        before = entries_of(root)
        for name in ("state/commit.db-wal", "state/commit.db-shm"):
            (root / name).unlink(missing_ok=True)
        restore(backup, root, *parts)
        done = recover_log(root, nobody, PLAIN)
        found = entries_of(root)
        assert found[: len(before)] == before
        assert done is None or done.new == len(before)
        with opened(root) as node:
            assert node.log.refusal is None
            assert check_node(node).log.problems == ()


@pytest.mark.parametrize("gone", [pytest.param("log", marks=full), "state", "log state"])
def test_a_lost_folder_comes_back_from_a_mirror(linked: Linked, gone: str) -> None:
    root = linked[0][EAST]
    with lost(linked) as _:
        before = entries_of(root)
        for part in gone.split():
            shutil.rmtree(root / part)
        done = recovers(root)
        assert done.source == (OWN_FILES if gone == "state" else NORTH)
        assert entries_of(root)[: len(before)] == before
        with opened(root) as node:
            assert publish(node, HASTE).is_published


def test_lost_bodies_are_counted(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as _:
        shutil.rmtree(root / "log")
        shutil.rmtree(root / "blob")
        assert recovers(root).missing_bodies == 3


def test_a_witness_that_is_away_may_have_seen_more(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as backup:
        restore(backup, root)
    with served(others(linked, SCHOOL), linked[1]):
        with pytest.raises(StorageError) as caught:
            recover_log(root, nobody, PLAIN)
        assert caught.value.code == "E5338"
        assert SCHOOL in caught.value.message
        assert "--without" in caught.value.hint
        assert recovers(root, RecoverRequest(at={}, without=[SCHOOL])).new > 4


def test_too_few_witnesses_are_too_few_even_if_all_are_named(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as backup:
        restore(backup, root)
    with served(others(linked, SCHOOL, PRESS), linked[1]), pytest.raises(StorageError) as caught:
        recover_log(root, nobody, RecoverRequest(at={}, without=[SCHOOL, PRESS]))
    assert caught.value.code == "E5338"
    assert "3 of 4" in caught.value.hint


def test_a_member_that_moved_is_asked_at_its_new_address(linked: Linked) -> None:
    root, moved = linked[0][EAST], free_urls([NORTH, SCHOOL])
    with lost(linked) as backup:
        before = entries_of(root)
        restore(backup, root)
    urls = {**linked[1], **moved}
    with served(others(linked), urls):
        request = RecoverRequest(at={NORTH: moved[NORTH], SCHOOL: f"{moved[SCHOOL]}/witness"})
        assert recovers(root, request).source == NORTH
    assert entries_of(root)[:-1] == before


def test_a_mirror_that_lies_costs_its_turn(linked: Linked) -> None:
    """NORTH answers other entries under the true checkpoint; SOUTH has the true ones."""
    roots = linked[0]
    with lost(linked) as backup:
        before = entries_of(roots[EAST])
        mirrored = roots[NORTH] / LogNames(EAST).folder.replace("log/", "mirror/", 1)
        for path in mirrored.rglob("entries/*.p/*"):
            path.write_bytes(path.read_bytes().replace(b"payloadType", b"payloadTYPE"))
        restore(backup, roots[EAST])
        assert recovers(roots[EAST]).source == SOUTH
    assert entries_of(roots[EAST])[:-1] == before


def forked_head(root: Path, size: int) -> SignedCheckpoint:
    """Sign, with a node's own log keys, a tree that is not that of its log."""
    from hisn.tlog.checkpoint import parse_signed_checkpoint

    with opened(root) as node:
        signer = LogSigner(EAST, node.signer("log"), node.clock)
        return parse_signed_checkpoint(sign_checkpoint(Checkpoint(EAST, size, bytes(32)), signer))


def test_a_log_that_signed_two_trees_does_not_recover(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was restored and did sign: one witness has seen the other tree. Nothing heals that."""
    root = linked[0][EAST]
    with lost(linked) as backup:
        fork = forked_head(root, 6)
        restore(backup, root)
        heads = node_recover._heads_of_others
        monkeypatch.setattr(node_recover, "_heads_of_others", lambda *args: [*heads(*args), fork])
        with pytest.raises(StorageError) as caught:
            recover_log(root, nobody, PLAIN)
        assert caught.value.code == "E5211"
        with opened(root) as node:
            assert node.log.refusal is not None
            assert node.key_events("gap") == []


@pytest.mark.parametrize(
    "dies_at", [pytest.param("_adopt", marks=full), pytest.param("check_witness_head", marks=full), "record"]
)
def test_a_recovery_that_was_killed_is_done_again_and_names_the_whole_gap(
    linked: Linked, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    from hisn.app.member import Member
    from hisn.tlog.append import LogWriter

    target = {"_adopt": node_recover, "check_witness_head": LogWriter, "record": Member}[dies_at]
    root = linked[0][EAST]
    with lost(linked) as backup:
        before = entries_of(root)
        restore(backup, root)
        monkeypatch.setattr(target, dies_at, die)
        with pytest.raises(KeyboardInterrupt):
            recover_log(root, nobody, PLAIN)
        monkeypatch.undo()
        done = recovers(root)
        assert (done.old, done.new) == (len(before) - 4, len(before))
        with opened(root) as node:
            assert node.key_events("gap") == [{"old": done.old, "new": done.new}]


def test_a_damaged_file_is_repaired_and_is_no_gap(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as _:
        before = entries_of(root)
        newest = max((root / LogNames(EAST).folder).glob("tile/0/000.p/*"), key=lambda path: int(path.name))
        newest.write_bytes(bytes(len(newest.read_bytes())))
        with opened(root) as node:
            assert node.log.refusal is not None
        done = recovers(root)
        assert (done.old, done.new, done.source) == (len(before), len(before), OWN_FILES)
        with opened(root) as node:
            assert node.key_events("gap") == []
        assert entries_of(root) == before


def test_a_sound_node_has_nothing_to_recover(linked: Linked) -> None:
    root = linked[0][EAST]
    with lost(linked) as _:
        with opened(root) as node:
            node.member.record([note("sequenced, and not yet published")])
        before = entries_of(root)
        assert recover_log(root, nobody, PLAIN) is None
        assert entries_of(root) == before


def test_a_lone_office_recovers_what_lies_in_its_own_folder(tmp_path: Path) -> None:
    with alone(tmp_path / "lone") as node:
        node.member.record([note("one"), note("two")])
        publish(node)
    before = entries_of(tmp_path / "lone")
    shutil.rmtree(tmp_path / "lone" / "state")
    assert recovers(tmp_path / "lone").source == OWN_FILES
    assert entries_of(tmp_path / "lone")[:3] == before
    shutil.rmtree(tmp_path / "lone" / "state")
    shutil.rmtree(tmp_path / "lone" / "log")
    with pytest.raises(StorageError) as caught:
        recover_log(tmp_path / "lone", nobody, PLAIN)
    assert caught.value.code == "E5339"
    with pytest.raises(UsageError):
        recover_log(tmp_path / "none", nobody, PLAIN)


def test_what_was_sealed_before_the_loss_can_be_shown_after_it(linked: Linked, tmp_path: Path) -> None:
    from hisn.app.reopen import reopener

    root = linked[0][EAST]
    with served(others(linked), linked[1]):
        with opened(root) as node:
            seal(node, request_of(write_rule(tmp_path), write_logs(tmp_path / "logs", a=["/?marked"])))
            assert publish(node, HASTE).is_published
            replicate_all(node)
        shutil.rmtree(root / "log")
        shutil.rmtree(root / "state")
        assert recovers(root).missing_bodies == 0
    with opened(root) as node, reopener(node) as opener:
        (place,) = node.member.fold.table.positions("batch")
        assert opener.batch(place).batch.sealed.count == 1


def test_witnesses_that_cannot_be_asked_are_named(sealed_unit: World, tmp_path: Path) -> None:
    """One has no address, one shows what this log never signed, one shows another log."""
    root = sealed_unit.copy(tmp_path / "copy").roots[EAST]
    with opened(sealed_unit.roots[NORTH]) as north:
        foreign = north.log.head().raw
    lies = hostile.answers("200 OK", b"lies\n")
    with hostile.raw_server(lies) as liar, hostile.raw_server(hostile.answers("200 OK", foreign)) as other:
        request = RecoverRequest(at={PRESS: liar, NORTH: other})
        with pytest.raises(StorageError) as caught:
            recover_log(root, nobody, request)
    assert caught.value.code == "E5338"
    assert f"{SCHOOL}: it has no address" in caught.value.message
    for name in (PRESS, NORTH):
        assert f"{name}: it shows what this log has not signed" in caught.value.message


def test_addresses_are_given_by_name() -> None:
    texts = ["north.example=https://north.example:8470/x=y", "press.example=http://127.0.0.1:9"]
    assert addresses_in(texts) == {
        "north.example": "https://north.example:8470/x=y",
        "press.example": "http://127.0.0.1:9",
    }
    with pytest.raises(UsageError):
        addresses_in(["north.example"])


def test_a_damaged_mark_of_a_recovery_ends_no_recovery(tmp_path: Path) -> None:
    with alone(tmp_path / "lone") as node:
        publish(node)
    (tmp_path / "lone" / "state" / "recovering").write_bytes(b'{"old":"x"}')
    done = recovers(tmp_path / "lone")
    assert (done.old, done.new, done.source) == (1, 1, "")
