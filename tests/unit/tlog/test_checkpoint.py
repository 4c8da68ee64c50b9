from __future__ import annotations

import pytest
from tests.unit.core.refusals import refused
from tests.unit.tlog.signers import (
    HEAD,
    NOW_S,
    ORIGIN,
    cosignatures,
    cosigned_by,
    log_signer,
    signed_head,
    with_lines,
    witness,
)

from hisn.core.signers import dual_from_seed
from hisn.tlog.checkpoint import (
    Checkpoint,
    LogKeys,
    parse_checkpoint,
    parse_signed_checkpoint,
    times_of,
    verify_checkpoint,
    verify_lines,
    verify_log_signature,
)
from hisn.tlog.cosign import CosignerKeys
from hisn.tlog.note import ED25519, NoteSignature, vkey_of
from hisn.tlog.sign import format_checkpoint, format_note, join_stamp, sign_checkpoint, sign_note
from hisn.tlog.stamp import cosigned_message_mldsa

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
KEYS = log_signer().keys


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def test_the_example_of_the_specification_is_read_and_written() -> None:
    example = text("example.com/behind-the-sofa", "20852163", ROOT)
    checkpoint = parse_checkpoint(example)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.startswith(b"\x0a\xc5\x18")
    assert format_checkpoint(checkpoint) == example


def test_extension_lines_are_kept() -> None:
    lines = ("o r i+g i n", "0", ROOT, "one", " — looks like nothing", "\u2028")
    checkpoint = parse_checkpoint(text(*lines))
    assert checkpoint.extensions == lines[3:]
    assert format_checkpoint(checkpoint) == text(*lines)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        text("origin", "5", ROOT)[:-1],
        text("origin", "5"),
        text("", "5", ROOT),
        text("origin", "", ROOT),
        text("origin", "5", ""),
        text("origin", "5", ROOT, ""),
        text("origin", "5", ROOT, "", "x"),
        text("origin", "5", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw=="),
        text("origin", "5", "AAAA"),
    ],
)
def test_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    with refused("E3209"):
        parse_checkpoint(data)


@pytest.mark.parametrize(
    "size", ["05", "00", "+5", "-5", "5_0", " 5", "5 ", "5\u2028", "٥", "0x5", "5.0", "9223372036854775808"]
)
def test_sizes_that_python_forgives_are_refused(size: str) -> None:
    with refused("E3104"):
        parse_checkpoint(text("origin", size, ROOT))


@pytest.mark.parametrize(
    "root", [ROOT[:-1], ROOT[:-2] + "J=", ROOT + " ", ROOT.replace("/", "_"), ROOT + "="]
)
def test_a_root_hash_has_one_spelling(root: str) -> None:
    with refused("E3102"):
        parse_checkpoint(text("origin", "5", root))


@pytest.mark.parametrize("char", ["\t", "\r", "\0", "\x0b", "\x1b"])
def test_control_characters_are_refused(char: str) -> None:
    for lines in ((f"ori{char}gin", "5", ROOT), ("origin", "5", ROOT, f"x{char}")):
        with refused("E3200"):
            parse_checkpoint(text(*lines))


def test_a_log_speaks_for_no_other_log() -> None:
    # The key is good, its name is good, the origin inside is another's.
    other = format_checkpoint(Checkpoint("log.example/two", 1, bytes(32)))
    stolen = format_note(other, [sign_note(other, ORIGIN, log_signer().signer.ed25519)])
    with refused("E3210"):
        verify_checkpoint(parse_signed_checkpoint(stolen), KEYS, require_both=False)


def test_one_of_two_signatures_is_not_enough_unless_that_is_said() -> None:
    for kept in signed_head().note.signatures:
        half = parse_signed_checkpoint(format_note(signed_head().note.text, [kept]))
        with refused("E3212"):
            verify_checkpoint(half, KEYS)
        assert verify_checkpoint(half, KEYS, require_both=False) == HEAD


