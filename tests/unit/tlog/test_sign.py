from __future__ import annotations

import pytest
from tests.unit.core.refusals import refused
from tests.unit.tlog.signers import (
    HEAD,
    NOW_S,
    ORIGIN,
    StillClock,
    cosignatures,
    cosigned_by,
    log_signer,
    signed_head,
    witness,
)

from hisn.core.keys import Algorithm
from hisn.core.signers import SeedSigner
from hisn.tlog.checkpoint import (
    Checkpoint,
    open_note,
    parse_signed_checkpoint,
    verify_checkpoint,
)
from hisn.tlog.cosign import (
    Cosigned,
    verify_cosignature,
    verify_cosigner,
    verify_subtree_cosignature,
)
from hisn.tlog.note import (
    ED25519,
    NoteSignature,
    parse_note,
    vkey_of,
)
from hisn.tlog.sign import (
    LogSigner,
    add_signatures,
    format_checkpoint,
    format_note,
    join_stamp,
    sign_checkpoint,
    sign_note,
    signature_line,
)
from hisn.tlog.stamp import MAX_TIMESTAMP, split_stamp

TEXT = b"Hello\n"
SIGNER = SeedSigner(Algorithm.ED25519, bytes(32))
OTHER = SeedSigner(Algorithm.ED25519, b"\x01" * 32)
KEY = vkey_of("example.org/key", ED25519, SIGNER.public)
GOOD = sign_note(TEXT, KEY.name, SIGNER)
NOTE = format_note(TEXT, [GOOD])
LOG_KEYS = log_signer().keys
KEYS = witness(1).keys


def test_signatures_are_added_to_the_very_bytes() -> None:
    more = sign_note(TEXT, "other", OTHER)
    assert add_signatures(NOTE, [more]) == NOTE + signature_line(more)
    assert parse_note(add_signatures(NOTE, [more])).signatures == (GOOD, more)


@pytest.mark.parametrize(
    ("text", "signatures"),
    [
        (b"no newline", [GOOD]),
        (b"control\x01\n", [GOOD]),
        (TEXT, []),
        (TEXT, [NoteSignature("", b"1234", b"5")]),
        (TEXT, [NoteSignature("a\n— b", b"1234", b"5")]),
        (TEXT, [NoteSignature("a", b"123", b"45")]),
        (TEXT, [NoteSignature("a", b"1234", b"")]),
        (b"open", [GOOD]),
        (b"a\n\n" + signature_line(GOOD)[:-1], [GOOD]),
    ],
)
def test_only_a_note_that_can_be_read_again_is_written(text: bytes, signatures: list[NoteSignature]) -> None:
    with pytest.raises(ValueError, match=r"."):
        format_note(text, signatures)


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 2**63, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
        Checkpoint("a", 1, bytes(32), ("",)),
        Checkpoint("a", 1, bytes(32), ("b\nc",)),
        Checkpoint("a\t", 1, bytes(32)),
    ],
)
def test_only_a_checkpoint_that_can_be_read_again_is_written(checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match=r"."):
        format_checkpoint(checkpoint)


def test_a_log_signs_with_both_keys_under_its_origin() -> None:
    signed = signed_head()
    ed25519, mldsa = signed.note.signatures
    assert (signed.checkpoint, ed25519.name, mldsa.name) == (HEAD, ORIGIN, ORIGIN)
    assert len(ed25519.signature) == 64
    timestamp, _ = split_stamp(mldsa.signature, LOG_KEYS.public.mldsa.algorithm)
    assert timestamp == NOW_S
    assert verify_checkpoint(signed, LOG_KEYS) == HEAD
    assert [time for _, time in open_note(signed.note, LOG_KEYS.vkeys)] == [None, NOW_S]


def test_a_clock_before_1970_still_gives_a_time() -> None:
    signer = LogSigner(ORIGIN, log_signer().signer, StillClock(-5))
    _, mldsa = parse_signed_checkpoint(sign_checkpoint(HEAD, signer)).note.signatures
    assert split_stamp(mldsa.signature, LOG_KEYS.public.mldsa.algorithm)[0] == 1


@pytest.mark.parametrize(
    "checkpoint", [Checkpoint("log.example/two", 1, bytes(32)), Checkpoint(ORIGIN, -1, bytes(32))]
)
def test_a_log_signs_for_no_other_log(checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match="its own origin"):
        sign_checkpoint(checkpoint, log_signer())


def test_a_cosigner_signs_with_both_algorithms() -> None:
    expected = Cosigned(KEYS.name, (NOW_S, NOW_S), (Algorithm.ED25519, Algorithm.ML_DSA_44))
    assert verify_cosigner(cosigned_by(2, 1), KEYS) == expected
    assert [verify_cosignature(each, KEYS, signed_head()) for each in cosignatures(1)] == [NOW_S, NOW_S]
    assert verify_cosignature(cosignatures(1)[1], KEYS.vkeys[1], signed_head()) == NOW_S


@pytest.mark.parametrize("timestamp", [0, -1])
def test_a_witness_always_states_a_time(timestamp: int) -> None:
    with pytest.raises(ValueError, match="time"):
        witness(1).cosign(signed_head().note.text, timestamp)


def test_a_witness_signs_checkpoints_and_nothing_else() -> None:
    with refused("E3209"):
        witness(1).cosign(b"I owe you\n", NOW_S)


def test_extension_lines_are_in_the_ed25519_message_only() -> None:
    extended = format_checkpoint(Checkpoint(ORIGIN, HEAD.size, HEAD.root, ("extension",)))
    plain, quantum = witness(1).cosign(extended, NOW_S)
    with refused("E3112"):
        verify_cosignature(plain, KEYS, signed_head())
    assert verify_cosignature(quantum, KEYS, signed_head()) == NOW_S


def test_a_subtree_is_cosigned_without_a_time() -> None:
    root = bytes(range(32))
    signature = witness(1).cosign_subtree(ORIGIN, 4, 6, root)
    verify_subtree_cosignature(signature, KEYS, ORIGIN, (4, 6), root)
    for origin, bounds, other in (
        (ORIGIN, (4, 7), root),
        (ORIGIN, (0, 6), root),
        ("x", (4, 6), root),
        (ORIGIN, (4, 6), bytes(32)),
    ):
        with refused("E3112"):
            verify_subtree_cosignature(signature, KEYS, origin, bounds, other)


@pytest.mark.parametrize("timestamp", [-1, MAX_TIMESTAMP + 1])
def test_a_timestamp_beyond_its_range_is_never_written(timestamp: int) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        join_stamp(timestamp, b"")
