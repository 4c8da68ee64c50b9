"""Give the tests every hasher there is: pure, native, and native without what only some processors have."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

from hisn.evidence.native.hasher import NativeHasher
from hisn.evidence.native.library import build_library, find_library, load_library
from hisn.evidence.pure import PureHasher
from hisn.evidence.rows import Hasher

HASHERS = ("pure", "native", "portable")


class _Build:
    """Compile the library of this source, with warnings as errors, into a folder of the tests' own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hisn-native-")
        flags = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
        watched = os.environ.get("HISN_WATCHED")
        path = find_library((Path(watched),)) if watched else build_library((Path(self._folder.name),), flags)
        assert path is not None
        self.library = load_library(path)


@cache
def _build() -> _Build:
    return _Build()


def native_hasher(*, portable: bool = False) -> NativeHasher:
    if shutil.which("gcc") is None:
        pytest.skip("needs the program gcc")
    return NativeHasher(_build().library, portable=portable)


def hasher_named(name: str) -> Hasher:
    return PureHasher() if name == "pure" else native_hasher(portable=name == "portable")
