"""A member's acts stand in its log one behind the other, each with its body, whoever else writes there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.units import alone, opened

from hisn.acts.chain import Act, Link, verify_link
from hisn.acts.envelope import parse_envelope, verify_envelope
from hisn.acts.statement import Head, Ref, Statement, check_body, parse_statement
from hisn.app import member as member_module
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.core.canon import Json
from hisn.errors import StorageError
from hisn.evidence.sealed_map import parse_map
from hisn.tlog.append import Sequenced
from hisn.tlog.ports import Conflict, Swap

BATCH: dict[str, Json] = {
    **dict.fromkeys(("source", "root", "ciphertext", "raw", "key", "mapping"), "11" * 32),
    "part": 0,
    "ordinal": 0,
    "prev": "",
    "mode": "fields",
    "parser": "hisn",
    "count": 3,
    "unparsed": 0,
    "first": None,
    "last": None,
}


def note(text: str) -> Draft:
    return Draft(kind="observation", public={"what": text, "digest": sha256(text.encode()).hexdigest()})


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with alone(tmp_path) as made:
        yield made


def acts_of(node: Node) -> list[Statement]:
    """Return the acts of the log, their signatures, numbers and bodies verified."""
    link = Link()
    acts = []
    for leaf in node.log.entries(0, node.log.head().checkpoint.size):
        statement = verify_envelope(leaf, node.signer("act").public)
        link = verify_link(link, Act(leaf, statement))
        if statement.body is not None:
            data = node.blobs.get(blob_name(statement.body.sha256))
            assert data is not None
            check_body(statement, data if statement.body.name == "body" else parse_map(data)[0].leaf)
        acts.append(statement)
    return acts


def test_acts_are_numbered_and_chained(node: Node) -> None:
    places = node.member.record([note(str(number)) for number in range(5)])
    assert [place.index for place in places] == [1, 2, 3, 4, 5]
    assert {place.origin for place in places} == {"vesna.example"}
    assert [act.kind for act in acts_of(node)] == ["charter"] + ["observation"] * 5


def test_what_an_act_says_is_what_was_drafted(node: Node) -> None:
    head = Head("east.example", 7, bytes(32))
    answer = Draft(
        kind="recheck",
        public={"outcome": "same"},
        sealed={"engine": "1", "batches": (1, "text", None)},
        in_reply_to=Ref("east.example", 3, bytes(32)),
        audience=("east.example",),
        thread="a-thread",
    )
    node.member.record([answer], seen=[head])
    act = acts_of(node)[-1]
    assert act.header.in_reply_to == answer.in_reply_to
    assert (act.header.audience, act.header.thread, act.header.seen) == (
        ("east.example",),
        "a-thread",
        (head,),
    )
    assert act.header.claimed_time == "2026-11-04T00:00:00.000000Z"
    assert act.body is not None
    opened_body = parse_map(node.blobs.get(blob_name(act.body.sha256)) or b"")[1]
    assert opened_body.values == answer.sealed


def test_no_act_cites_an_older_state_than_an_act_before_it(node: Node) -> None:
    """A verifier refuses both acts then; whoever wrote them may have been two processes."""
    old, new = (Head("east.example", size, b"\x11" * 32) for size in (3, 8))
    other = Head("north.example", 1, b"\x22" * 32)
    for seen in ([new], [old], [old, other], []):
        node.member.record([note("x")], seen=seen)
    acts = [parse_statement(parse_envelope(node.log.read_entry(at)).payload) for at in range(1, 5)]
    assert [act.header.seen for act in acts] == [(new,), (new,), (new, other), ()]


def test_nothing_to_say_is_no_act(node: Node) -> None:
    assert node.member.record([]) == []
    assert node.log.head().checkpoint.size == 1


def test_no_act_is_appended_before_its_body_is_durable(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acts are signed while the disk is still at the bodies; the log waits for it."""
    put_many, append = node.blobs.put_many, node.log.append
    stored: list[str] = []

    def slow(items: Iterable[tuple[str, bytes]]) -> None:
        listed = list(items)
        if listed[0][0].startswith("blob/"):
            time.sleep(0.2)
            stored.extend(name for name, _ in listed)
        put_many(listed)

    def watched(leaves: Sequence[bytes], *, expected_size: int | None = None) -> Sequenced:
        bodies = [parse_statement(parse_envelope(leaf).payload).body for leaf in leaves]
        assert [blob_name(body.sha256) for body in bodies if body] == stored
        return append(leaves, expected_size=expected_size)

    monkeypatch.setattr(node.blobs, "put_many", slow)
    monkeypatch.setattr(node.log, "append", watched)
    drafts = [Draft(kind="finding", sealed={"id": f"f-{number}"}) for number in range(3)]
    assert len(node.member.record(drafts)) == 3
    assert len(stored) == 3


def test_bodies_of_the_same_fields_cannot_be_told_to_be_the_same(node: Node) -> None:
    """Fresh salts: whoever sees the log must not see that two findings are alike."""
    same = Draft(kind="finding", sealed={"id": "f-1"})
    node.member.record([same, same])
    first, second = (act.body for act in acts_of(node)[1:])
    assert first != second


