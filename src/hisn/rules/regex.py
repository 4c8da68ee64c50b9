"""Compile expressions with RE2: the gate that every expression of a rule passes.

RE2 matches in linear time, so that no rule, however made, can stop the engine.  What it refuses
(look-around, back-references, possessive groups) is refused by name and never given to an
engine that backtracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hisn.core import limits
from hisn.errors import InputError

if TYPE_CHECKING:
    import re2

MAX_PROGRAM_BYTES = 8 * limits.MiB


def with_flags(pattern: str, flags: str) -> str:
    """Return the pattern with its flags in front, as RE2 and Hyperscan read it."""
    return f"(?{flags}){pattern}" if flags else pattern


def compile_re2(pattern: str, flags: str = "") -> re2._Regexp[str]:
    """Return the compiled expression. Raises InputError E2104 for what RE2 refuses."""
    import re2

    if len(pattern) > limits.MAX_REGEX_CHARS:
        raise InputError("E2104", f"the expression is longer than {limits.MAX_REGEX_CHARS} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PROGRAM_BYTES
    try:
        return re2.compile(with_flags(pattern, flags), options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise InputError("E2104", f"RE2 refuses the expression: {text}") from None
    except UnicodeEncodeError:
        raise InputError("E2104", "the expression has a character that is no Unicode text") from None