def test_one_signature_twice_is_not_two() -> None:
    first, _ = signed_head().note.signatures
    twice = parse_signed_checkpoint(format_note(signed_head().note.text, [first, first]))
    with refused("E3212"):
        verify_checkpoint(twice, KEYS)


def test_signatures_of_witnesses_are_not_taken_for_the_logs() -> None:
    assert verify_checkpoint(cosigned_by(1, 2), KEYS) == HEAD
    alone = parse_signed_checkpoint(format_note(signed_head().note.text, cosignatures(1)))
    with refused("E3206"):
        verify_checkpoint(alone, KEYS)


def test_a_witness_named_like_the_log_is_not_the_log() -> None:
    imposter = CosignerKeys(ORIGIN, witness(1).keys.public)
    lines = [
        NoteSignature(ORIGIN, key.key_id, each.signature)
        for key, each in zip(imposter.vkeys, cosignatures(1), strict=True)
    ]
    alone = parse_signed_checkpoint(format_note(signed_head().note.text, lines))
    with refused("E3206"):
        verify_checkpoint(alone, KEYS, require_both=False)


def test_a_logs_line_that_fails_rejects_the_checkpoint() -> None:
    ed25519, mldsa = signed_head().note.signatures
    other = parse_signed_checkpoint(sign_checkpoint(Checkpoint(ORIGIN, 8, bytes(32)), log_signer()))
    for lines in ((ed25519, other.note.signatures[1]), (other.note.signatures[0], mldsa)):
        mixed = parse_signed_checkpoint(format_note(signed_head().note.text, lines))
        with refused("E3205"):
            verify_checkpoint(mixed, KEYS, require_both=False)


def test_keys_of_another_log_verify_nothing() -> None:
    stranger = LogKeys(ORIGIN, dual_from_seed(bytes(32)).public)
    with refused("E3206"):
        verify_checkpoint(signed_head(), stranger)


def test_extension_lines_need_the_signature_that_covers_them() -> None:
    extended = Checkpoint(ORIGIN, HEAD.size, HEAD.root, ("extension",))
    signed = parse_signed_checkpoint(sign_checkpoint(extended, log_signer()))
    assert verify_checkpoint(signed, KEYS) == extended
    # The ML-DSA-44 signature of the bare checkpoint fits the one with lines that somebody added.
    forged = parse_signed_checkpoint(format_note(signed.note.text, [signed_head().note.signatures[1]]))
    with refused("E3211"):
        verify_checkpoint(forged, KEYS, require_both=False)


def test_a_plain_log_of_one_ed25519_key_is_verified_by_that() -> None:
    plain = vkey_of(ORIGIN, ED25519, KEYS.public.ed25519)
    assert verify_log_signature(signed_head(), [plain]) == (plain,)
    with refused("E3206"):
        verify_log_signature(signed_head(), [])


def test_the_name_of_the_cosigner_is_part_of_what_ml_dsa_signs() -> None:
    message = cosigned_message_mldsa("another", NOW_S, ORIGIN, 0, HEAD.size, HEAD.root)
    line = NoteSignature(
        ORIGIN, KEYS.vkeys[1].key_id, join_stamp(NOW_S, log_signer().signer.mldsa.sign(message))
    )
    moved = parse_signed_checkpoint(format_note(signed_head().note.text, [line]))
    with refused("E3205"):
        verify_checkpoint(moved, KEYS, require_both=False)


def test_of_a_cosigners_lines_the_earliest_time_counts_and_none_without_a_time() -> None:
    keys = witness(1).keys.vkeys
    note = with_lines(*cosignatures(1, NOW_S + 5), *cosignatures(1, NOW_S), *cosignatures(2)).note
    assert times_of(note, keys) == dict.fromkeys(keys, NOW_S)
    timeless = with_lines(witness(1).cosign_subtree(ORIGIN, 0, HEAD.size, HEAD.root)).note
    assert [time for _, time in verify_lines(timeless, keys)] == [0]
    assert times_of(timeless, keys) == {}


def test_a_note_that_nobody_known_signed_has_no_verified_lines() -> None:
    assert verify_lines(cosigned_by(2).note, witness(1).keys.vkeys) == ()
