"""Measure the verification of proof packs, in one process and on one core.

    python bench/verify.py [--rounds 200]

Rows: a pack of one event of a lone office with four witnesses and of a unit of three members with
two outside witnesses, the first time (the roster is verified, too) and when the unit's roster is
known; one event more in a pack; and opening one disclosure in a batch of a million events, with
the size of its path.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vectors.pack_world import OFFICE, UNIT, Batch, Case, lone_office, make_batch, plain_case, three_members

from hisn.evidence.disclosure import open_leaf
from hisn.evidence.packing import build_pack
from hisn.tlog.merkle import inclusion_proof, leaf_hash, root_of, verify_inclusion
from hisn.verify.check import Verifier, verify_pack
from hisn.verify.steps import Result

MILLION = 1_000_000


def measured(work: Callable[[], object], rounds: int) -> str:
    """Return mean and 95th percentile in milliseconds of processor time: other work does not count."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1_000)
    return f"{mean(times):8.2f} ms  p95 {quantiles(times, n=20)[-1]:8.2f} ms"


def packed(case: Case, *events: int) -> bytes:
    """Return the case's pack with those events."""
    return build_pack(case.parts(events=[case.batch.event(1, index) for index in events]))


def packs(title: str, case: Case, rounds: int) -> None:
    """Print the rows of one unit."""
    genesis = case.world.charter.genesis
    one, two = packed(case, 1), packed(case, 1, 3)
    if verify_pack(one, genesis=genesis).result is not Result.VALID:
        raise SystemExit("the pack that was to be measured is not valid")
    print(f"{title}, {len(one):,} bytes")
    print(f"  first pack of the unit      {measured(lambda: verify_pack(one, genesis=genesis), rounds)}")
    verifier = Verifier(genesis)
    verifier.verify(one)
    print(f"  further pack of the unit    {measured(lambda: verifier.verify(one), rounds)}")
    print(f"  the same with two events    {measured(lambda: verifier.verify(two), rounds)}")


def disclosure(rounds: int) -> None:
    """Print what one disclosed event in a million costs by itself."""
    batch: Batch = make_batch()
    leaf = batch.leaves[1]
    hashes = [leaf_hash(b"%d" % number) for number in range(MILLION)]
    hashes[777_777] = leaf_hash(leaf)
    root, path = root_of(hashes), inclusion_proof(hashes, 777_777)
    shown = batch.event(1, 1).shown
    if shown is None:
        raise SystemExit("the event shows nothing")

    def work() -> None:
        verify_inclusion(leaf_hash(open_leaf(shown).leaf), 777_777, MILLION, path, root)

    print(f"one event of a million, path of {sum(map(len, path))} bytes")
    print(f"  open and verify             {measured(work, rounds)}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    packs("lone office, four witnesses", plain_case(lone_office(), origin=OFFICE), rounds)
    packs("unit of three, two outside witnesses", plain_case(three_members(), origin=UNIT[0]), rounds)
    disclosure(rounds)


if __name__ == "__main__":
    main()
