"""Make units, and chains of their epochs, for the test vectors of rosters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any

from vectors.signed_lines import signer

from hisn.acts.envelope import ACT_TYPE, parse_dsse
from hisn.acts.statement import Head
from hisn.acts.write import format_envelope
from hisn.core.canon import b64, canonical
from hisn.core.signers import DualSigner
from hisn.unit.draft import Admit, Change, Dismiss, Revoke, Rotate, Suspend, make_charter, make_roster
from hisn.unit.enrol import Enrolment, assemble_roster, make_enrolment, sign_roster, verify_enrolment
from hisn.unit.roster import ROSTER_TYPE
from hisn.unit.rosterdoc import Charter, Roster

NORTH, SOUTH, EAST, WEST = (f"{name}.example/log" for name in ("north", "south", "east", "west"))
FOUR = (EAST, NORTH, SOUTH, WEST)
STRANGER = 202
Case = dict[str, Any]


ROLES = ("act", "log", "root", "witness")


@cache
def key(name: str, role: str, generation: int = 0) -> DualSigner:
    """Return the keys of a role, made from a seed that follows from the names."""
    return signer(int.from_bytes(sha256(f"{name} {role} {generation}".encode()).digest()[:4], "big"))


def keys_of(name: str, roles: Sequence[str] = ROLES) -> list[DualSigner]:
    """Return all first keys of a member or witness."""
    return [key(name, role) for role in roles]


@dataclass(frozen=True)
class World:
    """Hold a founded unit."""

    charter: Charter
    first: Roster
    founding: bytes

    def draft(self, *changes: Change, size: int = 9) -> Roster:
        """Return epoch 1."""
        head = Head(NORTH, size, sha256(f"state {size}".encode()).digest())
        return make_roster(self.charter, [self.first], [head], changes)


def sealed(document: bytes, signers: Sequence[DualSigner]) -> bytes:
    """Return an epoch signed by these."""
    return assemble_roster(document, sign_roster(document, signers))


@cache
def world(members: tuple[str, ...], outside: tuple[str, ...]) -> World:
    """Return a unit of some members and outside witnesses."""

    def enrolment(name: str, roles: Sequence[str]) -> Enrolment:
        held = {role: key(name, role) for role in roles}
        return verify_enrolment(make_enrolment("Delta", name, name.split(".", maxsplit=1)[0], "", held))

    charter, first = make_charter(
        "Delta",
        [enrolment(name, ROLES) for name in members],
        [enrolment(name, ("witness",)) for name in outside],
    )
    signers = [each for name in members for each in keys_of(name)]
    signers += [each for name in outside for each in keys_of(name, ("witness",))]
    return World(charter, first, sealed(first.document, signers))


def lone() -> World:
    """Return a unit of one member without witnesses."""
    return world((NORTH,), ())


def four() -> World:
    """Return a unit of four members and two outside witnesses."""
    return world(FOUR, ("w1.example", "w2.example"))


def roots(*names: str) -> list[DualSigner]:
    """Return the root keys of members."""
    return [key(name, "root") for name in names]


def rewritten(document: bytes, at: Sequence[Any], value: Any) -> bytes:
    """Return a document with one value replaced."""
    whole = json.loads(document)
    place = whole
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    return canonical(whole)


def epochs() -> Iterator[tuple[str, bytes]]:
    """Yield name and envelope of every epoch that the cases use."""
    unit, new_act, new_root = lone(), key(NORTH, "act", 1), key(NORTH, "root", 1)
    root = roots(NORTH)
    yield "lone", unit.founding
    rotation = unit.draft(Rotate(NORTH, "act", new_act.public))
    yield "lone-rotation", sealed(rotation.document, [*root, new_act])
    theft = unit.draft(Rotate(NORTH, "act", new_act.public, until=4))
    yield "lone-theft", sealed(theft.document, [*root, new_act])
    rooted = unit.draft(Rotate(NORTH, "root", new_root.public))
    yield "lone-new-root", sealed(rooted.document, [*root, new_root])
    yield "lone-new-root-by-itself", sealed(rooted.document, [new_root])
    yield "lone-unheld", sealed(rotation.document, root)
    yield "lone-unsigned", sealed(rotation.document, [new_act])
    yield "lone-stranger", sealed(rotation.document, [*root, new_act, signer(STRANGER)])
    envelope = parse_dsse(
        sealed(rotation.document, [*root, new_act]), ROSTER_TYPE, max_bytes=10**6, max_signatures=9
    )
    yield "lone-half", format_envelope(replace(envelope, signatures=envelope.signatures[1:]))
    yield "lone-order", format_envelope(replace(envelope, signatures=envelope.signatures[::-1]))
    yield "lone-as-act", format_envelope(replace(envelope, payload_type=ACT_TYPE))
    third = make_roster(
        unit.charter, [unit.first, rotation], [], [Rotate(NORTH, "log", key(NORTH, "log", 1).public)]
    )
    yield "lone-third", sealed(third.document, [*root, key(NORTH, "log", 1)])
    for name, at, value in (
        ("lone-other-charter", ["charter"], "00" * 32),
        ("lone-other-previous", ["previous"], "00" * 32),
        ("lone-no-state", ["at"], []),
        ("lone-early", ["members", 0, "keys", 1, "from"], 8),
        ("lone-reopened", ["members", 0, "keys", 0, "until"], None),
        ("lone-unknown-field", ["more"], 1),
        ("lone-confusable", ["members", 0, "side"], "n\u043erth"),
        ("lone-small-order", ["members", 0, "keys", 1, "ed25519"], b64(bytes(32))),
        ("lone-twice", ["members", 0, "keys", 1, "mldsa"], b64(key(NORTH, "log").public.mldsa.raw)),
    ):
        yield name, sealed(rewritten(rotation.document, at, value), [*root, new_act])
    others = (EAST, SOUTH, WEST)
    unit = four()
    yield "four", unit.founding
    suspension = unit.draft(Suspend(NORTH))
    yield "four-suspension", sealed(suspension.document, roots(*others))
    yield "four-too-few", sealed(suspension.document, roots(EAST, WEST))
    voiding = unit.draft(Suspend(NORTH), Revoke(NORTH, "act", until=8))
    yield "four-voiding", sealed(voiding.document, roots(*others))
    yield "four-owned-voiding", sealed(voiding.document, roots(*others, NORTH))
    seized = unit.draft(Rotate(NORTH, "act", new_act.public))
    yield "four-seizure", sealed(seized.document, [*roots(*others), new_act])
    w3 = key("w3.example", "witness")
    newcomer = verify_enrolment(make_enrolment("Delta", "w3.example", "w3", "", {"witness": w3}))
    swap = unit.draft(Dismiss("w1.example"), Admit(newcomer))
    yield "four-witness", sealed(swap.document, [*roots(*FOUR), w3])


Asked = tuple[int, str, str, int, DualSigner | str]


def chains() -> Iterator[tuple[str, str, str, str, Sequence[Asked]]]:
    """Yield comment, charter, epochs, code, and what the keys must be: epoch, id, role, place."""
    act, new_act = key(NORTH, "act"), key(NORTH, "act", 1)
    yield "a lone office", "lone", "lone", "", [
        (0, NORTH, "act", 0, act),
        (0, NORTH, "act", 10**9, act),
        (0, NORTH, "mirror", 0, "E3415"),
        (0, SOUTH, "act", 0, "E3414"),
    ]  # fmt: skip
    rotated: list[Asked] = [
        (1, NORTH, "act", 8, act),
        (1, NORTH, "act", 9, new_act),
        (0, NORTH, "act", 8, act),
        (0, NORTH, "act", 9, "E3417"),
    ]
    yield "its act key replaced", "lone", "lone lone-rotation", "", rotated
    stolen: list[Asked] = [
        (1, NORTH, "act", 3, act),
        (1, NORTH, "act", 4, "E3415"),
        (1, NORTH, "act", 9, new_act),
        (0, NORTH, "act", 3, act),
        (0, NORTH, "act", 4, "E3417"),
    ]
    yield "its act key stolen, from entry 4 on", "lone", "lone lone-theft", "", stolen
    yield "its root key replaced", "lone", "lone lone-new-root", "", [
        (1, NORTH, "root", 0, key(NORTH, "root")),
        (1, NORTH, "root", 1, key(NORTH, "root", 1)),
    ]  # fmt: skip
    yield "two epochs later", "lone", "lone lone-rotation lone-third", "", [
        (2, NORTH, "log", 8, key(NORTH, "log")),
        (2, NORTH, "log", 9, key(NORTH, "log", 1)),
    ]  # fmt: skip
    for comment, names, code in (
        ("no epoch", "", "E3405"),
        ("an epoch skipped", "lone lone-third", "E3405"),
        ("the first epoch missing", "lone-rotation", "E3405"),
        ("the first epoch twice", "lone lone", "E3405"),
        ("the first epoch of another unit", "four", "E3406"),
        ("a new root key signed by itself alone", "lone lone-new-root-by-itself", "E3408"),
        ("a new key that has not signed", "lone lone-unheld", "E3407"),
        ("nobody of the old epoch has signed", "lone lone-unsigned", "E3408"),
        ("a stranger has signed, too", "lone lone-stranger", "E3409"),
        ("half of a pair of keys", "lone lone-half", "E3409"),
        ("signatures out of order", "lone lone-order", "E3409"),
        ("called an act", "lone lone-as-act", "E3300"),
        ("another charter", "lone lone-other-charter", "E3406"),
        ("another epoch before it", "lone lone-other-previous", "E3406"),
        ("a witnessed state missing", "lone lone-no-state", "E3410"),
        ("keys that overlap", "lone lone-early", "E3404"),
        ("an old key that does not end", "lone lone-reopened", "E3404"),
        ("an unknown field", "lone lone-unknown-field", "E3401"),
        ("a side in another script", "lone lone-confusable", "E3401"),
        ("a key of small order", "lone lone-small-order", "E3111"),
        ("one key in two roles", "lone lone-twice", "E3403"),
    ):
        yield comment, "lone", names, code, []
    yield "three of four suspend a member from now on", "four", "four four-suspension", "", [
        (1, NORTH, "act", 8, act),
        (1, NORTH, "act", 9, "E3415"),
        (1, NORTH, "root", 1, key(NORTH, "root")),
        (1, NORTH, "witness", 0, key(NORTH, "witness")),
        (1, NORTH, "witness", 1, "E3415"),
        (0, NORTH, "act", 9, act),
    ]  # fmt: skip
    yield "an outside witness exchanged", "four", "four four-witness", "", []
    yield "the owner agrees to void its past", "four", "four four-owned-voiding", "", [
        (0, NORTH, "act", 8, "E3417"),
        (0, NORTH, "act", 7, act),
    ]  # fmt: skip
    for comment, names, code in (
        ("two of four", "four four-too-few", "E3408"),
        ("a majority voids the past", "four four-voiding", "E3416"),
        ("a majority makes a member's new key", "four four-seizure", "E3413"),
    ):
        yield comment, "four", names, code, []


def _asked(asked: Asked) -> Case:
    epoch, origin, role, place, found = asked
    named = {"epoch": epoch, "id": origin, "role": role, "place": place}
    return named | ({"code": found} if isinstance(found, str) else {"ed25519": b64(found.public.ed25519.raw)})


def rosters() -> Case:
    """Return chains of epochs, good and bad, and which keys count where."""
    cases = [
        {
            "comment": comment,
            "charter": charter,
            "epochs": names.split(),
            "result": "refused" if code else "valid",
            **({"code": code} if code else {}),
            "keys": [_asked(each) for each in asked],
        }
        for comment, charter, names, code, asked in chains()
    ]
    charters = {"lone": lone().charter.document.decode(), "four": four().charter.document.decode()}
    return {
        "about": "Chains of roster epochs. `keys` says which key counts in a role at an entry, or in an"
        " epoch, under a head that the witnesses of `epoch` cosigned.",
        "charters": charters,
        "epochs": {name: envelope.decode() for name, envelope in epochs()},
        "results": {"valid": "every epoch was adopted by the one before", "refused": "it is not this unit's"},
        "cases": cases,
    }
