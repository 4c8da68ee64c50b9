from __future__ import annotations

import threading
from dataclasses import dataclass

import msgspec
from tests.unit.findings.samples import NIGHT_US, block, rule

from hisn.app.watch.cycle import Cycle
from hisn.app.watch.outbox import Outbox, Told, Waiting
from hisn.core.packed import pack, unpack
from hisn.findings.build import FindingBuilder
from hisn.findings.follow import Change


@dataclass
class Sink:
    name: str = "ops"
    level: str = "low"


def change(thread: str, revision: int = 1, level: str = "high") -> Change:
    builder = FindingBuilder((rule(0),), "m", "1")
    builder.add(block(0, [(NIGHT_US, revision)]))
    finding = msgspec.structs.replace(builder.findings()[0], level=level)
    return Change(finding, thread, revision, "opened")


def cycle(now_us: int) -> Cycle:
    return Cycle(number=1, now_us=now_us, previous="", first=-1, positions={})


def told(waiting: Waiting) -> list[tuple[str, int]]:
    return [(each.change.thread, each.change.revision) for each in waiting.all()]


def test_a_finding_that_waits_is_told_once_as_it_is_then() -> None:
    waiting = Waiting(Sink())
    outbox = Outbox({"ops": waiting})
    outbox.put(cycle(1), [change("a"), change("b")])
    outbox.put(cycle(2), [change("a", 2)])
    assert told(waiting) == [("a", 2), ("b", 1)]


def test_what_was_told_is_gone_unless_it_has_changed_meanwhile() -> None:
    waiting = Waiting(Sink())
    waiting.put([Told(1, change("a"))])
    first = waiting.next(0)
    assert first is not None
    waiting.put([Told(2, change("a", 2))])
    waiting.done(first)
    second = waiting.next(0)
    assert second is not None
    assert second.change.revision == 2
    waiting.done(second)
    assert waiting.next(0) is None
    assert len(waiting) == 0


def test_a_receiver_hears_of_its_levels_only() -> None:
    waiting = Waiting(Sink(level="high"))
    waiting.put([Told(1, change("a", level="medium")), Told(1, change("b", level="critical"))])
    assert told(waiting) == [("b", 1)]


def test_a_receiver_that_is_away_costs_no_more_than_so_much_memory() -> None:
    waiting = Waiting(Sink(), most=2)
    waiting.put(
        [Told(at, change(str(at), level=level)) for at, level in enumerate(("high", "low", "high", "high"))]
    )
    assert told(waiting) == [("2", 1), ("3", 1)]
    assert waiting.given_up == 2


def test_what_waits_comes_back_after_a_restart() -> None:
    outbox = Outbox({"ops": Waiting(Sink()), "mail": Waiting(Sink("mail"))})
    outbox.put(cycle(1), [change("a"), change("b", 3)])
    again = Waiting(Sink())
    other = Outbox({"ops": again})
    other.load(unpack(pack(outbox.dump())))
    assert told(again) == [("a", 1), ("b", 3)]
    assert outbox.given_up == other.given_up == 0


def test_listeners_hear_at_once() -> None:
    heard: list[int] = []
    Outbox({}, [lambda each, told: heard.append(each.now_us + len(told))]).put(cycle(7), [change("a")])
    assert heard == [8]


def test_who_waits_is_let_go_at_the_end() -> None:
    waiting = Waiting(Sink())
    found: list[Told | None] = []
    thread = threading.Thread(target=lambda: found.append(waiting.next(None)))
    thread.start()
    waiting.close()
    thread.join(10)
    assert found == [None]
    assert not waiting.pause(60)
