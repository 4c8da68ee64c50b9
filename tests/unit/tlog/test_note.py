from __future__ import annotations

import hashlib

import pytest
from tests.unit.core.refusals import refused

from hisn.core.canon import b64
from hisn.core.keys import Algorithm
from hisn.core.proof_limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from hisn.core.signers import SeedSigner
from hisn.tlog.checkpoint import open_note
from hisn.tlog.note import (
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    NoteSignature,
    VerifierKey,
    format_vkey,
    key_id,
    parse_note,
    parse_signature_lines,
    vkey_of,
)
from hisn.tlog.sign import format_note, sign_note, signature_line
from hisn.tlog.vkey import parse_vkey

TEXT = b"Hello\n"
SIGNER = SeedSigner(Algorithm.ED25519, bytes(32))
OTHER = SeedSigner(Algorithm.ED25519, b"\x01" * 32)
KEY = vkey_of("example.org/key", ED25519, SIGNER.public)
GOOD = sign_note(TEXT, KEY.name, SIGNER)
NOTE = format_note(TEXT, [GOOD])


def opened(data: bytes, *keys: VerifierKey) -> tuple[VerifierKey, ...]:
    return tuple(key for key, _ in open_note(parse_note(data), keys or (KEY,)))


def lines(*signatures: NoteSignature) -> bytes:
    return TEXT + b"\n" + b"".join(signature_line(each) for each in signatures)


def test_a_note_is_a_text_an_empty_line_and_signatures() -> None:
    assert (
        b"Hello\n\n\xe2\x80\x94 example.org/key " + b64(GOOD.key_id + GOOD.signature).encode() + b"\n" == NOTE
    )
    assert parse_note(NOTE) == Note(TEXT, (GOOD,))
    assert opened(NOTE) == (KEY,)


def test_the_signatures_begin_after_the_last_empty_line() -> None:
    # The text may hold empty lines and lines that look like signatures of anybody.
    text = b"one\n\n" + signature_line(GOOD) + b"\n"
    signature = sign_note(text, KEY.name, SIGNER)
    data = format_note(text, [signature])
    assert parse_note(data) == Note(text, (signature,))
    assert opened(data) == (KEY,)


def test_text_that_ends_in_empty_lines_keeps_them() -> None:
    for text in (b"\n", b"a\n\n", b"a\n\n\n"):
        assert parse_note(format_note(text, [GOOD])).text == text


def test_a_signature_over_the_text_before_an_earlier_empty_line_is_no_signature() -> None:
    moved = TEXT + b"\nmore\n\n" + signature_line(GOOD)
    with refused("E3205"):
        opened(moved)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        TEXT,
        TEXT + b"\n",
        signature_line(GOOD),
        b"\n" + signature_line(GOOD),
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"x\n",
        NOTE.replace("— ".encode(), b"- "),
        NOTE.replace("— ".encode(), "—\xa0".encode()),
        NOTE.replace("— ".encode(), "—  ".encode()),
        NOTE.replace("— ".encode(), "—".encode()),
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"Hello", b"Hel\tlo"),
        NOTE.replace(b"Hello", b"Hel\0lo"),
        NOTE.replace(b"Hello", b"Hel\x1flo"),
        NOTE.replace(b"Hello", b"Hel\xfflo"),
        NOTE.replace(b"Hello", b"Hel\xed\xa0\x80lo"),
        NOTE.replace(b"example.org/key ", b""),
        NOTE.replace(b"example.org/key", b""),
        lines(NoteSignature("a", b"1234", b"5")).replace(b"MTIzNDU=", b"MTIzNA=="),
        lines(NoteSignature("a", b"1234", b"5")).replace(b" MTIzNDU=", b""),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with refused("E3200"):
        parse_note(data)


@pytest.mark.parametrize(
    "encoded", ["MTIzNDU", "MTIzNDV=", "MTIzNDU=MTIzNDU=", "MTIzNDU= x", "MTIz NDU=", "", "-_-_-_-_"]
)
def test_base64_of_a_signature_has_one_spelling(encoded: str) -> None:
    bad = lines(NoteSignature("a", b"1234", b"5")).replace(b"MTIzNDU=", encoded.encode())
    with refused("E3102" if encoded else "E3200"):
        parse_note(bad)


