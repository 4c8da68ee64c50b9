from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message
from tests.unit.node.services import run

from hisn.node.intake import Patience, TooLong, read_body

QUICK = Patience(between_pieces_s=0.05, whole_body_s=0.3)


def piece(body: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": not is_last}


def read(messages: list[Message], pause_s: float = 0.0, declared: str = "") -> bytes:
    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        if not messages:
            await asyncio.sleep(100)
        return messages.pop(0)

    headers = [(b"content-length", declared.encode())] if declared else []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    return run(read_body(Request(scope, receive), 10, QUICK))


def test_a_body_in_pieces_is_read_as_one() -> None:
    assert read([piece(b"ab"), piece(b""), piece(b"cd"), piece(b"", is_last=True)]) == b"abcd"


def test_a_body_that_is_too_long_is_not_held() -> None:
    with pytest.raises(TooLong):
        read([piece(b"12345678"), piece(b"123"), piece(b"never read", is_last=True)])


@pytest.mark.parametrize("declared", ["11", "9" * 5_000])
def test_a_declared_length_is_believed_if_it_is_too_long(declared: str) -> None:
    with pytest.raises(TooLong):
        read([], declared=declared)


@pytest.mark.parametrize("declared", ["10", "-1", "x", "٩٩٩"])
def test_any_other_declared_length_proves_nothing(declared: str) -> None:
    assert read([piece(b"1234567890", is_last=True)], declared=declared) == b"1234567890"


def test_a_caller_who_pauses_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        read([piece(b"a")])


def test_a_caller_who_drips_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        read([piece(b"") for _ in range(100)], pause_s=0.03)


def test_a_caller_who_leaves_is_gone() -> None:
    with pytest.raises(ClientDisconnect):
        read([piece(b"a"), {"type": "http.disconnect"}])
