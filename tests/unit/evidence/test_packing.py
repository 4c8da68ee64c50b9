"""A pack's builder puts given parts under their names and adds nothing."""

from __future__ import annotations

import pytest

from hisn.evidence.disclosure import Presented
from hisn.evidence.pack import Event, parse_event, parse_label, parse_pack
from hisn.evidence.packing import (
    READER,
    ForkSide,
    PackAct,
    PackParts,
    Trust,
    build_fork_pack,
    build_pack,
    build_roster_fork_pack,
    fork_sides,
)
from hisn.tlog.fork import Fork, Side
from hisn.tlog.proof import parse_tlog_proof

TRUST = Trust(genesis=b"{}", rosters=[b"r0", b"r1"], policy=b"quorum none\n")
EVENT = Event(1, 0, (), Presented((b"\x01" * 32,), {}))
PARTS = PackParts(
    trust=TRUST,
    acts=[PackAct(b"finding", b"p0", b"body"), PackAct(b"batch", b"p1")],
    finding=0,
    events=[EVENT],
    heads=[b"head"],
    timestamps={1: b"token"},
)


def test_every_part_stands_under_its_name() -> None:
    files = parse_pack(build_pack(PARTS))
    assert parse_label(files.pop("pack.json")) == 0
    assert parse_event(files.pop("events/0000.json")) == EVENT
    assert files == {
        "VERIFY.md": READER,
        "policy": b"quorum none\n",
        "charter/genesis.json": b"{}",
        "roster/0000.dsse": b"r0",
        "roster/0001.dsse": b"r1",
        "acts/0000.leaf": b"finding",
        "acts/0000.tlog-proof": b"p0",
        "bodies/0000.json": b"body",
        "acts/0001.leaf": b"batch",
        "acts/0001.tlog-proof": b"p1",
        "heads/0000.checkpoint": b"head",
        "timestamps/0001.tsr": b"token",
    }


def test_the_same_parts_give_the_same_bytes() -> None:
    assert build_pack(PARTS) == build_pack(PARTS)


@pytest.mark.parametrize("changed", [{"finding": 2}, {"timestamps": {2: b""}}])
def test_a_number_that_points_at_no_act_is_the_callers_slip(changed: dict[str, object]) -> None:
    parts = {"trust": TRUST, "acts": PARTS.acts, "finding": 0} | changed
    with pytest.raises(ValueError, match="no act"):
        build_pack(PackParts(**parts))  # type: ignore[arg-type]


def test_a_fork_pack_shows_two_sides() -> None:
    files = parse_pack(build_fork_pack(TRUST, ForkSide(checkpoint=b"a"), ForkSide(leaf=b"l", proof=b"p")))
    assert parse_label(files["pack.json"]) is None
    assert {name: data for name, data in files.items() if name.startswith("fork/")} == {
        "fork/a.checkpoint": b"a",
        "fork/b.leaf": b"l",
        "fork/b.tlog-proof": b"p",
    }


def test_a_leaf_stands_before_its_hash() -> None:
    side = ForkSide(leaf=b"l", leaf_hash=bytes(32), proof=b"p")
    hashed = ForkSide(leaf_hash=bytes(32), proof=b"p")
    files = parse_pack(build_fork_pack(TRUST, side, hashed))
    assert {name: data for name, data in files.items() if name.startswith("fork/")} == {
        "fork/a.leaf": b"l",
        "fork/a.tlog-proof": b"p",
        "fork/b.leaf-hash": bytes(32),
        "fork/b.tlog-proof": b"p",
    }


def test_a_proven_fork_has_two_sides_of_one_sort() -> None:
    note = "a.example\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— a.example AAAAAAA=\n".encode()
    one, other = Side(note, bytes(32), (b"\x01" * 32,)), Side(note, b"\x02" * 32)
    first, second = fork_sides(Fork(one, other, 0), (b"entry", None))
    assert (first.leaf, second.leaf, second.leaf_hash) == (b"entry", None, other.leaf)
    proof = parse_tlog_proof(first.proof or b"")
    assert (proof.index, proof.hashes, proof.checkpoint_bytes) == (0, one.path, note)
    assert fork_sides(Fork(one, other)) == (ForkSide(checkpoint=note), ForkSide(checkpoint=note))


def test_two_rosters_stand_beside_those_that_they_follow() -> None:
    files = parse_pack(build_roster_fork_pack(b"{}", [b"r0", b"r1"], b"one", b"other"))
    assert parse_label(files.pop("pack.json")) is None
    assert files == {
        "VERIFY.md": READER,
        "policy": b"",
        "charter/genesis.json": b"{}",
        "roster/0000.dsse": b"r0",
        "roster/0001.dsse": b"r1",
        "fork/a.dsse": b"one",
        "fork/b.dsse": b"other",
    }
