"""Read correlation rules: they load and are listed; a later engine judges them.

A correlation silences its base rules unless it says ``generate: true`` (specification,
Correlations, section Generate).  While correlations are not judged, base rules are: silencing
them for a rule that never fires would hide what they see.
"""

from __future__ import annotations

from hisn.rules.sigma.documents import Map, data_of
from hisn.rules.sigma.filters import canonical
from hisn.rules.sigma.refusal import CORRELATION, RefusedError

REASON = "correlation rules are read but not judged yet; the rules they refer to are judged on their own"


def check_correlation(root: Map) -> tuple[str, ...]:
    """Return the rules a correlation refers to, by id or name. Raises RefusedError.

    pySigma parses and validates it.
    """
    from sigma.correlations import SigmaCorrelationRule
    from sigma.exceptions import SigmaError

    line = root.line_of("correlation")
    data = data_of(root)
    assert isinstance(data, dict)  # noqa: S101  a Map gives a dict
    for key in ("id", "date", "modified"):
        if data.get(key) is not None:
            data[key] = str(data[key])
    try:
        rule = SigmaCorrelationRule.from_dict(data)
    except SigmaError as error:
        raise RefusedError(CORRELATION, line, str(error)) from None
    except Exception as error:  # noqa: BLE001  pySigma assumes types that hostile YAML does not keep
        reason = f"pySigma cannot read the correlation: {type(error).__name__}"
        raise RefusedError(CORRELATION, line, reason) from None
    if rule.rules is None:
        return ()
    return tuple(canonical(str(reference.reference)) for reference in rule.rules)
