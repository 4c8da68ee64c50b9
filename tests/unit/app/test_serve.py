"""A node serves the other members, publishes by itself, and ends rather than promise what it cannot keep."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.unit.app.units import MEMBERS, OUTSIDE, alone, copied, listen_at, opened, served

from hisn.acts.statement import BodyRef
from hisn.app import serve as serve_module
from hisn.app.home import Node, open_node
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.app.publish import publish
from hisn.app.replicate import Replicated, replicate_all
from hisn.app.serve import RunningNode, ServeOptions
from hisn.app.unit_files import adopt, draft_epoch, sign_draft
from hisn.core.clock import Clock
from hisn.core.instant import Instant
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.node.auth import RequestSigner
from hisn.node.known import origin_hash
from hisn.node.published import Haste
from hisn.node.pull import RemoteNode
from hisn.node.quota import Overrun
from hisn.node.serve import Listen
from hisn.node.without import Why
from hisn.storage.system import SystemClock
from hisn.tlog.ports import DurabilityLost
from hisn.unit.draft import Move

EAST, NORTH, SOUTH = MEMBERS
Linked = tuple[dict[str, Path], dict[str, str]]
PATIENCE_S = 30.0


@pytest.fixture
def linked(linked_unit: Linked, tmp_path: Path) -> Linked:
    return copied(linked_unit[0], tmp_path), linked_unit[1]


class Heard:
    """Keep what a running node says."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, code: str, text: str) -> None:
        self.lines.append((code, text))

    def of(self, code: str) -> list[str]:
        return [text for each, text in self.lines if each == code]

    def wait(self, code: str, count: int = 1) -> list[str]:
        """Return what was said with a code, once it was said so often."""
        until(lambda: len(self.of(code)) >= count)
        return self.of(code)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


@contextmanager
def working(linked: Linked, name: str) -> Iterator[tuple[RunningNode, Heard]]:
    """Serve one node, which publishes every few milliseconds."""
    heard = Heard()
    options = ServeOptions(listen_at(linked[1][name]), 0.02)
    node = RunningNode(partial(opened, linked[0][name]), options, heard)
    with node.background():
        yield node, heard


def others(linked: Linked, *without: str) -> dict[str, Path]:
    return {name: root for name, root in linked[0].items() if name not in without}


def remote(linked: Linked, asked: str, asking: str, clock: Clock | None = None) -> RemoteNode:
    with opened(linked[0][asking]) as node:
        signer = RequestSigner(asking, node.signer("act").ed25519, clock or SystemClock())
    return RemoteNode(linked[1][asked], asked, signer)


def note(text: str) -> Draft:
    return Draft(kind="observation", public={"what": text, "digest": "00" * 32})


def test_what_is_sealed_is_published_and_mirrored_without_anybody(linked: Linked) -> None:
    with served(others(linked, EAST), linked[1]), working(linked, EAST) as (_, heard):
        assert "school.example" in heard.wait("published")[0]
        assert {line.partition(":")[0] for line in heard.wait("mirrored", 2)} == {NORTH, SOUTH}
        with opened(linked[0][EAST]) as node:
            node.member.record([note("later")])
            size = node.log.head().checkpoint.size
        assert heard.wait("published", 2)[1].startswith(f"{size};")
        assert len(heard.wait("mirrored", 4)) == 4
        with remote(linked, NORTH, SOUTH) as mirror:
            assert mirror.file(f"mirror/{origin_hash(EAST)}", "checkpoint")
            assert mirror.file(f"mirror/{origin_hash(EAST)}", "tile/entries/000.p/4")


def test_without_quorum_it_says_so_once_and_catches_up(linked: Linked) -> None:
    with working(linked, EAST) as (_, heard):
        with served(others(linked, EAST, *OUTSIDE), linked[1]):
            until(
                lambda: any(f"{SOUTH}; press.example (does not" in line for line in heard.of("unwitnessed"))
            )
            time.sleep(0.2)
            assert len(set(heard.of("unwitnessed"))) == len(heard.of("unwitnessed"))
        with served(others(linked, EAST, NORTH), linked[1]):
            heard.wait("published")
            assert heard.wait("unmirrored") == [f"{NORTH}: does not answer"]


