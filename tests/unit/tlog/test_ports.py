from __future__ import annotations

import pickle

from hisn.errors import StorageError
from hisn.tlog.ports import Conflict, DurabilityLost


def test_a_conflict_names_the_register_and_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(Conflict("log/ab")))
    assert isinstance(error, Conflict)
    assert issubclass(Conflict, StorageError)
    assert (error.name, error.code) == ("log/ab", "E5201")
    assert "log/ab" in error.message
    assert error.hint
    assert error.unchanged


def test_lost_durability_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(DurabilityLost("the disk could not keep it")))
    assert isinstance(error, DurabilityLost)
    assert issubclass(DurabilityLost, StorageError)
    assert (error.code, error.message) == ("E5200", "the disk could not keep it")
    assert error.hint
    assert error.unchanged
