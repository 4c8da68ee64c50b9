from __future__ import annotations

import pytest
from tests.unit.unit.units import (
    EAST,
    NORTH,
    SOUTH,
    WEST,
    found,
    signed,
)

from hisn.errors import VerificationError
from hisn.unit.draft import Suspend
from hisn.unit.roster_fork import verify_roster_fork


def test_two_epochs_with_one_number_name_those_who_signed_both() -> None:
    unit = found()
    one = signed(unit.draft(Suspend(NORTH.name)).document, [SOUTH.root, EAST.root, WEST.root])
    other = signed(unit.draft(Suspend(SOUTH.name)).document, [NORTH.root, EAST.root, WEST.root])
    charter = unit.charter.document
    assert verify_roster_fork(charter, unit.envelopes, one, other) == {EAST.name, WEST.name}
    again = signed(unit.draft(Suspend(NORTH.name)).document, [SOUTH.root, EAST.root, WEST.root, NORTH.root])
    with pytest.raises(VerificationError) as caught:
        verify_roster_fork(charter, unit.envelopes, one, again)
    assert caught.value.code == "E3418"
