"""Have the newest checkpoint of the own log cosigned, and publish it with a quorum.

All witnesses are asked at the same time.  Once the quorum is reached, the others have a short grace;
who comes later is asked again the next time.  Each cosignature is verified, then stored, so that a
crash loses none, and calling again catches up.

A witness that is away, slow, wrong or hostile costs its own cosignature and nothing else.  One case
is another matter: a witness that shows a larger or another tree, *signed by this log*.  Then this
log is an old copy of itself and must sign no more (`setback`); a claim without that proof is a lie
or an error of the witness, and stops nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import assert_never

from hisn.core.clock import Clock
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, VerificationError
from hisn.node.client import Ask, Caller, Deadlines
from hisn.node.cosigned import CosignedRow
from hisn.node.known import origin_hash
from hisn.node.published import Haste, Published, head_to_publish, publish_cosigned
from hisn.node.submit import Accepted, Ahead, Declined, submit_checkpoint
from hisn.node.without import FUTURE_S, Missing, Why, Without, of_peer
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.cosign import verify_cosignature
from hisn.tlog.note import VerifierKey, parse_signature_lines
from hisn.tlog.policy import Policy
from hisn.tlog.ports import Register
from hisn.tlog.sign import signature_line

SETBACKS = ("E5207", "E5211")
"""What `LogWriter.check_witness_head` raises if a witness has proven that this log is an old copy."""


@dataclass(frozen=True, slots=True)
class WitnessPeer:
    """Hold one witness of a policy: its name, its submission prefix, which serves its checkpoints, too."""

    name: str
    prefix: str
    vkeys: tuple[VerifierKey, ...]


def peers_of(policy: Policy) -> tuple[WitnessPeer, ...]:
    """Return the witnesses of a policy; lines of one key name are one witness (ours have two)."""
    found: dict[str, WitnessPeer] = {}
    for line in policy.witnesses:
        known = found.get(line.vkey.name) or WitnessPeer(line.vkey.name, "", ())
        prefix = known.prefix or line.url.rstrip("/")
        found[line.vkey.name] = replace(known, prefix=prefix, vkeys=(*known.vkeys, line.vkey))
    return tuple(found.values())


@dataclass(slots=True)
class _Round:
    """Hold the state of one call."""

    caller: Caller
    head: SignedCheckpoint
    lines: dict[str, bytes]
    sizes: dict[str, int]
    missing: dict[str, Missing] = field(default_factory=dict)
    setback: StorageError | None = None


class Publisher:
    """Publish one log; one call at a time."""

    def __init__(
        self,
        writer: LogWriter,
        policy: Policy,
        *,
        register: Register,
        clock: Clock,
        haste: Haste | None = None,
    ) -> None:
        self._writer = writer
        self._policy = policy
        self._peers = peers_of(policy)
        self._row = CosignedRow(register, writer.keys.name)
        self._clock = clock
        self._haste = haste or Haste()

    def publish_now(self, tls: ssl.SSLContext | None = None) -> Published:
        """Publish from a program that has no event loop of its own; as `publish`."""

        async def work() -> Published:
            async with Caller(deadlines=Deadlines(whole_s=self._haste.whole_s), tls=tls) as caller:
                return await self.publish(caller)

        return asyncio.run(work())

    async def publish(self, caller: Caller) -> Published:
        """Ask every witness that has not cosigned yet, and publish with a quorum.

        Raises StorageError for what is wrong here: the log must not be signed, or the disk fails.
        """
        now = self._begin(caller, head_to_publish(self._writer))
        await self._ask_all(now)
        cosigned = self._cosigned(now)
        missing = tuple(now.missing[peer.name] for peer in self._peers if peer.name in now.missing)
        return publish_cosigned(self._writer, self._policy, cosigned, missing, now.setback)

    def _begin(self, caller: Caller, head: SignedCheckpoint) -> _Round:
        """Take up what earlier calls have stored, as far as the policy of today knows its signers."""
        stored = self._row.load(head.note.text)
        lines = {}
        for peer in self._peers:
            with suppress(Without):
                lines[peer.name] = self._checked(peer, head, stored.lines.get(peer.name, b""))
        return _Round(caller, head, lines, dict(stored.sizes))

    def _cosigned(self, now: _Round) -> SignedCheckpoint:
        known = [now.lines[peer.name] for peer in self._peers if peer.name in now.lines]
        return parse_signed_checkpoint(now.head.raw + b"".join(known))

    def _is_reached(self, now: _Round) -> bool:
        signed = [peer for peer in self._peers if peer.name in now.lines]
        return self._policy.is_reached({vkey for peer in signed for vkey in peer.vkeys})

    async def _ask_all(self, now: _Round) -> None:
        tasks: dict[asyncio.Task[bytes], WitnessPeer] = {}
        for peer in self._peers:
            if peer.name in now.lines:
                continue
            if peer.prefix:
                tasks[asyncio.create_task(self._ask(now, peer))] = peer
            else:
                now.missing[peer.name] = Missing(peer.name, Why.NO_ADDRESS)
        try:
            await self._gather(now, tasks)
        finally:
            # Whoever has no time left: cancelled, and asked again the next time.
            for task, peer in tasks.items():
                task.cancel()
                now.missing.setdefault(peer.name, Missing(peer.name, Why.LATE))
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _gather(self, now: _Round, tasks: dict[asyncio.Task[bytes], WitnessPeer]) -> None:
        """Take answers as they come, until nobody is left or time is up; take what came out of `tasks`."""
        clock = asyncio.get_running_loop()
        end = clock.time() + self._haste.whole_s
        while tasks:
            if self._is_reached(now):
                end = min(end, clock.time() + self._haste.grace_s)
            done, _ = await asyncio.wait(
                tasks, timeout=max(0.0, end - clock.time()), return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                return
            for task in done:
                peer = tasks.pop(task)
                try:
                    lines = task.result()
                except Without as error:
                    now.missing[peer.name] = Missing(peer.name, error.why, error.detail)
                    continue
                now.lines[peer.name] = lines
                self._row.keep(now.head.note.text, peer.name, lines, now.head.checkpoint.size)

    async def _ask(self, now: _Round, peer: WitnessPeer) -> bytes:
        """Return the verified lines of one witness."""
        old = now.sizes.get(peer.name, 0)
        with of_peer():
            outcome = await submit_checkpoint(
                now.caller, peer.prefix, now.head, old, self._writer.consistency
            )
        match outcome:
            case Accepted(lines):
                return self._checked(peer, now.head, lines)
            case Ahead(size):
                await self._look(now, peer)
                raise Without(Why.CLAIMS, f"{size} entries")
            case Declined(status, why):
                if status == 422:
                    await self._look(now, peer)
                raise Without(Why.DECLINED, why)
            case _:
                assert_never(outcome)

    async def _look(self, now: _Round, peer: WitnessPeer) -> None:
        """Ask a witness for the checkpoint that it holds, which may prove what it claims."""
        log = origin_hash(now.head.checkpoint.origin)
        with of_peer():
            reply = await now.caller.ask(Ask(f"{peer.prefix}/{log}/checkpoint", MAX_NOTE_BYTES))
        if reply.status != 200:
            return
        try:
            self._writer.check_witness_head(reply.body)
        except VerificationError:
            return
        except StorageError as error:
            if error.code not in SETBACKS:
                raise
            now.setback = now.setback or error
            raise Without(Why.PROVES, error.message) from error

    def _checked(self, peer: WitnessPeer, head: SignedCheckpoint, data: bytes) -> bytes:
        """Return one line for each key of a witness, all verified; lines of unknown keys are ignored."""
        latest = self._clock.now() // 1_000_000 + FUTURE_S
        good: dict[VerifierKey, bytes] = {}
        try:
            for line in parse_signature_lines(data):
                for key in peer.vkeys:
                    if key.signed(line):
                        time_s = verify_cosignature(line, key, head)
                        if time_s > latest:
                            raise Without(Why.FUTURE, f"{time_s} s")
                        if time_s:
                            good.setdefault(key, signature_line(line))
        except VerificationError as error:
            raise Without(Why.UNSIGNED, error.message) from error
        if len(good) < len(peer.vkeys):
            raise Without(Why.UNSIGNED, "a signature is missing")
        return b"".join(good.values())
