"""Nothing is decrypted that is not the file, the key and the bytes that the log commits to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hisn.app.reread import BatchAct
from hisn.app.unseal import unseal
from hisn.errors import StorageError, VerificationError
from hisn.evidence.key_record import key_commitment
from hisn.evidence.raw import RawEncryptor

KEY, OTHER = b"k" * 32, b"o" * 32


def sealed(plain: bytes = b"two\nlines\n") -> tuple[BatchAct, bytes]:
    encryptor = RawEncryptor(KEY)
    blob = b"".join(encryptor.encrypt([plain]))
    public = {
        "ciphertext": encryptor.ciphertext_digest.hex(),
        "raw": encryptor.commitment.hex(),
        "key": key_commitment(KEY).hex(),
    }
    return BatchAct(7, public, {}), blob


def test_the_clear_copy_is_the_file_and_its_owners_alone(tmp_path: Path) -> None:
    act, blob = sealed()
    path = Path(unseal(act, KEY, [blob[:5], blob[5:]], tmp_path))
    assert path.read_bytes() == b"two\nlines\n"
    assert path.stat().st_mode & 0o077 == 0


def test_another_key_than_the_one_committed_to_opens_nothing(tmp_path: Path) -> None:
    act, blob = sealed()
    with pytest.raises(VerificationError) as caught:
        unseal(act, OTHER, [blob], tmp_path)
    assert (caught.value.code, list(tmp_path.iterdir())) == ("E3386", [])


def test_a_swapped_encrypted_file_is_refused(tmp_path: Path) -> None:
    act, _ = sealed()
    _, other = sealed(b"other lines\n")
    with pytest.raises(VerificationError) as caught:
        unseal(act, KEY, [other], tmp_path)
    assert "encrypted file" in caught.value.message


def test_bytes_that_the_act_does_not_commit_to_are_refused(tmp_path: Path) -> None:
    """An owner who publishes a commitment to other bytes cannot show the ones he has."""
    act, blob = sealed()
    lying = replace(act, public={**act.public, "raw": "00" * 32})
    with pytest.raises(VerificationError) as caught:
        unseal(lying, KEY, [blob], tmp_path)
    assert "decrypted file" in caught.value.message


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    act, blob = sealed()
    with pytest.raises(VerificationError) as caught:
        unseal(act, KEY, [blob[:-1]], tmp_path)
    assert caught.value.code == "E3344"


def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    act, blob = sealed()
    with pytest.raises(StorageError) as caught:
        unseal(act, KEY, [blob], tmp_path / "missing")
    assert caught.value.code == "E5344"
