"""Hold what a service answers, before anything of HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field

PLAIN = "text/plain; charset=utf-8"
BINARY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold a status code, a body and the body's type."""

    status: int
    body: bytes = b""
    content_type: str = PLAIN
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, why: str) -> Answer:
    """Return an answer that says in one line why a request was refused.

    The reason is of our own words: nothing that the caller sent comes back to it.
    """
    return Answer(status, why.encode() + b"\n")
