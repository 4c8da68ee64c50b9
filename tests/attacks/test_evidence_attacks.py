"""Attacks on sealed evidence and on proof packs, and by those who read them."""

from __future__ import annotations

import base64
import re
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256

import pytest
from tests.attacks.played import RECORDS, failed

from hisn.acts.statement import check_body
from hisn.core.canon import b64, b64url, canonical
from hisn.core.display import is_safe
from hisn.core.proof_limits import MAX_PACK_BYTES
from hisn.errors import StorageError, VerificationError
from hisn.evidence.batch import salt_key_of
from hisn.evidence.disclosure import (
    Presented,
    Value,
    digest_of,
    disclosure_text,
    event_leaf,
    raw_value,
    whole_leaf,
)
from hisn.evidence.pack import Event, parse_pack, write_pack
from hisn.evidence.packing import PackAct, PackParts, build_pack
from hisn.evidence.pure import event_salts, raw_salt
from hisn.evidence.raw import decrypt_raw
from hisn.evidence.sealed_map import SealedMap, parse_map
from hisn.present.proof import render_proof
from hisn.testing.liar import Liar
from hisn.testing.unit_evidence import SOURCE, Batch, Finding, answer_finding, erase_key, pack_act
from hisn.testing.unit_log import Logged, blob_name
from hisn.testing.unit_office import Office
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.merkle import inclusion_proof, leaf_hash, root_of
from hisn.verify.check import verify_pack
from hisn.verify.plain import plain_text
from hisn.verify.steps import Result


@pytest.fixture
def unit() -> UnitSimulator:
    return UnitSimulator()


def stated(unit: UnitSimulator, **header: object) -> Finding:
    return unit.state("north", unit.seal("north", RECORDS), events=[1, 2], **header)  # type: ignore[arg-type]


# Transplanting


def test_transplanting_a_proof_to_another_claim_is_refused(unit: UnitSimulator) -> None:
    first, second = stated(unit), stated(unit, fields={"title": "Another matter"})
    unit.publish("north")
    one, other = (unit.parts("north", each, show=["path"]) for each in (first, second))
    assert unit.verify(build_pack(one)).result is Result.VALID
    swaps: list[tuple[str, PackParts]] = [
        ("inclusion", with_act(one, 0, proof=other.acts[0].proof)),
        ("inclusion", with_act(one, 0, leaf=other.acts[0].leaf)),
        ("bodies", with_act(one, 0, body=other.acts[0].body)),
        ("bodies", with_act(one, 1, body=other.acts[1].body)),
        ("finding", replace(one, acts=[one.acts[0], other.acts[1]], events=other.events)),
        ("events", replace(one, events=other.events)),
    ]
    for step, parts in swaps:
        assert failed(unit.verify(build_pack(parts)))[0] == step


def with_act(parts: PackParts, number: int, **changes: bytes | None) -> PackParts:
    acts: list[PackAct] = list(parts.acts)
    acts[number] = replace(acts[number], **changes)  # type: ignore[arg-type]
    return replace(parts, acts=acts)


def test_transplanting_an_event_to_another_place_or_batch_is_refused(unit: UnitSimulator) -> None:
    finding = stated(unit)
    again = unit.seal("north", RECORDS)
    unit.publish("north")
    parts = unit.parts("north", finding, show=["path"])
    (batch, _), event = finding.evidence[0], parts.events[0]
    for lied in (
        replace(event, index=2),
        replace(event, path=batch.event(1, 2).path),
        replace(event, shown=batch.event(1, 2, ["path"]).shown),
        again.event(1, 1, ["path"]),
        replace(event, act=0),
    ):
        assert failed(unit.verify(build_pack(replace(parts, events=[lied]))))[0] == "events"


def test_transplanting_an_answer_to_another_finding_is_refused(unit: UnitSimulator) -> None:
    first, second = stated(unit), stated(unit)
    answer = answer_finding(unit["south"].face, first)
    unit.settle()
    pack = unit.pack("north", second, answers=[answer])
    assert failed(unit.verify(pack)) == ("replies", "E3516")


# Withholding


