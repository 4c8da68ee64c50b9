"""Read what a member's head must fulfil to be published as a policy that the log can apply."""

from __future__ import annotations

from hisn.tlog.policy import Policy, parse_policy
from hisn.unit.quorum import policy_text
from hisn.unit.rosterdoc import Roster


def publishing_policy(roster: Roster, origin: str, size: int | None = None) -> Policy:
    """Return the policy of `policy_text`, for a head of `size`. Raises VerificationError."""
    return parse_policy(policy_text(roster, origin, size))
