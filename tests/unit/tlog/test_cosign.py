from __future__ import annotations

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

from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.cosign import (
    CosignerKeys,
    cosigned_message_ed,
    verify_cosignature,
    verify_cosigner,
    verify_subtree_cosignature,
)
from hisn.tlog.note import NoteSignature
from hisn.tlog.sign import format_checkpoint, join_stamp
from hisn.tlog.stamp import cosigned_message_mldsa

KEYS = witness(1).keys


def test_one_algorithm_alone_is_no_cosignature_of_ours() -> None:
    for each in cosignatures(1):
        with refused("E3214"):
            verify_cosigner(with_lines(each), KEYS)


def test_a_checkpoint_that_nobody_known_cosigned_is_refused() -> None:
    with refused("E3206"):
        verify_cosigner(cosigned_by(2), KEYS)


def test_a_cosignature_without_a_time_does_not_count_as_a_witness() -> None:
    ed25519, mldsa = KEYS.vkeys
    text = signed_head().note.text
    plain = witness(1).signer.ed25519.sign(cosigned_message_ed(0, text))
    quantum = witness(1).signer.mldsa.sign(
        cosigned_message_mldsa(KEYS.name, 0, ORIGIN, 0, HEAD.size, HEAD.root)
    )
    timeless = (
        NoteSignature(KEYS.name, ed25519.key_id, join_stamp(0, plain)),
        NoteSignature(KEYS.name, mldsa.key_id, join_stamp(0, quantum)),
    )
    assert verify_cosignature(timeless[1], KEYS, signed_head()) == 0
    with refused("E3214"):
        verify_cosigner(with_lines(*timeless), KEYS)
    with refused("E3214"):
        verify_cosigner(with_lines(cosignatures(1)[0], timeless[1]), KEYS)


def test_of_repeated_lines_the_earliest_time_counts() -> None:
    later, earlier = cosignatures(1, NOW_S + 9), cosignatures(1, NOW_S - 9)
    assert verify_cosigner(with_lines(*later, *earlier), KEYS).timestamps == (NOW_S - 9, NOW_S - 9)


def test_a_repeated_line_that_fails_rejects_the_checkpoint() -> None:
    bad = NoteSignature(KEYS.name, KEYS.vkeys[0].key_id, join_stamp(NOW_S, bytes(64)))
    with refused("E3205"):
        verify_cosigner(with_lines(*cosignatures(1), bad), KEYS)


def test_the_time_is_signed() -> None:
    for each in cosignatures(1):
        moved = NoteSignature(each.name, each.key_id, (NOW_S - 1).to_bytes(8, "big") + each.signature[8:])
        with refused("E3112"):
            verify_cosignature(moved, KEYS, signed_head())


def test_the_cosignature_of_another_tree_is_refused() -> None:
    other = format_checkpoint(Checkpoint(ORIGIN, HEAD.size, bytes(32)))
    for each in witness(1).cosign(other, NOW_S):
        with refused("E3112"):
            verify_cosignature(each, KEYS, signed_head())


def test_name_and_id_must_be_the_cosigners() -> None:
    first, second = cosignatures(1)
    with refused("E3213"):
        verify_cosignature(NoteSignature("x", first.key_id, first.signature), KEYS, signed_head())
    with refused("E3213"):
        verify_cosignature(NoteSignature(KEYS.name, b"0000", second.signature), KEYS, signed_head())
    # The log's own line is no cosignature, even where somebody asks for it with the log's key.
    plain = signed_head().note.signatures[0]
    with refused("E3213"):
        verify_cosignature(plain, log_signer().keys.vkeys[0], signed_head())


def test_ml_dsa_cosignatures_do_not_move_to_another_name() -> None:
    renamed = CosignerKeys("other.example", KEYS.public)
    moved = NoteSignature(renamed.name, renamed.vkeys[1].key_id, cosignatures(1)[1].signature)
    with refused("E3112"):
        verify_cosignature(moved, renamed, signed_head())


def test_ed25519_does_not_commit_to_the_name_which_is_why_keys_are_enrolled_once() -> None:
    renamed = CosignerKeys("other.example", KEYS.public)
    moved = NoteSignature(renamed.name, renamed.vkeys[0].key_id, cosignatures(1)[0].signature)
    assert verify_cosignature(moved, renamed, signed_head()) == NOW_S


def test_the_cosignature_of_a_checkpoint_is_none_of_a_subtree() -> None:
    plain, quantum = cosignatures(1)
    with refused("E3213"):
        verify_subtree_cosignature(plain, KEYS, ORIGIN, (0, HEAD.size), HEAD.root)
    with refused("E3208"):
        verify_subtree_cosignature(quantum, KEYS, ORIGIN, (0, HEAD.size), HEAD.root)
