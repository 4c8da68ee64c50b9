"""A digest goes to a real server, which speaks SMTP on this machine."""

from __future__ import annotations

import email
import email.policy
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from tests.unit.app.units import free_urls
from tests.unit.app.watch.test_outbox import change

from hisn.app.watch.mail import MailSender, MailServer
from hisn.app.watch.outbox import Told, Waiting


class Inbox:
    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.refusals = 0

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        if self.refusals:
            self.refusals -= 1
            return "451 come again later"
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    found = Inbox()
    port = int(free_urls(("a",))["a"].rpartition(":")[2])
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    yield found, port
    controller.stop()


class Running:
    def __init__(self, port: int, every_s: float) -> None:
        self.sender = MailSender(
            name="duty",
            server=MailServer(host="127.0.0.1", port=port, starttls=False),
            sender="hisn@county.example",
            to=("duty@county.example", "chief@county.example"),
            every_s=every_s,
            level="low",
            first_pause_s=0.01,
        )
        self.waiting = Waiting(self.sender)
        self._thread = threading.Thread(target=self.sender.run, args=(self.waiting,))

    def __enter__(self) -> Waiting:
        self._thread.start()
        return self.waiting

    def __exit__(self, *_: object) -> None:
        self.waiting.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


def until_empty(waiting: Waiting) -> None:
    end = time.monotonic() + 20
    while len(waiting):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_changes_are_one_message_the_most_severe_first(inbox: tuple[Inbox, int]) -> None:
    found, port = inbox
    running = Running(port, 0)
    running.waiting.put([Told(1, change("a", level="low")), Told(2, change("b", level="high"))])
    with running as waiting:
        until_empty(waiting)
    (message,) = found.messages
    assert message["Subject"] == "[hisn] high: 2 findings"
    assert message["To"] == "duty@county.example, chief@county.example"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content()
    assert text.index("HIGH") < text.index("LOW")
    assert "contains" in text


def test_a_server_that_refuses_is_asked_again(inbox: tuple[Inbox, int]) -> None:
    found, port = inbox
    found.refusals = 2
    with Running(port, 0) as waiting:
        waiting.put([Told(1, change("a"))])
        until_empty(waiting)
    assert len(found.messages) == 1


def test_digests_are_seldom_but_what_is_critical_goes_at_once(inbox: tuple[Inbox, int]) -> None:
    found, port = inbox
    with Running(port, 3_600) as waiting:
        waiting.put([Told(1, change("a"))])
        until_empty(waiting)
        waiting.put([Told(2, change("b"))])
        time.sleep(0.2)
        assert len(found.messages) == 1
        waiting.put([Told(3, change("c", level="critical"))])
        until_empty(waiting)
    assert [message["Subject"] for message in found.messages] == [
        "[hisn] high: 1 finding", "[hisn] critical: 2 findings",
    ]  # fmt: skip


def test_a_server_that_is_away_does_not_hold_the_end_back() -> None:
    port = int(free_urls(("a",))["a"].rpartition(":")[2])
    with Running(port, 0) as waiting:
        waiting.put([Told(1, change("a"))])
        time.sleep(0.1)
    assert len(waiting) == 1


def test_a_password_is_shown_nowhere() -> None:
    assert "secret" not in repr(MailServer(host="h", user="u", password="secret"))
