from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.unit.node.samples import NOW_S, ORIGIN, SampleLog, witness_cosigner
from tests.unit.node.services import Hosts, Unit, policy_of

from hisn.errors import StorageError
from hisn.node.known import origin_hash
from hisn.node.publish import Publisher, peers_of
from hisn.node.published import Haste
from hisn.node.serve import Listen, NodeServer
from hisn.node.without import Missing, Why
from hisn.testing.fake_clock import SECOND
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.note import parse_note, parse_signature_lines
from hisn.tlog.policy import Policy
from hisn.tlog.sign import signature_line

Answering = Callable[[Request], Awaitable[Response]]


def liar(answer: Answering) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


def fixed(status: int, body: bytes = b"", content_type: str = "text/plain") -> Starlette:
    async def answer(_request: Request) -> Response:
        return Response(body, status, {"Content-Type": content_type})

    return liar(answer)


def reasons(missing: tuple[Missing, ...]) -> dict[str, Why]:
    return {each.name: each.why for each in missing}


def name(number: int) -> str:
    return witness_cosigner(number).name


def test_the_witnesses_of_a_policy_are_found_by_their_key_names() -> None:
    peers = peers_of(policy_of({"a": "http://a/witness/", "b": ""}))
    assert [(peer.name, peer.prefix, len(peer.vkeys)) for peer in peers] == [
        (name(1), "http://a/witness", 2),
        (name(2), "", 2),
    ]


def test_with_every_witness_the_checkpoint_is_published_with_all_cosignatures() -> None:
    unit = Unit(3)
    unit.grow(5)
    done = unit.publish()
    assert done.is_published
    assert {each.name: each.time_s for each in done.signed} == {name(number): NOW_S for number in (1, 2, 3)}
    assert done.missing == ()
    assert done.setback is None
    published = unit.writer.published()
    assert published is not None
    assert published.raw == done.head.raw == unit.blobs.files[f"log/{origin_hash(ORIGIN)}/checkpoint"]
    assert len(published.note.signatures) == 2 + 6


def test_without_quorum_nothing_is_published_and_who_signed_is_kept() -> None:
    unit = Unit(4)
    unit.grow()
    del unit.hosts.apps["w1"], unit.hosts.apps["w3"]
    done = unit.publish()
    assert not done.is_published
    assert [each.name for each in done.signed] == [name(2), name(4)]
    assert reasons(done.missing) == {name(1): Why.AWAY, name(3): Why.AWAY}
    assert unit.writer.published() is None


def test_calling_again_catches_up_and_asks_only_those_who_are_missing() -> None:
    unit = Unit(4)
    unit.grow()
    away = {host: unit.hosts.apps.pop(host) for host in ("w1", "w3")}
    unit.publish()
    unit.hosts.apps = dict(away)
    unit.clock.advance(60)
    done = unit.publish()
    assert done.is_published
    times = {each.name: each.time_s for each in done.signed}
    assert times == {name(1): NOW_S + 60, name(2): NOW_S, name(3): NOW_S + 60, name(4): NOW_S}


def test_a_late_witness_is_added_to_what_is_published() -> None:
    unit = Unit(4)
    unit.grow()
    away = unit.hosts.apps.pop("w4")
    first = unit.publish()
    assert first.is_published
    unit.hosts.apps["w4"] = away
    assert len(unit.publish().head.note.signatures) == len(first.head.note.signatures) + 2
    published = unit.writer.published()
    assert published is not None
    assert len(published.note.signatures) == 2 + 8
    unit.hosts.apps = {}
    assert unit.publish().head == published


def test_a_crash_after_any_cosignature_loses_none_of_them() -> None:
    unit = Unit(3)
    unit.grow()
    del unit.hosts.apps["w3"]
    assert len(unit.publish().signed) == 2
    unit.writer = LogWriter.open(unit.log_signer, unit.blobs, unit.register)
    unit.hosts.apps = {}
    assert [each.name for each in unit.publish().signed] == [name(1), name(2)]


