"""A unit is founded by files that everybody checks, signs and adopts; nobody is made to sign a wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, World, sealed_world
from tests.unit.app.units import (
    MEMBERS,
    OUTSIDE,
    UNIT,
    adopted_by_all,
    alone,
    copied,
    draft_of,
    make_nodes,
    opened,
    signed_by_all,
)

from hisn.acts.envelope import Signature, parse_envelope, verify_envelope
from hisn.acts.statement import parse_statement
from hisn.app import unit_files
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.member import Draft as Said
from hisn.app.node_status import check_node
from hisn.app.peers import Peers
from hisn.app.unit_draft import UnitDraft
from hisn.app.unit_files import adopt, draft_epoch, draft_unit, own_enrolment, sign_draft
from hisn.app.unit_review import missing_from
from hisn.core.keys import key_id_hex
from hisn.errors import PolicyError, UsageError, VerificationError
from hisn.node.held import Held, format_held
from hisn.node.known import origin_hash
from hisn.storage.files import write_whole
from hisn.tlog.checkpoint import verify_checkpoint
from hisn.unit.draft import Admit, Move, Rotate, Suspend
from hisn.unit.enrol import verify_enrolment
from hisn.unit.rosterdoc import parse_charter, parse_roster

PRESS, SCHOOL = OUTSIDE


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make the nodes of a unit that is not founded yet."""
    return make_nodes(tmp_path_factory.mktemp("apart"))


@pytest.fixture(scope="module")
def draft(apart: dict[str, Path]) -> UnitDraft:
    return draft_of(apart)


@pytest.fixture(scope="module")
def signed(apart: dict[str, Path], draft: UnitDraft) -> UnitDraft:
    return signed_by_all(apart, draft)


