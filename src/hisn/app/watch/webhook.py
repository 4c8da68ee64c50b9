"""Tell a program of what changes, by signed requests that are tried until they are taken.

The receiver checks ``Hisn-Signature``: ``v1=`` and the hexadecimal HMAC-SHA-256, under the shared
secret, over ``Hisn-Timestamp``, a dot, and the body.  It should refuse timestamps that are old, and
pass over what it has seen: ``Hisn-Delivery`` is thread and revision, and a request may come twice.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hisn.app.watch.outbox import Told, Waiting
from hisn.core.clock import Clock
from hisn.errors import UsageError
from hisn.present.watch_view import change_json

if TYPE_CHECKING:
    import httpx

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
TIMEOUT_S = 10.0
_AGAIN = frozenset({408, 425, 429})
_US = 1_000_000


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """Return what stands in ``Hisn-Signature``."""
    return "v1=" + hmac.new(secret, b"%d." % timestamp + body, sha256).hexdigest()


def require_safe(url: str) -> str:
    """Return the address if findings may go there: TLS, or this machine. Raises UsageError (E1354)."""
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname))):
        return url
    raise UsageError(
        "E1354",
        f"findings are not sent there: {url[:200]!r}",
        hint="use https://, or http:// to this machine",
    )


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Post to one address. `transport` is for tests."""

    name: str
    url: str
    secret: bytes
    clock: Clock
    level: str = "medium"
    transport: Callable[[], httpx.BaseTransport] | None = None
    first_pause_s: float = FIRST_PAUSE_S

    def run(self, waiting: Waiting) -> None:
        """Tell what waits, in its order, until it is closed."""
        import httpx

        logging.getLogger("httpx").setLevel(logging.WARNING)
        client = httpx.Client(
            timeout=TIMEOUT_S, transport=self.transport() if self.transport else None, follow_redirects=False
        )
        with client:
            pause_s = self.first_pause_s
            while (told := waiting.next(None)) is not None and not waiting.is_closed:
                if self._post(client, told):
                    waiting.done(told)
                    pause_s = self.first_pause_s
                elif waiting.pause(pause_s):
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                else:
                    return

    def _post(self, client: httpx.Client, told: Told) -> bool:
        """Try once; tell whether it is over: taken, or refused for good."""
        import httpx

        body = change_json(told.at_us, told.change)
        timestamp = self.clock.now() // _US
        headers = {
            "Content-Type": "application/json",
            "Hisn-Timestamp": str(timestamp),
            "Hisn-Signature": signature(self.secret, timestamp, body),
            "Hisn-Delivery": f"{told.change.thread}/{told.change.revision}",
        }
        try:
            status = client.post(self.url, content=body, headers=headers).status_code
        except httpx.HTTPError:
            return False
        return status < 500 and status not in _AGAIN
