"""The record of a key has one form; a damaged or forged one opens nothing."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.canon import canonical
from hisn.errors import StorageError
from hisn.evidence.escrow import EscrowSecret
from hisn.evidence.key_record import (
    IntakeKey,
    format_record,
    key_commitment,
    node_key_id,
    open_escrow,
    parse_record,
    unwrap_key,
    wrap_key,
)

NODE_KEY = b"n" * 32
KEY = IntakeKey(b"k" * 32, key_commitment(b"k" * 32))
ESCROW = EscrowSecret(b"e" * 32)
COPY = ESCROW.public.seal(KEY.key, KEY.commitment, b"f" * 32)
RECORD = wrap_key(KEY, NODE_KEY, b"1" * 12, (COPY,))
DATA = format_record(RECORD)
NAME = KEY.commitment.hex()


def test_a_record_is_read_as_it_was_written() -> None:
    assert parse_record(NAME, DATA) == RECORD
    assert unwrap_key(RECORD, KEY.commitment, NODE_KEY) == KEY
    assert open_escrow(RECORD, KEY.commitment, ESCROW) == KEY
    assert open_escrow(RECORD, KEY.commitment, EscrowSecret(b"g" * 32)) is None
    assert RECORD.node_key == node_key_id(NODE_KEY)


def test_a_ciphertext_made_to_open_to_another_key_is_refused() -> None:
    # Whoever holds the node key can wrap any key under any name: the commitment in the log decides.
    wrapped = AESGCM(NODE_KEY).encrypt(b"1" * 12, b"x" * 32, b"hisn key wrap/1\n" + KEY.commitment)
    forged = wrap_key(KEY, NODE_KEY, b"1" * 12)
    object.__setattr__(forged, "wrapped", wrapped)
    with pytest.raises(StorageError) as caught:
        unwrap_key(forged, KEY.commitment, NODE_KEY)
    assert caught.value.code == "E5302"


def test_an_escrow_copy_of_another_key_is_refused() -> None:
    copy = ESCROW.public.seal(b"x" * 32, KEY.commitment, b"f" * 32)
    with pytest.raises(StorageError) as caught:
        open_escrow(wrap_key(KEY, NODE_KEY, b"1" * 12, (copy,)), KEY.commitment, ESCROW)
    assert caught.value.code == "E5302"


def changed(**parts: object) -> bytes:
    return canonical({**json.loads(DATA), **parts})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        DATA + b" ",
        changed(format="hisn-key/2"),
        changed(more=1),
        changed(node_key=1),
        changed(nonce="MTEx="),
        changed(wrapped=None),
        changed(escrow={}),
        changed(escrow=["x"]),
        changed(escrow=[{"to": "x", "sealed": ""}]),
        changed(escrow=[{"to": 1, "sealed": "", "ephemeral": ""}]),
    ],
)
def test_a_damaged_record_is_named(data: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        parse_record(NAME, data)
    assert caught.value.code == "E5302"
    assert NAME[:16] in caught.value.message


@given(st.integers(0, len(DATA) * 8 - 1))
def test_no_flipped_bit_of_a_record_opens_another_key(bit: int) -> None:
    data = bytearray(DATA)
    data[bit // 8] ^= 1 << bit % 8
    with suppress(StorageError):
        assert unwrap_key(parse_record(NAME, bytes(data)), KEY.commitment, NODE_KEY) == KEY


def test_a_nonce_of_the_wrong_length_is_no_way_in() -> None:
    for nonce in (b"", b"1" * 13):
        object.__setattr__(record := wrap_key(KEY, NODE_KEY, b"1" * 12), "nonce", nonce)
        with pytest.raises(StorageError):
            unwrap_key(record, KEY.commitment, NODE_KEY)
