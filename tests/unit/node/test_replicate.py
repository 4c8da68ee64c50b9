from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.unit.node.samples import NOW_S, ORIGIN, OWN, SampleLog, mirror_cosigner, push, upload_body
from tests.unit.node.services import NORTH_ACT, Node, run

from hisn.errors import VerificationError
from hisn.node import replicate as replicate_module
from hisn.node.auth import RequestSigner
from hisn.node.body import MIRROR_INFO_TYPE, MirrorInfo, format_mirror_info
from hisn.node.client import Caller
from hisn.node.known import origin_hash
from hisn.node.replicate import Copied, MirrorPeer, replicate
from hisn.node.without import Missing, Why
from hisn.testing.fake_clock import FakeClock
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.sign import signature_line

LOG = SampleLog().grow(3_000)
_, TILES = Edge().append(LOG.leaves)
FILES = {**TILES, **entry_tiles(0, [], LOG.entries)}
SIGNER = RequestSigner(ORIGIN, NORTH_ACT, FakeClock())
PEER = MirrorPeer("http://node/mirror", mirror_cosigner().keys, OWN)


def get(name: str) -> bytes | None:
    """Read the log's files; partial ones of every size, as a log has that was published often."""
    full, _, width = name.partition(".p/")
    data = FILES.get(name)
    if data is None and width and "entries" not in full and full in FILES:
        return FILES[full][: 32 * int(width)]
    return data


def head(size: int) -> SignedCheckpoint:
    return parse_signed_checkpoint(LOG.note(size))


def bring(app: Starlette, size: int = 3_000, files: dict[str, bytes] | None = None) -> Copied | Missing:
    async def work() -> Copied | Missing:
        async with Caller(SIGNER, transport=httpx.ASGITransport(app)) as caller:
            source = get if files is None else files.get
            return await replicate(caller, PEER, head(size), source, FakeClock())

    return run(work())


def size_of(node: Node) -> int:
    note = node.mirror.checkpoint(origin_hash(ORIGIN))
    return parse_signed_checkpoint(note).checkpoint.size if note else 0


def test_a_mirror_is_brought_up_to_the_head_and_signs_it() -> None:
    node = Node((LOG,))
    copied = bring(node.app())
    assert isinstance(copied, Copied)
    assert (copied.name, copied.time_s) == (mirror_cosigner().name, NOW_S)
    assert size_of(node) == 3_000


def test_what_a_mirror_has_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node((LOG,))
    assert isinstance(bring(node.app(), 2_816), Copied)
    sent: list[int] = []
    inner = node.app()

    async def counting(request: Request) -> Response:
        sent.append(len(gzip.decompress(await request.body())))
        return await plain(inner, request)

    app = Starlette(routes=[Route("/mirror/add-entries", counting, methods=["POST"]), *inner.routes])
    assert isinstance(bring(app), Copied)
    assert size_of(node) == 3_000
    (only,) = sent
    assert only < len(upload_body(LOG, 2_816, 3_000)) + 100


