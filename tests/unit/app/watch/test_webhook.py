from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from hashlib import sha256

import httpx
import pytest
from tests.unit.app.watch.test_outbox import change

from hisn.app.watch.outbox import Told, Waiting
from hisn.app.watch.webhook import WebhookSender, require_safe, signature
from hisn.errors import UsageError
from hisn.testing.fake_clock import START, FakeClock

SECRET = b"a shared secret"


def sent(answers: list[Callable[[], httpx.Response]], *told: Told) -> list[httpx.Request]:
    """Let a sender work until nothing waits; return the requests that came."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answers.pop(0)() if answers else httpx.Response(204)

    sender = WebhookSender(
        "ops", "https://ops.example/hook", SECRET, FakeClock(), "low",
        transport=lambda: httpx.MockTransport(answer), first_pause_s=0.001,
    )  # fmt: skip
    waiting = Waiting(sender)
    waiting.put(told)
    thread = threading.Thread(target=sender.run, args=(waiting,))
    thread.start()
    while len(waiting):
        threading.Event().wait(0.005)
    waiting.close()
    thread.join(10)
    return requests


def test_a_request_is_signed_over_time_and_body() -> None:
    (request,) = sent([], Told(START, change("f-1", 3)))
    stamp = request.headers["Hisn-Timestamp"]
    assert int(stamp) == START // 1_000_000
    expected = hmac.new(SECRET, stamp.encode() + b"." + request.content, sha256).hexdigest()
    assert request.headers["Hisn-Signature"] == f"v1={expected}"
    assert request.headers["Hisn-Delivery"] == "f-1/3"
    assert signature(b"another", int(stamp), request.content) != request.headers["Hisn-Signature"]


def fails() -> httpx.Response:
    raise httpx.ConnectError("nobody is there")


@pytest.mark.parametrize("status", [0, 500, 503, 429, 408])
def test_what_was_not_taken_is_tried_again_in_its_order(status: int) -> None:
    def answer() -> httpx.Response:
        return httpx.Response(status) if status else fails()

    requests = sent([answer, answer], Told(1, change("a")), Told(1, change("b")))
    assert [each.headers["Hisn-Delivery"] for each in requests] == ["a/1", "a/1", "a/1", "b/1"]


@pytest.mark.parametrize("status", [200, 301, 400, 404])
def test_what_was_refused_for_good_is_not_tried_again(status: int) -> None:
    requests = sent([lambda: httpx.Response(status, headers={"Location": "https://evil.example"})],
                    Told(1, change("a")))  # fmt: skip
    assert len(requests) == 1


def test_a_receiver_that_is_away_does_not_hold_the_end_back() -> None:
    sender = WebhookSender(
        "ops", "https://ops.example", SECRET, FakeClock(),
        transport=lambda: httpx.MockTransport(lambda _request: fails()),
    )  # fmt: skip
    waiting = Waiting(sender)
    waiting.put([Told(1, change("a"))])
    thread = threading.Thread(target=sender.run, args=(waiting,))
    thread.start()
    threading.Event().wait(0.05)
    waiting.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(waiting) == 1


def test_findings_go_over_tls_or_stay_here() -> None:
    for url in ("https://ops.example/x", "http://127.0.0.1:80/", "http://[::1]/", "http://localhost/x"):
        assert require_safe(url) == url
    for url in ("http://ops.example/", "ftp://ops.example", "https://", "http://127.0.0.1.evil.example/"):
        with pytest.raises(UsageError) as caught:
            require_safe(url)
        assert caught.value.code == "E1354"
