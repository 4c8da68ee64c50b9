from __future__ import annotations

import pytest

from hisn.core.place import Place
from hisn.errors import InputError


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("a"), "a"),
        (Place("a", 3), "a:3"),
        (Place("a", 3, 7), "a:3:7"),
        (Place("a", offset=65536), "a@65536"),
    ],
)
def test_place_is_written_as_editors_read_it(place: Place, text: str) -> None:
    assert str(place) == text
    assert str(InputError("E2001", "broken", place=place)) == f"{text}: broken"
