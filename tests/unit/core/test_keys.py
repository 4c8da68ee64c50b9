from __future__ import annotations

import hashlib

import pytest

from hisn.core.keys import Algorithm, PublicKey, key_id_hex, parse_dual_public, parse_public_key
from hisn.core.signers import SeedSigner
from hisn.errors import VerificationError

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
# RFC 8032, 7.1, TEST 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def refused(code: str, algorithm: Algorithm, raw: bytes) -> None:
    with pytest.raises(VerificationError) as caught:
        parse_public_key(algorithm, raw)
    assert caught.value.code == code


def encode(x: int, y: int) -> bytes:
    return (y | (x & 1) << 255).to_bytes(32, "little")


def add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    """Add points of the curve -x² + y² = 1 + d·x²·y² as its definition says."""
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
    return x % P, y % P


def root(square: int) -> int | None:
    """Return a square root modulo P, which is 5 modulo 8, or None."""
    candidate = pow(square, (P + 3) // 8, P)
    for factor in (1, pow(2, (P - 1) // 4, P)):
        if (candidate * factor) ** 2 % P == square % P:
            return candidate * factor % P
    return None


def point(y: int) -> tuple[int, int] | None:
    x = root((y * y - 1) * pow(D * y * y + 1, -1, P) % P)
    return None if x is None else (x, y)


def torsion() -> set[tuple[int, int]]:
    """Return the eight points of small order, found by taking any point times the large order."""
    large = 2**252 + 27742317777372353535851937790883648493
    y = 2
    while True:
        y += 1
        base = point(y)
        if base is None:
            continue
        found = (0, 1)
        for bit in f"{large:b}":
            found = add(found, found)
            if bit == "1":
                found = add(found, base)
        subgroup = [(0, 1)]
        while (following := add(subgroup[-1], found)) != (0, 1):
            subgroup.append(following)
        if len(subgroup) == 8:
            return set(subgroup)


def test_rfc_8032_signature_verifies() -> None:
    parse_public_key(Algorithm.ED25519, PUBLIC).verify(SIGNATURE, b"\x72")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_changed_text_or_signature_does_not_verify(algorithm: Algorithm) -> None:
    signer = SeedSigner(algorithm, SEED)
    signature = signer.sign(b"text")
    assert (len(signer.public.raw), len(signature)) == (algorithm.key_bytes, algorithm.signature_bytes)
    signer.public.verify(signature, b"text")
    other = SeedSigner(algorithm, bytes(32)).public
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    for public, bad, text in (
        (signer.public, signature, b"Text"),
        (signer.public, flipped, b"text"),
        (signer.public, signature[:-1], b"text"),
        (signer.public, b"", b"text"),
        (other, signature, b"text"),
    ):
        with pytest.raises(VerificationError) as caught:
            public.verify(bad, text)
        assert caught.value.code == "E3112"


def test_a_key_that_was_never_checked_verifies_nothing() -> None:
    with pytest.raises(VerificationError):
        PublicKey(Algorithm.ML_DSA_44, b"short").verify(b"", b"")


def test_a_signature_of_the_other_order_of_its_group_is_refused() -> None:
    # S and S + L satisfy one equation: of two texts of a signature only one is accepted.
    large = 2**252 + 27742317777372353535851937790883648493
    high = int.from_bytes(SIGNATURE[32:], "little") + large
    with pytest.raises(VerificationError):
        parse_public_key(Algorithm.ED25519, PUBLIC).verify(
            SIGNATURE[:32] + high.to_bytes(32, "little"), b"\x72"
        )


def test_points_of_small_order_are_refused() -> None:
    points = torsion()
    assert len(points) == 8
    for x, y in points:
        for sign in (0, 1):
            refused("E3111", Algorithm.ED25519, encode(x ^ sign, y))


def test_points_that_are_not_canonical_are_refused() -> None:
    for y in (P, P + 1, P + 18):
        for sign in (0, 1):
            refused("E3111", Algorithm.ED25519, encode(sign, y))


def test_what_is_no_point_of_the_curve_is_refused() -> None:
    bad = [y for y in range(3, 40) if point(y) is None]
    good = [y for y in range(3, 40) if point(y) is not None]
    assert bad
    assert good
    for y in bad:
        refused("E3111", Algorithm.ED25519, encode(0, y))
    for y in good:
        parse_public_key(Algorithm.ED25519, encode(0, y))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_of_another_length_is_refused(algorithm: Algorithm) -> None:
    for length in (0, algorithm.key_bytes - 1, algorithm.key_bytes + 1):
        refused("E3110", algorithm, bytes(length))


def test_the_identity_as_key_would_accept_any_text() -> None:
    # Why small order matters: this signature fits every text.
    identity = encode(0, 1)
    for text in (b"yes", b"no"):
        PublicKey(Algorithm.ED25519, identity).verify(identity + bytes(32), text)


def test_both_keys_of_somebody_else_are_checked() -> None:
    mldsa = SeedSigner(Algorithm.ML_DSA_44, SEED).public.raw
    assert parse_dual_public(PUBLIC, mldsa).ed25519.raw == PUBLIC
    for ed25519, other in ((encode(0, 1), mldsa), (PUBLIC, mldsa[1:])):
        with pytest.raises(VerificationError):
            parse_dual_public(ed25519, other)


def test_the_name_of_a_key_holds_its_algorithm() -> None:
    public = PublicKey(Algorithm.ED25519, PUBLIC)
    assert key_id_hex(public) == hashlib.sha256(b"hisn-act-key/1\ned25519\n" + PUBLIC).hexdigest()[:32]
    assert key_id_hex(public) != key_id_hex(PublicKey(Algorithm.ML_DSA_44, PUBLIC))
