"""Ask time-stamping services for tokens, and check them (RFC 3161): the extra ``hisn[timestamp]``.

A token says that some bytes existed at a time, and its service is no member of the unit.  The
small verifier only lists tokens: X.509 and ASN.1 are not for a program that is read in a day.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hisn.core.instant import format_instant, instant_of
from hisn.core.limits import MAX_TOKEN_BYTES
from hisn.errors import StorageError, UsageError
from hisn.node.client import Ask, Caller, Deadlines, Reply

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_QUERY = "application/timestamp-query"
_OK = 200
_HINT = 'install it with: pip install "hisn[timestamp]"'


@dataclass(frozen=True, slots=True)
class Stamp:
    """Hold what a token says of an act: `time` (RFC 3339) if it holds, else `problem`."""

    act: int
    time: str | None
    problem: str = ""


def imprint_of(leaf: bytes) -> bytes:
    """Return what a token of an act is about: the SHA-256 of its leaf."""
    return hashlib.sha256(leaf).digest()


def read_roots(paths: Sequence[Path]) -> list[Certificate]:
    """Return the root certificates of PEM files. Raises UsageError."""
    from cryptography.x509 import load_pem_x509_certificates

    roots: list[Certificate] = []
    for path in paths:
        try:
            roots += load_pem_x509_certificates(path.read_bytes())
        except OSError as error:
            raise UsageError(
                "E1320",
                f"cannot read the certificate {path}: {error.strerror}",
                hint="check --timestamp-root",
            ) from error
        except ValueError as error:
            raise UsageError(
                "E1320", f"{path} holds no certificate in PEM form", hint="check --timestamp-root"
            ) from error
    return roots


def check_stamps(
    leaves: Mapping[int, bytes], tokens: Mapping[int, bytes], roots: Sequence[Certificate]
) -> tuple[Stamp, ...]:
    """Check the tokens of acts, by number of the act, against root certificates that the caller trusts.

    Raises UsageError where the extra is not installed.
    """
    return tuple(_check(number, leaves.get(number), tokens[number], roots) for number in sorted(tokens))


def _check(number: int, leaf: bytes | None, token: bytes, roots: Sequence[Certificate]) -> Stamp:
    if leaf is None:
        return Stamp(number, None, "there is no such act")
    library = _library()
    try:
        response = library.decode_timestamp_response(token)
        # A set of roots, as the library holds it: one that is named twice is one.
        verifier = library.VerifierBuilder(roots=list(dict.fromkeys(roots))).build()
        verifier.verify(response, imprint_of(leaf))
        info = response.tst_info
        # The library compares the bytes only: SHA-1 of something else has other bytes, but say so.
        if info.message_imprint.hash_algorithm.dotted_string != _SHA256:
            return Stamp(number, None, "the token is not over a SHA-256 digest")
        return Stamp(number, format_instant(instant_of(info.gen_time)))
    except Exception as error:  # noqa: BLE001 - on hostile tokens the library raises whatever comes
        return Stamp(number, None, str(error) or type(error).__name__)


_SHA256 = "2.16.840.1.101.3.4.2.1"


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError as error:
        raise UsageError("E1321", "time-stamp tokens need an extra of Hisn", hint=_HINT) from error
    return rfc3161_client


def ask_for_token(leaf: bytes, url: str, timeout_s: float = 20.0) -> bytes:
    """Return the token of a time-stamping service over an act. Raises StorageError and UsageError."""
    library = _library()
    request = library.TimestampRequestBuilder(leaf, library.HashAlgorithm.SHA256).build()
    ask = Ask(url, MAX_TOKEN_BYTES, request.as_bytes(), {"Content-Type": _QUERY})

    async def asked() -> Reply:
        async with Caller(deadlines=Deadlines(step_s=timeout_s, whole_s=timeout_s)) as caller:
            return await caller.ask(ask)

    try:
        answer = asyncio.run(asked())
    except StorageError as error:
        raise _no_token(url, error.message) from error
    if answer.status != _OK:
        raise _no_token(url, f"it answers {answer.status}")
    try:
        info = library.decode_timestamp_response(answer.body).tst_info
        imprint, nonce = bytes(info.message_imprint.message), info.nonce
    except Exception as error:
        raise _no_token(url, f"its answer is no token: {error}") from error
    if imprint != imprint_of(leaf):
        raise _no_token(url, "its token is over other bytes")
    if nonce != request.nonce:
        raise _no_token(url, "its token answers another question")
    return answer.body


def _no_token(url: str, reason: str) -> StorageError:
    return StorageError(
        "E5321",
        f"the time-stamping service {url} gave no token: {reason}",
        hint="try again later, or leave --timestamp out; the pack is complete without it",
        unchanged="no pack was written",
    )
