from __future__ import annotations

import pytest
from tests.unit.node.samples import ORIGIN, SampleLog

from hisn.errors import VerificationError
from hisn.node.known import KnownLog, origin_hash
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.note import parse_note
from hisn.tlog.sign import format_note


def test_an_origin_becomes_a_name_without_meaning() -> None:
    assert origin_hash("../../etc/passwd") == origin_hash("../../etc/passwd")
    assert set(origin_hash("../../etc/passwd")) <= set("0123456789abcdef")
    assert origin_hash("a") != origin_hash("b")


def test_a_member_has_signed_with_all_of_its_keys_or_not_at_all() -> None:
    log = SampleLog()
    known = KnownLog.of_member(log.signer.keys)
    note = parse_note(log.note(3))
    assert known.verify(parse_signed_checkpoint(log.note(3)))[0].name == ORIGIN
    for line in note.signatures:
        signed = parse_signed_checkpoint(format_note(note.text, [line]))
        with pytest.raises(VerificationError):
            known.verify(signed)
        assert KnownLog(known.vkeys, is_any_enough=True).verify(signed) == (line,)


def test_earlier_keys_go_before_until_the_log_has_so_many_entries() -> None:
    old, new = SampleLog(), SampleLog(seed=9)
    known = KnownLog.of_member(new.signer.keys, [(3, old.signer.keys)])
    assert known.verify(parse_signed_checkpoint(old.note(3)))
    assert known.verify(parse_signed_checkpoint(new.note(4)))
    for wrong in (new.note(3), old.note(4)):
        with pytest.raises(VerificationError):
            known.verify(parse_signed_checkpoint(wrong))


def test_a_log_cannot_speak_for_another_one() -> None:
    known = KnownLog.of_member(SampleLog("other.example/log").signer.keys)
    with pytest.raises(VerificationError):
        known.verify(parse_signed_checkpoint(SampleLog().note(3)))
