"""Send a digest of what changed by e-mail: seldom, all at once, and until a server takes it."""

from __future__ import annotations

import smtplib
import ssl
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from hisn.app.watch.outbox import Told, Waiting
from hisn.present.watch_view import digest_subject, digest_text

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 900.0
TIMEOUT_S = 30.0
MOST_IN_ONE = 200
_ALARM = frozenset({"critical"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Name a server; the password goes over TLS only."""

    host: str
    port: int = 587
    starttls: bool = True
    user: str = ""
    password: str = field(default="", repr=False)
    trust: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """Send digests at most every `every_s` seconds; what is critical goes at once."""

    name: str
    server: MailServer
    sender: str
    to: tuple[str, ...]
    every_s: float = 300.0
    level: str = "high"
    first_pause_s: float = FIRST_PAUSE_S

    def run(self, waiting: Waiting) -> None:
        """Send what waits until it is closed."""
        pause_s = self.first_pause_s
        sent_s = -self.every_s
        while waiting.next(None) is not None and not waiting.is_closed:
            left_s = self.every_s - (time.monotonic() - sent_s)
            told = waiting.all()[:MOST_IN_ONE]
            if left_s > 0 and not any(each.change.finding.level in _ALARM for each in told):
                if not waiting.pause(min(left_s, 5.0)):
                    return
                continue
            if self._send(told):
                for each in told:
                    waiting.done(each)
                sent_s, pause_s = time.monotonic(), self.first_pause_s
            elif waiting.pause(pause_s):
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                return

    def _send(self, told: list[Told]) -> bool:
        changes = [(each.at_us, each.change) for each in told]
        message = EmailMessage()
        message["Subject"] = digest_subject(changes)
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain="hisn.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(digest_text(changes))
        server = self.server
        try:
            with smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S) as connection:
                if server.starttls:
                    connection.starttls(context=server.trust or ssl.create_default_context())
                    if server.user:
                        connection.login(server.user, server.password)
                connection.send_message(message)
        except (OSError, smtplib.SMTPException):
            return False
        return True
