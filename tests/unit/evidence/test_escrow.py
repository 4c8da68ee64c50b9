"""An escrow key is one line with a checksum; what is sealed to it opens for its holder alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hisn.core.canon import b64url
from hisn.errors import InputError, StorageError
from hisn.evidence import escrow
from hisn.evidence.escrow import EscrowSecret, parse_escrow_public, parse_escrow_secret

SECRET = EscrowSecret(bytes(range(32)))
KEY, COMMITMENT = b"k" * 32, b"c" * 32


def test_both_halves_are_lines_that_can_be_typed() -> None:
    line = str(SECRET.public)
    assert line.startswith("hisn-escrow1")
    assert parse_escrow_public(f" {line}\n") == SECRET.public
    assert parse_escrow_secret(SECRET.text) == SECRET
    assert len(SECRET.public.id) == 16


def test_the_secret_half_does_not_show_itself() -> None:
    assert "raw" not in repr(SECRET)


def test_one_mistyped_letter_is_noticed() -> None:
    line = str(SECRET.public)
    for at in range(len("hisn-escrow1"), len(line)):
        wrong = line[:at] + ("A" if line[at] != "A" else "B") + line[at + 1 :]
        with pytest.raises(InputError) as caught:
            parse_escrow_public(wrong)
        assert caught.value.code == "E2300"


@pytest.mark.parametrize(
    "text", ["", "hisn-escrow1", "hisn-escrow1é", "hisn-escrow1AA", SECRET.text, "=" * 50]
)
def test_other_lines_are_no_public_half(text: str) -> None:
    with pytest.raises(InputError):
        parse_escrow_public(text)


def test_the_halves_cannot_be_mistaken_for_each_other() -> None:
    with pytest.raises(InputError):
        parse_escrow_secret(str(SECRET.public))


def test_a_point_of_small_order_is_refused() -> None:
    for raw in (bytes(32), b"\x01" + bytes(31)):
        line = "hisn-escrow1" + b64url(raw + escrow._digest(b"hisn-escrow1" + raw)[:4])
        with pytest.raises(InputError):
            parse_escrow_public(line)


def test_a_copy_opens_for_its_holder_and_its_key_alone() -> None:
    copy = SECRET.public.seal(KEY, COMMITMENT, b"e" * 32)
    assert SECRET.open(copy, COMMITMENT) == KEY
    for secret, other, commitment in (
        (EscrowSecret(b"x" * 32), copy, COMMITMENT),
        (SECRET, copy, b"d" * 32),
        (SECRET, replace(copy, sealed=copy.sealed[:-1] + b"\0"), COMMITMENT),
        (SECRET, replace(copy, sealed=b""), COMMITMENT),
        (SECRET, replace(copy, ephemeral=bytes(32)), COMMITMENT),
        (SECRET, replace(copy, ephemeral=b"short"), COMMITMENT),
    ):
        with pytest.raises(StorageError) as caught:
            secret.open(other, commitment)
        assert caught.value.code == "E5304"


def test_two_copies_have_nothing_in_common() -> None:
    first = SECRET.public.seal(KEY, COMMITMENT, b"e" * 32)
    second = SECRET.public.seal(KEY, COMMITMENT, b"f" * 32)
    assert first.ephemeral != second.ephemeral
    assert first.sealed != second.sealed
