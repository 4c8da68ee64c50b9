from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from tests.unit.node.samples import ORIGIN, SampleLog, rooms

from hisn.errors import VerificationError
from hisn.node.body import parse_tree_size
from hisn.node.held import Held, format_held, parse_held
from hisn.node.known import origin_hash
from hisn.node.ratchet import Ratchet, move_forward
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict

LOG = origin_hash(ORIGIN)


class Storing:
    """Store what passed, and answer its size."""

    def endorse(self, new: Held, _held: Held | None) -> Held:
        return new

    def lines(self, stored: Held) -> bytes:
        return b"%d" % stored.size


class RivalRegister(MemoryRegister):
    """Let another process store first, as often as it is told to."""

    def __init__(self, rival: bytes, times: int) -> None:
        super().__init__()
        self.rival, self.times = rival, times

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if self.times:
            self.times -= 1
            self.values[name] = self.rival
            raise Conflict(name)
        super().swap(name, old, new)


def row_of(log: SampleLog, size: int) -> bytes:
    register = MemoryRegister()
    assert Ratchet("w", rooms(log, register=register), Storing()).advance(log.request(0, size)).status == 200
    return register.values[f"w/{LOG}"]


def test_of_two_that_were_checked_against_one_state_the_slower_is_checked_again() -> None:
    # tlog-witness: request A for N is checked, B for N+K is stored, A must not roll K leaves back.
    log = SampleLog()
    register = RivalRegister(row_of(log, 9), 1)
    ratchet = Ratchet("w", rooms(log, register=register), Storing())
    answer = ratchet.advance(log.request(0, 5))
    assert (answer.status, parse_tree_size(answer.body)) == (409, 9)
    held = ratchet.held(LOG)
    assert held is not None
    assert held.size == 9


def test_a_lost_race_for_the_same_tree_is_run_again() -> None:
    log = SampleLog()
    register = RivalRegister(row_of(log, 5), 3)
    ratchet = Ratchet("w", rooms(log, register=register), Storing())
    register.values[f"w/{LOG}"] = register.rival
    assert ratchet.advance(log.request(5, 9)).status == 200


def test_who_never_wins_is_asked_to_come_back() -> None:
    log = SampleLog()
    register = RivalRegister(row_of(log, 5), 10**6)
    register.values[f"w/{LOG}"] = register.rival
    assert Ratchet("w", rooms(log, register=register), Storing()).advance(log.request(5, 9)).status == 503


def test_many_threads_move_one_log_forward_and_never_back() -> None:
    log = SampleLog()
    requests = [log.request(0, size) for size in range(1, 33)]
    barrier = Barrier(16)
    ratchet = Ratchet("w", rooms(log), Storing())

    def ask(request: bytes) -> int:
        barrier.wait()
        return ratchet.advance(request).status

    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(ask, requests))
    assert sorted(statuses) == [200] + [409] * 31
    held = ratchet.held(LOG)
    assert held is not None
    assert 1 <= held.size <= 32


def test_what_is_held_already_is_not_written_again() -> None:
    class Keeping(Storing):
        def endorse(self, new: Held, held: Held | None) -> Held:
            return held or new

    log = SampleLog()
    register = MemoryRegister()
    ratchet = Ratchet("w", rooms(log, register=register), Keeping())
    ratchet.advance(log.request(0, 5))
    row = register.values[f"w/{LOG}"]
    assert ratchet.advance(log.request(5, 9)).body == b"5"
    assert register.values[f"w/{LOG}"] is row


class Forgetful:
    """Say of one log that what was signed of it is forgotten."""

    def refusal(self, origin: str) -> str | None:
        return "forgotten" if origin == ORIGIN else None


def test_a_node_that_has_forgotten_signs_nothing_of_that_log_and_takes_nothing_in() -> None:
    log, other = SampleLog(), SampleLog("east.example/log", 2)
    shared = replace(rooms(log, other), standing=Forgetful())
    ratchet = Ratchet("w", shared, Storing())
    answer = ratchet.advance(log.request(0, 5))
    assert (answer.status, answer.body) == (503, b"forgotten\n")
    assert ratchet.held(LOG) is None
    assert ratchet.advance(other.request(0, 5)).status == 200
    assert shared.unfit(other.origin) is None


def state(log: SampleLog, size: int) -> Held:
    return Held(size, log.head(size).root, 0, log.note(size))


def test_what_was_learnt_moves_a_row_forward_and_never_back() -> None:
    log, register = SampleLog(), MemoryRegister()

    def root_of(size: int) -> bytes:
        return log.head(size).root

    moved = [move_forward(register, "w", state(log, size), root_of) for size in (3, 7, 7, 5, 8)]
    assert moved == [True, True, False, False, True]
    held = parse_held("w", register.get("w"))
    assert held is not None
    assert held.size == 8


@pytest.mark.parametrize("size", [7, 9])
def test_two_histories_of_one_log_are_never_joined(size: int) -> None:
    log, other, register = SampleLog(), SampleLog(words="other"), MemoryRegister()
    register.swap("w", None, row := format_held(state(other, 7)))
    with pytest.raises(VerificationError) as caught:
        move_forward(register, "w", state(log, size), lambda old: log.head(old).root)
    assert caught.value.code == "E3229"
    assert register.get("w") == row


def test_of_two_who_learn_at_once_the_larger_state_stays() -> None:
    log = SampleLog()
    register = RivalRegister(format_held(state(log, 9)), 1)
    assert not move_forward(register, "w", state(log, 7), lambda size: log.head(size).root)
    assert register.get("w") == register.rival
