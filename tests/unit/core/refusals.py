"""Expect that something is refused, and with which code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hisn.errors import HisnError, VerificationError


@contextmanager
def refused(code: str, words: str = "", family: type[HisnError] = VerificationError) -> Iterator[None]:
    """Expect an error of that family and code, with a hint, and with those words in its message."""
    with pytest.raises(family) as caught:
        yield
    assert caught.value.code == code, caught.value
    assert words in caught.value.message
    assert caught.value.hint
