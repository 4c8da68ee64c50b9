from __future__ import annotations

import struct

import pytest

from hisn.core.keys import Algorithm
from hisn.errors import VerificationError
from hisn.tlog.sign import join_stamp
from hisn.tlog.stamp import MAX_TIMESTAMP, cosigned_message_ed, cosigned_message_mldsa, split_stamp

ROOT = bytes(range(32))


def test_the_ed25519_message_is_the_one_of_the_specification() -> None:
    text = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosigned_message_ed(1679315147, text) == b"cosignature/v1\ntime 1679315147\n" + text


def test_the_ml_dsa_message_is_the_structure_of_the_specification() -> None:
    message = cosigned_message_mldsa("wé", 3, "log", 0, 9, ROOT)
    assert (
        message == b"subtree/v1\n\0"
        b"\x03w\xc3\xa9" + struct.pack(">Q", 3) + b"\x03log" + struct.pack(">QQ", 0, 9) + ROOT
    )


def test_a_subtree_that_begins_later_states_no_time() -> None:
    assert cosigned_message_mldsa("w", 0, "log", 8, 13, ROOT)
    with pytest.raises(ValueError, match="no timestamp"):
        cosigned_message_mldsa("w", 1, "log", 8, 13, ROOT)


@pytest.mark.parametrize("name", ["", "é" * 128])
def test_names_have_one_byte_for_their_length(name: str) -> None:
    for cosigner, origin in ((name, "log"), ("w", name)):
        with pytest.raises(VerificationError) as caught:
            cosigned_message_mldsa(cosigner, 0, origin, 0, 1, ROOT)
        assert caught.value.code == "E3207"
    assert b"\xff" + b"a" * 255 in cosigned_message_mldsa("a" * 255, 0, "log", 0, 1, ROOT)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_timestamp_stands_before_the_signature(algorithm: Algorithm) -> None:
    signature = b"s" * algorithm.signature_bytes
    for timestamp in (0, 1, MAX_TIMESTAMP):
        assert split_stamp(join_stamp(timestamp, signature), algorithm) == (timestamp, signature)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_cosignature_of_another_length_or_a_negative_time_is_refused(algorithm: Algorithm) -> None:
    size = algorithm.signature_bytes
    for data in (b"", bytes(7), bytes(7 + size), bytes(9 + size), b"\x80" + bytes(7 + size)):
        with pytest.raises(VerificationError) as caught:
            split_stamp(data, algorithm)
        assert caught.value.code == "E3208"