def test_each_growth_is_proven_from_what_each_witness_saw() -> None:
    unit = Unit(3)
    for size in (1, 7, 300, 600):
        unit.grow(size)
        assert unit.publish().is_published
    assert unit.nodes["w1"].witness.checkpoint(origin_hash(ORIGIN)) is not None


def test_a_witness_that_lags_is_proven_forward() -> None:
    unit = Unit(4)
    unit.grow(3)
    away = unit.hosts.apps.pop("w1")
    unit.publish()
    unit.grow(4)
    unit.hosts.apps["w1"] = away
    assert reasons(unit.publish().missing) == {}


def test_a_lone_log_without_witnesses_publishes_by_itself() -> None:
    unit = Unit(0)
    unit.grow()
    assert unit.publish().is_published


def test_an_empty_log_is_published() -> None:
    assert Unit(3).publish().is_published


def test_a_witness_without_an_address_is_told() -> None:
    unit = Unit(4)
    unit.policy = policy_of(
        {"w1": "http://w1/witness", "w2": "http://w2/witness", "w3": "http://w3/witness", "w4": ""}
    )
    unit.grow()
    done = unit.publish()
    assert done.is_published
    assert reasons(done.missing) == {name(4): Why.NO_ADDRESS}


def test_the_rest_has_a_short_grace_once_the_quorum_is_reached() -> None:
    unit = Unit(4)
    unit.grow()
    unit.haste = Haste(whole_s=30, grace_s=0.05)

    async def slow(_request: Request) -> Response:
        await asyncio.sleep(30)
        return Response()

    unit.hosts = Hosts(**{host: node.app() for host, node in unit.nodes.items()} | {"w2": liar(slow)})
    done = unit.publish()
    assert done.is_published
    assert reasons(done.missing) == {name(2): Why.LATE}


def test_without_quorum_the_whole_time_is_given_and_no_more() -> None:
    unit = Unit(3)
    unit.grow()
    unit.haste = Haste(whole_s=0.3, grace_s=0)

    async def slow(_request: Request) -> Response:
        await asyncio.sleep(30)
        return Response()

    unit.hosts = Hosts(**{host: node.app() for host, node in unit.nodes.items()} | {"w2": liar(slow)})
    done = unit.publish()
    assert not done.is_published
    assert reasons(done.missing) == {name(2): Why.LATE}


def lines_of(unit: Unit, number: int, time_s: int = NOW_S, text: bytes | None = None) -> bytes:
    head = unit.writer.head()
    lines = witness_cosigner(number).cosign(text or head.note.text, time_s)
    return b"".join(map(signature_line, lines))


def with_liar(answer: Callable[[Unit], bytes], status: int = 200) -> tuple[Unit, dict[str, Why]]:
    """Publish with three honest witnesses and one that lies; the lie must cost nothing but its line."""
    unit = Unit(4)
    unit.grow(5)
    unit.hosts = Hosts(
        **{host: node.app() for host, node in unit.nodes.items()} | {"w2": fixed(status, answer(unit))}
    )
    done = unit.publish()
    assert done.is_published
    assert [each.name for each in done.signed] == [name(1), name(3), name(4)]
    published = unit.writer.published()
    assert published is not None
    unit.policy.satisfied_by(published)
    return unit, reasons(done.missing)


@pytest.mark.parametrize("data", [b"", b"garbage", b"\n", "— x\n".encode(), b"\xff" * 100, bytes(1_000)])
def test_garbage_for_a_cosignature_costs_one_cosignature(data: bytes) -> None:
    _, missing = with_liar(lambda _unit: data)
    assert missing == {name(2): Why.UNSIGNED}


def test_an_answer_beyond_its_cap_costs_one_cosignature() -> None:
    _, missing = with_liar(lambda _unit: bytes(1_000_000))
    assert missing == {name(2): Why.WRONG}


