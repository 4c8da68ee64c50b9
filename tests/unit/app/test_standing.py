"""A node that has forgotten what it signed signs nothing more, and asks whoever may know before it does."""

from __future__ import annotations

from dataclasses import dataclass, field

from hisn.app.recall import Recall
from hisn.app.standing import WitnessMemory
from hisn.errors import StorageError
from hisn.node.held import Held
from hisn.node.holds import Hold, Holds
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_register import MemoryRegister

EAST, SOUTH = "east.example", "south.example"


@dataclass
class Told:
    """Answer what was forgotten, as it is told, and count who is asked about."""

    forgotten_of: dict[str, Held] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sources: tuple[str, ...] = (EAST, SOUTH)

    def forgotten(self, origin: str) -> Held | None:
        self.asked.append(origin)
        return self.forgotten_of.get(origin)


@dataclass
class Scene:
    told: Told = field(default_factory=Told)
    clock: FakeClock = field(default_factory=FakeClock)
    holds: Holds = field(default_factory=lambda: Holds(MemoryRegister()))
    said: list[tuple[str, str]] = field(default_factory=list)
    own: StorageError | None = None

    def memory(self) -> WitnessMemory:
        def recall() -> Recall:
            return self.told  # type: ignore[return-value]  # it has what is used here

        return WitnessMemory(
            recall,
            self.holds,
            self.clock,
            own_refusal=lambda: self.own,
            say=lambda code, text: self.said.append((code, text)),
        )


def test_nobody_is_asked_twice_within_an_hour() -> None:
    scene = Scene()
    memory = scene.memory()
    assert [memory.refusal(EAST), memory.refusal(EAST), memory.refusal(SOUTH)] == [None] * 3
    assert scene.told.asked == [EAST, SOUTH]
    scene.clock.advance(3_600)
    memory.refusal(EAST)
    assert scene.told.asked == [EAST, SOUTH, EAST]


def test_a_clock_that_was_set_back_with_its_machine_is_reason_to_ask() -> None:
    scene = Scene()
    memory = scene.memory()
    memory.refusal(EAST)
    scene.clock.advance(-10)
    memory.refusal(EAST)
    assert scene.told.asked == [EAST, EAST]


def test_one_forgotten_signature_stops_all_also_after_a_restart() -> None:
    scene = Scene()
    scene.told.forgotten_of[EAST] = Held(9, bytes(32), 1, b"")
    memory = scene.memory()
    refusal = memory.refusal(EAST)
    assert refusal is not None
    assert "recover" in refusal
    assert memory.refusal(SOUTH) == refusal
    assert scene.memory().refusal(SOUTH) == refusal
    assert scene.told.asked == [EAST], "who is held is not asked about"
    assert scene.said == [("forgotten", f"{EAST}: 9")]


def test_an_own_log_that_must_not_be_signed_is_a_memory_that_is_not_to_be_trusted() -> None:
    scene = Scene(own=StorageError("E5207", "an old copy"))
    assert scene.memory().refusal(EAST) is not None
    assert scene.told.asked == []


def test_each_reason_has_its_words() -> None:
    scene = Scene()
    words = set()
    for hold in Hold:
        scene.holds.put(EAST, hold)
        words.add(scene.memory().refusal(EAST))
    assert len(words) == len(Hold)
