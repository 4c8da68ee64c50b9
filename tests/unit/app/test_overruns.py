"""That a member overran its quota is in the log once for each hour, whatever happens in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.app.units import alone, opened

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Statement, parse_statement
from hisn.app.home import Node
from hisn.app.overruns import ACTS, REQUESTS, note_overrun
from hisn.app.places import blob_name
from hisn.core.instant import Instant
from hisn.node.quota import Overrun
from hisn.testing.fake_clock import START
from hisn.tlog.ports import Conflict

HOUR = 3_600 * 1_000_000
FIRST = Overrun("north.example", START, 25)
LATER = Overrun("north.example", Instant(START + HOUR), 1)
OTHER = Overrun("south.example", START, 3)


def observations(node: Node) -> list[Statement]:
    node.member.fold.catch_up(node.log)
    return [
        parse_statement(parse_envelope(node.log.read_entry(at)).payload)
        for at in node.member.fold.table.positions("observation")
    ]


def test_an_overrun_is_logged_once_for_each_member_window_and_quota(tmp_path: Path) -> None:
    with alone(tmp_path) as node:
        told = [(ACTS, FIRST), (ACTS, FIRST), (ACTS, OTHER), (REQUESTS, FIRST), (ACTS, LATER), (ACTS, LATER)]
        assert [note_overrun(node, *each) for each in told] == [True, False, True, True, True, False]
        found = observations(node)
        assert len(found) == 4
        assert found[0].public["what"] == (
            "quota overrun: acts of north.example in the hour from 2026-11-04T00:00:00.000000Z"
        )
        assert found[0].body is not None
        body = node.blobs.get(blob_name(found[0].body.sha256))
        assert body is not None
        assert found[0].public["digest"] == found[0].body.sha256.hex()
        assert json.loads(body)["beyond"] == 25


def test_a_restart_brings_no_second_act_for_one_window(tmp_path: Path) -> None:
    with alone(tmp_path) as node:
        note_overrun(node, ACTS, FIRST)
    with opened(tmp_path) as node:
        assert not note_overrun(node, ACTS, FIRST)
        assert len(observations(node)) == 1


def test_killed_between_the_log_and_the_register_it_logs_no_second_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The register forgets; the log does not."""

    with alone(tmp_path) as node:
        swap = node.register.swap

        def die(name: str, old: bytes | None, new: bytes) -> None:
            if name.startswith("overrun/"):
                raise KeyboardInterrupt
            swap(name, old, new)

        monkeypatch.setattr(node.register, "swap", die)
        with pytest.raises(KeyboardInterrupt):
            note_overrun(node, ACTS, FIRST)
        monkeypatch.setattr(node.register, "swap", swap)
        assert not note_overrun(node, ACTS, FIRST)
        assert not note_overrun(node, ACTS, FIRST)
        assert len(observations(node)) == 1


def test_another_process_that_notes_it_at_once_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone(tmp_path) as node:
        swap = node.register.swap

        def overtaken(name: str, old: bytes | None, new: bytes) -> None:
            if name.startswith("overrun/"):
                raise Conflict(name)
            swap(name, old, new)

        monkeypatch.setattr(node.register, "swap", overtaken)
        assert note_overrun(node, ACTS, FIRST)
        assert not note_overrun(node, ACTS, FIRST)