def test_withholding_a_body_is_named_and_others_serve_it(unit: UnitSimulator) -> None:
    finding = stated(unit)
    unit.settle("north")
    name = blob_name(finding.logged.body_digest)
    assert unit.deliver(finding.logged, "south") == {"south.example": True}
    Liar(unit, "north").withhold("blob")
    assert unit.deliver(finding.logged, "east") == {"east.example": False}
    # South has the whole body, and anybody can tell that it is the one that north committed to.
    body = unit["south"].blobs.files[name]
    sealed, opened = parse_map(body)
    statement = finding.logged.statement
    assert statement is not None
    check_body(statement, sealed.leaf)
    assert opened.values["title"] == "Voters looked up by a script"
    with pytest.raises(VerificationError):
        check_body(statement, parse_map(body.replace(b'","', b'","', 1))[0].leaf + b"x")


def test_withholding_a_body_leaves_the_commitment_and_proves_nothing_else(unit: UnitSimulator) -> None:
    finding = stated(unit)
    unit.publish("north")
    parts = unit.parts("north", finding)
    without = with_act(parts, 0, body=None)
    assert failed(unit.verify(build_pack(without))) == ("finding", "E3513")


def test_withholding_a_batchs_count_hides_no_events(unit: UnitSimulator) -> None:
    batch = unit.seal("north", RECORDS, asset_class="ballot")
    finding = unit.state("north", batch)
    unit.publish("north")
    parts = unit.parts("north", finding)
    hidden = pack_act(unit["north"].face, batch.logged, unit.head("north"), hidden=["count"])
    pack = build_pack(replace(parts, acts=[parts.acts[0], hidden]))
    assert failed(unit.verify(pack)) == ("events", "E3511")


# Two values


def forged(unit: UnitSimulator, honest: Batch, maps: list[SealedMap]) -> tuple[Logged, list[bytes]]:
    """Log a batch whose events are sealed as a liar likes, and return it with its leaf hashes."""
    hashes = [leaf_hash(each.leaf) for each in maps]
    statement = honest.logged.statement
    assert statement is not None
    public = statement.public | {"root": root_of(hashes).hex(), "count": len(maps)}
    body: dict[str, Value] = {"source": SOURCE, "count": len(maps)}
    return unit["north"].face.record("batch", public, sealed=body), hashes


def slots(*pairs: tuple[str, Value]) -> SealedMap:
    """Seal slots as they are told, without any check."""
    texts = tuple(disclosure_text(bytes([at]) * 16, name, value) for at, (name, value) in enumerate(pairs))
    return SealedMap(texts, event_leaf([digest_of(text) for text in texts]))


PADS = (("_pad", None),) * 8
TWICE = {
    "named twice": slots(("_names", ("ip", "ip")), ("ip", "1"), ("ip", "2"), *PADS[:5]),
    "a second in the padding": slots(("_names", ("ip",)), ("ip", "1"), ("ip", "2"), *PADS[:5]),
    "in the place of another": slots(("_names", ("ip", "to")), ("ip", "1"), ("ip", "2"), *PADS[:5]),
    "no names": slots(("ip", "1"), ("ip", "2"), *PADS[:6]),
    "two lists of names": slots(("_names", ("ip",)), ("_names", ("to",)), ("ip", "1"), *PADS[:5]),
    "one slot more": slots(("_names", ("ip",)), ("ip", "1"), *PADS, ("ip", "2")),
}


@pytest.mark.parametrize("name", TWICE)
@pytest.mark.parametrize("slot", [1, 2, -1])
def test_two_values_for_one_field_are_never_both_shown(unit: UnitSimulator, name: str, slot: int) -> None:
    sealed = TWICE[name]
    honest = unit.seal("north", RECORDS)
    logged, hashes = forged(unit, honest, [sealed])
    batch = replace(honest, logged=logged)
    lie = unit["north"].face.record(
        "finding", sealed={"batches": ((logged.ref.index, root_of(hashes).hex(), (0,)),)}
    )
    unit.publish("north")
    texts, head = sealed.disclosures, unit.head("north")
    digests = tuple(map(digest_of, texts))
    at = slot % len(texts)
    shown = Presented(digests, {0: texts[0], at: texts[at]})
    parts = PackParts(
        trust=unit.trust(head),
        acts=[pack_act(unit["north"].face, each, head) for each in (lie, batch.logged)],
        finding=0,
        events=[Event(1, 0, inclusion_proof(hashes, 0), shown)],
    )
    report = unit.verify(build_pack(parts))
    if report.result is Result.VALID:
        # Only the slot that the list of names gives to the field shows it, to everybody the same.
        assert report.shown is not None
        assert report.shown.events[0].fields in ({"ip": "1"}, {})
    else:
        assert failed(report)[0] == "events"


# Guessing


