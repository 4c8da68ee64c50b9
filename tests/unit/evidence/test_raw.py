"""Raw bytes are encrypted as a stream; a blob that was cut, moved or mixed does not open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import VerificationError
from hisn.evidence import raw
from hisn.evidence.raw import MAGIC, RawEncryptor, blob_commitment, blob_salt, decrypt_raw, derive_key

KEY = bytes(range(32))
SEGMENT = 64
SEALED = SEGMENT + 16


@pytest.fixture(autouse=True, scope="module")
def _small_segments() -> Iterable[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "SEGMENT_BYTES", SEGMENT)
        yield


def encrypted(data: bytes, key: bytes = KEY) -> bytes:
    return b"".join(RawEncryptor(key).encrypt([data]))


def decrypted(blob: bytes, key: bytes = KEY) -> bytes:
    return b"".join(decrypt_raw(key, [blob]))


def refused(blob: bytes, key: bytes = KEY) -> None:
    with pytest.raises(VerificationError) as caught:
        decrypted(blob, key)
    assert caught.value.code == "E3344"


def segments(blob: bytes) -> list[bytes]:
    body = blob[len(MAGIC) :]
    return [body[at : at + SEALED] for at in range(0, len(body), SEALED)]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 129, 1000])
def test_bytes_come_back_whatever_their_number(size: int) -> None:
    data = bytes(at % 251 for at in range(size))
    blob = encrypted(data)
    assert decrypted(blob) == data
    assert len(blob) == len(MAGIC) + size + 16 * max(1, -(-size // SEGMENT))


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_how_the_stream_is_cut_on_the_way_changes_nothing(data: bytes, cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(data)]
    parts = [data[a:b] for a, b in pairwise(at)]
    encryptor = RawEncryptor(KEY)
    pieces = list(encryptor.encrypt(parts))
    blob = b"".join(pieces)
    assert blob == encrypted(data)
    assert encryptor.ciphertext_digest == hashlib.sha256(blob).digest()
    assert encryptor.commitment == hashlib.sha256(blob_salt(KEY) + data).digest()
    assert encryptor.commitment == blob_commitment(blob_salt(KEY), parts)
    assert b"".join(decrypt_raw(KEY, (blob[at : at + 7] for at in range(0, len(blob), 7)))) == data


def test_a_truncated_blob_is_refused_wherever_it_is_cut() -> None:
    blob = encrypted(bytes(200))
    for size in range(len(blob)):
        refused(blob[:size])


def test_segments_in_another_order_are_refused() -> None:
    first, second, third, last = segments(encrypted(bytes(200)))
    for order in (
        [second, first, third, last],
        [first, first, third, last],
        [first, third, last],
        [first, second, last],
    ):
        refused(MAGIC + b"".join(order))


def test_segments_of_another_source_are_refused() -> None:
    blob, other = encrypted(bytes(200)), encrypted(bytes(200), b"o" * 32)
    refused(MAGIC + b"".join([*segments(other)[:1], *segments(blob)[1:]]))
    refused(other)


def test_a_blob_that_goes_on_behind_its_last_segment_is_refused() -> None:
    blob = encrypted(bytes(128))
    refused(blob + b"\0")
    refused(blob + segments(blob)[-1])


def test_an_empty_last_segment_behind_others_is_refused() -> None:
    # It would give the same source a second blob.
    cipher = AESGCM(derive_key(KEY, b"hisn raw aead/1"))
    first = cipher.encrypt(bytes(12), bytes(SEGMENT), MAGIC)
    last = cipher.encrypt(bytes(10) + b"\x01\x01", b"", MAGIC)
    refused(MAGIC + first + last)


@given(st.integers(0, 8 * (len(MAGIC) + 100 + 32) - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    blob = bytearray(encrypted(b"x" * 100))
    blob[bit // 8] ^= 1 << bit % 8
    refused(bytes(blob))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_verification_errors(data: bytes) -> None:
    refused(data)
    refused(MAGIC + data)


def test_the_keys_for_different_purposes_differ() -> None:
    labels = [b"hisn raw aead/1", b"hisn raw salt/1"]
    assert len({KEY, *(derive_key(KEY, label) for label in labels)}) == 3
    assert blob_salt(KEY) == derive_key(KEY, b"hisn raw salt/1")


def test_the_same_bytes_of_two_sources_have_different_blobs_and_commitments() -> None:
    first, second = RawEncryptor(KEY), RawEncryptor(b"o" * 32)
    assert b"".join(first.encrypt([b"same"])) != b"".join(second.encrypt([b"same"]))
    assert first.commitment != second.commitment
