"""A checkpoint is published with the cosignatures at hand, or is said not to be; without any network."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.unit.node.samples import NOW_S, witness_cosigner
from tests.unit.node.services import Unit

from hisn.errors import StorageError
from hisn.node.published import head_to_publish, publish_cosigned
from hisn.node.without import Missing, Why
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.sign import signature_line


def name(number: int) -> str:
    return witness_cosigner(number).name


def cosigned(unit: Unit, *numbers: int) -> SignedCheckpoint:
    """Return the newest checkpoint with cosignatures of witnesses."""
    head = unit.writer.head()
    lines = [
        signature_line(line)
        for number in numbers
        for line in witness_cosigner(number).cosign(head.note.text, NOW_S)
    ]
    return parse_signed_checkpoint(head.raw + b"".join(lines))


def test_a_quorum_publishes_and_says_who_signed_and_when() -> None:
    unit = Unit(2)
    unit.grow(3)
    done = publish_cosigned(unit.writer, unit.policy, cosigned(unit, 1, 2))
    assert done.is_published
    assert {(each.name, each.time_s) for each in done.signed} == {(name(1), NOW_S), (name(2), NOW_S)}
    published = unit.writer.published()
    assert published is not None
    assert published.raw == done.head.raw


def test_without_quorum_it_stays_here() -> None:
    unit = Unit(2)
    unit.grow(3)
    missing = (Missing(name(1), Why.AWAY),)
    done = publish_cosigned(unit.writer, unit.policy, cosigned(unit, 2), missing)
    assert (done.is_published, done.missing) == (False, missing)
    assert [each.name for each in done.signed] == [name(2)]
    assert unit.writer.published() is None


def test_an_old_copy_of_a_log_is_not_published_whoever_cosigned() -> None:
    unit = Unit(2)
    unit.grow(3)
    setback = StorageError("E5207", "it is an old copy", hint="run hisn node recover")
    done = publish_cosigned(unit.writer, unit.policy, cosigned(unit, 1, 2), setback=setback)
    assert (done.is_published, done.setback) == (False, setback)
    assert len(done.signed) == 2
    assert unit.writer.published() is None


def test_a_log_that_must_not_be_signed_has_nothing_to_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Unit(0)
    unit.grow(3)
    assert head_to_publish(unit.writer) == unit.writer.head()
    refusal = StorageError("E5207", "it is an old copy", hint="run hisn node recover")
    monkeypatch.setattr(type(unit.writer), "refusal", refusal)
    with pytest.raises(StorageError, match="old copy"):
        head_to_publish(unit.writer)


def test_publishing_without_witnesses_loads_no_http_client() -> None:
    """It took a tenth of a second, at the end of every sealed run of a lone office."""
    code = "import sys, hisn.app.publish; sys.exit(any(name in sys.modules for name in ('httpx', 'asyncio')))"
    subprocess.run([sys.executable, "-c", code], check=True)
