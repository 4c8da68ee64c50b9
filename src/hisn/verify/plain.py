"""Write a report as plain English text: for the verifier that is one file, and for nobody's trust."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hisn.core.display import shown
from hisn.evidence.disclosure import Value
from hisn.verify.steps import Report, Shown, Status
from hisn.verify.texts import FLAGS, RESULTS

_MARKS = {Status.OK: "ok", Status.FAILED: "FAILED", Status.ABSENT: "-"}
_LONGEST = 400


def plain_text(report: Report) -> str:
    """Return the report for a terminal; hostile values in it are made safe to show."""
    return "\n".join([*_lines(report), ""])


def _lines(report: Report) -> Iterator[str]:
    for step in report.steps:
        yield f"{step.number:3}  {_MARKS[step.status]:6}  {step.text}"
        yield f"             {step.detail}"
    if report.shown:
        yield from _shown(report.shown)
    for title, sayings in (("PROVEN", report.proven), ("NOT PROVEN", report.not_proven)):
        if sayings:
            yield from ("", title)
        yield from (f"  - {saying}" for saying in sayings)
    yield ""
    for flag in report.flags:
        text = FLAGS[flag.name.value].format(by=", ".join(map(shown, flag.by)))
        yield f"{flag.name.value}: {text}"
    yield f"{report.result.value}. {RESULTS[report.result.value]}"


def _shown(given: Shown) -> Iterator[str]:
    if given.finding or given.hidden:
        yield from ("", "THE FINDING")
        yield from _fields(given.finding, given.hidden)
    for event in given.events:
        context = " (CONTEXT: THE FINDING DOES NOT NAME IT)" if event.is_context else ""
        yield from ("", f"EVENT {event.index} OF BATCH {event.act}{context}")
        yield from _fields(event.fields, event.hidden)
        if event.record is not None:
            yield f"  record: {shown(event.record.decode('utf-8', 'backslashreplace'), _LONGEST)}"


def _fields(fields: Mapping[str, Value], hidden: tuple[str, ...]) -> Iterator[str]:
    for name, value in sorted(fields.items()):
        yield f"  {shown(name)}: {_value(value)}"
    if hidden:
        yield f"  (hidden: {shown(', '.join(hidden), _LONGEST)})"


def _value(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return shown(f"[{', '.join(_value(item) for item in value)}]", _LONGEST)
    return shown(str(value), _LONGEST)
