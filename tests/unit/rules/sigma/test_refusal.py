from __future__ import annotations

import copy

from hisn.errors import InputError
from hisn.rules.sigma.refusal import RefusedError


def test_a_refusal_says_where_and_survives_a_copy() -> None:
    error = RefusedError("E2103", 7, "why")
    assert isinstance(error, InputError)
    again = copy.copy(error)
    assert (again.code, again.line, again.reason) == ("E2103", 7, "why")
    assert str(again) == ":7: why"
