"""Errors keep all they carry, also across processes."""

from __future__ import annotations

import pickle

import pytest

from hisn.errors import HisnError, InputError, Place, StorageError


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


def test_error_survives_the_way_between_processes() -> None:
    """Exception's own pickling drops keyword arguments: hints would vanish in parallel runs only."""
    sent = StorageError("E5020", "full", hint="free some", unchanged="all", place=Place("x", 1))
    received: HisnError = pickle.loads(pickle.dumps(sent))
    assert type(received) is StorageError
    assert (received.code, received.message, received.hint) == ("E5020", "full", "free some")
    assert (received.unchanged, received.place) == ("all", Place("x", 1))
