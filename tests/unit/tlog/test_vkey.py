from __future__ import annotations

import hashlib

import pytest
from tests.unit.core.refusals import refused

from hisn.core.keys import Algorithm
from hisn.core.signers import SeedSigner, dual_from_seed
from hisn.tlog.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    VerifierKey,
    format_vkey,
    key_id,
    vkey_of,
)
from hisn.tlog.vkey import parse_vkey

KEY = vkey_of("example.org/key", ED25519, SeedSigner(Algorithm.ED25519, bytes(32)).public)
VKEY = format_vkey(KEY)
NAME, HEXED, ENCODED = VKEY.split("+", 2)


@pytest.mark.parametrize("sig_type", [ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44])
def test_verifier_keys_are_read_back(sig_type: int) -> None:
    public = dual_from_seed(bytes(32)).public
    key = vkey_of("a/b", sig_type, public.mldsa if sig_type == COSIGNATURE_ML_DSA_44 else public.ed25519)
    assert parse_vkey(format_vkey(key)) == key
    assert key.public in (public.ed25519, public.mldsa)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("E3201", ""),
        ("E3201", NAME),
        ("E3201", f"{NAME}+{HEXED[:-1]}+{ENCODED}"),
        ("E3201", f"{NAME}+{HEXED.upper()}+{ENCODED}"),
        ("E3201", f"{NAME}+{HEXED}\n+{ENCODED}"),
        ("E3201", f"+{HEXED}+{ENCODED}"),
        ("E3201", f" {VKEY}"),
        ("E3201", f"\udcff{VKEY}"),
        ("E3102", f"{VKEY} "),
        ("E3102", f"{VKEY}="),
        ("E3202", f"{NAME}+{HEXED}+"),
        ("E3202", f"{NAME}+{HEXED}"),
        ("E3203", f"{NAME}+00000000+{ENCODED}"),
        ("E3203", f"other+{HEXED}+{ENCODED}"),
    ],
)
def test_what_is_no_verifier_key_is_refused(code: str, text: str) -> None:
    with refused(code):
        parse_vkey(text)


def vkey_text(sig_type: int, material: bytes) -> str:
    return format_vkey(VerifierKey("a", key_id("a", sig_type, material), sig_type, material))


def test_ecdsa_and_unknown_types_are_refused_at_enrolment() -> None:
    # The id of an ECDSA key is that of its bytes alone: one id under any name and type.
    spki = bytes(91)
    ecdsa = VerifierKey("a", hashlib.sha256(spki).digest()[:4], 2, spki)
    with refused("E3202", "ECDSA"):
        parse_vkey(format_vkey(ecdsa))
    for kind in (0, 3, 5, 0xFA, 0xFF):
        with refused("E3202"):
            parse_vkey(vkey_text(kind, bytes(32)))


def test_weak_and_short_keys_are_refused_at_enrolment() -> None:
    with refused("E3111"):
        parse_vkey(vkey_text(ED25519, b"\x01" + bytes(31)))
    with refused("E3111"):
        parse_vkey(vkey_text(COSIGNATURE_ED25519, b"\xee" + b"\xff" * 30 + b"\x7f"))
    with refused("E3110"):
        parse_vkey(vkey_text(ED25519, KEY.material[:-1]))
    with refused("E3110"):
        parse_vkey(vkey_text(COSIGNATURE_ML_DSA_44, KEY.material))
