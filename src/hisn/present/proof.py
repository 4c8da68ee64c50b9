"""Render what a verification says for a terminal, in the reader's language, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from hisn.core.display import shown
from hisn.evidence.disclosure import Value
from hisn.present.i18n import _
from hisn.present.layout import paint
from hisn.present.tech import tech
from hisn.verify.dates import shown_time
from hisn.verify.steps import Flag, Report, Result, Said, Shown, ShownAct, Status, Step
from hisn.verify.texts import FLAGS, RESULTS, SAID, STEPS

SCHEMA = "hisn.verification.v1"

_STYLES = {
    Result.VALID: "heading",
    Result.VALID_UNWITNESSED: "warning",
    Result.INVALID: "critical",
    Result.FORK_PROVEN: "critical",
}
_INDENT = " " * 13


class Stamp(Protocol):
    """Say what a time-stamp token says of an act: a time, or what is wrong with it."""

    @property
    def act(self) -> int:
        """Return the number of the act in the pack."""
        ...

    @property
    def time(self) -> str | None:
        """Return the time (RFC 3339) if the token holds."""
        ...

    @property
    def problem(self) -> str:
        """Return why the token does not hold."""
        ...


def render_proof(report: Report, stamps: Sequence[Stamp] = (), *, colour: bool = False) -> str:
    """Return the numbered steps, what is shown, what is proven and what is not, and the result."""
    return "\n".join([*_lines(report, stamps, colour), ""])


def _lines(report: Report, stamps: Sequence[Stamp], colour: bool) -> Iterator[str]:  # noqa: FBT001 - how, not what
    for step in report.steps:
        yield from _step(step, colour)
    if report.shown:
        yield from _shown(report.shown)
    yield from _ending(report, stamps, colour)


def render_proof_ending(report: Report) -> str:
    """Return what is proven and what is not, and the result, without steps and fields."""
    return "\n".join([*_ending(report, (), False), ""])  # noqa: FBT003 - no colour


def _ending(report: Report, stamps: Sequence[Stamp], colour: bool) -> Iterator[str]:  # noqa: FBT001 - how, not what
    for title, sayings in ((_("Proven"), report.proven), (_("Not proven"), report.not_proven)):
        if sayings:
            yield from ("", paint(title, "heading", colour=colour))
            yield from (f"  • {_said(saying)}" for saying in sayings)
    if stamps:
        yield from ("", _("Time-stamp tokens"))
        yield from (f"  • {_stamp(stamp)}" for stamp in stamps)
    yield ""
    yield from (_flag(flag) for flag in report.flags)
    result = paint(f" {_result_name(report.result)} ", _STYLES[report.result], colour=colour)
    yield f"{result} {_(RESULTS[report.result.value])}"


def _step(step: Step, colour: bool) -> Iterator[str]:  # noqa: FBT001 - how, not what
    mark = {Status.OK: _("ok"), Status.FAILED: _("FAILED"), Status.ABSENT: "–"}[step.status]
    style = "critical" if step.status is Status.FAILED else "faint"
    yield f"{step.number:3}  {paint(f'{mark:6}', style, colour=colour)}  {_(STEPS[step.code])}"
    yield f"{_INDENT}{_said(step.detail)}"


def _said(saying: Said) -> str:
    return _(SAID[saying.code]).format_map({name: tech(value) for name, value in saying.args.items()})


def _stamp(stamp: Stamp) -> str:
    if stamp.time is not None:
        text = _("Act {act} existed before {time}, says a service whose root you gave.")
        return text.format(act=tech(stamp.act), time=tech(stamp.time))
    text = _("The token of act {act} does not hold: {problem}")
    return text.format(act=tech(stamp.act), problem=tech(stamp.problem))


def _flag(flag: Flag) -> str:
    text = _(FLAGS[flag.name.value]).format(by=_(", ").join(tech(name) for name in flag.by))
    return f"{_flag_name(flag)}: {text}"


def _result_name(result: Result) -> str:
    return {
        Result.VALID: _("VALID"),
        Result.VALID_UNWITNESSED: _("VALID, UNWITNESSED"),
        Result.INVALID: _("INVALID"),
        Result.FORK_PROVEN: _("FORK PROVEN"),
    }[result]


def _flag_name(flag: Flag) -> str:
    return {
        "ALLEGED": _("ALLEGED"),
        "RECHECKED": _("RECHECKED"),
        "DISSENTED": _("DISSENTED"),
        "OVERDUE": _("OVERDUE"),
    }[flag.name.value]


def _shown(given: Shown) -> Iterator[str]:
    if given.finding or given.hidden:
        yield from ("", _("The finding"))
        yield from _fields(given.finding, given.hidden)
    for event in given.events:
        title = _("Event {index} of batch {act}")
        if event.is_context:
            title = _("Event {index} of batch {act}, context: the finding does not name it")
        yield from ("", title.format(index=tech(event.index), act=tech(event.act)))
        yield from _fields(event.fields, event.hidden)
        if event.record is not None:
            record = event.record.decode("utf-8", "backslashreplace")
            yield f"  {_('record')}: {tech(record)}"


def _fields(fields: Mapping[str, Value], hidden: tuple[str, ...]) -> Iterator[str]:
    for name, value in sorted(fields.items()):
        yield f"  {tech(name)}: {tech(_value(value))}"
    if hidden:
        yield f"  ({_('hidden')}: {tech(', '.join(hidden))})"


def _value(value: Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(value)


def render_proof_json(report: Report, stamps: Sequence[Stamp] = ()) -> bytes:
    """Return the whole report as one JSON document (``hisn.verification.v1``), ASCII, keys sorted."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "result": report.result.value,
        "exit_code": report.exit_code,
        "steps": [
            {
                "number": step.number,
                "code": step.code,
                "status": step.status.value,
                "text": step.text,
                "detail": _plain(step.detail),
            }
            for step in report.steps
        ],
        "proven": [_plain(saying) for saying in report.proven],
        "not_proven": [_plain(saying) for saying in report.not_proven],
        "flags": [{"name": flag.name.value, "by": list(flag.by)} for flag in report.flags],
        "shown": _plain_shown(report.shown) if report.shown else None,
        "timestamps": [{"act": each.act, "time": each.time, "problem": each.problem} for each in stamps],
    }
    return json.dumps(document, sort_keys=True, indent=1).encode("ascii") + b"\n"


