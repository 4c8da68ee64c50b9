"""The native hasher is used where it is built and right; everything else is pure Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.evidence.hashers import HASHERS, hasher_named, native_hasher

from hisn.evidence import hasher
from hisn.evidence.hasher import agrees, best_hasher
from hisn.evidence.native.library import library_name
from hisn.evidence.pure import PureHasher
from hisn.evidence.rows import Rows


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HISN_PURE", raising=False)
    best_hasher.cache_clear()
    yield
    best_hasher.cache_clear()


def found(monkeypatch: pytest.MonkeyPatch, path: Path | None) -> str:
    monkeypatch.setattr(hasher, "find_library", lambda: path)
    return best_hasher().name


@pytest.mark.parametrize("name", HASHERS)
def test_every_hasher_agrees_with_the_pure_one(name: str) -> None:
    assert agrees(hasher_named(name))


def test_the_library_is_used_where_it_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hasher, "load_library", lambda _path: native_hasher()._library)
    assert found(monkeypatch, tmp_path) == "native"


def test_without_a_library_the_pure_hasher_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, None) == "pure"


def test_the_pure_hasher_can_be_forced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HISN_PURE", "1")
    assert found(monkeypatch, tmp_path) == "pure"


def test_a_library_that_is_none_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / library_name()).write_bytes(b"\x7fELF of another machine")
    assert found(monkeypatch, tmp_path / library_name()) == "pure"


class Wrong(PureHasher):
    """Compute as a broken processor does."""

    name = "native"

    def seal_fields(self, rows: Rows) -> bytes:
        return bytes(32 * len(rows.indexes))


def test_a_library_that_computes_something_else_is_never_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hasher, "load_library", lambda _path: None)
    monkeypatch.setattr(hasher, "NativeHasher", lambda _library: Wrong())
    assert found(monkeypatch, tmp_path) == "pure"
