"""What was erased is read from the log, which no backup makes older."""

from __future__ import annotations

from tests.unit.app.nodes import EAST, VOTE, World, id_of

from hisn.app.erased import erase_bodies, erased
from hisn.app.evidence_pack import find_finding
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.app.reopen import own_act
from hisn.core.canon import Json


def event(name: str, **detail: Json) -> Draft:
    return Draft(kind="key-event", public={"event": name, "detail": detail})


def test_only_erasures_are_read_and_each_for_what_it_says(unit: World) -> None:
    with unit.open(EAST) as (east,):
        east.member.record(
            [
                event("erase", key="11" * 32),
                event("erase", body="22" * 32),
                event("rotate", key="33" * 32),
                event("erase", note="nothing of this program"),
            ]
        )
        found = erased(east)
    assert (list(found.keys), list(found.bodies)) == ([b"\x11" * 32], [b"\x22" * 32])


def test_a_body_that_came_back_is_removed_again(unit: World) -> None:
    with unit.open(EAST) as (east,):
        body = own_act(east, find_finding(east, id_of(east, VOTE))).statement.body
        assert body is not None
        east.member.record([event("erase", body=body.sha256.hex())])
        assert east.blobs.get(blob_name(body.sha256)) is not None
        erase_bodies(east)
        erase_bodies(east)
        assert east.blobs.get(blob_name(body.sha256)) is None
