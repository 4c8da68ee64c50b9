"""Know the closed set of acts, and exactly what each of them says in public.

A kind has fields of fixed names and types, and one sort of body.  A name that is not listed, one
that is missing, or a value of another type refuses the act: two readers that pass over different
unknown fields would see two different acts.

The checks here only tell the shape of a value that `core.canon` has parsed; `parse_shape` raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from hisn.core.canon import MAX_EXACT, Json
from hisn.core.proof_limits import MAX_ACT_TEXT_CHARS, MAX_ID_CHARS, MAX_SEEN
from hisn.errors import VerificationError

Check = Callable[[Json], bool]
_HINT = "it was made by another program or changed; ask its author for the original"


def matching(pattern: str, limit: int = MAX_ACT_TEXT_CHARS) -> Check:
    """Return a check for a text of at most `limit` characters that fits a pattern as a whole."""
    fits = re.compile(pattern, re.DOTALL).fullmatch
    return lambda value: isinstance(value, str) and len(value) <= limit and fits(value) is not None


def one_of(*values: str) -> Check:
    """Return a check for one of a few words."""
    return lambda value: isinstance(value, str) and value in values


def either(check: Check, other: str | None) -> Check:
    """Return a check that takes one value, such as null, beside those that pass another check."""
    return lambda value: value == other or check(value)


def list_of(check: Check, limit: int) -> Check:
    """Return a check for a list of at most `limit` values that each pass."""
    return lambda value: isinstance(value, list) and len(value) <= limit and all(map(check, value))


def is_str(value: Json) -> bool:
    """Tell whether a value is text: its reader checks more."""
    return isinstance(value, str)


def is_dict(value: Json) -> bool:
    """Tell whether a value is an object: its reader checks more."""
    return isinstance(value, dict)


def is_count(value: Json) -> bool:
    """Tell whether a value is an integer from 0 to 2**53-1; a boolean is none."""
    return type(value) is int and 0 <= value <= MAX_EXACT


is_digest = matching("[0-9a-f]{64}")
"""Tell whether a value is a SHA-256 digest in lowercase hexadecimal."""
is_id = matching("[a-z0-9][a-z0-9.-]*(?:/[a-z0-9_-][a-z0-9._-]*)*", MAX_ID_CHARS)
"""Tell whether a value is the id of a member, which is the origin of its log, or a witness's name.

ASCII only, so that no two ids look alike; no segment starts with a dot, so that none is a path.
"""
is_token = matching("[!-~]*")
"""Tell whether a value is visible ASCII without blanks, perhaps empty: nothing in it can deceive."""
is_text = matching(".+")
"""Tell whether a value is some text of bounded length; it is hostile until `display` has shown it."""
_is_moment = matching("[0-9]{4}(-[0-9]{2}){2}T([01][0-9]|2[0-3])(:[0-5][0-9]){2}[.][0-9]{6}Z")


def is_time(value: Json) -> bool:
    """Tell whether a value is a time exactly as `format_instant` writes it: then text order is time order."""
    try:
        return _is_moment(value) and datetime.fromisoformat(str(value)) is not None
    except ValueError:
        return False


def is_ascending(values: list[Any]) -> bool:
    """Tell whether values of one type stand in strictly ascending order, so that none is there twice."""
    return all(earlier < later for earlier, later in pairwise(values))


def has_shape(value: Json, checks: Mapping[str, Check]) -> bool:
    """Tell whether a value is an object with exactly these names, each value passing its check."""
    return (
        isinstance(value, dict)
        and value.keys() == checks.keys()
        and all(check(value[name]) for name, check in checks.items())
    )


def is_heads(value: Any) -> bool:
    """Tell whether a value is a list of heads (origin, size, root), one per log, ordered by origin."""
    form = {"origin": is_id, "size": is_count, "root": is_digest}
    are_heads = list_of(lambda each: has_shape(each, form), MAX_SEEN)
    return are_heads(value) and is_ascending([each["origin"] for each in value])


def parse_shape(value: Json, checks: Mapping[str, Check], what: str, code: str = "E3305") -> dict[str, Any]:
    """Return an object with exactly these names and values that pass. Raises VerificationError."""
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
        is_text(name) and (item == "" or is_text(item) or is_count(item)) for name, item in value.items()
    )


_BATCH: Mapping[str, Check] = {
    "source": is_digest,
    "part": is_count,
    "ordinal": is_count,
    "prev": either(is_digest, ""),
    "mode": one_of("fields", "whole"),
    "root": is_digest,
    "count": either(is_count, None),
    "ciphertext": is_digest,
    "raw": is_digest,
    "key": is_digest,
    "parser": is_text,
    "mapping": is_digest,
    "first": either(is_time, None),
    "last": either(is_time, None),
    "unparsed": either(is_count, None),
}
_EVENTS = ("gap", "erase", "rotate", "revoke", "compromise", "escrow")
# Of each kind the public fields, and the sorts of body.  Clear bodies ("body") are hashed as they
# are; of sealed ones ("sealed") the leaf of the map is.  The body of a roster act is the envelope.
_KINDS: Mapping[str, tuple[Mapping[str, Check], str]] = {
    "charter": ({"genesis": is_digest}, "body"),
    "roster": ({"epoch": is_count, "document": is_digest}, "body"),
    "batch": (_BATCH, "sealed"),
    "finding": ({}, "sealed"),
    "recheck": ({"outcome": one_of("same")}, "sealed"),
    "dissent": ({"outcome": one_of("different")}, "sealed"),
    "key-event": ({"event": one_of(*_EVENTS), "detail": _is_detail}, "none"),
    "cutoff": ({"heads": is_heads, "time": is_time}, "body"),
    "observation": ({"what": is_text, "digest": is_digest}, "none body sealed"),
}
KINDS = tuple(_KINDS)
"""Every kind of act that this version knows."""
ANSWERS = frozenset({"recheck", "dissent"})
"""The kinds that speak about another act and must name it."""


def parse_public(kind: str, value: Json) -> dict[str, Json]:
    """Return the public fields of an act of a known kind. Raises VerificationError."""
    fields = parse_shape(value, _KINDS[kind][0], f"the public part of a {kind}", "E3307")
    if kind == "batch":
        if (fields["ordinal"] == 0) != (fields["prev"] == ""):
            # A batch in the middle that names no predecessor hides the ones before it.
            raise VerificationError("E3307", "a batch: exactly the first has no predecessor", hint=_HINT)
        unsaid = [fields[name] is None for name in ("count", "unparsed", "first", "last")]
        if unsaid[0] != unsaid[1] or unsaid[2] != unsaid[3] or (unsaid[0] and not unsaid[2]):
            # Half a statement would tell when ballots came in, or how many: the secrecy of the vote.
            raise VerificationError("E3307", "a batch: counts and times are said together", hint=_HINT)
    return fields


def check_body_sort(kind: str, sort: str) -> None:
    """Return if acts of a kind have such a body: none, body or sealed. Raises VerificationError."""
    if sort not in _KINDS[kind][1].split():
        raise VerificationError("E3308", f"a {kind} has no body of the sort {sort[:20]!a}", hint=_HINT)
