"""Proof packs whose files, charter, logs, places or signatures do not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256

from vectors.evpack_good import AK, moved, rotate
from vectors.evpack_vector import Told, Vector, changed, edited, quiet, quiet_files
from vectors.pack_world import (
    OFFICE,
    Case,
    Logged,
    lone_office,
    make_batch,
    named,
    plain_case,
    plain_signer,
    quiet_office,
    second_signer,
    three_members,
)

from hisn.acts.envelope import Envelope, parse_envelope
from hisn.acts.statement import parse_statement
from hisn.acts.write import format_envelope, sign_statement
from hisn.core.canon import canonical, parse_json
from hisn.evidence.pack import format_label, write_pack
from hisn.evidence.packing import ForkSide, build_fork_pack, build_pack
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.proof import TlogProof, parse_tlog_proof
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.sign import format_note
from hisn.unit.draft import Move


def vectors() -> Iterator[Vector]:
    """Yield the vectors."""
    genesis = quiet().world.charter.genesis
    for group in (_parts, _events_files, _founding, _heads, _places, _signatures, _stolen, _kinds):
        for name, why, failed, data in group():
            yield Vector(f"bad-{name}", why, data, genesis, failed=failed)
    why = "The pack is of another unit, in which everything holds."
    other = build_pack(quiet().parts())
    yield Vector("bad-genesis", why, other, sha256(b"another charter").digest(), failed="genesis")
    yield from _witnesses()
    yield from _no_forks()
    yield from _no_roster_forks()


def _parts() -> Iterator[Told]:
    files, fails = quiet_files(), "container"
    yield "nothing", "There is nothing but a manifest.", fails, write_pack({})
    for name, file in (
        ("no-label", "pack.json"),
        ("no-policy", "policy"),
        ("no-charter", "charter/genesis.json"),
        ("no-proof", "acts/0001.tlog-proof"),
        ("no-text", "VERIFY.md"),
    ):
        yield name, f"The file {file} is missing.", fails, changed({file: None})
    gap = {"acts/0002.leaf": files["acts/0001.leaf"], "acts/0002.tlog-proof": files["acts/0001.tlog-proof"]}
    why = "The acts are numbered with a gap, and what lies behind it would not be looked at."
    moved = {
        "acts/0001.leaf": None,
        "acts/0001.tlog-proof": None,
        "bodies/0001.json": None,
        "events/0000.json": None,
    }
    yield "gap", why, fails, changed({**gap, **moved, "events/0001.json": None})
    yield (
        "stray-body",
        "A body belongs to no act.",
        fails,
        changed({"bodies/0007.json": files["bodies/0001.json"]}),
    )
    yield (
        "stray-fork",
        "A file of a fork stands in a pack of a finding.",
        fails,
        changed({"fork/a.leaf": b"{}"}),
    )
    yield (
        "label-beyond",
        "The pack says it is about an act that is not there.",
        fails,
        changed({"pack.json": format_label(2)}),
    )
    yield (
        "label-fork",
        "The pack says that it shows a fork.",
        fails,
        changed({"pack.json": format_label(None)}),
    )
    label = b'{"finding":0,"format":"hisn-evpack/2","kind":"finding"}'
    yield "label-format", "The pack is of another format.", fails, changed({"pack.json": label})
    label = b'{"finding": 0,"format":"hisn-evpack/1","kind":"finding"}'
    yield "label-blank", "The label is not in its canonical form.", fails, changed({"pack.json": label})
    proof = parse_tlog_proof(files["acts/0000.tlog-proof"])
    extra = format_tlog_proof(replace(proof, extra=b"extra"))
    yield (
        "proof-extra",
        "A proof carries data that nobody signed.",
        fails,
        changed({"acts/0000.tlog-proof": extra}),
    )


def _events_files() -> Iterator[Told]:
    fails, event = "container", quiet_files()["events/0000.json"]
    for name, why, text in (
        (
            "event-blank",
            "An event's file is not in its canonical form.",
            event.replace(b'"act":1', b'"act": 1'),
        ),
        (
            "event-name-twice",
            "An event's file has one name twice.",
            event.replace(b'"act":1', b'"act":1,"act":0'),
        ),
        ("event-float", "An event's index has a fraction.", event.replace(b'"index":1', b'"index":1.0')),
        ("event-negative", "An event's index is negative.", event.replace(b'"index":1', b'"index":-1')),
        ("event-deep", "An event's file is nested a thousand deep.", b"[" * 1000 + b"]" * 1000),
        (
            "event-many-values",
            "An event's file has more values than any can need: they would fill the memory.",
            event.replace(b'"path":[', b'"path":[' + b"0," * 20_000),
        ),
        (
            "event-unknown",
            "An event's file has an unknown part.",
            event.replace(b'"act":1', b'"a":0,"act":1'),
        ),
    ):
        yield name, why, fails, changed({"events/0000.json": text})


def _founding() -> Iterator[Told]:
    files = quiet_files()
    other = lone_office(plain_signer)
    yield (
        "roster-of-other-unit",
        "The roster is of another charter.",
        "roster",
        changed({"roster/0000.dsse": other.rosters[0]}),
    )
    roster = files["roster/0000.dsse"]
    value = parse_json(roster, max_bytes=len(roster))
    assert isinstance(value, dict)  # noqa: S101  (a slip of this program)
    signatures = value["signatures"]
    assert isinstance(signatures, list)  # noqa: S101
    lacking = canonical({**value, "signatures": signatures[:-2]})
    why = "A key of the roster has not signed it: nobody proved to hold it."
    yield "roster-unproven-key", why, "roster", changed({"roster/0000.dsse": lacking})
    doubled = canonical({**value, "signatures": [*signatures, signatures[-1]]})
    yield (
        "roster-signature-twice",
        "A signature of the roster stands twice.",
        "roster",
        changed({"roster/0000.dsse": doubled}),
    )
    yield "roster-missing", "There is no roster.", "roster", changed({"roster/0000.dsse": None})
    why = "The epoch that replaced a key stands twice."
    world = quiet_office(plain_signer)
    case = plain_case(world)
    pack = build_pack(case.parts())
    rotate(world)
    yield (
        "roster-epoch-twice",
        why,
        "roster",
        edited(pack, {"roster/0001.dsse": world.rosters[1], "roster/0002.dsse": world.rosters[1]}),
    )
    policy = files["policy"]
    yield (
        "policy-more",
        "The policy has a comment that the roster does not give.",
        "policy",
        changed({"policy": b"# trust me\n" + policy}),
    )
    log = policy.split(b"\n")[0] + b"\n"
    yield (
        "policy-one-key",
        "The policy asks for one of the log's two keys.",
        "policy",
        changed({"policy": log + b"quorum none\n"}),
    )


def reheaded(change: Callable[[bytes], bytes]) -> bytes:
    """Return the quiet pack with the checkpoint of both acts changed."""
    files = quiet_files()
    proofs = {name: parse_tlog_proof(data) for name, data in files.items() if name.endswith(".tlog-proof")}
    note = change(quiet().checkpoint)
    return changed(
        {name: format_tlog_proof(replace(proof, checkpoint_bytes=note)) for name, proof in proofs.items()}
    )


def relined(note: bytes, *order: int) -> bytes:
    """Return a note with only those of its signature lines."""
    parsed = parse_signed_checkpoint(note).note
    return format_note(parsed.text, [parsed.signatures[at] for at in order])


def flipped_line(note: bytes, line: int, at: int = 40) -> bytes:
    """Return a note in which one bit of a signature is changed."""
    parsed = parse_signed_checkpoint(note).note
    signatures = list(parsed.signatures)
    raw = bytearray(signatures[line].signature)
    raw[at] ^= 1
    signatures[line] = replace(signatures[line], signature=bytes(raw))
    return format_note(parsed.text, signatures)


def _heads() -> Iterator[Told]:
    fails = "checkpoints"
    for name, why, change in (
        ("log-ed25519-only", "The log signed with Ed25519 alone.", lambda note: relined(note, 0)),
        ("log-mldsa-only", "The log signed with ML-DSA-44 alone.", lambda note: relined(note, 1)),
        (
            "log-ed25519-wrong",
            "The log's Ed25519 signature is of another text.",
            lambda note: flipped_line(note, 0),
        ),
        (
            "log-mldsa-wrong",
            "The log's ML-DSA-44 signature is of another text.",
            lambda note: flipped_line(note, 1),
        ),
        (
            "log-time",
            "The time in the log's ML-DSA-44 signature is another.",
            lambda note: flipped_line(note, 1, 7),
        ),
        (
            "head-size",
            "The checkpoint states another size.",
            lambda note: note.replace(b"\n2\n", b"\n3\n", 1),
        ),
        (
            "head-origin",
            "The checkpoint is of another log.",
            lambda note: note.replace(b"office", b"oflice", 1),
        ),
    ):
        yield name, why, fails, reheaded(change)
    case = quiet()
    thief = quiet_office(plain_signer)
    thief.logs = case.world.logs
    thief.keys = {(OFFICE, "log"): f"{OFFICE} act 0"}
    yield (
        "log-by-act-key",
        "The checkpoint is signed by the member's act key.",
        fails,
        reheaded(lambda _: thief.checkpoint(OFFICE)),
    )


def reproved(number: int, change: Callable[[TlogProof], TlogProof]) -> bytes:
    """Return the quiet pack with the proof of one act changed."""
    name = f"acts/{number:04d}.tlog-proof"
    return changed({name: format_tlog_proof(change(parse_tlog_proof(quiet_files()[name])))})


def _places() -> Iterator[Told]:
    fails, files = "inclusion", quiet_files()
    why = "The proof of one act stands beside another."
    yield (
        "proof-transplanted",
        why,
        fails,
        changed(
            {
                "acts/0000.tlog-proof": files["acts/0001.tlog-proof"],
                "acts/0001.tlog-proof": files["acts/0000.tlog-proof"],
            }
        ),
    )
    yield (
        "proof-index",
        "The proof names another index.",
        fails,
        reproved(0, lambda proof: replace(proof, index=0)),
    )
    yield (
        "proof-beyond",
        "The index lies beyond the tree.",
        fails,
        reproved(0, lambda proof: replace(proof, index=2)),
    )
    yield (
        "proof-longer",
        "The path has one hash more.",
        fails,
        reproved(0, lambda proof: replace(proof, hashes=(*proof.hashes, bytes(32)))),
    )
    yield (
        "proof-shorter",
        "The path lacks its last hash.",
        fails,
        reproved(0, lambda proof: replace(proof, hashes=proof.hashes[:-1])),
    )
    yield (
        "proof-hash",
        "A hash of the path is another.",
        fails,
        reproved(0, lambda proof: replace(proof, hashes=(bytes(32),))),
    )
    case = quiet()
    acts = [*case.parts().acts, case.parts().acts[1]]
    yield "act-twice", "One batch act stands twice in the pack.", fails, build_pack(case.parts(acts=acts))


def relogged(leaf: Callable[[Logged], bytes]) -> bytes:
    """Return a pack whose finding's leaf was changed before it was logged: only its author's keys tell."""
    world, batch = quiet_office(plain_signer), make_batch()
    batch_act = world.batch(OFFICE, batch)
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    lied = replace(finding, leaf=leaf(finding))
    world.logs[OFFICE][finding.index] = lied.leaf
    return build_pack(Case(world, batch, batch_act, lied, world.checkpoint(OFFICE)).parts())


def reenveloped(leaf: bytes, change: Callable[[Envelope], Envelope]) -> bytes:
    """Return an envelope changed, and written in its form."""
    return format_envelope(change(parse_envelope(leaf)))


def _signatures() -> Iterator[Told]:
    fails = "acts"

    def resigned(envelope: Envelope, at: int) -> Envelope:
        signatures = list(envelope.signatures)
        raw = bytearray(signatures[at].raw)
        raw[0] ^= 1
        signatures[at] = replace(signatures[at], raw=bytes(raw))
        return replace(envelope, signatures=tuple(signatures))

    changes: tuple[tuple[str, str, Callable[[Envelope], Envelope]], ...] = (
        ("act-ed25519-only", "The act has an Ed25519 signature alone.",
         lambda each: replace(each, signatures=each.signatures[:1])),
        ("act-mldsa-only", "The act has an ML-DSA-44 signature alone.",
         lambda each: replace(each, signatures=each.signatures[1:])),
        ("act-one-twice", "The Ed25519 signature stands twice.",
         lambda each: replace(each, signatures=each.signatures[:1] * 2)),
        ("act-order", "The signatures stand in the other order.",
         lambda each: replace(each, signatures=each.signatures[::-1])),
        ("act-ed25519-wrong", "The Ed25519 signature is wrong.", lambda each: resigned(each, 0)),
        ("act-mldsa-wrong", "The ML-DSA-44 signature is wrong.", lambda each: resigned(each, 1)),
        ("act-changed", "One letter of the statement is changed.",
         lambda each: replace(each, payload=each.payload.replace(b'"thread":""', b'"thread":"x"'))),
    )  # fmt: skip
    for name, why, change in changes:
        yield name, why, fails, relogged(lambda finding, change=change: reenveloped(finding.leaf, change))  # type: ignore[misc]
    blank = relogged(lambda finding: finding.leaf.replace(b'{"payload"', b'{ "payload"'))
    yield "act-blank", "The envelope is not in its canonical form.", fails, blank
    yield "act-is-no-act", "The entry is no act.", fails, relogged(lambda _: b"no act")
    why = "The act was signed for another member's log and copied here."
    foreign = three_members(plain_signer)
    foreign.keys = {(AK, "act"): f"{OFFICE} act 0"}
    copied = foreign.finding(AK, ()).leaf
    yield "act-of-other-log", why, fails, relogged(lambda _: copied)


def _kinds() -> Iterator[Told]:
    fails = "acts"
    world, batch = quiet_office(plain_signer), make_batch()
    batch_act = world.batch(OFFICE, batch)
    note = world.act(OFFICE, "observation", {"what": "x", "digest": "00" * 32})
    case = Case(world, batch, batch_act, note, world.checkpoint(OFFICE))
    yield (
        "not-a-finding",
        "The pack says that it is about a finding, and the act is none.",
        fails,
        build_pack(case.parts()),
    )
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    acts = [*case.parts().acts, world.pack_act(note, case.checkpoint)]
    yield (
        "act-without-place",
        "An act is there that is neither batch nor answer.",
        fails,
        build_pack(case.parts(acts=acts)),
    )


def _stolen() -> Iterator[Told]:
    """Let a thief, or an owner who backdates, sign with a key where it does not count."""
    world, batch = quiet_office(plain_signer), make_batch()
    batch_act = world.batch(OFFICE, batch)
    old = world.keys[OFFICE, "act"]
    rotate(world)
    world.keys[OFFICE, "act"] = old
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    yield (
        "key-after-its-end",
        "The act is signed by a key that had been replaced.",
        "acts",
        build_pack(case.parts()),
    )

    world = quiet_office(plain_signer)
    world.keys[OFFICE, "act"] = f"{OFFICE} act 1"
    batch_act = world.batch(OFFICE, batch)
    world.keys[OFFICE, "act"] = old
    rotate(world)
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    yield (
        "key-before-its-start",
        "The batch is signed by a key that began later.",
        "acts",
        build_pack(case.parts()),
    )


def _witnesses() -> Iterator[Vector]:
    world = lone_office(plain_signer)
    case = plain_case(world)
    genesis, note = world.charter.genesis, case.checkpoint

    def vector(
        name: str, why: str, failed: str, checkpoint: bytes = note, files: dict[str, bytes] | None = None
    ) -> Vector:
        lied = replace(case, checkpoint=checkpoint)
        acts = [world.pack_act(each, checkpoint) for each in (case.finding, case.batch_act)]
        pack = build_pack(lied.parts(trust=world.trust(note), acts=acts))
        return Vector(f"bad-{name}", why, edited(pack, files or {}), genesis, failed=failed)

    why = "A known witness's Ed25519 line does not verify; three others would do."
    yield vector("witness-ed25519-wrong", why, "checkpoints", flipped_line(note, 2))
    why = "A known witness's ML-DSA-44 line does not verify; three others would do."
    yield vector("witness-mldsa-wrong", why, "checkpoints", flipped_line(note, 3))
    why = "A witness's time is another than it signed."
    yield vector("witness-time", why, "checkpoints", flipped_line(note, 2, 7))
    policy = world.trust(note).policy
    why = "The policy in the pack asks for one witness; the roster gives three."
    yield vector("policy-weaker", why, "policy", files={"policy": policy.replace(b"QUORUM 3 ", b"QUORUM 1 ")})
    why = "The policy in the pack asks for no witness."
    none = b"\n".join(policy.split(b"\n")[:2]) + b"\nquorum none\n"
    yield vector("policy-none", why, "policy", files={"policy": none})
    why = "The policy in the pack lacks a witness of the roster."
    lines = policy.split(b"\n")
    fewer = b"\n".join([*lines[:2], *lines[4:]])
    yield vector("policy-fewer", why, "policy", files={"policy": fewer})


def _no_forks() -> Iterator[Vector]:
    world = quiet_office(plain_signer)
    one = world.act(OFFICE, "observation", {"what": "a", "digest": "00" * 32})
    short = world.checkpoint(OFFICE)
    two = world.act(OFFICE, "observation", {"what": "b", "digest": "00" * 32})
    long = world.checkpoint(OFFICE)
    # ML-DSA can sign the same bytes in many ways.
    statement = parse_statement(parse_envelope(one.leaf).payload)
    again = world.append(OFFICE, sign_statement(statement, second_signer(f"{OFFICE} act 0")))
    longest = world.checkpoint(OFFICE)
    trust, genesis = world.trust(short), world.charter.genesis
    for name, why, first, second in (
        (
            "fork-same",
            "Both sides are the same checkpoint.",
            ForkSide(checkpoint=short),
            ForkSide(checkpoint=short),
        ),
        (
            "fork-grown",
            "The log has grown, which is no fork.",
            ForkSide(checkpoint=short),
            ForkSide(checkpoint=long),
        ),
        ("fork-two-acts", "Two acts with two numbers.", world.side(one, short), world.side(two, long)),
        (
            "fork-one-act",
            "One act under two states of its log.",
            world.side(one, short),
            world.side(one, long),
        ),
        (
            "fork-act-again",
            "One act that its author signed twice: it says the same, and is a replay.",
            world.side(one, longest),
            world.side(again, longest),
        ),
        (
            "fork-one-hash",
            "One act, by its hash, under two states of its log.",
            world.hashed_side(one, short),
            world.hashed_side(one, long),
        ),
        (
            "fork-two-hashes",
            "Two entries at two places: whether they are acts with one number no hash can say.",
            world.hashed_side(one, short),
            world.hashed_side(two, long),
        ),
        (
            "fork-hash-short",
            "The hash of an entry has 31 bytes.",
            replace(world.hashed_side(one, short), leaf_hash=bytes(31)),
            world.hashed_side(one, long),
        ),
        (
            "fork-hash-other",
            "A hash that does not stand in the log is said to be there.",
            replace(world.hashed_side(one, short), leaf_hash=bytes(32)),
            world.hashed_side(one, long),
        ),
    ):
        yield Vector(f"bad-{name}", why, build_fork_pack(trust, first, second), genesis, failed="fork")
    other = quiet_office(plain_signer)
    other.act(OFFICE, "observation", {"what": "c", "digest": "00" * 32})
    forged = relined(other.checkpoint(OFFICE), 0)
    pack = build_fork_pack(trust, ForkSide(checkpoint=short), ForkSide(checkpoint=forged))
    why = "One side has one of the log's two signatures: whoever breaks one algorithm could accuse anybody."
    yield Vector("bad-fork-one-algorithm", why, pack, genesis, failed="checkpoints")
    sides = world.side(one, short), world.side(two, long)
    pack = edited(build_fork_pack(trust, *sides), {"fork/a.leaf-hash": leaf_hash(one.leaf)})
    why = "One side shows its entry and a hash: two readers could take two."
    yield Vector("bad-fork-entry-and-hash", why, pack, genesis, failed="container")
    pack = build_fork_pack(trust, ForkSide(checkpoint=short), world.side(one, short))
    yield Vector(
        "bad-fork-mixed", "One side is a checkpoint, the other an entry.", pack, genesis, failed="container"
    )


def _no_roster_forks() -> Iterator[Vector]:
    world = three_members(plain_signer)
    one, other = (moved(world, f"https://{way}.example") for way in "ab")
    genesis = world.charter.genesis
    few = world.epoch(Move(AK, "ak", "https://c.example"), signers=world.roots()[:2])
    yield Vector(
        "bad-fork-one-roster",
        "Both sides are the same epoch.",
        world.roster_fork(one, one),
        genesis,
        failed="fork",
    )
    why = "Too few members have signed one of the epochs: anybody drafts what he likes."
    yield Vector("bad-fork-roster-drafted", why, world.roster_fork(one, few), genesis, failed="fork")
    pack = world.roster_fork(one, other)
    policy = world.trust(world.checkpoint(AK)).policy
    why = "A fork of the roster comes with the policy of a log."
    yield Vector("bad-fork-roster-policy", why, edited(pack, {"policy": policy}), genesis, failed="policy")
    why = "A fork of the roster has one side."
    yield Vector(
        "bad-fork-roster-half", why, edited(pack, {"fork/b.dsse": None}), genesis, failed="container"
    )
    why = "One side is an epoch, the other a checkpoint."
    files = {"fork/b.dsse": None, "fork/b.checkpoint": world.checkpoint(AK)}
    yield Vector("bad-fork-roster-mixed", why, edited(pack, files), genesis, failed="container")
    world.rosters.append(one)
    why = "Of two epochs with two numbers the second follows the first."
    pack = edited(world.roster_fork(one, moved(world, "https://c.example")), {"roster/0001.dsse": None})
    yield Vector("bad-fork-roster-grown", why, pack, genesis, failed="fork")
    why = "The epochs follow others than those in the pack."
    pack = world.roster_fork(one, other)
    yield Vector("bad-fork-roster-behind", why, pack, genesis, failed="fork")
