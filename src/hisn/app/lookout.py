"""Ask the witnesses what they have seen of this log, before the first signature over it.

A restored old copy looks sound by itself.  The first checkpoint that it signed would be the second
one of its size: a proven fork, although nobody meant it.  A witness that is away keeps nobody from
sealing; one that is there and has seen more stops it in time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress

from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, VerificationError
from hisn.node.client import Ask, Caller, Deadlines
from hisn.node.known import origin_hash
from hisn.tlog.append import LogWriter

_PATIENCE = Deadlines(connect_s=1.5, step_s=2.0, whole_s=3.0)


def look_out(log: LogWriter, prefixes: Iterable[str]) -> None:
    """Compare what each witness shows with the log. Raises StorageError: E5207, E5211, nothing is signed.

    What this log has not signed itself counts for nothing: a lying witness stops nobody.
    """
    for note in shown([f"{prefix}/{origin_hash(log.keys.name)}/checkpoint" for prefix in prefixes]):
        with suppress(VerificationError):
            log.check_witness_head(note)


def shown(urls: list[str]) -> list[bytes]:
    """Return what those show who answer, asked all at once, from a program with or without a loop."""
    found: list[bytes] = []

    async def ask_all() -> None:
        async with Caller(deadlines=_PATIENCE) as caller:
            answers = await asyncio.gather(*(_ask(caller, url) for url in urls))
        found.extend(answer for answer in answers if answer is not None)

    thread = threading.Thread(target=lambda: asyncio.run(ask_all()), name="hisn look-out")
    thread.start()
    thread.join()
    return found


async def _ask(caller: Caller, url: str) -> bytes | None:
    try:
        reply = await caller.ask(Ask(url, MAX_NOTE_BYTES))
    except StorageError:
        return None
    return reply.body if reply.status == 200 else None
