"""Hold the reports of the second verifier against ours, on packs that are published and packs that are forged."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from tests.vectors.answers import say_report
from tests.vectors.hostile import damaged
from tests.vectors.node import JS, REPOSITORY, ask_node

from hisn.errors import VerificationError
from hisn.evidence.pack import (
    parse_pack,
    write_pack,
)
from hisn.verify.check import verify_pack

EVPACKS = sorted((REPOSITORY / "vectors" / "evpack").glob("*.evpack"))


def pinned(path: Path) -> str:
    genesis = json.loads((path.parent / "expected" / f"{path.stem}.json").read_bytes())["genesis"]
    return f"report:{genesis or ''}"


def report_differences(questions: list[tuple[str, bytes]], folder: Path) -> list[str]:
    found = []
    for (what, data), answer in zip(questions, ask_node(questions, folder), strict=True):
        genesis = what.partition(":")[2]
        try:
            ours = say_report(verify_pack(data, genesis=bytes.fromhex(genesis) if genesis else None))
        except VerificationError as error:
            # The bytes are no pack at all: Python has no report then.
            ours = {"result": "INVALID", "steps": f"1 container failed failure code={error.code}"}
        theirs = json.loads(answer)
        if isinstance(ours["steps"], str):
            theirs["steps"] = theirs["steps"][0]
        found += [
            f"{what}: {name}: {ours[name]} here, {theirs[name]} there"
            for name in ours
            if ours[name] != theirs[name]
        ]
    return found


@pytest.mark.needs("node")
def test_both_verifiers_report_the_same_of_every_published_pack(tmp_path: Path) -> None:
    questions = [(pinned(path), path.read_bytes()) for path in EVPACKS]
    assert len(questions) > 50
    assert report_differences(questions, tmp_path) == []


def forged(pack: bytes, chance: random.Random) -> bytes:
    """Return a pack with one file damaged and everything around it made to fit."""
    files = parse_pack(pack)
    name = chance.choice(sorted(files))
    return write_pack(files | {name: damaged(files[name], chance)})


@pytest.mark.needs("node")
def test_both_verifiers_report_the_same_of_forged_packs(tmp_path: Path) -> None:
    chance = random.Random(1)
    good = [path for path in EVPACKS if path.name.startswith(("good", "fork"))]
    questions = [(pinned(path), forged(path.read_bytes(), chance)) for path in good for _ in range(5)]
    found = report_differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])


FLIPPED = ("good-all-shown", "fork-heads")


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", FLIPPED)
def test_a_flipped_byte_is_refused_everywhere(name: str) -> None:
    flip_bytes(name, step=61)


@pytest.mark.full
@pytest.mark.needs("node")
@pytest.mark.parametrize("name", FLIPPED)
def test_every_flipped_byte_is_refused(name: str) -> None:
    flip_bytes(name, step=1)


def flip_bytes(name: str, step: int) -> None:
    path = REPOSITORY / "vectors" / "evpack" / f"{name}.evpack"
    done = subprocess.run(
        ["node", JS / "flip.mjs", path, str(step)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout[-2000:] + done.stderr[-2000:]
