"""Show a watch on a terminal: what is attacked now, what is silent, how fast, how far behind.

And say what changed of a finding, as one line for people or for programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hisn.core.instant import Instant, format_instant
from hisn.findings.model import Finding
from hisn.present import wording
from hisn.present.i18n import _, mark, ngettext
from hisn.present.json_out import encoded_line, plain_finding
from hisn.present.layout import paint
from hisn.present.tech import TERMINAL, prose, tech
from hisn.rules.info import LEVELS

SCHEMA = "hisn.change.v1"
_STATES = {"opened": mark("new"), "grown": mark("growing"), "closed": mark("over")}
_SILENT_SHOWN = 8
_REASONS = 3


class Changed(Protocol):
    """Say what a finding is now (`hisn.findings.follow.Change`)."""

    @property
    def finding(self) -> Finding:
        """Return the finding."""
        ...

    @property
    def thread(self) -> str:
        """Return the id that all that is told of it has."""
        ...

    @property
    def revision(self) -> int:
        """Return the number of this state, from 1."""
        ...

    @property
    def state(self) -> str:
        """Return ``opened``, ``grown`` or ``closed``."""
        ...

    @property
    def formerly(self) -> Sequence[str]:
        """Return the ids that it had before."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """Hold one moment. `attacked` are the open findings, the most severe and newest first.

    `rate` is in records a second, `lag_us` from the arrival of the oldest bytes of the last cycle
    to the end of judging them.
    """

    now_us: int
    attacked: tuple[Finding, ...]
    silent: tuple[str, ...]
    rate: float
    lag_us: int
    records: int
    cycles: int
    open_findings: int
    dropped: int
    waiting: int


def change_json(at_us: int, change: Changed) -> bytes:
    """Return a change as one line of JSON (``hisn.change.v1``)."""
    return encoded_line(
        {
            "schema": SCHEMA,
            "at": format_instant(Instant(at_us)),
            "state": change.state,
            "thread": change.thread,
            "revision": change.revision,
            "formerly": list(change.formerly),
            "finding": plain_finding(change.finding),
        }
    )


def change_text(at_us: int, change: Changed, *, colour: bool = False) -> str:
    """Return a change as one line for people."""
    finding = change.finding
    badge = paint(wording.level_name(TERMINAL, finding.level).upper(), finding.level, colour=colour)
    when = wording.moment(TERMINAL, format_instant(Instant(at_us)))
    line = _("{when}  {badge}  {state}: {title}. {sentence}")
    return line.format(
        when=when,
        badge=badge,
        state=_(_STATES[change.state]),
        title=prose(finding.title),
        sentence=wording.sentence(TERMINAL, finding),
    )


def digest_subject(changes: Sequence[tuple[int, Changed]]) -> str:
    """Return the subject of a digest: the worst level, and how many findings."""
    worst = max((change.finding.level for _at, change in changes), key=LEVELS.index)
    count = len(changes)
    template = ngettext("[hisn] {level}: {count} finding", "[hisn] {level}: {count} findings", count)
    return template.format(level=wording.level_name(TERMINAL, worst), count=wording.number(count))


def digest_text(changes: Sequence[tuple[int, Changed]]) -> str:
    """Return a digest for people: the most severe first, each with why and where."""
    ordered = sorted(changes, key=lambda pair: -LEVELS.index(pair[1].finding.level))
    lines: list[str] = []
    for at_us, change in ordered:
        lines.append(change_text(at_us, change))
        lines += [f"    {wording.clause(TERMINAL, reason)}" for reason in change.finding.why[:_REASONS]]
        lines += [f"    {place}" for place in wording.places(TERMINAL, change.finding)]
        lines += [f"    {tech(change.finding.id)}", ""]
    return "\n".join(lines)


def status_text(standing: Status, *, width: int, height: int, colour: bool = False) -> str:
    """Return the view: lines of at most `width` columns, at most `height` of them."""
    lines = list(_lines(standing, colour=colour, most=max(1, height - 8)))
    return "\n".join(line if colour else line[:width] for line in lines[: height - 1]) + "\n"


def _lines(standing: Status, *, colour: bool, most: int) -> Iterator[str]:
    speed = _("{rate} records/s · {lag} behind · {records} judged").format(
        rate=f"{standing.rate:,.0f}",
        lag=f"{standing.lag_us / 1e6:.1f} s",
        records=wording.number(standing.records),
    )
    when = wording.moment(TERMINAL, format_instant(Instant(standing.now_us)))
    yield f"{paint(tech('hisn watch'), 'heading', colour=colour)}  {when}  {speed}"
    yield ""
    count = standing.open_findings
    head = ngettext("{count} open finding", "{count} open findings", count).format(
        count=wording.number(count)
    )
    yield paint(head if count else _("Nothing is attacked that the rules know of."), "heading", colour=colour)
    for finding in standing.attacked[:most]:
        badge = paint(f"{wording.level_name(TERMINAL, finding.level):>13}", finding.level, colour=colour)
        yield f"{badge}  {prose(finding.title)}  ·  {wording.asset_name(TERMINAL, finding.asset)}"
        yield f"{'':>13}  {wording.sentence(TERMINAL, finding)}"
    if standing.silent:
        names = ", ".join(tech(name) for name in standing.silent[:_SILENT_SHOWN])
        more = len(standing.silent) - _SILENT_SHOWN
        yield ""
        yield _("Silent: {names}").format(names=names) + (f" (+{more})" if more > 0 else "")
    if standing.dropped:
        yield _("Dropped or refused: {count}").format(count=wording.number(standing.dropped))
    if standing.waiting:
        yield _("Not told yet: {count}").format(count=wording.number(standing.waiting))