def values() -> Iterator[str]:
    """Yield every address that a hidden one may be: 4,096 of them."""
    return (f"10.0.{number >> 8}.{number & 255}" for number in range(4_096))


def forms(name: str, value: str, salt: bytes = b"") -> Iterator[bytes]:
    """Yield what a careless program would have hashed to commit to a value."""
    raw, text = value.encode(), canonical(value)
    line = canonical({"ip": value, "path": "/voter?id=1"})
    yield from (raw, text, name.encode() + raw, f"{name}={value}".encode(), f"{name}: {value}".encode())
    yield from (canonical([name, value]), canonical({name: value}), line, line + b"\n")
    for empty in dict.fromkeys(("", b64url(bytes(16)), b64url(salt))):
        array = canonical([empty, name, value])
        yield from (array, b64url(array).encode(), b64(array).encode())
    yield from (
        salt + raw,
        raw + salt,
        salt + line,
        raw_value(salt, line).encode(),
        raw_value(bytes(16), line).encode(),
    )


def guesses(name: str, value: str, salt: bytes = b"") -> Iterator[bytes]:
    """Yield every digest that would give a value away."""
    for form in forms(name, value, salt):
        digest = sha256(form).digest()
        yield from (digest, leaf_hash(form), sha256(digest).digest())
    yield from (
        leaf_hash(b"evt/1\n" + sha256(value.encode()).digest()),
        leaf_hash(whole_leaf(salt, value.encode())),
    )