def test_a_batch_names_the_one_before_it_also_across_runs(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(member_module, "_BATCH_ACTS", 2)
    drafts = [Draft(kind="batch", public=BATCH)] + [
        Draft(kind="batch", public={**BATCH, "ordinal": number}, follows=number - 1) for number in range(1, 5)
    ]
    drafts = [
        Draft(kind=draft.kind, public=draft.public, follows=draft.follows, sealed={"n": 1})
        for draft in drafts
    ]
    places = node.member.record(drafts)
    named = [act.public["prev"] for act in acts_of(node)[1:]]
    assert named == ["", *(place.leaf_hash.hex() for place in places[:-1])]


def test_an_act_in_the_log_always_has_its_body(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the body is stored: then there is no act either."""

    def full(_items: object) -> None:
        raise StorageError("E5203", "no space left")

    monkeypatch.setattr(node.blobs, "put_many", full)
    with pytest.raises(StorageError):
        node.member.record([Draft(kind="finding", sealed={"id": "f-1"})])
    monkeypatch.undo()
    assert [act.kind for act in acts_of(node)] == ["charter"]


def test_acts_before_a_failure_stand(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_module, "_BATCH_ACTS", 2)
    append = node.log.append

    def failing(leaves: Sequence[bytes], *, expected_size: int | None = None) -> Sequenced:
        if expected_size == 3:
            raise StorageError("E5203", "no space left")
        return append(leaves, expected_size=expected_size)

    monkeypatch.setattr(node.log, "append", failing)
    with pytest.raises(StorageError):
        node.member.record([note(str(number)) for number in range(4)])
    monkeypatch.undo()
    assert len(acts_of(node)) == 3
    node.member.record([note("afterwards")])
    assert len(acts_of(node)) == 4
    assert node.member.fold.table.counts() == {"charter": 1, "observation": 3}


def racing(node: Node, other: Node, losses: int) -> Callable[..., Sequenced]:
    """Return an append before which another process is faster, so many times."""
    append = node.log.append
    lost: list[int] = []

    def overtaken(leaves: Sequence[bytes], *, expected_size: int | None = None) -> Sequenced:
        if len(lost) < losses:
            lost.append(len(leaves))
            other.member.record([note(f"faster {len(lost)}")])
        return append(leaves, expected_size=expected_size)

    overtaken.lost = lost  # type: ignore[attr-defined]
    return overtaken


def test_another_process_that_is_faster_loses_no_act(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as other:
        race = racing(node, other, 3)
        monkeypatch.setattr(node.log, "append", race)
        places = node.member.record([note(str(number)) for number in range(8)])
    acts = acts_of(node)
    assert len(acts) == 1 + 3 + 8
    mine = [parse_statement(parse_envelope(node.log.read_entry(place.index)).payload) for place in places]
    assert [act.public["what"] for act in mine] == [str(number) for number in range(8)]
    assert node.member.fold.table.folded()[0] == 12


def test_who_is_overtaken_signs_less_at_once_and_gets_through(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once: one with thousands of acts must not starve beside one with few."""
    monkeypatch.setattr(member_module, "_BATCH_ACTS", 16)
    with opened(tmp_path) as other:
        race = racing(node, other, 7)
        monkeypatch.setattr(node.log, "append", race)
        node.member.record([note(str(number)) for number in range(16)])
    assert race.lost == [16, 8, 4, 2, 1, 1, 1]  # type: ignore[attr-defined]
    assert len(acts_of(node)) == 1 + 7 + 16


def test_who_loses_every_race_gives_up_and_says_so(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_leaves: Sequence[bytes], *, expected_size: int | None = None) -> Sequenced:
        raise Conflict("log/row")

    monkeypatch.setattr(node.log, "append", lost)
    with pytest.raises(Conflict):
        node.member.record([note("never")])


def test_two_writers_at_once_both_land(tmp_path: Path) -> None:
    alone(tmp_path).close()

    def write(name: str) -> None:
        with opened(tmp_path) as node:
            for number in range(6):
                node.member.record([note(f"{name} {number} {part}") for part in range(3)])

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened(tmp_path) as node:
        texts = [str(act.public["what"]) for act in acts_of(node)[1:]]
        assert node.member.fold.catch_up(node.log)[0] == 37
    assert sorted(texts) == sorted(
        f"{name} {number} {part}" for name in ("one", "two") for number in range(6) for part in range(3)
    )
    for name in ("one", "two"):
        own = [text for text in texts if text.startswith(name)]
        assert own == sorted(own)


def test_acts_and_rows_are_recorded_at_once_or_not_at_all(node: Node) -> None:
    def beside(first: int) -> list[Swap]:
        return [Swap("watch", node.register.get("watch"), b"%d" % first)]

    places = node.member.record_at_once([note("a"), note("b")], (), beside, [("state/kept", b"file")])
    assert [place.index for place in places] == [1, 2]
    assert (node.register.get("watch"), node.blobs.get("state/kept")) == (b"1", b"file")
    with pytest.raises(Conflict) as caught:
        node.member.record_at_once([note("c")], (), lambda _first: [Swap("watch", b"0", b"9")])
    assert caught.value.name == "watch"
    assert node.log.head().checkpoint.size == 3
    assert node.register.get("watch") == b"1"


def test_an_overtaken_record_is_numbered_again_with_its_rows(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = node.log.append
    rows: list[int] = []

    def append(leaves: Sequence[bytes], **more: Any) -> Sequenced:
        if len(rows) == 1:
            monkeypatch.setattr(node.log, "append", real)
            with opened(node.places.root) as other:
                other.member.record([note("the other was faster")])
        return real(leaves, **more)

    def beside(first: int) -> list[Swap]:
        rows.append(first)
        return [Swap("watch", None, b"%d" % first)]

    monkeypatch.setattr(node.log, "append", append)
    (place,) = node.member.record_at_once([note("a")], (), beside)
    assert place.index == 2
    assert node.register.get("watch") == b"2"
    assert [act.header.seq for act in acts_of(node)] == [0, 1, 2]
