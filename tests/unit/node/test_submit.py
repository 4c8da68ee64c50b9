from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.unit.node.samples import SampleLog
from tests.unit.node.services import Node, run

from hisn.node.body import SIZE_TYPE, parse_add_checkpoint
from hisn.node.client import Caller
from hisn.node.submit import Accepted, Ahead, Declined, submit_checkpoint
from hisn.tlog.checkpoint import parse_signed_checkpoint

LOG = SampleLog().grow(20)


def submit(app: Starlette, old: int, size: int, log: SampleLog = LOG) -> Accepted | Ahead | Declined:
    async def work() -> Accepted | Ahead | Declined:
        async with Caller(transport=httpx.ASGITransport(app)) as caller:
            signed = parse_signed_checkpoint(log.note(size))
            return await submit_checkpoint(caller, "http://node/witness", signed, old, log.proof)

    return run(work())


class Scripted:
    """Answer what a script says, and remember the sizes that were sent."""

    def __init__(self, *answers: tuple[int, bytes, str]) -> None:
        self.answers: Iterator[tuple[int, bytes, str]] = iter(answers)
        self.sent: list[int] = []
        self.app = Starlette(routes=[Route("/witness/add-checkpoint", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> Response:
        self.sent.append(parse_add_checkpoint(await request.body()).old)
        status, body, content_type = next(self.answers)
        return Response(body, status, {"Content-Type": content_type})


def test_a_witness_accepts_from_any_size_that_it_has_seen() -> None:
    app = Node((LOG,)).app()
    for old, size in ((0, 5), (0, 9), (3, 12), (12, 12), (15, 14), (0, 0)):
        outcome = submit(app, old, size)
        if size:
            assert isinstance(outcome, Accepted)
            assert b"south1.example/witness" in outcome.lines
        else:
            assert outcome == Ahead(14)


def test_the_size_that_is_told_is_sent_next() -> None:
    script = Scripted((409, b"7\n", SIZE_TYPE), (200, b"lines", "text/plain"))
    assert submit(script.app, 3, 9) == Accepted(b"lines")
    assert script.sent == [3, 7]


def test_a_claim_to_be_ahead_is_only_a_claim() -> None:
    assert submit(Scripted((409, b"10\n", SIZE_TYPE)).app, 0, 9) == Ahead(10)


@pytest.mark.parametrize("status", [202, 204, 400, 403, 404, 422, 429, 500, 503])
def test_any_other_status_declines(status: int) -> None:
    outcome = submit(Scripted((status, b"", "text/plain")).app, 0, 9)
    assert isinstance(outcome, Declined)
    assert outcome.status == status


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"7\n", "text/plain"), (b"7", SIZE_TYPE), (b"-7\n", SIZE_TYPE), (b"", SIZE_TYPE), (b"3\n", SIZE_TYPE)],
)
def test_a_409_without_another_size_declines(body: bytes, content_type: str) -> None:
    assert isinstance(submit(Scripted((409, body, content_type)).app, 3, 9), Declined)


def test_a_witness_that_answers_another_size_each_time_is_left() -> None:
    script = Scripted(*((409, b"%d\n" % (size % 9), SIZE_TYPE) for size in range(1, 100)))
    assert isinstance(submit(script.app, 0, 9), Declined)
    assert script.sent == [0, 1, 2, 3]
