"""Whoever changes a proof pack, in any byte, gains nothing by it."""

from __future__ import annotations

import random
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from vectors.pack_world import NOW_S, UNIT, lone_office, plain_case, three_members

from hisn.errors import VerificationError
from hisn.evidence.pack import parse_pack, write_pack
from hisn.evidence.packing import build_pack
from hisn.verify.check import Verifier, verify_pack
from hisn.verify.steps import Report, Result, Shown
from vectors import make_evpack

FOLDER = Path(make_evpack.__file__).parent / "evpack"
AK, BEL, CIV = UNIT
RANK = {Result.VALID: 2, Result.VALID_UNWITNESSED: 1, Result.INVALID: 0, Result.FORK_PROVEN: 0}


@cache
def witnessed() -> tuple[bytes, bytes]:
    """Return a pack with everything in it, and its genesis."""
    world = three_members()
    world.act(BEL, "observation", {"what": "x", "digest": "00" * 32})
    head, seen = world.checkpoint(BEL, time_s=NOW_S - 600), world.head(BEL)
    case = plain_case(world, origin=AK, seen=(seen,))
    recheck = world.pack_act(world.answer(CIV, case.finding), world.checkpoint(CIV))
    parts = case.parts(acts=[*case.parts().acts, recheck], heads=[head], timestamps={0: b"token"})
    return build_pack(parts), world.charter.genesis


def small() -> bytes:
    return (FOLDER / "good-quiet.evpack").read_bytes()


def test_every_flipped_byte_of_a_pack_is_refused() -> None:
    pack = small()
    for position in random.Random(1).sample(range(len(pack)), 2_000):
        refuse_flip(pack, position)


@pytest.mark.full
def test_every_single_flipped_byte_of_a_pack_is_refused() -> None:
    pack = small()
    for position in range(len(pack)):
        refuse_flip(pack, position)


def refuse_flip(pack: bytes, position: int) -> None:
    flipped = bytearray(pack)
    flipped[position] ^= 1 << position % 8
    with pytest.raises(VerificationError):
        verify_pack(bytes(flipped), genesis=None)


def facts(shown: Shown | None) -> object:
    """Return what a reader takes away: who said what about which records, and who agreed."""
    assert shown
    acts = [(act.kind, act.actor, act.index, act.leaf_hash, act.claimed_time) for act in shown.acts]
    return shown.genesis, acts, shown.finding, shown.batches, shown.events, shown.number


def befores(report: Report) -> list[float]:
    assert report.shown
    return [act.witnessed.before_s or float("inf") for act in report.shown.acts]


def nothing_gained(before: Report, after: Report) -> None:
    """A change may take something away, such as a cosignature; what is left must be as true as before."""
    assert RANK[after.result] <= RANK[before.result]
    if RANK[after.result] == 0:
        assert after.result is Result.INVALID
        return
    assert facts(after.shown) == facts(before.shown)
    assert all(new >= old for old, new in zip(befores(before), befores(after), strict=True))
    assert after.flags == before.flags


def flip_in_file(files: dict[str, bytes], name: str, position: int) -> bytes:
    content = bytearray(files[name])
    content[position] ^= 1 << position % 7
    return write_pack({**files, name: bytes(content)})


def attack_files(pack: bytes, places: list[tuple[str, int]]) -> None:
    """Flip bytes of single files, with a manifest that fits: an attacker can make one."""
    files = parse_pack(pack)
    # Who gives no digest takes any charter: the first epoch does not name the one it belongs to.
    verifier = Verifier(sha256(files["charter/genesis.json"]).digest())
    before = verifier.verify(pack)
    assert RANK[before.result]
    for name, position in places:
        after = verifier.verify(flip_in_file(files, name, position))
        nothing_gained(before, after)
        if name not in ("VERIFY.md", "timestamps/0000.tsr") and not name.endswith(("proof", "checkpoint")):
            assert after.result is Result.INVALID, (name, position)


def all_places(pack: bytes) -> list[tuple[str, int]]:
    return [(name, position) for name, data in parse_pack(pack).items() for position in range(len(data))]


def test_a_byte_flipped_in_a_file_gains_nothing_though_the_manifest_fits() -> None:
    pack, _ = witnessed()
    places = all_places(pack)
    # The files that are small would be missed by chance.
    rare = [place for place in places if place[0] in ("pack.json", "bodies/0001.json", "events/0000.json")]
    attack_files(pack, [*random.Random(2).sample(places, 300), *random.Random(3).sample(rare, 100)])


@pytest.mark.full
def test_no_byte_flipped_in_any_file_gains_anything_though_the_manifest_fits() -> None:
    attack_files(small(), all_places(small()))


@pytest.mark.soak
def test_no_byte_flipped_in_any_file_of_a_large_pack_gains_anything() -> None:
    pack, _ = witnessed()
    attack_files(pack, all_places(pack))


def test_a_line_of_a_witness_made_unknown_takes_it_away_and_no_more() -> None:
    pack, genesis = witnessed()
    files = parse_pack(pack)
    before = verify_pack(pack, genesis=genesis)
    name = "acts/0000.tlog-proof"
    renamed = files[name].replace("— w1.example ".encode(), "— x1.example ".encode())
    after = verify_pack(write_pack({**files, name: renamed}), genesis=genesis)
    nothing_gained(before, after)
    assert after.shown
    assert "w1.example" in after.shown.acts[0].witnessed.missing


def test_no_file_of_another_pack_can_be_put_in_its_place() -> None:
    pack, genesis = witnessed()
    files = parse_pack(pack)
    others = [parse_pack(build_pack(plain_case(world).parts())) for world in (lone_office(),)]
    others += [parse_pack(path.read_bytes()) for path in sorted(FOLDER.glob("good-*.evpack"))[:6]]
    verifier = Verifier(genesis)
    for other in others:
        for name in sorted(set(files) & set(other)):
            if files[name] == other[name] or name == "VERIFY.md":
                continue
            swapped = verifier.verify(write_pack({**files, name: other[name]}))
            # Another true event of the same batch is no lie: it is shown as context.
            is_context = swapped.shown is not None and any(each.is_context for each in swapped.shown.events)
            assert swapped.result is Result.INVALID or (is_context and name.startswith("events/")), name


def test_files_of_one_pack_cannot_change_places() -> None:
    pack, genesis = witnessed()
    files = parse_pack(pack)
    verifier = Verifier(genesis)
    for kind in (".leaf", ".tlog-proof", ".json", ".checkpoint"):
        names = sorted(name for name in files if name.endswith(kind) and name != "pack.json")
        for first in names:
            for second in names:
                if first < second and first.partition("/")[0] == second.partition("/")[0] != "events":
                    changed = {**files, first: files[second], second: files[first]}
                    assert verifier.verify(write_pack(changed)).result is Result.INVALID, (first, second)


def test_any_file_left_out_takes_away_what_rests_on_it() -> None:
    pack, genesis = witnessed()
    files = parse_pack(pack)
    before = verify_pack(pack, genesis=genesis)
    allowed = {"events/0001.json", "heads/0000.checkpoint", "timestamps/0000.tsr", "bodies/0002.json"}
    for name in files:
        left = {other: data for other, data in files.items() if other != name}
        after = verify_pack(write_pack(left), genesis=genesis)
        if name in allowed:
            # What is shown less is said less of; the rest stands.
            assert after.result is Result.VALID
            assert len(after.proven) <= len(before.proven)
        else:
            assert after.result is Result.INVALID, name
