"""Draw charts as SVG on the server: the same in a page, in print, and without any script.

Colours are classes (``level-high``), so that one style sheet serves light, dark and paper.
Time runs from left to right in both languages; bars of lists follow the text's direction by CSS.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hisn.present import wording
from hisn.present.tech import markup
from hisn.rules.pack import LEVELS

if TYPE_CHECKING:
    from markupsafe import Markup

    from hisn.findings.model import Activity, Finding

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS = (1, 2, 3, 6, 12, 24, 48, 168, 720, 2_160, 8_760, 43_800, 438_000, 4_380_000)
"""Widths of bars that readers know: hours, half days, days, weeks, months, years, ages."""
_MOST_BARS = 72
_LABELS = 6
WIDTH, HEIGHT = 960, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 28
_FIRST_HOUR = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(hours=1)
_DAY_HOURS = 24
_YEAR_HOURS = 8_760


@dataclass(frozen=True, slots=True)
class Bars:
    """Hold hits by level in stretches of equal width: `counts[level][i]` begins at `starts[i]`."""

    hours: int
    starts: tuple[datetime, ...]
    counts: dict[str, tuple[int, ...]]

    @property
    def totals(self) -> tuple[int, ...]:
        """Return the hits of all levels together, by stretch."""
        return tuple(sum(column) for column in zip(*self.counts.values(), strict=True))


def bars_of(activity: Sequence[Activity]) -> Bars | None:
    """Gather hits into at most `_MOST_BARS` stretches; None where no hit has a time."""
    if not activity:
        return None
    cells = [(_hour_of(row.start), row.level, row.hits) for row in activity]
    widest = max(row.seconds for row in activity) // 3600
    low, high = min(hour for hour, *_ in cells), max(hour for hour, *_ in cells)
    hours = next((h for h in _HOURS if h >= widest and high // h - low // h < _MOST_BARS), _HOURS[-1])
    first, size = low // hours, high // hours - low // hours + 1
    counts = {level: [0] * size for level in LEVELS}
    for hour, level, hits in cells:
        counts[level if level in counts else LEVELS[0]][hour // hours - first] += hits
    starts = tuple(_EPOCH + timedelta(hours=max((first + at) * hours, _FIRST_HOUR)) for at in range(size))
    return Bars(hours, starts, {level: tuple(column) for level, column in counts.items()})


def _hour_of(instant: str) -> int:
    return (datetime.fromisoformat(instant) - _EPOCH) // timedelta(hours=1)


def timeline(bars: Bars, label: str) -> Markup:
    """Draw hits over time, stacked by level, the most severe at the bottom."""
    top = nice_ceiling(max(bars.totals))
    parts = [*_grid(top), *_columns(bars, top), *_ticks(bars)]
    return markup(
        '<svg class="timeline" viewBox="0 0 {width} {height}" role="img" direction="ltr"'
        ' aria-label="{label}">{parts}</svg>',
        width=WIDTH,
        height=HEIGHT,
        label=label,
        parts=_concatenated(parts),
    )


def _grid(top: int) -> Iterable[Markup]:
    for share in (0, 1, 2):
        y = HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * share // 2
        yield markup(
            '<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
            '<text class="tick" x="{at}" y="{baseline}" text-anchor="end">{value}</text>',
            left=_LEFT,
            right=WIDTH - _RIGHT,
            y=y,
            at=_LEFT - 8,
            baseline=y + 4,
            value=wording.number(top * share // 2) if top > 1 or share != 1 else "",
        )


def _columns(bars: Bars, top: int) -> Iterable[Markup]:
    plot = HEIGHT - _BOTTOM - _TOP
    for at in range(len(bars.starts)):
        x, width = _place(at, len(bars.starts))
        y = HEIGHT - _BOTTOM
        for level in reversed(LEVELS):
            hits = bars.counts[level][at]
            if not hits:
                continue
            # One hit beside thousands must still be seen.
            height = max(2, hits * plot // top)
            y -= height
            yield markup(
                '<rect class="fill-{level}" x="{x}" y="{y}" width="{width}" height="{height}"/>',
                level=level,
                x=x,
                y=max(y, 0),
                width=width,
                height=height,
            )


def _place(at: int, count: int) -> tuple[int, int]:
    plot = WIDTH - _LEFT - _RIGHT
    x = _LEFT + plot * at // count
    width = _LEFT + plot * (at + 1) // count - x
    return x + 1, max(1, min(width - 2, 44))


def _ticks(bars: Bars) -> Iterable[Markup]:
    step = -(-len(bars.starts) // _LABELS)
    for at in range(0, len(bars.starts), step):
        x, _width = _place(at, len(bars.starts))
        yield markup(
            '<text class="tick" x="{x}" y="{y}">{text}</text>',
            x=x,
            y=HEIGHT - 8,
            text=_tick(bars.starts[at], bars.hours),
        )


def _tick(start: datetime, hours: int) -> str:
    text = start.isoformat(" ", "minutes")
    if hours >= _YEAR_HOURS:
        return text[:4]
    return text[:10] if hours >= _DAY_HOURS else text[5:16]


def nice_ceiling(value: int) -> int:
    """Return the next 1, 2, 4 or 5 times a power of ten, and at least 1: the top of an axis."""
    power = 1
    while True:
        for factor in (1, 2, 4, 5):
            if factor * power >= value:
                return factor * power
        power *= 10


@dataclass(frozen=True, slots=True)
class Share:
    """Hold the hits of one name by level, with the bar that shows them beside the others."""

    name: str
    findings: int
    hits: int
    bar: Markup


def shares(rows: Sequence[tuple[str, int, int]], by_level: dict[str, dict[str, int]]) -> list[Share]:
    """Return a bar for each (name, findings, hits), all to one scale, stacked by level."""
    top = max((hits for _name, _findings, hits in rows), default=1)
    return [Share(name, findings, hits, _bar(by_level[name], top)) for name, findings, hits in rows]


def levels_by(findings: Iterable[Finding], names: str) -> dict[str, dict[str, int]]:
    """Return hits by name and level; `names` is ``asset`` or ``techniques``."""
    table: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(LEVELS, 0))
    for finding in findings:
        level = finding.level if finding.level in LEVELS else LEVELS[0]
        for name in (finding.asset,) if names == "asset" else finding.techniques:
            table[name][level] += finding.count
    return dict(table)


def _bar(levels: dict[str, int], top: int) -> Markup:
    parts = []
    x = 0
    for level in reversed(LEVELS):
        if levels[level]:
            width = max(4, levels[level] * 1000 // top)
            parts.append(
                markup(
                    '<rect class="fill-{level}" x="{x}" y="0" width="{width}" height="12"/>',
                    level=level,
                    x=x,
                    width=width,
                )
            )
            x += width
    return markup(
        '<svg class="bar" viewBox="0 0 1024 12" preserveAspectRatio="none" aria-hidden="true">{parts}</svg>',
        parts=_concatenated(parts),
    )


def _concatenated(parts: Iterable[Markup]) -> Markup:
    return markup("").join(parts)
