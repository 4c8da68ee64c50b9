from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.node.samples import ORIGIN, SampleLog

from hisn.node.held import Held
from hisn.node.ticket import Tickets

TICKETS = Tickets(b"k" * 32)
LOG = SampleLog()
PENDING = Held(7, LOG.head(7).root, 0, LOG.note(7))


def test_a_ticket_brings_the_checkpoint_back() -> None:
    assert TICKETS.redeem(TICKETS.issue(PENDING), ORIGIN, 7) == PENDING


def test_a_ticket_is_good_for_its_log_and_size_alone() -> None:
    ticket = TICKETS.issue(PENDING)
    assert TICKETS.redeem(ticket, ORIGIN, 8) is None
    assert TICKETS.redeem(ticket, "other.example/log", 7) is None


def test_a_ticket_of_another_key_is_none() -> None:
    assert TICKETS.redeem(Tickets(b"l" * 32).issue(PENDING), ORIGIN, 7) is None


def test_no_byte_of_a_ticket_can_be_changed() -> None:
    ticket = TICKETS.issue(PENDING)
    for at in range(0, len(ticket), 37):
        changed = ticket[:at] + bytes([ticket[at] ^ 1]) + ticket[at + 1 :]
        assert TICKETS.redeem(changed, ORIGIN, 7) is None


@given(st.binary(max_size=100))
def test_bytes_of_strangers_are_no_ticket(ticket: bytes) -> None:
    assert TICKETS.redeem(ticket, ORIGIN, 7) is None


def test_a_note_of_ours_that_is_no_checkpoint_is_no_ticket() -> None:
    assert TICKETS.redeem(TICKETS.issue(replace(PENDING, note=b"nonsense")), ORIGIN, 7) is None


def test_a_note_too_long_for_a_ticket_gets_none() -> None:
    assert TICKETS.issue(replace(PENDING, note=bytes(2**16))) == b""