def test_bodies_go_to_their_audience_and_to_nobody_else(linked: Linked) -> None:
    roots, urls = linked
    with opened(roots[EAST]) as node:
        secret = Draft(kind="finding", sealed={"id": "f-1"}, audience=(SOUTH,))
        node.member.record([Draft(kind="finding", sealed={"id": "f-2"}), secret])
        node.member.fold.catch_up(node.log)
        for_all, for_south = [body for _, kind, body in node.member.fold.table.bodies() if kind == "finding"]
        body = node.blobs.get(f"blob/sha256/{for_all.hex()[:2]}/{for_all.hex()}")
        assert body is not None
    with working(linked, EAST):
        for member, may in ((NORTH, False), (SOUTH, True)):
            with remote(linked, EAST, member) as asked:
                assert asked.body(BodyRef("sealed", for_all), 10**6) == body
                assert (asked.body(BodyRef("sealed", for_south), 10**6) is not None) == may
                assert asked.body(BodyRef("body", hashlib.sha256(body).digest()), 10**6) is None
        with remote(linked, EAST, OUTSIDE[0]) as stranger, pytest.raises(StorageError, match="401"):
            stranger.body(BodyRef("sealed", for_all), 10**6)
        with RemoteNode(urls[EAST]) as nobody, pytest.raises(StorageError, match="401"):
            nobody.body(BodyRef("sealed", for_all), 10**6)


def test_a_body_that_no_act_names_is_given_to_nobody(linked: Linked) -> None:
    """Encrypted files lie beside the bodies."""
    with opened(linked[0][EAST]) as node:
        digest = hashlib.sha256(b"raw").hexdigest()
        node.blobs.put(f"blob/sha256/{digest[:2]}/{digest}", b"raw")
    with working(linked, EAST), remote(linked, EAST, SOUTH) as asked:
        assert asked.body(BodyRef("body", bytes.fromhex(digest)), 100) is None


def test_a_new_epoch_is_in_force_without_a_new_start(linked: Linked) -> None:
    """The address of a witness changes; whoever goes by the old roster never reaches it again."""
    roots, urls = linked
    with working(linked, EAST) as (running, heard):
        move = Move(NORTH, "north", "http://127.0.0.1:9")
        with opened(roots[NORTH]) as node:
            draft = draft_epoch(node, [move])
        for name in MEMBERS:
            with opened(roots[name]) as node:
                draft = sign_draft(node, draft)
        with opened(roots[EAST]) as node:
            adopt(node, draft)
        until(lambda: running._shelf.roster.epoch == 1)
        found = running._shelf.roster.find(NORTH)
        assert found is not None
        assert found.url == "http://127.0.0.1:9"
        with served(others(linked, EAST), urls):
            line = heard.wait("published")[-1]
        assert f"{NORTH} (does not answer)" in line


