from __future__ import annotations

import pytest

from hisn.core.keys import Algorithm, DualPublic, parse_dual_public, parse_public_key
from hisn.core.signers import SeedSigner, Succession, dual_from_seed

# RFC 8032, 7.1, TEST 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_rfc_8032_signature_is_made() -> None:
    signer = SeedSigner(Algorithm.ED25519, SEED)
    assert signer.public == parse_public_key(Algorithm.ED25519, PUBLIC)
    assert signer.sign(b"\x72") == SIGNATURE


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_signature_verifies_with_its_key(algorithm: Algorithm) -> None:
    signer = SeedSigner(algorithm, SEED)
    signer.public.verify(signer.sign(b"text"), b"text")


def test_both_keys_come_from_one_seed_by_their_own_labels() -> None:
    import hmac

    def plain_hkdf(label: bytes) -> bytes:
        secret = hmac.digest(bytes(32), SEED, "sha256")
        return hmac.digest(secret, label + b"\x01", "sha256")

    signer = dual_from_seed(SEED)
    assert signer.public == DualPublic(
        SeedSigner(Algorithm.ED25519, plain_hkdf(b"hisn key/1 ed25519")).public,
        SeedSigner(Algorithm.ML_DSA_44, plain_hkdf(b"hisn key/1 ml-dsa-44")).public,
    )
    assert parse_dual_public(signer.public.ed25519.raw, signer.public.mldsa.raw) == signer.public


def test_a_seed_has_32_bytes() -> None:
    for size in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            dual_from_seed(bytes(size))


def test_each_signer_signs_up_to_its_end() -> None:
    first, second, last = (dual_from_seed(bytes([number]) * 32) for number in (1, 2, 3))
    succession = Succession(last, ((4, first), (9, second)))
    assert [succession.at(entry) for entry in (0, 3, 4, 8, 9, 10**6)] == [
        first,
        first,
        second,
        second,
        last,
        last,
    ]
    assert Succession(last).at(0) is last