def test_the_cosignature_of_another_log_is_none() -> None:
    other = SampleLog("other.example/log").note(5)
    _, missing = with_liar(lambda unit: lines_of(unit, 2, text=parse_note(other).text))
    assert missing == {name(2): Why.UNSIGNED}


def test_the_cosignature_of_another_witness_is_none_of_this_one() -> None:
    _, missing = with_liar(lambda unit: lines_of(unit, 1))
    assert missing == {name(2): Why.UNSIGNED}


def test_one_of_two_algorithms_is_no_cosignature() -> None:
    _, missing = with_liar(lambda unit: lines_of(unit, 2).split(b"\n")[0] + b"\n")
    assert missing == {name(2): Why.UNSIGNED}


def test_a_cosignature_of_the_future_brackets_nothing() -> None:
    _, missing = with_liar(lambda unit: lines_of(unit, 2, NOW_S + 301))
    assert missing == {name(2): Why.FUTURE}


def test_a_clock_that_is_ahead_a_little_is_accepted() -> None:
    unit = Unit(1)
    unit.grow()
    unit.nodes["w1"].clock = unit.clock
    unit.hosts = Hosts(w1=fixed(200, lines_of(unit, 1, NOW_S + 299)))
    assert unit.publish().is_published


def test_the_line_of_a_subtree_states_no_time_and_is_no_cosignature() -> None:
    def answer(unit: Unit) -> bytes:
        head = unit.writer.head().checkpoint
        subtree = witness_cosigner(2).cosign_subtree(ORIGIN, 0, head.size, head.root)
        return lines_of(unit, 2).split(b"\n")[0] + b"\n" + signature_line(subtree)

    _, missing = with_liar(answer)
    assert missing == {name(2): Why.UNSIGNED}


def test_lines_of_strangers_and_second_lines_are_left_out() -> None:
    unit = Unit(1)
    unit.grow()
    unit.hosts = Hosts(w1=fixed(200, lines_of(unit, 3) + lines_of(unit, 1) + lines_of(unit, 1, NOW_S - 5)))
    done = unit.publish()
    assert [each.time_s for each in done.signed] == [NOW_S]
    assert len(done.head.note.signatures) == 4


@pytest.mark.parametrize("status", [201, 403, 404, 422, 500, 503])
def test_a_witness_that_declines_costs_one_cosignature(status: int) -> None:
    _, missing = with_liar(lambda _unit: b"no", status)
    assert missing == {name(2): Why.DECLINED}


def test_a_claim_to_be_ahead_without_proof_stops_nothing() -> None:
    unit = Unit(4)
    unit.grow(5)
    liars = {
        "nothing": fixed(409, b"99\n", "text/x.tlog.size"),
        "forged": ahead(SampleLog(seed=9).note(99)),
        "other log": ahead(SampleLog("other.example/log").note(99)),
        "what we have": ahead(unit.writer.head().raw),
    }
    for app in liars.values():
        unit.grow()
        unit.hosts = Hosts(**{host: node.app() for host, node in unit.nodes.items()} | {"w2": app})
        done = unit.publish()
        assert done.is_published
        assert reasons(done.missing) == {name(2): Why.CLAIMS}
        assert done.setback is None


def ahead(note: bytes, status: int = 409) -> Starlette:
    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return Response(note)
        return Response(b"99\n", status, {"Content-Type": "text/x.tlog.size"})

    return liar(answer)


def restore_backup(unit: Unit) -> None:
    """Put the node back to what it was before it grew: an old copy of itself."""
    blobs, register = MemoryBlobs(), MemoryRegister()
    unit.blobs, unit.register = blobs, register
    unit.writer = LogWriter.create(unit.log_signer, blobs, register)


