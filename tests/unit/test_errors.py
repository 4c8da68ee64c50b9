"""Errors keep all they carry, also across processes."""

from __future__ import annotations

import pickle

from hisn.core.place import Place
from hisn.errors import HisnError, StorageError


def test_error_survives_the_way_between_processes() -> None:
    """Exception's own pickling drops keyword arguments: hints would vanish in parallel runs only."""
    sent = StorageError("E5020", "full", hint="free some", unchanged="all", place=Place("x", 1))
    received: HisnError = pickle.loads(pickle.dumps(sent))
    assert type(received) is StorageError
    assert (received.code, received.message, received.hint) == ("E5020", "full", "free some")
    assert (received.unchanged, received.place) == ("all", Place("x", 1))
