from __future__ import annotations

import pickle

from hisn.errors import StorageError
from hisn.tlog.ports import Conflict


def test_a_conflict_names_the_register_and_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(Conflict("log/ab")))
    assert isinstance(error, Conflict)
    assert issubclass(Conflict, StorageError)
    assert (error.name, error.code) == ("log/ab", "E5201")
    assert "log/ab" in error.message
    assert error.hint
    assert error.unchanged
