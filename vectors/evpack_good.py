"""Proof packs that hold, and forks that are proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vectors.evpack_vector import Vector, edited
from vectors.pack_world import (
    NOW_S,
    OFFICE,
    UNIT,
    Case,
    World,
    lone_office,
    make_batch,
    named,
    plain_case,
    plain_signer,
    quiet_office,
    three_members,
)

from hisn.core.instant import format_instant
from hisn.evidence.packing import ForkSide, build_fork_pack, build_pack
from hisn.unit.draft import Move, Rotate

AK, BEL, CIV = UNIT
UNWITNESSED = "VALID, UNWITNESSED"
FORK = "FORK PROVEN"


def vectors() -> Iterator[Vector]:
    """Yield the vectors."""
    yield from _witnessed()
    yield from _shown()
    yield from _rotated()
    yield from _unit()
    yield from _forks()
    yield from _forks_in_findings()
    yield from _roster_forks()


def good(name: str, why: str, case: Case, result: str = "VALID", **changes: object) -> Vector:
    """Return the vector of a case."""
    return Vector(name, why, build_pack(case.parts(**changes)), case.world.charter.genesis, result)


def _witnessed() -> Iterator[Vector]:
    case = plain_case(lone_office(plain_signer))
    world = case.world
    plain = good("good-witnessed", "A finding about two of five sealed events, cosigned by a quorum.", case)
    yield plain
    yield replace(
        plain, name="good-unpinned", why="The same, and the reader gives no genesis digest.", genesis=None
    )
    for name, why, witnesses in (
        (
            "good-unwitnessed",
            "Two of four witnesses cosigned; three are needed.",
            ["w1.example", "w2.example"],
        ),
        ("good-nobody", "No witness has cosigned yet.", []),
        ("good-one-witness-twice", "One witness's lines stand three times.", ["w1.example"] * 3),
    ):
        note = world.checkpoint(OFFICE, witnesses=witnesses)
        yield good(name, why, replace(case, checkpoint=note), UNWITNESSED)
    lines = case.checkpoint.split(b"\n")
    kept = [line for line in lines if not line.startswith("— w".encode()) or len(line) < 500]
    only_ed = b"\n".join(kept)
    why = "All witnesses cosigned, with Ed25519 alone: a witness counts with both algorithms."
    yield good("good-one-algorithm-of-witnesses", why, replace(case, checkpoint=only_ed), UNWITNESSED)
    stranger = World([OFFICE], [f"x{n}.example" for n in range(1, 5)], plain_signer, "Office")
    stranger.logs = world.logs
    foreign = stranger.checkpoint(OFFICE)
    why = "Four witnesses cosigned that the roster does not know."
    yield good("good-strange-witnesses", why, replace(case, checkpoint=foreign), UNWITNESSED)


def _shown() -> Iterator[Vector]:
    case = plain_case(quiet_office(plain_signer))
    world, batch, note = case.world, case.batch, case.checkpoint
    why = "An office that nobody witnesses: everything holds, and nobody else has seen it."
    yield good("good-quiet", why, case, UNWITNESSED)
    why = "No event is shown, only that there are some."
    yield good("good-no-events", why, case, UNWITNESSED, events=[])
    events = [batch.event(1, 1, ["path"], raw=True), batch.event(1, 3, [])]
    why = "One event with its whole record beside the fields, one with nothing but its place."
    yield good("good-record-beside-fields", why, case, UNWITNESSED, events=events)
    acts = [world.pack_act(case.finding, note, ["batches"]), world.pack_act(case.batch_act, note, ["count"])]
    why = "Of finding and batch only what is needed is shown."
    yield good("good-least", why, case, UNWITNESSED, acts=acts)
    why = "A time-stamp token is there; the isolated verifier does not check it."
    yield good("good-token", why, case, UNWITNESSED, timestamps={0: b"token"})
    text = {"VERIFY.md": b"Trust me.\n"}
    pack = edited(build_pack(case.parts()), text)
    why = "The text for the reader says something else; no verifier reads it."
    yield Vector("good-other-text", why, pack, world.charter.genesis, UNWITNESSED)

    whole = plain_case(quiet_office(plain_signer), make_batch("whole"))
    yield good("good-whole-records", "The batch seals whole records.", whole, UNWITNESSED)

    yield _all_shown()
    yield _two_batches()
    yield from _context()


def _all_shown() -> Vector:
    world, batch = quiet_office(plain_signer), make_batch(count=4)
    time = "2026-11-03T20:00:00.000000Z"
    batch_act = world.batch(OFFICE, batch, count=4, unparsed=0, first=time, last=time)
    finding = world.finding(OFFICE, (named(batch_act, batch, 0, 1, 2, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    events = [batch.event(1, index) for index in range(4)]
    why = "All four events of the batch are shown; its statement tells the count in public, too."
    return good("good-all-shown", why, case, UNWITNESSED, events=events)


def _two_batches() -> Vector:
    world, first, second = quiet_office(plain_signer), make_batch(), make_batch(label="b")
    one = world.batch(OFFICE, first)
    two = world.batch(OFFICE, second, ordinal=1, prev=one.ref.leaf_hash.hex())
    finding = world.finding(OFFICE, (named(one, first, 4), named(two, second, 0, 2)))
    note = world.checkpoint(OFFICE)
    case = Case(world, first, one, finding, note)
    acts = [world.pack_act(each, note) for each in (two, finding, one)]
    events = [first.event(2, 4), second.event(0, 2)]
    why = "Two batches of one source, the second naming the first; one named event is not shown."
    return good("good-two-batches", why, case, UNWITNESSED, acts=acts, finding=1, events=events)


def _context() -> Iterator[Vector]:
    case = plain_case(quiet_office(plain_signer))
    events = [case.batch.event(1, index, ["method"]) for index in range(4)]
    why = "Beside the two events that the finding names, two others are shown as context."
    yield good("good-context", why, case, UNWITNESSED, events=events)

    world, batch = quiet_office(plain_signer), make_batch()
    batch_act = world.batch(OFFICE, batch, count=5, unparsed=0)
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    events = [batch.event(1, index, ["path"] if index in (1, 3) else []) for index in range(5)]
    why = "The finding names two of five events, and all five are shown: nothing of the batch is withheld."
    yield good("good-whole-batch", why, case, UNWITNESSED, events=events)

    world, first, second = quiet_office(plain_signer), make_batch(), make_batch(label="b")
    one = world.batch(OFFICE, first)
    two = world.batch(OFFICE, second, ordinal=1, prev=one.ref.leaf_hash.hex())
    finding = world.finding(OFFICE, (named(one, first, 4),))
    case = Case(world, first, one, finding, world.checkpoint(OFFICE))
    acts = [world.pack_act(each, case.checkpoint) for each in (finding, one, two)]
    events = [first.event(1, 3), first.event(1, 4), second.event(2, 0)]
    why = "The context goes on into the next batch of the source, which the finding does not name."
    yield good("good-context-of-next-batch", why, case, UNWITNESSED, acts=acts, events=events)


def _rotated() -> Iterator[Vector]:
    world = quiet_office(plain_signer)
    batch = make_batch()
    batch_act = world.batch(OFFICE, batch)
    rotate(world)
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    why = "The act key was replaced between batch and finding; each is signed by the key of its place."
    yield good("good-rotated-key", why, case, UNWITNESSED)


def rotate(world: World) -> None:
    """Replace the act key of the office from its next entry on."""
    world.keys[OFFICE, "act"] = f"{OFFICE} act 1"
    fresh = world.signer(OFFICE, "act")
    world.adopt([Rotate(OFFICE, "act", fresh.public)], [world.head(OFFICE)], [*world.roots(), fresh])


def _unit() -> Iterator[Vector]:
    world = three_members(plain_signer)
    world.act(BEL, "observation", {"what": "cutover", "digest": "00" * 32})
    seen = world.checkpoint(BEL, time_s=NOW_S - 600)
    case = plain_case(world, origin=AK, seen=(world.head(BEL),))
    why = "The finding cites a state of another member's log, which the pack shows: it was made after that."
    yield good("good-seen", why, case, heads=[seen])

    recheck = world.answer(BEL, case.finding)
    dissent = world.answer(CIV, case.finding, "dissent")
    notes = {origin: world.checkpoint(origin) for origin in (BEL, CIV)}
    plain = case.parts().acts
    yes, no = world.pack_act(recheck, notes[BEL]), world.pack_act(dissent, notes[CIV])
    yield good("good-rechecked", "Another member found the same.", case, acts=[*plain, yes])
    yield good("good-dissented", "Another member found something else.", case, acts=[*plain, no])
    yield good("good-both", "One member found the same, one something else.", case, acts=[*plain, yes, no])

    late = three_members(plain_signer)
    deadline = format_instant((NOW_S - 60) * 1_000_000)
    overdue = plain_case(late, origin=AK, deadline=deadline)
    why = "The finding's deadline had passed when it was cosigned, and no answer is there."
    yield good("good-overdue", why, overdue)


def _forks() -> Iterator[Vector]:
    world = quiet_office(plain_signer)
    batch = make_batch()
    world.batch(OFFICE, batch)
    other = quiet_office(plain_signer)
    other.batch(OFFICE, make_batch(label="b"))
    first, second = world.checkpoint(OFFICE), other.checkpoint(OFFICE)
    trust, genesis = world.trust(first), world.charter.genesis
    pack = build_fork_pack(trust, ForkSide(checkpoint=first), ForkSide(checkpoint=second))
    yield Vector("fork-heads", "A log signed two roots for one size.", pack, genesis, FORK)
    yield Vector("fork-unpinned", "The same, and no genesis digest is given.", pack, None, FORK)

    left = world.act(OFFICE, "observation", {"what": "a", "digest": "00" * 32})
    right = other.act(OFFICE, "observation", {"what": "b", "digest": "00" * 32})
    longer = world.checkpoint(OFFICE)
    other.append(OFFICE, b"anything")
    longest = other.checkpoint(OFFICE)
    sides = world.side(left, longer), other.side(right, longest)
    pack = build_fork_pack(world.trust(longer), *sides)
    yield Vector(
        "fork-entries", "Two states of one log have different entries at one place.", pack, genesis, FORK
    )

    hashed = world.hashed_side(left, longer), other.hashed_side(right, longest)
    why = "The same, and of both entries the hashes alone are shown: to strangers."
    pack = build_fork_pack(world.trust(longer), *hashed)
    yield Vector("fork-entries-hashed", why, pack, genesis, FORK)
    pack = build_fork_pack(world.trust(longer), sides[0], hashed[1])
    yield Vector("fork-entry-withheld", "The same, and one entry is withheld.", pack, genesis, FORK)

    twice = quiet_office(plain_signer)
    one = twice.act(OFFICE, "observation", {"what": "a", "digest": "00" * 32})
    twice.seqs[OFFICE] = (0, None)
    two = twice.act(OFFICE, "observation", {"what": "b", "digest": "00" * 32})
    note = twice.checkpoint(OFFICE)
    pack = build_fork_pack(twice.trust(note), twice.side(one, note), twice.side(two, note))
    yield Vector(
        "fork-acts", "An author signed two acts with one number, and logged both.", pack, genesis, FORK
    )


def _forks_in_findings() -> Iterator[Vector]:
    case = plain_case(quiet_office(plain_signer))
    world = case.world
    leaves = [case.batch_act.leaf, b"another entry"]
    other = world.checkpoint(OFFICE, leaves=leaves)
    acts = [world.pack_act(case.finding, case.checkpoint)]
    batch_act = world.pack_act(case.batch_act, case.checkpoint)
    acts.append(replace(batch_act, proof=world.proof(case.batch_act, other, leaves)))
    vector = good(
        "fork-shown-by-finding", "Two acts of a pack rest on two roots of one size.", case, FORK, acts=acts
    )
    yield replace(vector, failed="checkpoints")

    unit = three_members(plain_signer)
    case = plain_case(unit, origin=AK)
    yes = unit.answer(BEL, case.finding)
    unit.seqs[BEL] = (0, None)
    no = unit.answer(BEL, case.finding, "dissent")
    note = unit.checkpoint(BEL)
    acts = [*case.parts().acts, unit.pack_act(yes, note), unit.pack_act(no, note)]
    why = "A member signed a recheck and a dissent with one number."
    yield replace(good("fork-of-answers", why, case, FORK, acts=acts), failed="sequence")


def moved(world: World, url: str) -> bytes:
    """Return a next epoch in which a member has another address, signed with all root keys."""
    return world.epoch(Move(AK, AK.partition(".")[0], url))


def _roster_forks() -> Iterator[Vector]:
    world = three_members(plain_signer)
    one, other = (moved(world, f"https://{way}.example") for way in "ab")
    genesis, pack = world.charter.genesis, world.roster_fork(one, other)
    yield Vector("fork-rosters", "Members signed two rosters as one epoch.", pack, genesis, FORK)
    yield Vector("fork-rosters-unpinned", "The same, and no genesis digest is given.", pack, None, FORK)
    world.rosters.append(one)
    later = world.roster_fork(moved(world, "https://c.example"), moved(world, "https://d.example"))
    why = "Two rosters of a later epoch, both behind the same one."
    yield Vector("fork-rosters-later", why, later, genesis, FORK)
