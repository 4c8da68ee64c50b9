"""Enrolments, signatures, and what an honest member signs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.unit.units import EAST, FOUR, NORTH, SOUTH, UNIT, WEST, Office, found, head, signer

from hisn.acts.envelope import Envelope, parse_dsse
from hisn.acts.write import format_envelope, sign_payload
from hisn.core.canon import canonical
from hisn.core.signers import DualSigner
from hisn.errors import PolicyError, VerificationError
from hisn.unit.draft import Join, Revoke, Rotate, Suspend
from hisn.unit.enrol import (
    ENROLMENT_TYPE,
    assemble_roster,
    check_adoption,
    make_enrolment,
    owners_needed,
    sign_roster,
    verify_enrolment,
)
from hisn.unit.roster import verify_epoch

HELD = {role: NORTH.key(role) for role in NORTH.roles}
DATA = make_enrolment(UNIT, NORTH.name, "north", "https://north.example", HELD)
PAYLOAD = parse_dsse(DATA, ENROLMENT_TYPE, max_bytes=10**6, max_signatures=10).payload
CENTRE = Office("centre.example/log", "centre")


def refused(data: bytes) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_enrolment(data)
    return caught.value.code


def resigned(signers: list[DualSigner], **changes: Any) -> bytes:
    """Return an enrolment with other content, signed by these."""
    payload = canonical(json.loads(PAYLOAD) | changes)
    signatures = tuple(each for key in signers for each in sign_payload(ENROLMENT_TYPE, payload, key))
    return format_envelope(Envelope(ENROLMENT_TYPE, payload, signatures))


SIGNERS = [HELD[role] for role in sorted(HELD)]


def test_an_enrolment_proves_that_all_its_keys_are_held() -> None:
    enrolment = verify_enrolment(DATA)
    assert (enrolment.unit, enrolment.id, enrolment.side) == (UNIT, NORTH.name, "north")
    assert enrolment.url == "https://north.example"
    assert enrolment.keys == {role: key.public for role, key in HELD.items()}
    assert verify_enrolment(resigned(SIGNERS)) == enrolment


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "hisn-enrolment/2"},
        {"unit": ""},
        {"id": "North"},
        {"side": "a b"},
        {"url": "north"},
        {"keys": {}},
        {"keys": {"king": {}}},
        {"keys": {"act": {}}},
        {"keys": []},
        {"more": 1},
    ],
)  # fmt: skip
def test_every_part_has_its_form(changes: dict[str, Any]) -> None:
    assert refused(resigned(SIGNERS, **changes)) == "E3420"


def test_a_key_that_has_not_signed_is_not_enrolled() -> None:
    assert refused(resigned(SIGNERS[1:])) == "E3420"
    assert refused(resigned([*SIGNERS[1:], SIGNERS[0]])) == "E3303"
    assert refused(resigned([signer("a thief"), *SIGNERS[1:]])) == "E3303"
    assert refused(resigned([*SIGNERS, SIGNERS[0]])) == "E3300"


def test_one_key_for_two_roles_is_not_enrolled() -> None:
    with pytest.raises(ValueError, match="two roles"):
        make_enrolment(UNIT, NORTH.name, "north", "", HELD | {"log": HELD["act"]})
    with pytest.raises(ValueError, match="no enrolment"):
        make_enrolment(UNIT, "Nórth", "north", "", HELD)


def test_signatures_are_put_together_whoever_came_first() -> None:
    unit = found()
    draft = unit.draft(Suspend(NORTH.name)).document
    parts = [sign_roster(draft, [each.root]) for each in (SOUTH, EAST, WEST)]
    for order in (parts, parts[::-1], [*parts, parts[0]]):
        envelope = assemble_roster(draft, [each for part in order for each in part])
        assert verify_epoch(unit.charter, unit.chain, envelope).signers == {SOUTH.name, EAST.name, WEST.name}


def test_it_is_known_whose_own_root_must_sign() -> None:
    unit = found()
    assert owners_needed(None, unit.roster) == tuple(sorted(each.name for each in FOUR))
    heads = [head(NORTH, 9)]
    for change, names in (
        (Suspend(NORTH.name), ()),
        (Join(CENTRE.enrolment), (CENTRE.name,)),
        (Rotate(NORTH.name, "act", NORTH.key("act", 1).public), (NORTH.name,)),
        (Revoke(NORTH.name, "act", until=3), None),
    ):
        if names is None:
            with pytest.raises(VerificationError):
                unit.draft(change, heads=heads)
        else:
            assert owners_needed(unit.roster, unit.draft(change, heads=heads)) == names
    with pytest.raises(VerificationError):
        owners_needed(unit.roster, replace(unit.roster, at=()))


def test_a_member_signs_no_epoch_that_voids_what_it_has_witnessed() -> None:
    unit = found()
    draft = unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)])
    for cosigned in ({}, {NORTH.name: 9}, {SOUTH.name: 99}):
        roster = check_adoption(unit.charter, unit.chain, draft.document, cosigned=cosigned)
        assert roster == draft
    with pytest.raises(PolicyError) as caught:
        check_adoption(unit.charter, unit.chain, draft.document, cosigned={NORTH.name: 10})
    assert caught.value.code == "E4301"
    # The owner says so itself: a thief had the key.
    check_adoption(unit.charter, unit.chain, draft.document, cosigned={NORTH.name: 10}, agreed=[NORTH.name])


def test_a_member_signs_a_first_epoch_that_is_well_made() -> None:
    unit = found()
    assert check_adoption(unit.charter, [], unit.roster.document, cosigned={}).epoch == 0
    with pytest.raises(VerificationError) as caught:
        check_adoption(unit.charter, unit.chain, unit.roster.document, cosigned={})
    assert caught.value.code == "E3405"
