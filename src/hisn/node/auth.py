"""Sign requests to another member's node, and tell who has signed one.

Log entries and bodies go to members only.  A request carries::

    Authorization: Hisn-Sig origin="ID", time="T", to="ID", sig="BASE64"

`sig` is the Ed25519 signature, by the act key of `origin`, of these lines without a last newline::

    hisn request/1
    METHOD
    PATH, with "?" and the query if there is one, as they stand in the request
    T, microseconds since 1970
    ID of the node that is asked
    SHA-256 of the body, in hexadecimal

The node that is asked stands in it, so that whoever is asked cannot ask a third one with it.  A
time that is off by more than 300 s is refused, and within these a signature is accepted once.  So
a signer gives no two requests the same time.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import defaultdict
from typing import Protocol

from hisn.core.canon import b64, parse_b64, parse_decimal
from hisn.core.clock import Clock
from hisn.core.keys import PublicKey
from hisn.core.signers import Signer
from hisn.errors import InputError, VerificationError

SCHEME = "Hisn-Sig"
SKEW_US = 300 * 1_000_000
MAX_REMEMBERED = 20_000
"""Signatures remembered of one member; one that asks faster is refused rather than forgotten."""

_HEADER = re.compile(
    r'Hisn-Sig origin="([\x21\x23-\x7e]{1,200})", time="([0-9]{1,19})", '
    r'to="([\x21\x23-\x7e]{1,200})", sig="([A-Za-z0-9+/]{86}==)"'
)


_HINT = "only members may ask for this; docs/reference has the form of a signed request"


def request_message(method: str, target: str, time: str, to: str, body: bytes) -> bytes:
    """Return what a member signs to make a request."""
    digest = hashlib.sha256(body).hexdigest()
    return f"hisn request/1\n{method}\n{target}\n{time}\n{to}\n{digest}".encode()


class RequestSigner:
    """Sign requests for one member. Calls from several threads are safe."""

    def __init__(self, origin: str, signer: Signer, clock: Clock) -> None:
        self._origin = origin
        self._signer = signer
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()

    def header(self, method: str, target: str, to: str, body: bytes = b"") -> str:
        """Return the header `Authorization` for one request, to be sent once."""
        with self._lock:
            self._last = max(self._last + 1, self._clock.now())
            time = str(self._last)
        signature = self._signer.sign(request_message(method, target, time, to, body))
        return f'{SCHEME} origin="{self._origin}", time="{time}", to="{to}", sig="{b64(signature)}"'


class Members(Protocol):
    """Know the members of the unit; the roster decides, and may change between two calls."""

    def request_key(self, origin: str) -> PublicKey | None:
        """Return the Ed25519 act key of an active member, or None for anybody else."""
        ...


class Doorkeeper:
    """Tell which member has signed a request. Calls from several threads are safe."""

    def __init__(self, own_origin: str, members: Members, clock: Clock) -> None:
        self._own_origin = own_origin
        self._members = members
        self._clock = clock
        # What was seen before this process began is not remembered, so it cannot be accepted.
        self._floor = int(clock.now())
        self._seen: dict[str, dict[bytes, int]] = defaultdict(dict)
        self._lock = threading.Lock()

    def admit(self, header: str | None, method: str, target: str, body: bytes = b"") -> str:
        """Return the origin of the member that signed the request.

        Raises InputError: E2402 if it is not signed in this form, E2403 if it must not pass.
        """
        match = _HEADER.fullmatch(header or "")
        if not match:
            raise InputError("E2402", "the request is not signed", hint=_HINT)
        origin, time, to, encoded = match.groups()
        try:
            time_us, signature = parse_decimal(time), parse_b64(encoded)
        except VerificationError as error:
            raise InputError(
                "E2402", "the request is not signed in its form", hint="see node/auth"
            ) from error
        if to != self._own_origin:
            raise _refuse("it was signed for another node")
        key = self._members.request_key(origin)
        if key is None:
            raise _refuse("its signer is not an active member")
        # Before the signature, so that old requests cost nothing; again behind it, with the memory.
        self._check_time(time_us)
        try:
            key.verify(signature, request_message(method, target, time, to, body))
        except VerificationError as error:
            raise _refuse("its signature does not hold") from error
        with self._lock:
            self._check_time(time_us)
            self._remember(origin, signature, time_us)
        return origin

    def _check_time(self, time_us: int) -> None:
        now = self._clock.now()
        if abs(time_us - now) > SKEW_US:
            raise _refuse("its time is not the present")
        if time_us < self._floor:
            raise _refuse("its time is before what this node remembers")

    def _remember(self, origin: str, signature: bytes, time_us: int) -> None:
        seen = self._seen[origin]
        if signature in seen:
            raise _refuse("it was made before")
        if len(seen) >= MAX_REMEMBERED:
            # What is forgotten is refused from now on, also if the clock goes back.
            self._floor = max(self._floor, self._clock.now() - SKEW_US)
            for old in [each for each, time in seen.items() if time < self._floor]:
                del seen[old]
        if len(seen) >= MAX_REMEMBERED:
            raise _refuse("its signer asks too often")
        seen[signature] = time_us


def _refuse(why: str) -> InputError:
    return InputError(
        "E2403",
        f"the request is refused: {why}",
        hint="check the clocks and the rosters of both nodes, then ask again",
    )
