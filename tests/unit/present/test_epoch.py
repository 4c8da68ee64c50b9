"""Every difference of two epochs is a sentence that a signer understands, and none can play tricks."""

from __future__ import annotations

from tests.unit.unit.units import EAST, NORTH, OUTSIDE, Office, found, head

from hisn.core.keys import key_id_hex
from hisn.present.epoch import say_differences, say_needed
from hisn.unit.compare import differences, needed
from hisn.unit.draft import Admit, Change, Dismiss, Join, Move, Rotate, Suspend

CENTRE = Office("centre.example/log", "centre")
W3 = Office("w3.example", "w3", ("witness",))
NEW_W1 = Office(OUTSIDE[0].name, OUTSIDE[0].side, ("witness",), generation=1)


def said(*changes: Change, size: int = 9) -> list[str]:
    unit = found()
    new = unit.draft(*changes, heads=[head(NORTH, size)] if size else [])
    return list(say_differences(differences(unit.roster, new)))


def test_who_comes_and_goes_is_named() -> None:
    lines = said(Join(CENTRE.enrolment), Suspend(NORTH.name), Admit(W3.enrolment), Dismiss(OUTSIDE[1].name))
    assert f"Taken in as a member: {CENTRE.name}, side centre, address -." in lines
    assert f"Suspended: {NORTH.name}. What it signs from now on counts no more; its root key stays." in lines
    assert f"Dropped as an outside witness: {OUTSIDE[1].name}." in lines
    key = key_id_hex(W3.key("witness").public.ed25519)
    assert f"Taken in as an outside witness: {W3.name}, side w3, address -, key {key}." in lines
    assert f"Witnessed so far of the log of {NORTH.name}: 9 entries." in lines


def test_keys_are_named_with_the_place_where_they_begin_and_end() -> None:
    new = NORTH.key("act", 1).public
    old = key_id_hex(NORTH.key("act").public.ed25519)
    ends, begins, *_ = said(Rotate(NORTH.name, "act", new))
    assert ends == f"The act key {old} of {NORTH.name} counts before entry 9 of its log alone."
    assert begins.startswith(f"{NORTH.name} has a new act key from entry 9 of its log on: ")
    ends, *_ = said(Rotate(NORTH.name, "act", new, 4))
    assert "before entry 4 of its log alone. That is in the past: 9 entries were witnessed" in ends
    ends, begins, *_ = said(Rotate(NORTH.name, "witness", NORTH.key("witness", 1).public))
    assert ends.endswith(f"of {NORTH.name} counts before epoch 1 alone.")
    assert "from epoch 1 on" in begins


def test_moves_and_other_keys_of_witnesses_are_named() -> None:
    first, *_ = said(Move(EAST.name, "centre", "https://x.example"))
    assert first == f"{EAST.name} moves from side east, address - to side centre, address https://x.example."
    lines = said(Dismiss(OUTSIDE[0].name), Admit(NEW_W1.enrolment))
    key = key_id_hex(NEW_W1.key("witness").public.ed25519)
    assert f"The outside witness {NEW_W1.name} goes on under another key: {key}." in lines


def test_a_member_that_comes_back_is_named() -> None:
    unit = found((*(each for each in (EAST, NORTH)), Office("south.example/log", "south"), CENTRE))
    unit.chain.append(unit.draft(Suspend(NORTH.name)))
    lines = list(say_differences(differences(unit.roster, unit.draft(Join(NORTH.again())))))
    assert lines[0] == f"Active again: {NORTH.name}."


def test_how_many_must_agree_is_said_beside_what_it_was() -> None:
    unit = found()
    first, *logs = say_needed(needed(unit.charter, None, unit.roster))
    assert first == "The next epoch needs the signatures of 3 of 4 members."
    assert logs[0] == f"What {EAST.name} publishes needs the cosignatures of 4 of 5 witnesses."
    new = unit.draft(Join(CENTRE.enrolment))
    lines = list(say_needed(needed(unit.charter, unit.roster, new)))
    assert lines[0] == "The next epoch needs the signatures of 4 of 5 members. Before: 3 of 4."