def digests_in(data: bytes) -> Iterator[bytes]:
    """Yield whatever 32 bytes stand in some bytes: as they are, in hexadecimal, in base64, nested."""
    yield from (data[at : at + 32] for at in range(len(data) - 31))
    for text in re.findall(rb"[0-9a-f]{64,}", data):
        yield from digests_in(bytes.fromhex(text.decode()[: len(text) // 2 * 2]))
    for text in re.findall(rb"[A-Za-z0-9+/_-]{40,}", data):
        plain = text.replace(b"-", b"+").replace(b"_", b"/")
        decoded = base64.b64decode(plain + b"=" * (-len(plain) % 4)) if len(plain) % 4 != 1 else b""
        yield from digests_in(decoded)


def revealed(unit: UnitSimulator, packs: Iterable[bytes]) -> dict[str, bytes]:
    """Return everything that a member without the bodies, a witness, a mirror or a reader ever sees."""
    seen: dict[str, bytes] = {}
    for number, pack in enumerate(packs):
        seen |= {f"pack {number} {name}": data for name, data in parse_pack(pack).items()}
    for name, node in unit.nodes.items():
        # North's own bodies, and nothing else, are its secret; encrypted blobs are mirrored on request.
        secret = {
            blob_name(unit["north"].face.logged(index).body_digest)
            for index in range(unit["north"].face.size)
        }
        seen |= {f"{name} {path}": data for path, data in node.blobs.files.items() if path not in secret}
        seen |= {f"{name} {row}": data for row, data in node.register.values.items()}
    for number, each in enumerate(unit.network.exchanges):
        seen |= {f"sent {number}": each.body, f"answered {number}": each.reply.body}
    return seen


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_guessing_hidden_fields_finds_nothing_in_all_that_is_revealed(mode: str) -> None:
    unit = UnitSimulator()
    batch = unit.seal("north", RECORDS, mode=mode, asset_class="pollbook")  # type: ignore[arg-type]
    finding = unit.state("north", batch, events=[1], fields={"why.0.value": "10.0.0.1"})
    unit.settle()
    parts = unit.parts("north", finding, show=["path"])
    hidden = pack_act(unit["north"].face, finding.logged, unit.head("north"), hidden=["why.0.value", "count"])
    # In mode `whole` the record is shown or not at all: then nothing of the event is in the pack.
    events = parts.events if mode == "fields" else ()
    pack = build_pack(replace(parts, acts=[hidden, parts.acts[1]], events=events))
    assert unit.verify(pack).result is Result.VALID
    seen = revealed(unit, [pack])
    known = {digest for data in {*seen.values()} for digest in digests_in(data)}
    assert not any(b"10.0.0.1" in data for data in seen.values())
    for name in ("ip", "why.0.value"):
        for value in values():
            assert known.isdisjoint(guesses(name, value))
    # The same guesses with the salt, which its owner alone can compute, find it: so they are good ones.
    salt_key = salt_key_of(batch.intake.key, SOURCE, 0, 0)
    if mode == "fields":
        salts = event_salts(salt_key, 1, 8)
        owner = [guesses("ip", "10.0.0.1", salts[16 * at : 16 * at + 16]) for at in range(8)]
        assert not known.isdisjoint(digest for each in owner for digest in each)
    else:
        line = canonical({"ip": "10.0.0.1", "path": "/voter?id=1"})
        assert leaf_hash(whole_leaf(raw_salt(salt_key, 1), line)) in hashes_of(batch)


def hashes_of(batch: Batch) -> list[bytes]:
    leaves = batch.opened.sealed.leaf_hashes
    return [leaves[at : at + 32] for at in range(0, len(leaves), 32)]


def test_guessing_would_find_a_digest_without_salt(unit: UnitSimulator) -> None:
    careless = sha256(canonical(["ip", "10.0.0.7"])).hexdigest()
    unit["north"].face.record("observation", {"what": "hash of the address", "digest": careless})
    unit.settle("north")
    known = {digest for data in {*revealed(unit, []).values()} for digest in digests_in(data)}
    found = [value for value in values() if not known.isdisjoint(guesses("ip", value))]
    assert found == ["10.0.0.7"]


def test_guessing_how_many_voted_finds_nothing_in_public(unit: UnitSimulator) -> None:
    # The size of what was sealed is hidden in sources of ballots: no count, no time stands in the log.
    few, many = (
        UnitSimulator().seal("north", RECORDS * times, asset_class="ballot").logged for times in (1, 40)
    )
    for logged in (few, many):
        assert logged.statement is not None
        public = logged.statement.public
        assert [public[name] for name in ("count", "first", "last", "unparsed")] == [None] * 4
    assert len(few.leaf) == len(many.leaf)


# Erased keys


def test_an_erased_key_restored_from_a_backup_is_erased_again(unit: UnitSimulator) -> None:
    kept, gone = unit.seal("north", RECORDS), unit.seal("north", RECORDS)
    finding = unit.state("north", gone, events=[1])
    unit.publish("north")
    pack = unit.pack("north", finding, show=["path"])
    store = unit.keys("north")
    records, erase_list = dict(store.records), list(store.erase_list)
    erase_key(unit["north"].face, unit.vault("north"), gone.intake)
    # The backup is older than the erasure, and so is its own erase list.
    store.records, store.erase_list = records, erase_list
    assert gone.intake.commitment.hex() in store.records
    vault = unit.vault("north")
    assert vault.erased_again == (gone.intake.commitment.hex(),)
    assert list(store.list()) == [kept.intake.commitment.hex()]
    with pytest.raises(StorageError) as caught:
        vault.get(gone.intake.commitment)
    assert caught.value.code == "E5300"
    # What was disclosed stays proven; what was not is gone, though everybody still has the blob.
    assert unit.verify(pack).result is Result.VALID
    assert gone.logged.statement is not None
    blob = unit["north"].blobs.files[
        blob_name(bytes.fromhex(str(gone.logged.statement.public["ciphertext"])))
    ]
    for other in vault_keys(unit):
        with pytest.raises(VerificationError):
            list(decrypt_raw(other, [blob]))


def vault_keys(unit: UnitSimulator) -> list[bytes]:
    vault = unit.vault("north")
    return [vault.get(bytes.fromhex(name)).key for name in unit.keys("north").list()]


# Deceptive text


@pytest.mark.parametrize(
    "name",
    ["n\u043erth.example", "north.example\u200b", "\u202eelpmaxe.htron", "NORTH.example", "north\uff0eexample",
     "north.example/../x", "north.example ", "", "a" * 101, "north.example\n", "none\u0000"],
)  # fmt: skip
def test_confusable_member_ids_are_refused_at_enrolment(name: str) -> None:
    with pytest.raises((ValueError, VerificationError)):
        Office(name, "side").enrolment()
    with pytest.raises((ValueError, VerificationError)):
        Office("north.example", name or "\u202e").enrolment()


DECEPTIVE = (
    "Nothing\u202e gninnaws\u202c happened",
    "\x1b[2J\x1b[HVALID. No step fails.",
    "title\n\nPROVEN\n  - Everything.\nVALID. No step fails, and a quorum of witnesses saw it.",
    "zero\u200bwidth\u2066isolate\u2069\u00adsoft\ufeff",
    "line\u2028separator\u0085next\x00nul\x7fdel",
    "\U000e0041\U000e0042tags",
)


@pytest.mark.parametrize("text", DECEPTIVE, ids=ascii)
def test_bidirectional_and_control_text_is_shown_as_what_it_is(unit: UnitSimulator, text: str) -> None:
    batch = unit.seal("north", [{"path": text, text: "x"}])
    finding = unit.state("north", batch, fields={"title": text, "level": text})
    for name in ("south", "east"):
        unit.network.cut_off(f"{name}.example")
    unit.publish("north")
    report = unit.verify(unit.pack("north", finding, show=["path", text]))
    assert report.result is Result.VALID_UNWITNESSED
    for shown in (plain_text(report), render_proof(report)):
        assert all(is_safe(char) for line in shown.split("\n") for char in line)
        lines = shown.split("\n")
        assert not any(line.startswith(("VALID.", "PROVEN\u202e", "- Everything")) for line in lines)
        assert [line for line in lines if line.startswith("VALID")] == [
            line for line in lines if line.startswith("VALID, UNWITNESSED")
        ]


# Packs that are too much


@cache
def good_pack() -> bytes:
    unit = UnitSimulator()
    finding = stated(unit)
    unit.publish("north")
    return unit.pack("north", finding, show=["path"])


def local(name: bytes, size: int, data: bytes = b"") -> bytes:
    """Write the head of a file that claims a size."""
    head = struct.pack("<4s5H3I2H", b"PK\x03\x04", 10, 0, 0, 0, 0x21, 0, size, size, len(name), 0)
    return head + name + data


MEGABYTE = 1 << 20
BOMBS: Mapping[str, Callable[[], bytes]] = {
    "larger than any": lambda: bytes(MAX_PACK_BYTES + 1),
    "larger than any, with a pack in it": lambda: good_pack() + bytes(MAX_PACK_BYTES),
    "a size of 4 GiB": lambda: local(b"MANIFEST", 0xFFFFFFFF),
    "a name of 64 KiB": lambda: local(b"M" * 65_535, 0xFFFFFFFF),
    "two million files without names": lambda: local(b"", 0) * 2_000_000,
    "a hundred thousand files": lambda: local(b"MANIFEST", 0) * 100_000,
    "a manifest of empty lines": lambda: local(b"MANIFEST", 60 * MEGABYTE, b"\n" * 60 * MEGABYTE),
    "a manifest of short lines": lambda: local(b"MANIFEST", 60 * MEGABYTE, b"ab\n" * 20 * MEGABYTE),
    "a manifest of one line": lambda: local(b"MANIFEST", 60 * MEGABYTE, b"a" * 60 * MEGABYTE),
    "a count that is not true": lambda: good_pack()[:-14] + struct.pack("<HHIIH", 65_535, 65_535, 0, 0, 0),
    "an event of empty lists": lambda: changed("events/0000.json", b"[" + b"[]," * (20 * MEGABYTE) + b"[]]"),
    "an event of empty texts": lambda: changed("events/0000.json", b"[" + b'"" ,' * (15 * MEGABYTE) + b"0]"),
    "an event of brackets": lambda: changed("events/0000.json", b"[" * (60 * MEGABYTE)),
    "an event of digits": lambda: changed("events/0000.json", b"1" * (60 * MEGABYTE)),
    "a body of names": lambda: changed("bodies/0000.json", b'{"digests":[],"disclosures":{' + b'"0":0,' * MEGABYTE),
    "a roster that is long": lambda: changed("roster/0000.dsse", b"[" * (60 * MEGABYTE)),
    "a leaf that is long": lambda: changed("acts/0000.leaf", bytes(60 * MEGABYTE)),
    "a proof of empty lines": lambda: changed("acts/0000.tlog-proof", b"c2sp.org/tlog-proof@v1\n" + b"\n" * MEGABYTE),
    "a policy that is long": lambda: changed("policy", b"group a 1 b\n" * MEGABYTE),
    "a charter that is long": lambda: changed("charter/genesis.json", b'{"a":' * MEGABYTE),
}  # fmt: skip


def changed(name: str, data: bytes) -> bytes:
    return write_pack({**parse_pack(good_pack()), name: data})


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_pack_sizes_cost_little_time_and_memory(name: str) -> None:
    pack = BOMBS[name]()
    start = time.process_time()
    tracemalloc.start()
    try:
        report = verify_pack(pack, genesis=None)
        assert report.result is Result.INVALID
    except VerificationError:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Its own bytes a few times over: cut into files, and written again to compare.
    assert peak < 6 * len(pack) + 16 * MEGABYTE
    assert time.process_time() - start < 20
