"""Proof packs in which everything is well signed, and what is sealed, shown or claimed does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from vectors.evpack_good import AK, BEL
from vectors.evpack_vector import Told, Vector, changed, quiet, quiet_files
from vectors.pack_world import (
    OFFICE,
    Case,
    Logged,
    make_batch,
    named,
    plain_case,
    plain_signer,
    quiet_office,
    shown_body,
    three_members,
)

from hisn.acts.statement import Head
from hisn.evidence.disclosure import Presented, Value, digest_of, disclosure_text
from hisn.evidence.pack import Event, parse_body
from hisn.evidence.packing import build_pack, format_body

SOURCE = sha256(b"source").hexdigest()
"""The source of every batch here but one."""


def vectors() -> Iterator[Vector]:
    """Yield the vectors."""
    genesis = quiet().world.charter.genesis
    for group in (_bodies, _events, _counts, _findings, _orders, _stale, _batch_chains):
        for name, why, failed, data in group():
            yield Vector(f"bad-{name}", why, data, genesis, failed=failed)
    yield from _answers()


def _bodies() -> Iterator[Told]:
    fails, files = "bodies", quiet_files()
    yield (
        "body-swapped",
        "The finding's body is another finding's.",
        fails,
        changed({"bodies/0000.json": other_body()}),
    )
    yield (
        "body-of-other-act",
        "The batch's body stands beside the finding.",
        fails,
        changed({"bodies/0000.json": files["bodies/0001.json"]}),
    )
    shown = parse_body(files["bodies/0000.json"])
    lied = dict(shown.disclosures)
    lied[1] = disclosure_text(bytes(16), "batches", ())
    yield (
        "body-value",
        "A shown value is another.",
        fails,
        changed({"bodies/0000.json": format_body(replace(shown, disclosures=lied))}),
    )
    digests = (digest_of(lied[1]), *shown.digests[1:])
    yield (
        "body-digest",
        "A shown value is another, and its digest, too.",
        fails,
        changed({"bodies/0000.json": format_body(Presented(digests, lied))}),
    )
    yield (
        "body-blank",
        "The body's file is not in its canonical form.",
        fails,
        changed({"bodies/0000.json": files["bodies/0000.json"].replace(b":", b": ", 1)}),
    )
    yield "body-clear", "The body's file is a text.", fails, changed({"bodies/0000.json": b"text"})


def other_body() -> bytes:
    """Return the body of a finding that was never logged."""
    other = quiet_office(plain_signer).finding(OFFICE, (), body_extra={"title": "Nothing happened"})
    assert other.body  # noqa: S101  (a slip of this program)
    return shown_body(other.body)


def _events() -> Iterator[Told]:
    fails, case = "events", quiet()
    batch = case.batch
    event = batch.event(1, 1)
    for name, why, lied in (
        ("event-index", "An event is said to stand at another index.", replace(event, index=3)),
        ("event-path", "The path of an event is another's.", replace(event, path=batch.event(1, 3).path)),
        ("event-no-path", "An event has no path.", replace(event, path=())),
        ("event-of-finding", "An event is said to be of an act that is no batch.", replace(event, act=0)),
        ("event-of-nothing", "An event is said to be of an act that is not there.", replace(event, act=9)),
        (
            "event-record-in-fields",
            "A record stands without its fields.",
            Event(1, 1, event.path, None, b"r", bytes(16)),
        ),
    ):
        yield name, why, fails, build_pack(case.parts(events=[lied]))
    yield "event-twice", "One event stands twice.", fails, build_pack(case.parts(events=[event, event]))
    raw = batch.event(1, 1, raw=True)
    yield (
        "record-changed",
        "The record shown beside the fields is another.",
        fails,
        build_pack(case.parts(events=[replace(raw, record=b"other")])),
    )
    no_raw = replace(batch.event(1, 1), record=raw.record, raw_salt=raw.raw_salt)
    yield (
        "record-without-commitment",
        "A record is shown, and the field _raw is not.",
        fails,
        build_pack(case.parts(events=[no_raw])),
    )
    world = quiet_office(plain_signer)
    whole = plain_case(world, make_batch("whole"))
    events = [replace(whole.batch.event(1, 1), record=b"other")]
    yield (
        "whole-record-changed",
        "A record of a batch of whole records is another.",
        fails,
        build_pack(whole.parts(events=events)),
    )
    events = [replace(batch.event(1, 1), path=whole.batch.event(1, 1).path)]
    yield (
        "fields-in-whole",
        "Fields are shown of a batch that seals whole records.",
        fails,
        build_pack(whole.parts(events=events)),
    )
    hidden = world.pack_act(whole.batch_act, whole.checkpoint, ["source"])
    acts = [whole.parts().acts[0], hidden]
    yield (
        "count-hidden",
        "The number of the batch's events is not shown.",
        fails,
        build_pack(whole.parts(acts=acts)),
    )


def counted(count: int, events: tuple[int, ...], public: int | None = None) -> bytes:
    """Return a pack whose batch of five events says that it has `count`."""
    world, batch = quiet_office(plain_signer), make_batch()
    unparsed = None if public is None else 0
    batch_act = world.batch(OFFICE, batch, body_extra={"count": count}, count=public, unparsed=unparsed)
    finding = world.finding(OFFICE, (named(batch_act, batch, *events),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    return build_pack(case.parts(events=[batch.event(1, index) for index in events]))


def _counts() -> Iterator[Told]:
    fails = "events"
    why = "The batch says that it has four events, all are shown, and a fifth is hidden."
    yield "tail-truncated", why, fails, counted(4, (0, 1, 2, 3))
    why = "The batch says in public that it has four events, all are shown, and a fifth is hidden."
    yield "tail-truncated-in-public", why, fails, counted(4, (0, 1, 2, 3), 4)
    yield "count-too-large", "The batch says that it has six events.", fails, counted(6, (1, 4))
    why = "The batch says in public that it has six events, and all five that it has are shown."
    yield "count-too-large-in-public", why, fails, counted(6, (0, 1, 2, 3, 4), 6)
    yield "count-zero", "The batch says that it is empty.", fails, counted(0, (1,))
    yield "count-negative", "The batch says that it has less than nothing.", fails, counted(-1, (1,))
    yield (
        "count-twice",
        "The batch says one number in public and another under seal.",
        fails,
        counted(5, (1,), 4),
    )


def found(value: Value, events: tuple[int, ...] = (1, 3)) -> bytes:
    """Return a pack whose finding says this about its batches."""
    world, batch = quiet_office(plain_signer), make_batch()
    batch_act = world.batch(OFFICE, batch)
    finding = world.finding(OFFICE, value)
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    return build_pack(case.parts(events=[batch.event(1, index) for index in events]))


def _findings() -> Iterator[Told]:
    fails, case = "finding", quiet()
    root = case.batch.root.hex()
    for name, why, value in (
        ("names-nothing", "The finding names no batch, and one is shown.", ()),
        ("names-other-root", "The finding names another root.", ((0, "00" * 32, (1, 3)),)),
        ("names-other-act", "The finding names another act.", ((7, root, (1, 3)),)),
        ("names-beyond", "The finding names an event that the batch does not have.", ((0, root, (1, 3, 5)),)),
        ("names-negative", "The finding names an event before the first.", ((0, root, (-1, 1, 3)),)),
        ("names-event-twice", "The finding names an event twice.", ((0, root, (1, 1, 3)),)),
        ("names-unordered", "The finding names events out of order.", ((0, root, (3, 1)),)),
        ("names-batch-twice", "The finding names a batch twice.", ((0, root, (1,)), (0, root, (3,)))),
        ("names-text", "The list of batches is a text.", f"0 {root} 1,3"),
        ("names-short", "An item of the list of batches lacks its events.", ((0, root),)),
        ("names-text-index", "An index in the list of batches is a text.", (("0", root, (1, 3)),)),
        ("names-text-event", "An event in the list of batches is a text.", ((0, root, ("1", "3")),)),
    ):
        yield name, why, fails, found(value)
    note = case.checkpoint
    acts = [case.world.pack_act(case.finding, note, ["title"]), case.parts().acts[1]]
    yield (
        "names-hidden-batches",
        "The finding does not show its batches.",
        fails,
        build_pack(case.parts(acts=acts)),
    )
    plain = case.parts().acts
    yield (
        "no-body",
        "The finding's body is not shown at all.",
        fails,
        build_pack(case.parts(acts=[replace(plain[0], body=None), plain[1]])),
    )
    world, batch = quiet_office(plain_signer), make_batch()
    finding = world.finding(OFFICE, ((1, batch.root.hex(), (1, 3)),))
    batch_act = world.batch(OFFICE, batch)
    later = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    yield "sealed-later", "The batch was sealed after the finding.", fails, build_pack(later.parts())
    why = "Events of another source are shown as context."
    yield "context-of-other-source", why, fails, _context("11" * 32)
    why = "Context was sealed after the finding."
    yield "context-later", why, fails, _context(is_later=True)
    why = "Of a finding's batches none is shown, and only context is."
    yield "context-alone", why, fails, _context(is_alone=True)


def _context(source: str = SOURCE, *, is_later: bool = False, is_alone: bool = False) -> bytes:
    """Return a pack with an event of a batch that the finding does not name, perhaps of another source."""
    world, first, second = quiet_office(plain_signer), make_batch(), make_batch(label="b")
    one = world.batch(OFFICE, first)

    def seal() -> Logged:
        return world.batch(OFFICE, second, ordinal=1, prev=one.ref.leaf_hash.hex(), source=source)

    two = None if is_later else seal()
    finding = world.finding(OFFICE, (named(one, first, 4),))
    two = two or seal()
    case = Case(world, first, one, finding, world.checkpoint(OFFICE))
    shown = [finding, two] if is_alone else [finding, two, one]
    acts = [world.pack_act(each, case.checkpoint) for each in shown]
    events = [second.event(1, 0)] if is_alone else [second.event(1, 0), first.event(2, 4)]
    return build_pack(case.parts(acts=acts, events=events))


def _orders() -> Iterator[Told]:
    fails = "sequence"
    world, batch = quiet_office(plain_signer), make_batch()
    batch_act = world.batch(OFFICE, batch)
    world.seqs[OFFICE] = (1, bytes(32))
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    yield (
        "predecessor",
        "The finding follows another act than the batch before it.",
        fails,
        build_pack(case.parts()),
    )

    world = quiet_office(plain_signer)
    world.seqs[OFFICE] = (5, bytes(32))
    batch_act = world.batch(OFFICE, batch)
    world.seqs[OFFICE] = (1, bytes(32))
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    why = "The finding has a smaller number than the batch that stands before it."
    yield "number-goes-back", why, fails, build_pack(case.parts())

    case = plain_case(quiet_office(plain_signer))
    world = case.world
    again = world.append(OFFICE, case.finding.leaf, case.finding.body)
    replayed = replace(case, finding=again, checkpoint=world.checkpoint(OFFICE))
    why = "The finding's act stands in its log a second time, and is shown at that place."
    yield "replayed", why, fails, build_pack(replayed.parts())


def _stale() -> Iterator[Told]:
    for name, why, first, second in (
        (
            "seen-goes-back",
            "The finding cites an older state than the batch before it.",
            Head(BEL, 9, bytes([1]) * 32),
            Head(BEL, 8, bytes([2]) * 32),
        ),
        (
            "seen-two-roots",
            "Batch and finding cite two roots for one state.",
            Head(BEL, 9, bytes([1]) * 32),
            Head(BEL, 9, bytes([2]) * 32),
        ),
        (
            "seen-itself",
            "The finding cites a state of its log that holds the finding.",
            Head(BEL, 9, bytes([1]) * 32),
            Head(OFFICE, 2, bytes([2]) * 32),
        ),
    ):
        world, batch = quiet_office(plain_signer), make_batch()
        batch_act = world.batch(OFFICE, batch, seen=(first,))
        finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),), seen=(second,))
        case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
        yield name, why, "sequence", build_pack(case.parts())


def _batch_chains() -> Iterator[Told]:
    first, second = make_batch(), make_batch(label="b")
    for name, why, ordinal, prev in (
        ("batch-number-twice", "Two batches of one source have one number.", 0, ""),
        ("batch-predecessor", "A batch names another batch before it.", 1, "00" * 32),
    ):
        world = quiet_office(plain_signer)
        one = world.batch(OFFICE, first)
        two = world.batch(OFFICE, second, ordinal=ordinal, prev=prev)
        finding = world.finding(OFFICE, (named(one, first, 1, 3), named(two, second, 2)))
        case = Case(world, first, one, finding, world.checkpoint(OFFICE))
        acts = [world.pack_act(each, case.checkpoint) for each in (finding, one, two)]
        yield name, why, "sequence", build_pack(case.parts(acts=acts))


def _answers() -> Iterator[Vector]:
    world = three_members(plain_signer)
    other = world.finding(AK, ())
    case = plain_case(world, origin=AK)
    plain = case.parts().acts

    def vector(name: str, why: str, answer: Logged) -> Vector:
        acts = [*plain, world.pack_act(answer, world.checkpoint(answer.origin))]
        return Vector(
            f"bad-{name}", why, build_pack(case.parts(acts=acts)), world.charter.genesis, failed="replies"
        )

    why = "The recheck is of another finding: a proof is transplanted to another claim."
    yield vector("recheck-of-other", why, world.answer(BEL, other))
    why = "The recheck names the finding's place, with another hash."
    lied = replace(case.finding.ref, leaf_hash=bytes(32))
    yield vector("recheck-of-fork", why, world.answer(BEL, case.finding, in_reply_to=lied))
    why = "The recheck judged by another rule."
    yield vector("recheck-by-other-rule", why, world.answer(BEL, case.finding, rule="00" * 32))
    why = "The author rechecks its own finding."
    own = world.answer(AK, case.finding)
    acts = [world.pack_act(each, world.checkpoint(AK)) for each in (case.finding, case.batch_act, own)]
    pack = build_pack(replace(case, checkpoint=world.checkpoint(AK)).parts(acts=acts))
    yield Vector("bad-recheck-of-itself", why, pack, world.charter.genesis, failed="replies")
    why = "A state of a log is shown that no act cites."
    pack = build_pack(case.parts(heads=[world.checkpoint(BEL)]))
    yield Vector("bad-head-uncited", why, pack, world.charter.genesis, failed="time")
