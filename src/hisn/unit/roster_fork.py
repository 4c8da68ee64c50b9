"""Prove that members signed two different epochs of one unit with one number."""

from __future__ import annotations

from collections.abc import Sequence

from hisn.errors import VerificationError
from hisn.unit.roster import verify_epoch, verify_roster_chain
from hisn.unit.rosterdoc import parse_charter


def verify_roster_fork(
    charter: bytes, envelopes: Sequence[bytes], first: bytes, second: bytes
) -> frozenset[str]:
    """Return the members who signed two different epochs with one number, both following the same chain.

    Raises VerificationError if that is not so.
    """
    founded, chain = parse_charter(charter), verify_roster_chain(charter, envelopes)
    one, other = verify_epoch(founded, chain, first), verify_epoch(founded, chain, second)
    if one.document == other.document:
        raise VerificationError(
            "E3418", "the two epochs are one and the same", hint="two different ones of one number are a fork"
        )
    return one.signers & other.signers
