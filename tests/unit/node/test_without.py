from __future__ import annotations

import pytest

from hisn.errors import StorageError
from hisn.node.client import away, wrong
from hisn.node.without import Why, Without, of_peer


@pytest.mark.parametrize(("error", "why"), [(away("x", "slow"), Why.AWAY), (wrong("x", "odd"), Why.WRONG)])
def test_what_a_peer_causes_costs_its_signature(error: StorageError, why: Why) -> None:
    with pytest.raises(Without) as caught, of_peer():
        raise error
    assert (caught.value.why, caught.value.detail) == (why, error.message)


def test_what_our_own_disk_causes_passes() -> None:
    error = StorageError("E5200", "the disk")
    with pytest.raises(StorageError) as caught, of_peer():
        raise error
    assert caught.value is error
