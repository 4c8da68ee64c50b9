"""Bodies that others wrote for this member come to it over the network, and only what acts commit to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, VOTE, World, disclosed, id_of, mirror
from tests.unit.app.units import free_urls, listen_at, opened
from tests.unit.node import hostile

from hisn.acts.write import sign_statement
from hisn.app import bodies as bodies_module
from hisn.app.bodies import BodyFetcher, Fetched
from hisn.app.erase import ErasureRequest, erase, plan_erasure
from hisn.app.evidence_pack import PackRequest, make_pack
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.app.recheck import recheck
from hisn.app.reopen import own_act
from hisn.app.reply import reply
from hisn.app.serve import RunningNode, ServeOptions
from hisn.core.canon import Json
from hisn.evidence.pack import parse_pack
from hisn.evidence.sealed_map import format_map, seal_map
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.ports import DurabilityLost

OURS: dict[str, Json] = {"what": "x", "digest": "00" * 32}


@contextmanager
def serving(unit: World, name: str) -> Iterator[str]:
    """Serve one node over HTTP, which publishes nothing by itself; give its address."""
    url = free_urls([name])[name]
    options = ServeOptions(listen_at(url), 3_600)
    running = RunningNode(lambda: opened(unit.roots[name]), options, lambda _code, _text: None)
    with running.background() as address:
        yield address


def moved(node: Node, **urls: str) -> Node:
    """Let a node know members at other addresses."""
    roster = node.rosters[-1]
    members = tuple(
        replace(each, url=urls.get(each.id.partition(".")[0], each.url)) for each in roster.members
    )
    node.rosters = (*node.rosters[:-1], replace(roster, members=members))
    return node


def fetched(unit: World, *, fetcher: BodyFetcher | None = None, **urls: str) -> dict[str, Fetched]:
    """Let EAST fetch; return what came by member."""
    with unit.open(EAST) as (east,):
        return {each.origin: each for each in (fetcher or BodyFetcher()).fetch(moved(east, **urls))}


def body_of(node: Node, place: int) -> bytes:
    body = own_act(node, place).statement.body
    assert body is not None
    return body.sha256


def has(unit: World, name: str, digest: bytes) -> bool:
    with unit.open(name) as (node,):
        return node.blobs.get(blob_name(digest)) is not None


def answered(unit: World, tmp_path: Path) -> bytes:
    """Let NORTH recheck EAST's finding, and its log come to EAST; return what its body is named by."""
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(NORTH, EAST) as (north, east):
        place, _ = reply(north, recheck(north, path, unit.rules))
        unit.publish(north)
        mirror(north, east)
        return body_of(north, place.index)


def recorded(unit: World, *drafts: Draft) -> list[bytes]:
    """Let NORTH log acts, and EAST mirror them; return what their bodies are named by."""
    with unit.open(NORTH, EAST) as (north, east):
        places = north.member.record(drafts)
        unit.publish(north)
        mirror(north, east)
        return [body_of(north, place.index) for place in places]


def test_the_body_of_an_answer_travels_from_its_author_into_the_owners_pack(
    unit: World, tmp_path: Path
) -> None:
    body = answered(unit, tmp_path)
    with unit.open(EAST) as (east,):
        bare = make_pack(east, PackRequest(finding=id_of(east, VOTE))).data
    with serving(unit, NORTH) as north:
        first = fetched(unit, north=north)
    assert first[NORTH].missing == ()
    assert first[NORTH].count > 0
    assert has(unit, EAST, body)
    with unit.open(EAST) as (east,):
        packed = make_pack(east, PackRequest(finding=id_of(east, VOTE)))
    new = set(parse_pack(packed.data)) - set(parse_pack(bare))
    assert len(new) == 1
    assert new.pop().startswith("bodies/")
    assert packed.report.failed is None


def test_only_what_is_meant_for_this_member_is_asked_for(unit: World) -> None:
    for_all, for_east, for_south = recorded(
        unit,
        Draft(kind="finding", sealed={"id": "f-1"}),
        Draft(kind="finding", sealed={"id": "f-2"}, audience=(EAST, SOUTH)),
        Draft(kind="finding", sealed={"id": "f-3"}, audience=(SOUTH,)),
    )
    with serving(unit, NORTH) as north:
        assert fetched(unit, north=north)[NORTH].missing == ()
    assert [has(unit, EAST, each) for each in (for_all, for_east, for_south)] == [True, True, False]


def test_clear_bodies_come_too(unit: World) -> None:
    (body,) = recorded(unit, Draft(kind="observation", public=OURS, clear=b"in the clear"))
    with serving(unit, NORTH) as north:
        fetched(unit, north=north)
    assert has(unit, EAST, body)


def test_an_answer_to_an_own_finding_that_is_withheld_is_named(unit: World) -> None:
    """NORTH dissents, and keeps to itself in what: its audience is SOUTH alone."""
    with unit.open(EAST) as (east,):
        east.member.fold.catch_up(east.log)
        place = own_act(east, east.member.fold.table.positions("finding")[0]).place
    recorded(
        unit,
        Draft(
            kind="dissent",
            public={"outcome": "different"},
            sealed={"engine": "x"},
            in_reply_to=place,
            audience=(SOUTH,),
        ),
    )
    with unit.open(NORTH) as (north,):
        at = north.log.head().checkpoint.size - 1
    with serving(unit, NORTH) as url:
        found = fetched(unit, north=url)[NORTH]
    assert found.missing == (at,)
    assert found.why == "it does not give them"