def test_a_restored_backup_is_proven_by_a_witness_and_signs_no_more() -> None:
    unit = Unit(3)
    unit.grow(5)
    assert unit.publish().is_published
    restore_backup(unit)
    done = unit.publish()
    assert not done.is_published
    assert done.setback is not None
    assert done.setback.code == "E5207"
    assert set(reasons(done.missing).values()) <= {Why.PROVES, Why.CLAIMS}
    assert Why.PROVES in reasons(done.missing).values()
    with pytest.raises(StorageError) as caught:
        unit.publish()
    assert caught.value.code == "E5207"
    with pytest.raises(StorageError):
        unit.grow()


def test_a_log_that_grew_apart_from_its_witnesses_is_told_so() -> None:
    unit = Unit(3)
    unit.grow(5)
    unit.publish()
    restore_backup(unit)
    unit.writer.append([b"another entry %d" % number for number in range(5)])
    done = unit.publish()
    assert not done.is_published
    assert done.setback is not None
    assert done.setback.code == "E5211"


def test_a_422_without_a_proof_declines() -> None:
    unit = Unit(4)
    unit.grow(5)
    unit.hosts = Hosts(
        **{host: node.app() for host, node in unit.nodes.items()} | {"w2": ahead(unit.writer.head().raw, 422)}
    )
    assert reasons(unit.publish().missing) == {name(2): Why.DECLINED}


def test_a_witness_that_vanishes_before_it_proves_is_away() -> None:
    unit = Unit(4)
    unit.grow(5)

    async def answer(request: Request) -> Response:
        if request.method == "GET":
            return Response(b"", 302, {"Location": "http://w1/"})
        return Response(b"99\n", 409, {"Content-Type": "text/x.tlog.size"})

    unit.hosts = Hosts(**{host: node.app() for host, node in unit.nodes.items()} | {"w2": liar(answer)})
    assert reasons(unit.publish().missing) == {name(2): Why.WRONG}


class FullRegister(MemoryRegister):
    prefix = "nothing"

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if name.startswith(self.prefix):
            raise StorageError("E5299", "the disk is full")
        super().swap(name, old, new)


@pytest.mark.parametrize("prefix", ["cosigned/", "log/"])
def test_what_is_wrong_with_our_own_disk_is_raised(prefix: str) -> None:
    unit = Unit(3)
    unit.register = register = FullRegister()
    unit.writer = LogWriter.create(unit.log_signer, unit.blobs, register)
    unit.grow()
    register.prefix = prefix
    with pytest.raises(StorageError) as caught:
        unit.publish(ahead_of(unit) if prefix == "log/" else None)
    assert caught.value.code == "E5299"


def ahead_of(unit: Unit) -> Hosts:
    return Hosts(w1=ahead(SampleLog().note(99)))


def test_a_witness_whose_keys_changed_is_asked_again() -> None:
    unit = Unit(3)
    unit.grow()
    unit.publish()
    lines = unit.policy.witnesses
    swapped = (*lines[2:4], *lines[0:2], *lines[4:])
    urls = [line.url for line in lines]
    fields = [
        type(line)(line.name, other.vkey, url) for line, other, url in zip(lines, swapped, urls, strict=True)
    ]
    unit.policy = Policy(unit.policy.logs, tuple(fields), unit.policy.groups, unit.policy.quorum)
    assert len(unit.publish().signed) == 3


def test_a_program_without_an_event_loop_publishes_too() -> None:
    unit = Unit(1)
    unit.grow()
    with NodeServer(unit.nodes["w1"].app(), Listen()).background() as url:
        policy = policy_of({"w1": f"{url}/witness"})
        done = Publisher(unit.writer, policy, register=unit.register, clock=unit.clock).publish_now()
    assert done.is_published
    assert done.signed[0].time_s == unit.clock.now() // SECOND
    assert parse_signature_lines(done.head.raw.split(b"\n\n")[1])
    assert parse_signed_checkpoint(done.head.raw) == done.head
