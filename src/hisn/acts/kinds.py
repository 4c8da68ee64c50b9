"""Know the closed set of acts, and exactly what each of them says in public.

A kind has fields of fixed names and types, and one sort of body.  A name that is not listed, one
that is missing, or a value of another type refuses the act: two readers that pass over different
unknown fields would see two different acts.

The checks here only tell the shape of a value that `core.canon` has parsed; whoever uses them raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from hisn.core.canon import MAX_EXACT, Json
from hisn.core.limits import MAX_ACT_TEXT_CHARS, MAX_ID_CHARS, MAX_SEEN
from hisn.errors import VerificationError

Check = Callable[[Json], bool]

_DIGEST = re.compile(r"[0-9a-f]{64}")
# ASCII only, so that no two ids look alike; no segment starts with a dot, so that none is a path.
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*(?:/[a-z0-9_-][a-z0-9._-]*)*")
_TOKEN = re.compile(r"[!-~]*")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_HINT = "it was made by another program or changed; ask its author for the original"


def is_digest(value: Json) -> bool:
    """Tell whether a value is a SHA-256 digest in lowercase hexadecimal."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_id(value: Json) -> bool:
    """Tell whether a value is the id of a member, which is the origin of its log, or a witness's name."""
    return isinstance(value, str) and len(value) <= MAX_ID_CHARS and _ID.fullmatch(value) is not None


def is_count(value: Json) -> bool:
    """Tell whether a value is an integer from 0 to 2**53-1; a boolean is none."""
    return type(value) is int and 0 <= value <= MAX_EXACT


def is_token(value: Json) -> bool:
    """Tell whether a value is visible ASCII without blanks, perhaps empty: nothing in it can deceive."""
    return isinstance(value, str) and len(value) <= MAX_ACT_TEXT_CHARS and _TOKEN.fullmatch(value) is not None


def is_text(value: Json) -> bool:
    """Tell whether a value is some text of bounded length; it is hostile until `display` has shown it."""
    return isinstance(value, str) and 0 < len(value) <= MAX_ACT_TEXT_CHARS


def is_time(value: Json) -> bool:
    """Tell whether a value is a time exactly as `format_instant` writes it: then text order is time order."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_head(value: Json) -> bool:
    """Tell whether a value names a state of a log: origin, size, root."""
    return has_shape(value, {"origin": is_id, "size": is_count, "root": is_digest})


def is_heads(value: Json) -> bool:
    """Tell whether a value is a list of heads, one per log, in the order of their origins."""
    if not isinstance(value, list) or len(value) > MAX_SEEN or not all(map(is_head, value)):
        return False
    origins = [head["origin"] for head in value if isinstance(head, dict)]
    return is_ascending(origins)


def is_ascending(values: list[Any]) -> bool:
    """Tell whether values of one type stand in strictly ascending order, so that none is there twice."""
    return all(earlier < later for earlier, later in pairwise(values))


def optional(check: Check) -> Check:
    """Return a check that takes null, too."""
    return lambda value: value is None or check(value)


def one_of(*values: str) -> Check:
    """Return a check for one of a few words."""
    return lambda value: isinstance(value, str) and value in values


def list_of(check: Check, limit: int) -> Check:
    """Return a check for a list of at most `limit` values that each pass."""
    return lambda value: isinstance(value, list) and len(value) <= limit and all(map(check, value))


def has_shape(value: Json, checks: Mapping[str, Check]) -> bool:
    """Tell whether a value is an object with exactly these names, each value passing its check."""
    return (
        isinstance(value, dict)
        and value.keys() == checks.keys()
        and all(check(value[name]) for name, check in checks.items())
    )


def parse_shape(value: Json, checks: Mapping[str, Check], what: str, code: str = "E3305") -> dict[str, Any]:
    """Return an object with exactly these names and values that pass; raises VerificationError."""
    if not isinstance(value, dict):
        raise VerificationError(code, f"{what} is no object", hint=_HINT)
    if strange := sorted(value.keys() ^ checks.keys()):
        word = "lacks" if strange[0] in checks else "has an unknown field"
        raise VerificationError(code, f"{what} {word} {strange[0][:60]!a}", hint=_HINT)
    for name, check in checks.items():
        if not check(value[name]):
            raise VerificationError(code, f"{what}: {name} is not what its format says", hint=_HINT)
    return value


def _is_detail(value: Json) -> bool:
    return isinstance(value, dict) and all(
        is_text(name) and (is_count(item) or item == "" or is_text(item)) for name, item in value.items()
    )


_EVENTS = ("gap", "erase", "rotate", "revoke", "compromise", "escrow")
_BATCH: Mapping[str, Check] = {
    "source": is_digest,
    "part": is_count,
    "ordinal": is_count,
    "prev": lambda value: value == "" or is_digest(value),
    "mode": one_of("fields", "whole"),
    "root": is_digest,
    "count": optional(is_count),
    "ciphertext": is_digest,
    "raw": is_digest,
    "key": is_digest,
    "parser": is_text,
    "mapping": is_digest,
    "first": optional(is_time),
    "last": optional(is_time),
    "unparsed": optional(is_count),
}
_PUBLIC: Mapping[str, Mapping[str, Check]] = {
    "charter": {"genesis": is_digest},
    "roster": {"epoch": is_count, "document": is_digest},
    "batch": _BATCH,
    "finding": {},
    "recheck": {"outcome": one_of("same")},
    "dissent": {"outcome": one_of("different")},
    "key-event": {"event": one_of(*_EVENTS), "detail": _is_detail},
    "cutoff": {"heads": is_heads, "time": is_time},
    "observation": {"what": is_text, "digest": is_digest},
}
# Clear bodies ("body") are hashed as they are; of sealed ones ("sealed") the leaf of the map is.
_BODIES: Mapping[str, tuple[str, ...]] = {
    "charter": ("body",),
    "roster": ("body",),
    "batch": ("sealed",),
    "finding": ("sealed",),
    "recheck": ("sealed",),
    "dissent": ("sealed",),
    "key-event": ("none",),
    "cutoff": ("body",),
    "observation": ("none", "body", "sealed"),
}
KINDS = tuple(_PUBLIC)
"""Every kind of act that this version knows."""
ANSWERS = frozenset({"recheck", "dissent"})
"""The kinds that speak about another act and must name it."""


def parse_public(kind: str, value: Json) -> dict[str, Json]:
    """Return the public fields of an act of a known kind. Raises VerificationError."""
    fields = parse_shape(value, _PUBLIC[kind], f"the public part of a {kind}", "E3307")
    if kind == "batch":
        _check_batch(fields)
    return fields


def _check_batch(fields: dict[str, Json]) -> None:
    if (fields["ordinal"] == 0) != (fields["prev"] == ""):
        # A batch in the middle that names no predecessor hides the ones before it.
        raise VerificationError("E3307", "a batch: exactly the first has no predecessor", hint=_HINT)
    counts = [fields[name] for name in ("count", "unparsed")]
    times = [fields[name] for name in ("first", "last")]
    secret = fields["count"] is None
    if counts.count(None) == 1 or times.count(None) == 1 or (secret and times != [None, None]):
        # Half a statement would tell when ballots came in, or how many: the secrecy of the vote.
        raise VerificationError("E3307", "a batch: counts and times stand together or not at all", hint=_HINT)


def check_body_sort(kind: str, sort: str) -> None:
    """Return if acts of a kind have such a body: none, body or sealed. Raises VerificationError."""
    if sort not in _BODIES[kind]:
        raise VerificationError("E3308", f"a {kind} has no body of the sort {sort[:20]!a}", hint=_HINT)