@pytest.mark.parametrize("where", ["publish", "replicate"])
def test_a_disk_that_loses_data_ends_the_node(
    linked: Linked, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def lose(*_args: object) -> None:
        raise DurabilityLost("the disk could not keep what was written")

    monkeypatch.setattr(serve_module, {"publish": "publisher_of", "replicate": "replicate_all"}[where], lose)
    with pytest.raises(DurabilityLost), working(linked, EAST) as (node, _):
        until(lambda: node._stopping.is_set() or node.server._server.should_exit)


def test_a_request_that_cannot_be_stored_durably_ends_the_node(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_name: str, _old: bytes | None, _new: bytes) -> None:
        raise DurabilityLost("the register failed")

    def ask_a_node_that_loses() -> None:
        with served({EAST: linked[0][EAST]}, linked[1]) as running:
            monkeypatch.setattr(running[EAST]._shelf.register, "swap", lose)
            with opened(linked[0][NORTH]) as north:
                assert not publish(north, Haste(whole_s=2)).is_published
            until(lambda: running[EAST].server._server.should_exit)

    with pytest.raises(DurabilityLost):
        ask_a_node_that_loses()


def test_trouble_is_told_once_and_the_node_goes_on(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | None] = [
        StorageError("E5203", "no space left"),
        StorageError("E5203", "no space left"),
        ZeroDivisionError("a slip of ours"),
        None,
        StorageError("E5203", "no space left"),
    ]

    def troubled(_node: Node) -> list[Replicated]:
        error = answers.pop(0) if answers else None
        if error:
            raise error
        return []

    monkeypatch.setattr(serve_module, "replicate_all", troubled)
    with served(others(linked, EAST), linked[1]), working(linked, EAST) as (_, heard):
        heard.wait("trouble", 3)
        until(lambda: not answers)
        time.sleep(0.1)
    assert heard.of("trouble") == ["no space left", "ZeroDivisionError: a slip of ours", "no space left"]


def test_a_mirror_that_stays_away_is_told_once(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = [Replicated(NORTH, 3, Why.AWAY)]
    rounds = [missing, missing, [Replicated(NORTH, 3)], missing]
    monkeypatch.setattr(serve_module, "replicate_all", lambda _node: rounds.pop(0) if rounds else [])
    with served(others(linked, EAST), linked[1]), working(linked, EAST) as (_, heard):
        until(lambda: not rounds)
        heard.wait("unmirrored", 2)
    assert [code for code, _ in heard.lines if "mirrored" in code] == ["unmirrored", "mirrored", "unmirrored"]


def test_a_node_whose_second_half_cannot_start_does_not_look_alive(tmp_path: Path) -> None:
    alone(tmp_path).close()
    opens = [partial(opened, tmp_path)]

    def reopen() -> Node:
        if opens:
            return opens.pop()()
        raise StorageError("E5204", "cannot open the register")

    node = RunningNode(reopen, ServeOptions(Listen(), 0.02), lambda _code, _text: None)
    with pytest.raises(StorageError, match="register"):
        node.run()


def test_a_lone_node_serves_its_log_and_nobody_elses(tmp_path: Path) -> None:
    alone(tmp_path).close()
    heard = Heard()
    node = RunningNode(partial(opened, tmp_path), ServeOptions(Listen(), 0.02), heard)
    with node.background() as url:
        heard.wait("published")
        with RemoteNode(url) as reader:
            assert reader.file(f"log/{origin_hash('vesna.example')}", "checkpoint")
            assert reader.file(f"log/{origin_hash('other.example')}", "checkpoint") is None
            with pytest.raises(StorageError, match="401"):
                reader.file(f"log/{origin_hash('vesna.example')}", "tile/entries/000.p/1")


def test_a_taken_port_is_told_before_anything_is_published(tmp_path: Path) -> None:
    alone(tmp_path / "one").close()
    alone(tmp_path / "two", "two.example").close()
    first = RunningNode(partial(opened, tmp_path / "one"), ServeOptions(Listen(), 60), Heard())
    with first.background() as url:
        heard = Heard()
        second = RunningNode(partial(opened, tmp_path / "two"), ServeOptions(listen_at(url), 0.02), heard)
        with pytest.raises(StorageError) as caught:
            second.run()
    assert caught.value.code == "E5404"
    assert heard.lines == []


def test_bodies_that_others_wrote_for_this_member_come_by_themselves(linked: Linked) -> None:
    """Over real sockets: NORTH publishes, EAST's mirror takes the log, and EAST asks for the bodies."""
    with working(linked, EAST) as (_, heard), served(others(linked, EAST), linked[1]):
        with opened(linked[0][NORTH]) as north:
            drafts = [
                Draft(kind="finding", sealed={"id": "f-1"}),
                Draft(kind="finding", sealed={"id": "f-2"}, audience=(SOUTH,)),
                Draft(kind="finding", sealed={"id": "f-3"}, audience=(EAST,)),
            ]
            north.member.record(drafts)
            north.member.fold.catch_up(north.log)
            bodies = [body for _, kind, body in north.member.fold.table.bodies() if kind == "finding"]
            lost = bodies.pop()
            north.blobs.delete(blob_name(lost))
            assert publish(north, Haste(whole_s=5)).is_published
            assert all(each.missing is None or each.to == SOUTH for each in replicate_all(north))
            at = north.log.head().checkpoint.size - 1
        until(lambda: any(line.startswith(f"{NORTH}: {at} (") for line in heard.of("bodiless")))
        assert heard.of("fetched")
    with opened(linked[0][EAST]) as east:
        assert [east.blobs.get(blob_name(body)) is not None for body in bodies] == [True, False]


def test_a_flood_of_one_member_is_told(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    node = RunningNode(partial(opened, linked[0][EAST]), ServeOptions(Listen(), 60), heard)
    node._overrun(Overrun(NORTH, Instant(0), 7))
    node._shelf.close()
    assert heard.of("overrun") == [f"{NORTH}: 7"]


def test_a_node_without_its_roster_does_not_start(tmp_path: Path) -> None:
    alone(tmp_path).close()
    (tmp_path / "roster" / "0000.dsse").write_bytes(b"{}")
    with pytest.raises(VerificationError):
        RunningNode(partial(opened, tmp_path), ServeOptions(Listen()), Heard())
    with pytest.raises(UsageError):
        open_node(tmp_path / "none", lambda: "")