@pytest.fixture
def roots(apart: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    return copied(apart, tmp_path)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    return sealed_world(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def world(founded: World, tmp_path: Path) -> World:
    return founded.copy(tmp_path)


def said(node: Node) -> list[tuple[str, object]]:
    """Return the kinds of the acts, with the epoch of those that adopt one."""
    acts = [
        parse_statement(parse_envelope(leaf).payload)
        for leaf in node.log.entries(0, node.log.head().checkpoint.size)
    ]
    return [(act.kind, act.public.get("epoch")) for act in acts if act.kind in ("charter", "roster")]


def test_a_draft_that_everybody_signed_founds_the_unit_on_every_node(
    roots: dict[str, Path], signed: UnitDraft
) -> None:
    adopted_by_all(roots, signed)
    for name in MEMBERS:
        with opened(roots[name]) as node:
            assert (node.charter.name, node.roster.epoch) == (UNIT, 0)
            assert [member.id for member in node.roster.active] == list(MEMBERS)
            assert said(node) == [("charter", None), ("charter", None), ("roster", 0)]
    with opened(roots[PRESS]) as node:
        assert node.charter.name == PRESS
        (watched,) = node.places.watched.iterdir()
        assert watched.name == parse_charter(signed.charter).genesis.hex()


def test_who_still_has_to_sign_is_named(roots: dict[str, Path], draft: UnitDraft) -> None:
    assert missing_from(draft) == tuple(sorted((*MEMBERS, *OUTSIDE)))
    with opened(roots[SOUTH]) as node:
        assert missing_from(sign_draft(node, draft)) == (EAST, NORTH, PRESS, SCHOOL)


def test_signing_twice_is_signing_once(apart: dict[str, Path], signed: UnitDraft) -> None:
    with opened(apart[EAST]) as node:
        again = sign_draft(node, signed)
    assert [each.key_id for each in again.signatures] == [each.key_id for each in signed.signatures]


@pytest.mark.parametrize("name", [EAST, PRESS])
def test_a_draft_without_all_signatures_is_not_adopted(
    roots: dict[str, Path], signed: UnitDraft, name: str
) -> None:
    """A draft that one of its members never saw must not make it a member."""
    with opened(roots[name]) as node:
        own = {
            key_id_hex(node.signer("witness").public.ed25519),
            key_id_hex(node.signer("witness").public.mldsa),
        }
    kept = tuple(each for each in signed.signatures if each.key_id not in own)
    with opened(roots[SOUTH]) as node:
        with pytest.raises(VerificationError) as caught:
            adopt(node, replace(signed, signatures=kept))
        assert caught.value.code == "E3407"
        assert node.charter.name == SOUTH
        assert said(node) == [("charter", None)]


def test_a_draft_that_was_changed_after_it_was_signed_is_not_adopted(
    roots: dict[str, Path], signed: UnitDraft
) -> None:
    document = signed.document.replace(b'"side":"east"', b'"side":"west"')
    with opened(roots[SOUTH]) as node, pytest.raises(VerificationError):
        adopt(node, replace(signed, document=document))


@pytest.mark.parametrize("name", [EAST, PRESS])
def test_adopting_twice_is_adopting_once(roots: dict[str, Path], signed: UnitDraft, name: str) -> None:
    for _ in range(2):
        with opened(roots[name]) as node:
            adopt(node, signed)
            before = said(node)
    with opened(roots[name]) as node:
        adopt(node, signed)
        assert adopt(node, signed).epoch == 0
        assert said(node) == before
        assert len(before) == (3 if name == EAST else 1)


@pytest.mark.parametrize("dies_at", ["replace_unit", "reload_unit", "record"])
def test_an_adoption_that_was_killed_is_finished_by_doing_it_again(
    roots: dict[str, Path], signed: UnitDraft, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with opened(roots[EAST]) as node:
        target = {"replace_unit": unit_files, "reload_unit": node, "record": node.member}[dies_at]
        monkeypatch.setattr(target, dies_at, die)
        with pytest.raises(KeyboardInterrupt):
            adopt(node, signed)
        monkeypatch.undo()
    with opened(roots[EAST]) as node:
        adopt(node, signed)
    with opened(roots[EAST]) as node:
        assert node.charter.name == UNIT
        assert said(node) == [("charter", None), ("charter", None), ("roster", 0)]


@pytest.mark.parametrize("writes", [0, 1])
def test_a_witness_that_was_killed_while_it_adopted_can_do_it_again(
    roots: dict[str, Path], signed: UnitDraft, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [writes]

    def dying(path: Path, data: bytes) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write_whole(path, data)

    with opened(roots[PRESS]) as node:
        monkeypatch.setattr(unit_files, "write_whole", dying)
        with pytest.raises(KeyboardInterrupt):
            adopt(node, signed)
        monkeypatch.undo()
        assert adopt(node, signed).name == UNIT
        assert adopt(node, signed).name == UNIT


def test_a_node_that_is_not_in_the_draft_neither_signs_nor_adopts(signed: UnitDraft, tmp_path: Path) -> None:
    with alone(tmp_path / "stranger", "stranger.example") as stranger:
        for work in (sign_draft, adopt):
            with pytest.raises(UsageError) as caught:
                work(stranger, signed)
            assert caught.value.code == "E1330"
        assert not stranger.places.watched.exists()


def test_a_member_of_one_unit_is_not_taken_into_another(world: World) -> None:
    """Its acts would count in both, by two rosters that contradict each other."""
    with all_of(world) as nodes:
        members = [own_enrolment(nodes[name], "Another") for name in MEMBERS]
        outside = [own_enrolment(nodes[name], "Another", as_witness=True) for name in OUTSIDE]
        another = draft_unit("Another", members, outside)
        for work in (sign_draft, adopt):
            with pytest.raises(PolicyError) as caught:
                work(nodes[EAST], another)
            assert caught.value.code == "E4330"
        # A witness outside may look after several units.
        assert sign_draft(nodes[PRESS], another).signatures


def test_a_draft_with_a_stranger_under_my_name_is_not_adopted(tmp_path: Path, apart: dict[str, Path]) -> None:
    """All signatures hold, and every act of mine would count as the thief's."""
    names = {"thief": "victim.example", "mine": "victim.example"}
    folders = {where: tmp_path / where for where in names}
    for where, name in names.items():
        alone(folders[where], name, seed=where).close()
    thieves = {"victim.example": folders["thief"], NORTH: apart[NORTH], SOUTH: apart[SOUTH]}
    outside = {name: apart[name] for name in OUTSIDE}
    forged = signed_by_all({**thieves, **outside}, draft_of({**thieves, **outside}))
    with opened(folders["mine"]) as node:
        with pytest.raises(UsageError) as caught:
            adopt(node, forged)
        assert caught.value.code == "E1330"
        assert node.charter.name == "victim.example"
        with pytest.raises(UsageError):
            sign_draft(node, forged)


def test_a_unit_in_which_one_side_has_a_veto_is_not_drafted(apart: dict[str, Path]) -> None:
    enrolments = []
    for name in MEMBERS:
        with opened(apart[name]) as node:
            enrolments.append(own_enrolment(node, UNIT))
    with pytest.raises(PolicyError):
        draft_unit(UNIT, enrolments, ())


def test_an_enrolment_as_a_witness_says_where_checkpoints_are_taken(tmp_path: Path) -> None:
    with alone(tmp_path, "press.example", url="http://press.example:8470") as node:
        witness = verify_enrolment(own_enrolment(node, UNIT, as_witness=True))
        member = verify_enrolment(own_enrolment(node, UNIT))
    assert (witness.url, set(witness.keys)) == ("http://press.example:8470/witness", {"witness"})
    assert (member.url, len(member.keys)) == ("http://press.example:8470", 5)


@contextmanager
def all_of(world: World) -> Iterator[dict[str, Node]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(opened(root)) for name, root in world.roots.items()}


def sign_by(nodes: Mapping[str, Node], names: tuple[str, ...], draft: UnitDraft) -> UnitDraft:
    for name in names:
        draft = sign_draft(nodes[name], draft)
    return draft


def test_a_second_epoch_is_signed_and_adopted(world: World) -> None:
    """Only root keys and new keys sign it: other signatures would make every verifier refuse it."""
    with all_of(world) as nodes:
        move = Move(EAST, "east", "https://east.example:8470")
        draft = sign_by(nodes, MEMBERS, draft_epoch(nodes[EAST], [move]))
        assert missing_from(draft) == ()
        for name in MEMBERS:
            assert adopt(nodes[name], draft).epoch == 1
            assert nodes[name].roster.epoch == 1
            assert nodes[name].config.url == (move.url if name == EAST else "")
            assert said(nodes[name])[-1] == ("roster", 1)
        with pytest.raises(UsageError):
            sign_draft(nodes[PRESS], draft)  # a witness that stays has nothing to say
        assert adopt(nodes[PRESS], draft).epoch == 1
        assert adopt(nodes[PRESS], draft).epoch == 1
    with world.open(EAST) as (node,):
        assert node.roster.epoch == 1
        assert node.roster.witnessed(EAST) == node.log.published().checkpoint.size  # type: ignore[union-attr]


def test_an_epoch_out_of_order_is_not_adopted(world: World) -> None:
    with all_of(world) as nodes:
        first = sign_by(nodes, MEMBERS, draft_epoch(nodes[EAST], [Move(EAST, "east", "https://a.example")]))
        for name in MEMBERS:
            adopt(nodes[name], first)
        second = sign_by(nodes, MEMBERS, draft_epoch(nodes[EAST], [Move(EAST, "east", "https://b.example")]))
        with pytest.raises((VerificationError, UsageError)):
            adopt(nodes[SCHOOL], second)
        adopt(nodes[SCHOOL], first)
        assert adopt(nodes[SCHOOL], second).epoch == 2


def test_an_epoch_of_a_unit_that_this_node_is_not_in_is_refused(world: World, tmp_path: Path) -> None:
    with all_of(world) as nodes:
        draft = draft_epoch(nodes[EAST], [Move(EAST, "east", "https://a.example")])
    with alone(tmp_path / "stranger", "stranger.example") as stranger:
        for work in (sign_draft, adopt):
            with pytest.raises(UsageError) as caught:
                work(stranger, replace(draft, epochs=()))
            assert caught.value.code == "E1331"
        with pytest.raises(UsageError) as caught:
            sign_draft(stranger, draft)
        assert caught.value.code == "E1330"


def cosigned(node: Node, origin: str, size: int) -> None:
    """Let a node's witness have cosigned a log up to a size."""
    row = f"witness/{origin_hash(origin)}"
    node.register.swap(row, node.register.get(row), format_held(Held(size, bytes(32), 1_800_000_000, b"")))


def new_act_key(node: Node, until: int | None = None) -> Rotate:
    """Replace a node's act key, its old one ending somewhere, by default now."""
    return Rotate(node.config.origin, "act", node.identity.signer("act", 1).public, until)


def test_signing_away_anothers_witnessed_past_is_refused(world: World) -> None:
    """A majority drafts that EAST's keys ended before what SOUTH has seen EAST sign."""
    with all_of(world) as nodes:
        size = nodes[EAST].log.head().checkpoint.size
        voided = draft_epoch(nodes[NORTH], [new_act_key(nodes[EAST], size - 2)])
        cosigned(nodes[SOUTH], EAST, size)
        with pytest.raises(PolicyError) as caught:
            sign_draft(nodes[SOUTH], voided)
        assert caught.value.code == "E4301"
        cosigned(nodes[SOUTH], EAST, size - 2)
        assert sign_draft(nodes[SOUTH], voided).signatures
        # Witnesses outside the unit have nothing to sign; NORTH has seen nothing, and may.
        assert sign_draft(nodes[NORTH], voided).signatures


def test_who_ends_its_own_stolen_key_in_the_past_is_helped(world: World) -> None:
    """Only the owner can say that a thief had its key: once its root key has signed, others may."""
    with all_of(world) as nodes:
        size = nodes[EAST].log.head().checkpoint.size
        revoked = draft_epoch(nodes[EAST], [new_act_key(nodes[EAST], size - 2)])
        cosigned(nodes[SOUTH], EAST, size)
        with pytest.raises(PolicyError):
            sign_draft(nodes[SOUTH], revoked)
        assert sign_draft(nodes[SOUTH], sign_draft(nodes[EAST], revoked)).signatures


@pytest.mark.parametrize("forge", ["another's", "one half"])
def test_a_forged_agreement_of_the_owner_does_not_count(world: World, forge: str) -> None:
    """The draft's file claims that EAST has signed; nobody had checked that yet."""
    with all_of(world) as nodes:
        size = nodes[EAST].log.head().checkpoint.size
        stolen = replace(new_act_key(nodes[EAST], size - 2), start=size)
        draft = draft_epoch(nodes[NORTH], [stolen])
        cosigned(nodes[SOUTH], EAST, size)
        root = nodes[EAST].signer("root").public
        real = {each.key_id: each for each in sign_draft(nodes[EAST], draft).signatures}
        ed25519, mldsa = real[key_id_hex(root.ed25519)], real[key_id_hex(root.mldsa)]
        lies = {
            "another's": (Signature(ed25519.key_id, mldsa.raw), mldsa),
            "one half": (ed25519,),
        }
        with pytest.raises(PolicyError):
            sign_draft(nodes[SOUTH], replace(draft, signatures=lies[forge]))


def test_a_member_goes_on_under_new_keys_once_an_epoch_names_them(world: World) -> None:
    """Its old log key is the base of its log; what it seals from now on is signed by the new keys."""
    with all_of(world) as nodes:
        east = nodes[EAST]
        changes = [
            Rotate(EAST, role, east.identity.signer(role, 1).public) for role in ("act", "log", "witness")
        ]
        draft = sign_by(nodes, MEMBERS, draft_epoch(east, changes))
        before = east.log.keys
        for name in MEMBERS:
            adopt(nodes[name], draft)
        size = east.log.head().checkpoint.size
        assert east.log.keys != before
        assert verify_checkpoint(east.log.head(), east.log.keys).size == size
        leaf = east.log.read_entry(size - 1)
        assert verify_envelope(leaf, east.identity.signer("act", 1).public).kind == "roster"
        assert east.signer("witness").public == east.identity.signer("witness", 1).public
        assert east.signer("root").public == east.identity.signer("root").public
    with world.open(EAST) as (node,):
        assert node.log.refusal is None
        assert not node.own_keys.is_lost
        assert node.log.head().checkpoint.size == size


def test_another_process_sees_new_keys_when_it_reads_the_roster_again(world: World) -> None:
    with all_of(world) as nodes, world.open(EAST) as (running,):
        east = nodes[EAST]
        changes = [Rotate(EAST, role, east.identity.signer(role, 1).public) for role in ("act", "log")]
        draft = sign_by(nodes, MEMBERS, draft_epoch(east, changes))
        adopt(east, draft)
        running.reload_unit()
        assert running.log.keys == east.log.keys
        log = running.log
        running.reload_unit()
        assert running.log is log


def test_a_draft_names_what_a_quorum_saw_of_the_others(world: World) -> None:
    """A key ends from now on, and not at the beginning of its log."""
    with all_of(world) as nodes:
        head = nodes[EAST].log.published()
        assert head is not None
        Heads(nodes[NORTH]).keep(head.raw)
        roster = parse_roster(draft_epoch(nodes[NORTH], [new_act_key(nodes[EAST])]).document)
        assert roster.witnessed(EAST) == head.checkpoint.size
        old, new = [key for key in roster.find(EAST).keys if key.role == "act"]  # type: ignore[union-attr]
        assert old.until == new.start == head.checkpoint.size
        unseen = parse_roster(draft_epoch(nodes[SOUTH], [Move(SOUTH, "south", "https://s.example")]).document)
        assert unseen.witnessed(EAST) == 0


def log_grows(node: Node, count: int = 1) -> int:
    """Let a node say something; return the size of its log."""
    node.member.record([Said(kind="observation", public={"what": "x", "digest": "00" * 32})] * count)
    return node.log.head().checkpoint.size


def test_the_old_keys_sign_until_the_new_ones_begin_and_witnesses_know_both(world: World) -> None:
    """A live node replaces its keys and goes on sealing: no entry of it may be void."""
    with all_of(world) as nodes:
        east = nodes[EAST]
        begun = east.log.head().checkpoint.size
        start = begun + 4
        changes = [
            Rotate(EAST, role, east.identity.signer(role, 1).public, start, start) for role in ("act", "log")
        ]
        draft = sign_by(nodes, MEMBERS, draft_epoch(east, changes))
        log_grows(east)  # while the draft goes round
        for name in MEMBERS:
            adopt(nodes[name], draft)
        peers = Peers(nodes[NORTH].places)
        known = peers.find(EAST)
        assert known is not None
        while log_grows(east) < start + 2:
            assert known.verify(east.log.head())
            assert check_node(east).log.problems == ()
        world.publish(east)
        for index, leaf in enumerate(east.log.entries(begun, start + 2), begun):
            verify_envelope(leaf, east.roster.keys_at(EAST, "act", index))
        assert verify_envelope(leaf, east.identity.signer("act", 1).public).kind == "observation"
        assert east.log.keys.public == east.identity.signer("log", 1).public
    with world.open(EAST) as (node,):
        assert node.log.refusal is None
        verify_checkpoint(node.log.published(), node.log.keys)  # type: ignore[arg-type]


def test_a_process_that_runs_signs_with_the_keys_that_another_one_adopted(world: World) -> None:
    """A run that seals for hours must not sign with keys that have ended meanwhile."""
    with all_of(world) as nodes, world.open(EAST) as (running,):
        east = nodes[EAST]
        size = east.log.head().checkpoint.size
        changes = [
            Rotate(EAST, role, east.identity.signer(role, 1).public, size, size) for role in ("act", "log")
        ]
        draft = sign_by(nodes, MEMBERS, draft_epoch(east, changes))
        for name in MEMBERS:
            adopt(nodes[name], draft)
        grown = log_grows(running)
        leaf = running.log.read_entry(grown - 1)
        assert verify_envelope(leaf, east.identity.signer("act", 1).public).kind == "observation"
        assert verify_checkpoint(running.log.head(), east.log.keys).size == grown
        assert running.roster.epoch == 1


def test_void_entries_are_adopted_on_demand_alone(world: World) -> None:
    """Others have adopted the epoch: there is no way back, and the loss must be said."""
    with all_of(world) as nodes:
        east = nodes[EAST]
        size = east.log.head().checkpoint.size
        rotation = Rotate(EAST, "act", east.identity.signer("act", 1).public, size, size)
        draft = sign_by(nodes, MEMBERS, draft_epoch(east, [rotation]))
        log_grows(east)
        adopt(nodes[NORTH], draft)
        with pytest.raises(PolicyError) as caught:
            adopt(east, draft)
        assert caught.value.code == "E4332"
        assert east.roster.epoch == 0
        assert adopt(east, draft, may_void=True).epoch == 1


def test_a_suspended_member_logs_nothing(world: World) -> None:
    with all_of(world) as nodes, alone(world.rule.parent / "late", "late.example") as late:
        admit = Admit(verify_enrolment(own_enrolment(late, UNIT, as_witness=True)))
        draft = draft_epoch(nodes[EAST], [admit, Suspend(SOUTH)])
        draft = sign_draft(late, sign_by(nodes, MEMBERS, draft))
        before = said(nodes[SOUTH])
        assert adopt(nodes[SOUTH], draft).epoch == 1
        assert said(nodes[SOUTH]) == before
        assert adopt(nodes[EAST], draft).epoch == 1
        assert said(nodes[EAST])[-1] == ("roster", 1)