def _plain(saying: Said) -> dict[str, Any]:
    args = {name: value if isinstance(value, int) else shown(value) for name, value in saying.args.items()}
    return {"code": saying.code, "text": str(saying), "args": args}


def _plain_shown(given: Shown) -> dict[str, Any]:
    return {
        "unit": given.unit,
        "genesis": given.genesis.hex(),
        "epoch": given.epoch,
        "acts": [_plain_act(act) for act in given.acts],
        "finding": dict(given.finding),
        "hidden": list(given.hidden),
        "batches": [
            {
                "act": batch.act,
                "count": batch.count,
                "shown": list(batch.shown),
                "fields": dict(batch.fields),
            }
            for batch in given.batches
        ],
        "events": [
            {
                "act": event.act,
                "index": event.index,
                "context": event.is_context,
                "fields": dict(event.fields),
                "hidden": list(event.hidden),
                "record": None if event.record is None else event.record.hex(),
            }
            for event in given.events
        ],
    }


def _plain_act(act: ShownAct) -> dict[str, Any]:
    return {
        "number": act.number,
        "kind": act.kind,
        "actor": act.actor,
        "side": act.side,
        "index": act.index,
        "leaf_hash": act.leaf_hash.hex(),
        "claimed_time": act.claimed_time,
        "after": [
            {"origin": origin, "size": size, "until": _time(until)} for origin, size, until in act.after
        ],
        "size": act.size,
        "before": _time(act.witnessed.before_s),
        "cosigners": [
            {"name": each.name, "side": each.side, "time": _time(each.time_s)}
            for each in act.witnessed.cosigners
        ],
        "missing": list(act.witnessed.missing),
    }


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else shown_time(seconds)
