"""What a draft changes is computed from the documents, and whoever has to sign still is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, World
from tests.unit.app.units import MEMBERS, OUTSIDE, UNIT, alone, opened

from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.unit_draft import UnitDraft
from hisn.app.unit_files import adopt, draft_epoch, own_enrolment, sign_draft
from hisn.app.unit_review import document_in, ground_of, missing_from, review, void_entries, watched_folder
from hisn.errors import PolicyError, UsageError, VerificationError
from hisn.unit.compare import Admitted, KeyBegins, KeyEnds, Moved, Needed
from hisn.unit.draft import Admit, Change, Join, Move, Rotate, Suspend
from hisn.unit.enrol import verify_enrolment

PRESS, SCHOOL = OUTSIDE
LATER = "academy.example"
SAID = Draft(kind="observation", public={"what": "x", "digest": "00" * 32})
WEST = "west.example"


@contextmanager
def all_of(world: World) -> Iterator[dict[str, Node]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(opened(root)) for name, root in world.roots.items()}


@contextmanager
def newcomer(folder: Path, name: str, *, as_witness: bool) -> Iterator[tuple[Node, Change]]:
    """Make a node that nobody knows yet, and the change that takes it in."""
    with alone(folder, name) as node:
        enrolment = verify_enrolment(own_enrolment(node, UNIT, as_witness=as_witness))
        yield node, Admit(enrolment) if as_witness else Join(enrolment)


def sign_by(nodes: Mapping[str, Node], names: tuple[str, ...], draft: UnitDraft) -> UnitDraft:
    for name in names:
        draft = sign_draft(nodes[name], draft)
    return draft


def moved(node: Node, url: str = "https://a.example") -> UnitDraft:
    return draft_epoch(node, [Move(node.config.origin, node.config.side, url)])


def test_a_review_is_the_same_for_everybody(unit: World, tmp_path: Path) -> None:
    with all_of(unit) as nodes, newcomer(tmp_path / "n", LATER, as_witness=True) as (node, admit):
        draft = draft_epoch(nodes[EAST], [admit])
        reviews = [review(each, draft) for each in (*nodes.values(), node)]
    assert len({(each.differences, each.needed, each.void) for each in reviews}) == 1
    found = reviews[0]
    assert next(type(each) for each in found.differences) is Admitted
    assert found.needed[0] == Needed(EAST, (3, 4), (4, 5))


def test_a_new_witness_signs_and_adopts_a_later_epoch(unit: World, tmp_path: Path) -> None:
    """It has none of the epochs before: they come with the draft, and lead to the charter."""
    with all_of(unit) as nodes, newcomer(tmp_path / "n", LATER, as_witness=True) as (node, admit):
        first = sign_by(nodes, MEMBERS, moved(nodes[EAST]))
        for name in MEMBERS:
            adopt(nodes[name], first)
        draft = sign_by(nodes, MEMBERS, draft_epoch(nodes[EAST], [admit]))
        assert missing_from(draft) == (LATER,)
        with pytest.raises(VerificationError) as caught:
            adopt(nodes[EAST], draft)  # nobody holds the new key, for all that is known
        assert caught.value.code == "E3407"
        draft = sign_draft(node, draft)
        assert missing_from(draft) == ()
        for _ in range(2):
            assert adopt(node, draft).epoch == 2
        folder = watched_folder(node, nodes[EAST].charter)
        names = ["0000.dsse", "0001.dsse", "0002.dsse", "genesis.json"]
        assert sorted(path.name for path in folder.iterdir()) == names
        assert adopt(nodes[EAST], draft).epoch == 2


def test_a_new_member_joins_a_unit_that_has_changed_before(unit: World, tmp_path: Path) -> None:
    with all_of(unit) as nodes, newcomer(tmp_path / "n", WEST, as_witness=False) as (node, join):
        first = sign_by(nodes, MEMBERS, moved(nodes[EAST]))
        for name in MEMBERS:
            adopt(nodes[name], first)
        draft = sign_draft(node, draft_epoch(nodes[EAST], [join]))
        assert missing_from(draft) == MEMBERS
        draft = sign_by(nodes, MEMBERS, draft)
        adopt(node, draft)
        assert (node.charter.name, node.roster.epoch, len(node.rosters)) == (UNIT, 2, 3)
        assert adopt(nodes[EAST], draft).find(WEST) is not None
    with opened(tmp_path / "n") as again:
        assert [each.epoch for each in again.rosters] == [0, 1, 2]
        assert again.log.refusal is None


def test_a_past_that_was_forged_for_a_newcomer_is_refused(unit: World, tmp_path: Path) -> None:
    with all_of(unit) as nodes, newcomer(tmp_path / "n", LATER, as_witness=True) as (node, admit):
        draft = draft_epoch(nodes[EAST], [admit])
        (first,) = draft.epochs
        for past in ((first[:-2] + b'"}',), (first.replace(b'"sig":"A', b'"sig":"B', 1),), ()):
            with pytest.raises((VerificationError, UsageError)):
                sign_draft(node, replace(draft, epochs=past))


def test_a_draft_that_goes_on_from_another_epoch_is_refused_and_the_fork_named(unit: World) -> None:
    with all_of(unit) as nodes:
        one, other = (sign_by(nodes, MEMBERS, moved(nodes[EAST], f"https://{way}")) for way in "ab")
        adopt(nodes[EAST], one)
        adopt(nodes[NORTH], one)
        adopt(nodes[SOUTH], other)
        for draft in (other, moved(nodes[SOUTH])):
            for work in (sign_draft, adopt, review):
                with pytest.raises(VerificationError) as caught:
                    work(nodes[EAST], draft)
                assert caught.value.code == "E3421"
                assert "another epoch 1" in caught.value.message


def test_epochs_are_adopted_in_their_order(unit: World) -> None:
    with all_of(unit) as nodes:
        first = sign_by(nodes, MEMBERS, moved(nodes[EAST]))
        adopt(nodes[EAST], first)
        with pytest.raises(UsageError) as caught:
            ground_of(nodes[NORTH], moved(nodes[EAST], "https://b.example"))
        assert caught.value.code == "E1331"
        adopt(nodes[NORTH], first)
        assert len(ground_of(nodes[NORTH], moved(nodes[EAST], "https://b.example")).chain) == 2


def test_who_owns_what_changes_must_sign_and_nobody_else_beyond_the_threshold(
    unit: World, tmp_path: Path
) -> None:
    with all_of(unit) as nodes, newcomer(tmp_path / "n", WEST, as_witness=False) as (node, join):
        draft = sign_by({**nodes, WEST: node}, (*MEMBERS, WEST), draft_epoch(nodes[EAST], [join]))
        for each in (*nodes.values(), node):
            adopt(each, draft)
        later = moved(nodes[EAST])
        assert missing_from(later) == (*MEMBERS, WEST)
        later = sign_by(nodes, (NORTH, SOUTH), later)
        assert missing_from(later) == (EAST, WEST)
        assert missing_from(sign_draft(nodes[EAST], later)) == ()  # three of four, and the owner
        assert missing_from(sign_draft(node, later)) == (EAST,)


def test_a_root_key_is_replaced_by_both(unit: World) -> None:
    with all_of(unit) as nodes:
        new = nodes[EAST].identity.signer("root", 1).public
        draft = draft_epoch(nodes[EAST], [Rotate(EAST, "root", new)])
        assert [type(each) for each in review(nodes[NORTH], draft).differences][:2] == [KeyEnds, KeyBegins]
        draft = sign_by(nodes, MEMBERS, draft)
        assert missing_from(draft) == ()
        adopt(nodes[EAST], draft)
        assert nodes[EAST].signer("root").public == new
        again = draft_epoch(nodes[EAST], [Move(EAST, "east", "https://a.example")])
        assert missing_from(sign_draft(nodes[EAST], again)) == (NORTH, SOUTH)


def test_entries_behind_a_new_key_are_counted_and_not_signed_away(unit: World) -> None:
    with all_of(unit) as nodes:
        east = nodes[EAST]
        size = east.log.head().checkpoint.size
        new = east.identity.signer("act", 1).public
        late = draft_epoch(east, [Rotate(EAST, "act", new, size, size)])
        east.member.record([SAID, SAID])
        assert review(east, late).void == 2
        assert review(nodes[NORTH], late).void == 0
        with pytest.raises(PolicyError) as caught:
            sign_draft(east, late)
        assert caught.value.code == "E4332"
        fitting = draft_epoch(east, [Rotate(EAST, "act", new, size + 2, size + 2)])
        assert review(east, fitting).void == 0
        assert void_entries(east, None, east.roster) == 0


def test_a_suspended_member_comes_back_under_new_keys(unit: World, tmp_path: Path) -> None:
    with all_of(unit) as nodes, newcomer(tmp_path / "n", LATER, as_witness=True) as (node, admit):
        everybody = {**nodes, LATER: node}
        draft = sign_by(everybody, (*MEMBERS, LATER), draft_epoch(nodes[EAST], [admit, Suspend(SOUTH)]))
        for each in everybody.values():
            adopt(each, draft)
        south = nodes[SOUTH]
        before = south.log.head().checkpoint.size
        back = Join(verify_enrolment(own_enrolment(south, UNIT)))
        draft = sign_by(nodes, MEMBERS, draft_epoch(nodes[EAST], [back]))
        for name in MEMBERS:
            assert adopt(nodes[name], draft).epoch == 2
        assert south.signer("act").public == south.identity.signer("act", 1).public
        assert south.signer("root").public == south.identity.signer("root", 0).public
        assert south.log.head().checkpoint.size == before + 1  # of its time away nothing is logged


def test_a_document_is_read_without_being_believed(unit: World) -> None:
    with unit.open(EAST) as (east,):
        draft = moved(east)
        assert document_in(draft.epochs[0]) == east.roster.document
        assert next(type(each) for each in review(east, draft).differences) is Moved
    with pytest.raises(VerificationError):
        document_in(b"{}")