def test_whoever_is_away_or_has_no_address_is_asked_later(unit: World) -> None:
    (body,) = recorded(unit, Draft(kind="finding", sealed={"id": "f-1"}))
    nowhere = fetched(unit)[NORTH]
    assert (nowhere.count, nowhere.why) == (0, "it has no address")
    away = fetched(unit, north="http://127.0.0.1:1")[NORTH]
    assert (away.count, "does not answer" in away.why) == (0, True)
    with serving(unit, NORTH) as north:
        assert fetched(unit, north=north)[NORTH].missing == ()
    assert has(unit, EAST, body)


def test_a_hostile_author_who_gives_another_body_is_refused(unit: World) -> None:
    (body,) = recorded(unit, Draft(kind="finding", sealed={"id": "f-1"}))
    swapped = format_map(seal_map({"id": "f-2"}, bytes(range(128))))
    for forged in (swapped, b"", b"[" * 9_000):
        with hostile.raw_server(hostile.answers("200 OK", forged)) as liar:
            found = fetched(unit, north=liar)[NORTH]
        assert "another body" in found.why
        assert not has(unit, EAST, body)
        refetchable(unit)
    with serving(unit, NORTH) as north:
        assert fetched(unit, north=north)[NORTH].missing == ()


def refetchable(unit: World) -> None:
    """Let what was asked for in vain be asked for at once."""
    for path in (unit.roots[EAST] / "state").glob("peer-*"):
        path.unlink()


def test_a_damaged_copy_of_a_body_is_fetched_again(unit: World) -> None:
    (body,) = recorded(unit, Draft(kind="finding", sealed={"id": "f-1"}))
    with unit.open(EAST) as (east,):
        east.blobs.put(blob_name(body), b"damaged")
    with serving(unit, NORTH) as north:
        fetched(unit, north=north)
    with unit.open(EAST, NORTH) as (east, node):
        assert east.blobs.get(blob_name(body)) == node.blobs.get(blob_name(body))


def test_an_erased_body_does_not_come_back_because_another_member_names_it(unit: World) -> None:
    """NORTH kept the body of EAST's finding, and commits to it in an act of its own."""
    with unit.open(EAST, NORTH) as (east, north):
        finding = east.member.fold.table.positions("finding")[0]
        body = body_of(east, finding)
        data = east.blobs.get(blob_name(body))
        assert data is not None
        north.blobs.put(blob_name(body), data)
        erase(east, plan_erasure(east, ErasureRequest(finding=id_of(east, VOTE), bodies=True)))
        own = own_act(east, finding).statement
    with unit.open(NORTH, EAST) as (north, east):
        size = north.log.head().checkpoint.size
        header = replace(
            own.header,
            actor=NORTH,
            origin=NORTH,
            seq=size,
            prev=leaf_hash(north.log.read_entry(size - 1)),
            seen=(),
        )
        north.log.append([sign_statement(replace(own, header=header), north.signer("act"))])
        unit.publish(north)
        mirror(north, east)
    with serving(unit, NORTH) as url:
        assert fetched(unit, north=url)[NORTH].missing == ()
    assert not has(unit, EAST, body)


def test_what_its_author_has_erased_is_not_missed(unit: World) -> None:
    (body,) = recorded(unit, Draft(kind="finding", sealed={"id": "f-1"}))
    erasure: dict[str, Json] = {"event": "erase", "detail": {"body": body.hex()}}
    with unit.open(NORTH, EAST) as (north, east):
        north.member.record([Draft(kind="key-event", public=erasure)])
        north.blobs.delete(blob_name(body))
        unit.publish(north)
        mirror(north, east)
    with serving(unit, NORTH) as url:
        assert fetched(unit, north=url)[NORTH].missing == ()


def test_a_flood_of_large_bodies_takes_a_share_of_the_disk_and_no_more(
    unit: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies_module, "MAX_HOUR_BYTES", 3_000)
    drafts = [
        Draft(kind="observation", public=OURS, clear=b"%d" % number + bytes(1_000)) for number in range(6)
    ]
    recorded(unit, *drafts)
    fetcher = BodyFetcher()
    with serving(unit, NORTH) as north:
        first = fetched(unit, fetcher=fetcher, north=north)[NORTH]
    assert first.count < 6
    assert len(first.missing) >= 3


def test_a_member_with_more_bodies_than_a_round_takes_is_asked_on(
    unit: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies_module, "MAX_BODIES", 2)
    recorded(unit, *(Draft(kind="finding", sealed={"id": f"f-{number}"}) for number in range(5)))
    fetcher, counts = BodyFetcher(), []
    with serving(unit, NORTH) as north:
        while found := fetched(unit, fetcher=fetcher, north=north):
            counts.append(found[NORTH].count)
    assert sum(counts) >= 5
    assert max(counts) == 2


def test_a_disk_that_fails_is_not_taken_for_a_peer(unit: World, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(unit, Draft(kind="finding", sealed={"id": "f-1"}))

    def lost(*_: object) -> None:
        raise DurabilityLost("the disk failed")

    with serving(unit, NORTH) as north, unit.open(EAST) as (east,):
        moved(east, north=north)
        monkeypatch.setattr(east.blobs, "put", lost)
        with pytest.raises(DurabilityLost):
            BodyFetcher().fetch(east)


def test_entries_that_come_behind_their_state_are_looked_at_when_they_are_here(unit: World) -> None:
    fetcher = BodyFetcher()
    with unit.open(NORTH, EAST) as (north, east):
        north.member.record([Draft(kind="finding", sealed={"id": "f-1"})])
        unit.publish(north)
        head = north.log.published()
        assert head is not None
        Heads(east).keep(head.raw)
    assert fetched(unit, fetcher=fetcher) == {}
    with unit.open(NORTH, EAST) as (north, east):
        mirror(north, east)
    assert fetched(unit, fetcher=fetcher)[NORTH].missing != ()
    assert fetched(unit, fetcher=fetcher) == {}, "nothing is new"
