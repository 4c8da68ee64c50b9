"""Say why a rule cannot be judged, and on which line."""

from __future__ import annotations

from hisn.core.place import Place
from hisn.errors import InputError

UNREADABLE = "E2100"
MALFORMED = "E2101"
CONDITION = "E2102"
VALUE = "E2103"
EXPRESSION = "E2104"
PLACEHOLDER = "E2105"
LIMIT = "E2106"
DUPLICATE = "E2108"
METADATA = "E2109"
FILTER = "E2110"
TAXONOMY = "E2111"

CORRELATION = "E2210"
REFERENCE = "E2211"
REFUSED_REFERENCE = "E2212"
CIRCLE = "E2213"
TIMESPAN = "E2214"
CORRELATION_CONDITION = "E2215"
CORRELATION_FIELDS = "E2216"
CORRELATION_LIMIT = "E2217"
SHARED_NAME = "E2218"


class RefusedError(InputError):
    """Stop one rule; the others go on. `line` is 1-based in the file."""

    def __init__(self, code: str, line: int, reason: str) -> None:
        super().__init__(code, reason, place=Place("", line=line))
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (RefusedError, (self.code, self.line, self.reason))
