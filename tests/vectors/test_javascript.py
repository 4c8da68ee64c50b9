"""Run the second verifier under Node, and hold its readers against ours.

The two programs share no line of code.  Where they answer one question differently, one of them is
wrong, and a forger could show different people different things.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.vectors.answers import ask_python, chain_question
from tests.vectors.hostile import (
    EXAMPLES,
    act_examples,
    changed_text,
    damaged,
    log_examples,
    sealed_examples,
)
from tests.vectors.node import JS, ask_node, differences
from vectors.pack_world import UNIT, World

from hisn.core import limits, proof_limits
from hisn.core.canon import Json, canonical
from hisn.core.signers import DualSigner
from hisn.unit.draft import Admit, Change, Dismiss, Move, Revoke, Rotate, Suspend, make_roster
from hisn.unit.enrol import assemble_roster, sign_roster
from hisn.unit.roster import verify_roster_chain
from hisn.verify import texts

SCRIPTS = sorted(JS.glob("test_*.mjs"))
ROUNDS = 150


@pytest.mark.needs("node")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_passes_under_node(script: Path) -> None:
    done = subprocess.run(["node", "--test", script], capture_output=True, text=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.lstrip().startswith("not ok")]
    assert done.returncode == 0, "\n".join([*failed, done.stdout[-3000:], done.stderr])


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", EXAMPLES)
def test_both_verifiers_read_the_same(name: str, tmp_path: Path) -> None:
    questions = list(EXAMPLES[name]())
    chance = random.Random(0)
    for what, data in list(questions):
        for _ in range(ROUNDS):
            changed = damaged(data, chance)
            questions.append((what, damaged(changed, chance) if chance.random() < 0.3 else changed))
    found = differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])


@pytest.mark.needs("node")
def test_both_verifiers_take_our_good_examples(tmp_path: Path) -> None:
    questions = [*sealed_examples(), *log_examples(), *act_examples()]
    answers = ask_node(questions, tmp_path)
    refused = [
        f"{what}: {answer} here {ask_python(what, data)}"
        for (what, data), answer in zip(questions, answers, strict=True)
        if len(answer) == 5 and answer.startswith("E3")
    ]
    assert refused == []


@pytest.mark.needs("node")
def test_both_verifiers_say_the_same_in_english(tmp_path: Path) -> None:
    theirs = json.loads(ask_node([("messages", b"")], tmp_path)[0])
    assert theirs["steps"] == texts.STEPS
    assert theirs["said"] == texts.SAID
    assert theirs["results"] == texts.RESULTS
    assert theirs["flags"] == texts.FLAGS


@pytest.mark.needs("node")
def test_both_verifiers_have_the_same_limits(tmp_path: Path) -> None:
    theirs = json.loads(ask_node([("limits", b"")], tmp_path)[0])
    ours = vars(limits) | vars(proof_limits)
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.needs("node")
def test_both_verifiers_take_and_refuse_the_same_statements(tmp_path: Path) -> None:
    chance = random.Random(2)
    good = [(what, data) for what, data in act_examples() if what == "statement"]
    questions = [(what, changed_text(data, chance)) for what, data in good for _ in range(300)]
    found = differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])


OFFICES = (*UNIT, "dom.example")


def grown() -> World:
    """Return a unit of four members that has taken in a witness and a new key."""
    world = World(OFFICES, ["w1.example", "w2.example"])
    for name in OFFICES:
        world.act(name, "observation", {"what": "cutover", "digest": "0" * 64})
    world.keys[UNIT[0], "act"] = "act of a second sort"
    world.keys["w3.example", "witness"] = "late"
    fresh = [world.signer(UNIT[0], "act"), world.signer("w3.example", "witness")]
    changes: list[Change] = [
        Rotate(UNIT[0], "act", fresh[0].public),
        Admit(world.enrol("w3.example", ("witness",))),
    ]
    world.adopt(changes, [world.head(name) for name in OFFICES], [*world.roots(), *fresh])
    for name in OFFICES:
        world.act(name, "observation", {"what": "cutover", "digest": "1" * 64})
    return world


@pytest.mark.needs("node")
def test_both_verifiers_take_and_refuse_the_same_charters_and_rosters(tmp_path: Path) -> None:
    world, chance = grown(), random.Random(3)
    chain = verify_roster_chain(world.charter.document, world.rosters)
    documents = [("charter", world.charter.document), *(("roster", each.document) for each in chain)]
    questions = documents + [
        (what, changed_text(data, chance)) for what, data in documents for _ in range(200)
    ]
    found = differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])


ATTEMPTS: dict[str, tuple[Json, ...]] = {
    "epoch": (1, 3),
    "name": ("Vesn",),
    "previous": ("", "0" * 64),
    "charter": ("0" * 64,),
    "size": (0, 1, 3),
    "root": ("0" * 64,),
    "side": ("other",),
    "url": ("https://other.example",),
    "status": ("suspended", "active"),
    "role": ("mirror",),
    "from": (1, 2, 7),
    "until": (0, 1, 2, 7, None),
    "at": ([],),
    "witnesses": ([],),
}


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_in(part)


def edits(document: bytes) -> Iterator[bytes]:
    """Yield what becomes of a roster by one change that somebody could try."""
    for number, found in enumerate(objects_in(json.loads(document))):
        for name in sorted(ATTEMPTS.keys() & found.keys()):
            for other in ATTEMPTS[name]:
                value = json.loads(document)
                list(objects_in(value))[number][name] = other
                yield canonical(value)
        if "keys" in found:
            held: list[Json] = found["keys"]
            for keys in (held[1:], held[:-1], held[::-1]):
                value = json.loads(document)
                list(objects_in(value))[number]["keys"] = keys
                yield canonical(value)


@pytest.mark.needs("node")
def test_both_verifiers_follow_and_refuse_the_same_chains_of_rosters(tmp_path: Path) -> None:
    # Whatever the document says, its signers sign it: what may follow what is in question.
    world, chance = grown(), random.Random(5)
    adopted = verify_roster_chain(world.charter.document, world.rosters)
    heads = [world.head(name) for name in OFFICES]
    fresh = [world.make_signer(f"fresh {number}") for number in range(2)]
    suspended: list[Change] = [Suspend(UNIT[0])]
    replaced: list[Change] = [Rotate(UNIT[1], "log", fresh[0].public), Dismiss("w3.example")]
    moved: list[Change] = [
        Rotate(UNIT[2], "root", fresh[1].public),
        Move(UNIT[2], "x", ""),
        Revoke(UNIT[0], "witness"),
    ]
    questions = []

    def ask(document: bytes, signers: Sequence[DualSigner]) -> None:
        envelope = assemble_roster(document, sign_roster(document, signers))
        questions.append(("chain", chain_question(world.charter.document, [*world.rosters, envelope])))

    for place, (changes, new) in enumerate(((suspended, []), (replaced, fresh[:1]), (moved, fresh[1:]))):
        document = make_roster(world.charter, adopted, heads, changes).document
        roots = world.roots()
        everybody = [*roots, *new]
        others = [each for each in everybody if each is not roots[place]]
        ask(document, everybody)
        ask(document, others)  # its owner has not signed
        ask(document, roots)  # nor the holder of the new key
        ask(document, everybody[2:])
        ask(document, [*everybody, world.signer(UNIT[0], "act")])
        for text in chance.sample(list(edits(document)), 12):
            ask(text, chance.choice((everybody, others)))
        # A majority voids what was witnessed of a member.
        value = json.loads(document)
        value["members"][0]["keys"][1]["until"] = 1
        ask(canonical(value), others)
    found = differences(questions, tmp_path)
    assert found == [], "\n".join(found[:20])
    answers = {ask_python(what, data) for what, data in questions}
    wanted = {f"E34{number:02}" for number in (4, 7, 8, 9, 11, 12, 13, 16)}
    assert wanted - answers == set()
    assert len([answer for answer in answers if "|" in answer]) >= 2
