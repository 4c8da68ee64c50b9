"""All keys of a node come from one secret, which opens with its passphrase alone."""

from __future__ import annotations

import os
from itertools import combinations

import pytest

from hisn.app.identity import ROLES, Identity, format_identity, new_identity, parse_identity
from hisn.errors import InputError, StorageError
from hisn.evidence.node_key import lock_unattended


class Chance:
    """Give the system's randomness."""

    def read(self, size: int) -> bytes:
        """Return fresh bytes."""
        return os.urandom(size)


@pytest.mark.parametrize("passphrase", [None, "", "correct horse"])
def test_the_secret_comes_back(passphrase: str | None) -> None:
    identity = new_identity(Chance())
    assert parse_identity(format_identity(identity, passphrase, Chance()), passphrase or "") == identity


def test_a_stolen_file_does_not_open_without_its_passphrase() -> None:
    data = format_identity(new_identity(Chance()), "correct horse", Chance())
    with pytest.raises(InputError):
        parse_identity(data, "correct hors")


def test_a_secret_of_another_size_is_refused() -> None:
    with pytest.raises(StorageError) as caught:
        parse_identity(lock_unattended(b"x" * 63, "hisn node"), "")
    assert caught.value.code == "E5305"


def test_no_two_roles_or_generations_share_a_key() -> None:
    identity = Identity(b"n" * 32, b"s" * 32)
    publics = [identity.signer(role, generation).public for role in ROLES for generation in (0, 1)]
    for one, other in combinations(publics, 2):
        assert one.ed25519 != other.ed25519
        assert one.mldsa != other.mldsa


def test_the_secret_is_never_shown() -> None:
    assert "ssss" not in repr(Identity(b"n" * 32, b"s" * 32))
    assert Identity(b"n" * 32, b"s" * 32).source_salt != Identity(b"n" * 32, b"t" * 32).source_salt