async def plain(app: Starlette, request: Request) -> Response:
    """Hand a request on to another application."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        answer = await client.request(
            request.method, request.url.path, content=await request.body(), headers=headers
        )
    return Response(answer.content, answer.status_code, {"Content-Type": answer.headers["content-type"]})


@pytest.mark.parametrize(("packages", "size_bytes"), [(1, 10**9), (2, 10**9), (32, 5_000)])
def test_a_long_log_is_brought_in_many_requests(
    monkeypatch: pytest.MonkeyPatch, packages: int, size_bytes: int
) -> None:
    monkeypatch.setattr(replicate_module, "MAX_PACKAGES", packages)
    monkeypatch.setattr(replicate_module, "MAX_UPLOAD_BYTES", size_bytes)
    node = Node((LOG,))
    assert isinstance(bring(node.app()), Copied)
    assert size_of(node) == 3_000


def test_a_mirror_that_was_left_in_the_middle_goes_on_there() -> None:
    node = Node((LOG,))
    node.mirror.add_checkpoint(LOG.request(0, 2_000))
    push(node.mirror, upload_body(LOG, 0, 2_000, count=3))
    assert isinstance(bring(node.app()), Copied)
    assert size_of(node) == 3_000


def test_an_older_pending_checkpoint_is_completed_on_the_way() -> None:
    served: Iterator[Response] = iter(
        [
            Response(format_mirror_info(MirrorInfo(2_000, 0, b"t")), 409, {"Content-Type": MIRROR_INFO_TYPE}),
            Response(b"", 200),
        ]
    )
    node = Node((LOG,))
    inner = node.app()

    async def entries(request: Request) -> Response:
        return next(served, None) or await plain(inner, request)

    app = Starlette(routes=[Route("/mirror/add-entries", entries, methods=["POST"]), *inner.routes])
    assert isinstance(bring(app), Copied)


def test_the_checkpoint_of_an_empty_log_is_copied() -> None:
    node = Node((LOG,))
    assert isinstance(bring(node.app(), 0), Copied)


def test_a_log_whose_files_are_damaged_is_told() -> None:
    files = dict(FILES)
    files["tile/entries/005"] = files["tile/entries/004"]
    with pytest.raises(VerificationError):
        bring(Node((LOG,)).app(), 3_000, files)


def lying(
    entries: list[tuple[int, bytes, str]],
    checkpoint: bytes = b"",
    pending: tuple[int, bytes, str] = (200, b"", ""),
) -> Starlette:
    """Be a mirror that answers add-entries from a list, again and again."""
    number = 0

    async def add(_request: Request) -> Response:
        status, body, content_type = pending
        return Response(body, status, {"Content-Type": content_type})

    async def take(_request: Request) -> Response:
        nonlocal number
        status, body, content_type = entries[number % len(entries)]
        number += 1
        assert number < 50, "nobody goes on for ever"
        return Response(body, status, {"Content-Type": content_type})

    async def show(_request: Request) -> Response:
        return Response(checkpoint, 200 if checkpoint else 404)

    return Starlette(
        routes=[
            Route("/mirror/add-checkpoint", add, methods=["POST"]),
            Route("/mirror/add-entries", take, methods=["POST"]),
            Route("/mirror/{log}/checkpoint", show),
        ]
    )


def why(app: Starlette) -> Why:
    missing = bring(app)
    assert isinstance(missing, Missing)
    assert missing.name == mirror_cosigner().name
    return missing.why


def info(size: int, next_entry: int, status: int = 202) -> tuple[int, bytes, str]:
    return status, format_mirror_info(MirrorInfo(size, next_entry, b"t")), MIRROR_INFO_TYPE


@pytest.mark.parametrize("pending", [(403, b"", ""), (422, b"", ""), (500, b"", "")])
def test_a_mirror_that_declines_the_checkpoint_is_left(pending: tuple[int, bytes, str]) -> None:
    assert why(lying([], pending=pending)) is Why.DECLINED


def test_a_mirror_that_claims_more_than_there_is_is_left() -> None:
    assert why(lying([], pending=(409, b"3001\n", "text/x.tlog.size"))) is Why.CLAIMS
    assert why(lying([info(3_001, 0)])) is Why.CLAIMS


@pytest.mark.parametrize(
    "answer", [(500, b"", ""), (202, b"1\n2\n\n", "text/plain"), (422, b"", ""), (503, b"", "")]
)
def test_a_mirror_that_declines_an_upload_is_left(answer: tuple[int, bytes, str]) -> None:
    assert why(lying([answer])) is Why.DECLINED


def test_a_mirror_whose_state_is_nonsense_is_left() -> None:
    assert why(lying([(202, b"nonsense", MIRROR_INFO_TYPE)])) is Why.WRONG


@pytest.mark.parametrize(
    "entries",
    [
        [info(3_000, 0)],
        [info(3_000, 300), info(3_000, 0)],
        [info(3_000, number) for number in range(1, 50)],
        [info(3_000, 2**62)],
        [info(3_000, 3_000)],
        [info(2_000, 0), (200, b"", "")],
    ],
)
def test_a_mirror_that_never_gets_on_is_left(entries: list[tuple[int, bytes, str]]) -> None:
    assert why(lying(entries)) in (Why.WRONG, Why.UNSIGNED)


@pytest.mark.parametrize("lines", [b"", b"garbage"])
def test_a_mirror_that_signs_nothing_is_left(lines: bytes) -> None:
    assert why(lying([(200, lines, "")])) is Why.UNSIGNED


def lines(size: int, time_s: int) -> bytes:
    return b"".join(map(signature_line, mirror_cosigner().cosign(head(size).note.text, time_s)))


def test_a_mirror_that_signs_another_tree_is_left() -> None:
    assert why(lying([(200, lines(2_999, NOW_S), "")])) is Why.UNSIGNED


def test_a_mirror_that_signs_the_future_is_left() -> None:
    assert why(lying([(200, lines(3_000, NOW_S + 301), "")])) is Why.FUTURE
    assert isinstance(bring(lying([(200, lines(3_000, NOW_S + 299), "")])), Copied)


@pytest.mark.parametrize("shown", [b"nonsense", b"x"])
def test_what_a_mirror_shows_first_is_only_a_hint(shown: bytes) -> None:
    assert isinstance(bring(lying([(200, lines(3_000, NOW_S), "")], shown)), Copied)


def test_a_mirror_that_shows_a_larger_tree_is_begun_anew() -> None:
    other = SampleLog().note(4_000)
    assert isinstance(bring(lying([(200, lines(3_000, NOW_S), "")], other)), Copied)


def test_a_mirror_that_is_away_is_told() -> None:
    async def work() -> Copied | Missing:
        async with Caller() as caller:
            peer = MirrorPeer("http://127.0.0.1:1", mirror_cosigner().keys)
            return await replicate(caller, peer, head(5), get, FakeClock())

    missing = run(work())
    assert isinstance(missing, Missing)
    assert missing.why is Why.AWAY
