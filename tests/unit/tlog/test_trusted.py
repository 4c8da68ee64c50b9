"""Test that trust in a log only moves forward, and that what contradicts it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

import pytest
from tests.unit.tlog.signers import ORIGIN, cosigned_by, log_signer, signed_head

from hisn.core.limits import MAX_SUSPECTS_HELD
from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.fork import verify_fork
from hisn.tlog.sign import format_note, sign_checkpoint
from hisn.tlog.trusted import Suspicion, TrustedLog

KEYS = log_signer().keys
LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(20)]
REWRITTEN = [merkle.leaf_hash(b"other"), *LEAVES[1:]]


@cache
def sign(size: int, root: bytes) -> SignedCheckpoint:
    return parse_signed_checkpoint(sign_checkpoint(Checkpoint(ORIGIN, size, root), log_signer()))


def head(size: int, leaves: Sequence[bytes] = LEAVES) -> SignedCheckpoint:
    return sign(size, merkle.root_of(leaves[:size]))


def trusting(size: int) -> TrustedLog:
    return TrustedLog(KEYS, head(size).raw)


def refused(code: str, act: Callable[[], object]) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def test_log_that_grows_is_followed() -> None:
    log = TrustedLog(KEYS)
    assert log.checkpoint is None
    for old, new in ((0, 3), (3, 8), (8, 8), (8, 20)):
        proof = merkle.consistency_proof(LEAVES, old, new) if old else ()
        assert log.update(head(new), proof) == head(new).checkpoint == log.checkpoint
    assert log.suspects == []


def test_first_checkpoint_is_taken_as_it_is() -> None:
    assert TrustedLog(KEYS).update(head(7)) == head(7).checkpoint


def test_log_goes_on_from_nothing_without_a_proof() -> None:
    log = trusting(0)
    assert log.update(head(5)).size == 5


def test_checkpoint_of_others_is_refused_and_not_kept() -> None:
    """Anybody can make checkpoints without end that the log has not signed."""
    log = trusting(3)
    proof = merkle.consistency_proof(LEAVES, 3, 8)
    note = head(8).note
    theirs = sign_checkpoint(head(8).checkpoint, log_signer(ORIGIN, 2))
    with pytest.raises(VerificationError):
        log.update(parse_signed_checkpoint(theirs), proof)
    for half in note.signatures:
        one = parse_signed_checkpoint(format_note(note.text, [half]))
        refused("E3212", partial(log.update, one, proof))
    assert log.checkpoint == head(3).checkpoint
    assert log.suspects == []


def test_stored_head_that_was_changed_is_not_trusted() -> None:
    with pytest.raises(VerificationError):
        TrustedLog(KEYS, head(3).raw.replace(b"\n3\n", b"\n2\n"))


def test_rollback_after_a_restore_is_refused_and_kept() -> None:
    log = trusting(8)
    error = refused("E3228", partial(log.update, head(5), merkle.consistency_proof(LEAVES, 5, 8)))
    assert "shows 5 entries, and had signed 8" in error.message
    assert error.unchanged
    assert log.checkpoint == head(8).checkpoint
    (suspect,) = log.suspects
    assert suspect.suspicion is Suspicion.ROLLBACK
    assert (suspect.shown, suspect.trusted) == (head(5).raw, head(8).raw)
    assert suspect.fork() is None


def test_rollback_to_an_empty_log_is_refused() -> None:
    log = trusting(8)
    refused("E3228", partial(log.update, head(0)))


def test_two_roots_of_one_size_are_kept_as_a_proof_of_a_fork() -> None:
    log = trusting(8)
    refused("E3229", partial(log.update, head(8, REWRITTEN)))
    assert log.checkpoint == head(8).checkpoint
    (suspect,) = log.suspects
    fork = suspect.fork()
    assert fork
    verify_fork(fork, KEYS)


def test_log_that_was_rewritten_is_refused_and_kept() -> None:
    log = trusting(3)
    for leaves in (LEAVES, REWRITTEN):
        proof = merkle.consistency_proof(leaves, 3, 8)
        refused("E3221", partial(log.update, head(8, REWRITTEN), proof))
    refused("E3221", partial(log.update, head(8)))
    assert log.checkpoint == head(3).checkpoint
    assert [each.suspicion for each in log.suspects] == [Suspicion.UNPROVEN] * 2
    assert [each.shown for each in log.suspects] == [head(8, REWRITTEN).raw, head(8).raw]


def test_empty_log_with_a_root_is_refused_and_kept() -> None:
    for log in (TrustedLog(KEYS), trusting(3)):
        before = log.checkpoint
        refused("E3233", partial(log.update, sign(0, LEAVES[0])))
        assert log.checkpoint == before
        assert [each.suspicion for each in log.suspects] == [Suspicion.UNPROVEN]
        assert log.suspects[0].fork() is None


def test_same_checkpoint_without_its_cosignatures_does_not_replace_the_one_with_them() -> None:
    log = TrustedLog(KEYS, cosigned_by(1, 2).raw)
    log.update(signed_head())
    assert log.head == cosigned_by(1, 2)


def test_suspects_are_kept_once_and_not_without_end() -> None:
    log = trusting(8)
    for _ in range(2):
        refused("E3228", partial(log.update, head(5)))
    assert len(log.suspects) == 1
    for number in range(MAX_SUSPECTS_HELD + 3):
        refused("E3229", partial(log.update, sign(8, merkle.leaf_hash(b"%d" % -number))))
    refused("E3228", partial(log.update, head(4)))
    kinds = [each.suspicion for each in log.suspects]
    assert kinds.count(Suspicion.FORK) == MAX_SUSPECTS_HELD
    assert kinds.count(Suspicion.ROLLBACK) == 2