@pytest.mark.parametrize(
    "char",
    ["+", "\x85", "\xa0", "\u1680", "\u2000", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"],
)
def test_names_of_keys_hold_no_space_of_any_script_and_no_plus(char: str) -> None:
    named = f"— a{char}b MTIzNDU=\n".encode()
    with refused("E3200"):
        parse_note(TEXT + b"\n" + named)
    with pytest.raises(ValueError, match="cannot stand"):
        signature_line(NoteSignature(f"a{char}b", b"1234", b"5"))
    with pytest.raises(ValueError, match="cannot stand"):
        vkey_of(f"a{char}", ED25519, SIGNER.public)
    vkey = format_vkey(VerifierKey(f"a{char}", KEY.key_id, ED25519, KEY.material))
    with refused("E3201"):
        parse_vkey(vkey)


@pytest.mark.parametrize("name", ["مثال/سجل", "ключ", "a\u200bb", "\U0001f511", "a\x7fb", "é", "e\u0301"])
def test_names_of_keys_may_hold_any_other_character(name: str) -> None:
    key = vkey_of(name, ED25519, SIGNER.public)
    assert parse_vkey(format_vkey(key)) == key
    data = format_note(TEXT, [sign_note(TEXT, name, SIGNER)])
    assert opened(data, key)


def test_a_line_separator_of_unicode_ends_no_line() -> None:
    # `str.splitlines` would see a signature line in this text.
    text = "a\u2028b\x85c\n".encode()
    assert opened(format_note(text, [sign_note(text, KEY.name, SIGNER)]))


def test_name_and_id_must_both_match() -> None:
    same_name = NoteSignature(KEY.name, b"0000", GOOD.signature)
    same_id = NoteSignature("another", KEY.key_id, GOOD.signature)
    with refused("E3206"):
        opened(lines(same_name))
    with refused("E3206"):
        opened(lines(same_id))
    assert opened(lines(same_name, same_id, GOOD)) == (KEY,)


def test_a_line_of_a_known_key_that_fails_rejects_the_note() -> None:
    bad = NoteSignature(KEY.name, KEY.key_id, bytes(64))
    for data in (lines(bad), lines(GOOD, bad), lines(bad, GOOD)):
        with refused("E3205", KEY.name):
            opened(data)


def test_unknown_keys_are_ignored_whatever_they_say() -> None:
    unknown = sign_note(TEXT, "somebody", OTHER)
    nonsense = NoteSignature("nobody", b"\xff" * 4, b"\0")
    assert opened(lines(unknown, GOOD, nonsense)) == (KEY,)
    with refused("E3206"):
        opened(lines(unknown))


def test_of_several_known_keys_each_line_is_verified() -> None:
    other = sign_note(TEXT, "other", OTHER)
    key = vkey_of("other", ED25519, OTHER.public)
    assert opened(lines(other, GOOD, GOOD), KEY, key) == (key, KEY, KEY)


def test_two_known_keys_of_one_name_and_id_are_refused() -> None:
    with refused("E3204"):
        opened(NOTE, KEY, KEY)


def test_sixteen_signatures_of_nearly_5_kb_are_accepted() -> None:
    large = [
        NoteSignature(f"post-quantum.example/{n}", n.to_bytes(4, "big"), bytes(4_990)) for n in range(15)
    ]
    assert opened(lines(*large, GOOD)) == (KEY,)
    fill = [
        NoteSignature(f"post-quantum.example/{n}", n.to_bytes(4, "big"), bytes(4_990))
        for n in range(MAX_NOTE_SIGNATURES - 1)
    ]
    assert opened(lines(*fill, GOOD)) == (KEY,)


def test_more_signatures_than_anybody_needs_are_refused() -> None:
    with refused("E3200", "lines"):
        parse_note(lines(*[GOOD] * (MAX_NOTE_SIGNATURES + 1)))


def test_a_note_without_end_is_refused_before_it_is_read() -> None:
    long = b"x" * MAX_NOTE_BYTES + NOTE
    with refused("E3200", "bytes"):
        parse_note(long)
    with refused("E3200", "bytes"):
        parse_signature_lines(long)


def test_the_answer_of_a_witness_is_signature_lines_alone() -> None:
    assert parse_signature_lines(signature_line(GOOD) * 2) == (GOOD, GOOD)
    for data in (b"", b"\n", b"\0\n", signature_line(GOOD)[:-1], b"\n" + signature_line(GOOD)):
        with refused("E3200"):
            parse_signature_lines(data)


def test_an_id_is_of_name_type_and_key() -> None:
    plain = hashlib.sha256(b"name\n\x04key").digest()[:4]
    assert key_id("name", 4, b"key") == plain
    assert len({key_id(name, kind, b"key") for name in ("a", "b") for kind in (1, 4, 6)}) == 6


def test_a_key_cannot_be_given_another_type() -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        vkey_of("a", COSIGNATURE_ML_DSA_44, SIGNER.public)
