"""The metrics of one endpoint as lines: plots above each other on one time axis (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from console.clock import Millis, clock_time
from console.fleet.marks import Mark
from console.kinds.endpoint.record import short
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.course import Course, Who
from console.kinds.vitals.measures import GROUPS, OVERVIEW, Drawn, Sheaf, sheaves
from console.kinds.vitals.spans import Window
from console.text import safe
from screens.axis import cell_of, lane, times
from screens.blocks import BLANK, Line, beside, padded
from screens.pieces import Piece
from screens.plot import FILLING, INKS, LEGEND, MARGIN, Level, Stroke, Upright, canvas_width, number, plot, scale

LEAST = 5
"""Lines of a plot with its heading: four lines of braille are sixteen steps."""
WIDE = 150
"""From this width on, two plots stand beside each other."""
GAP = 3

STILL_FILLING = "still filling up"
"""What is said of provisional values: CloudWatch has only a part of them yet."""

TOLD = 4
"""Marks in words at most."""

VARIANTS, FLEETS, COMPONENTS = "variants", "fleets", "components"
ALWAYS = frozenset({"requests", "5xx", "p99"})
"""That nothing came of these is worth a plot: silence is news."""


class MetricsContent(NamedTuple):
    """What is drawn: the courses on one window's grid, what happened meanwhile, and the values that count.

    `levels` by measure and variant (or component).
    """

    endpoint: str
    window: Window
    courses: tuple[Course, ...] = ()
    marks: tuple[Mark, ...] = ()
    levels: Mapping[tuple[str, str], tuple[Level, ...]] = {}
    reading: bool = False
    failed: str = ""
    """Why CloudWatch was not heard: then a gap does not mean that nothing was measured."""


class Shown(NamedTuple):
    """What of it is looked at. `first` is the first plot; `cursor` a moment whose values are told."""

    group: str = OVERVIEW
    split: str = VARIANTS
    first: int = 0
    cursor: Millis | None = None


def levels_of(view: EndpointView) -> dict[tuple[str, str], tuple[Level, ...]]:
    """What scaling aims at and what bounds it: of the quota, what other endpoints leave of it."""
    found: dict[tuple[str, str], tuple[Level, ...]] = {}
    for scaling in view.scaling:
        target, quota = scaling.target, scaling.quota
        whose = target.component or target.variant
        if (policy := target.tracked) is not None and policy.target is not None:
            found["per_instance", whose] = (Level(policy.target, "target"),)
        bounds = [Level(target.min, "min"), Level(target.max, "max")]
        if quota is not None and scaling.current is not None and quota.limit is not None:
            most = scaling.current + max(0.0, quota.limit - (quota.used or 0.0))
            bounds.append(Level(most, "quota", far=most > 2 * target.max))
        found["copies" if target.component else "instances", whose] = tuple(bounds)
    return found


def splits(courses: Sequence[Course]) -> list[str]:
    """By what the lines can be told apart here."""
    found = [VARIANTS]
    if len({one.config for one in courses if one.config and not one.empty}) > 1:
        found.append(FLEETS)
    if any(one.component for one in courses):
        found.append(COMPONENTS)
    return found


def whose(courses: Sequence[Course], split: str) -> list[Who]:
    """Whose lines are drawn, in the order of their marks: what served before is the fine line."""
    everybody = list(dict.fromkeys(one.who for one in courses if not one.empty)) or [one.who for one in courses[:1]]
    part = {FLEETS: 1, COMPONENTS: 2}.get(split)
    found = [who for who in everybody if (who[part] if part else not (who[1] or who[2]))]
    if split == FLEETS:
        since = {one.who: _first(one) for one in reversed(courses) if one.metric == "invocations"}
        found.sort(key=lambda who: since.get(who, 1 << 62))
    return found


def _first(one: Course) -> int:
    return next((n for n, value in enumerate(one.values) if value is not None), len(one.values))


def groups(content: MetricsContent, split: str) -> list[str]:
    """Those of which this endpoint has anything."""
    there = {sheaf.group for sheaf in _sheaves(content, Shown(split=split))}
    return [group for group in GROUPS if group == OVERVIEW or group in there]


def _sheaves(content: MetricsContent, shown: Shown) -> list[Sheaf]:
    found = sheaves(content.courses, whose(content.courses, shown.split), shown.group)
    return [
        sheaf
        for sheaf in found
        if sheaf.lines[0].measure.id in ALWAYS or any(v is not None for line in sheaf.lines for v in line.values)
    ]


def plots(content: MetricsContent, shown: Shown) -> int:
    return len(_sheaves(content, shown))


def settled(window: Window, now: Millis) -> int:
    """From which period on the values are provisional."""
    return max(0, min(window.periods, (now - PROVISIONAL - window.start) // window.period))


def index_of(at: Millis, window: Window) -> int:
    return max(0, min(window.periods - 1, (at - window.start) // window.period))


def metrics_lines(content: MetricsContent, shown: Shown, width: int, height: int, now: Millis) -> list[Line]:
    """Exactly `height` lines."""
    found = _sheaves(content, shown)
    if not found:
        words = _nothing(content, "nothing was measured in this time")
        return [((f" {words}", "dim"),), *[BLANK] * (height - 1)][:height]
    across = 2 if width >= WIDE and len(found) > 1 else 1
    wide = (width - GAP) // 2 if across == 2 else width - 1
    rooms = height - 2
    deep = min(max(1, rooms // LEAST), -(-len(found) // across))
    first = max(0, min(shown.first, len(found) - deep * across))
    chosen = found[first : first + deep * across]
    blocks = []
    for side in range(across):
        mine = chosen[side::across]
        lines: list[Line] = []
        for n, sheaf in enumerate(mine):
            share = rooms // deep + (1 if n < rooms % deep else 0)
            lines += panel(content, sheaf, shown, wide, share, now)
        lines += [BLANK] * (rooms - len(lines))
        columns = canvas_width(wide)
        lines.append(lane(content.marks, content.window, columns, MARGIN))
        lines.append(times(content.window, columns, now, MARGIN, shown.cursor))
        blocks.append(lines)
    lines = beside(blocks[0], blocks[1], wide, GAP) if across == 2 else blocks[0]
    return lines[:height]  # a heading tells the values even where nothing can be drawn


def _nothing(content: MetricsContent, otherwise: str) -> str:
    if content.reading:
        return "reading …"
    return f"not known: {content.failed}" if content.failed else otherwise


def panel(content: MetricsContent, sheaf: Sheaf, shown: Shown, width: int, height: int, now: Millis) -> list[Line]:
    window = content.window
    levels = _levels(content, sheaf)
    span = scale(
        [line.values for line in sheaf.lines], [level.value for level in levels if not level.far], whole=sheaf.whole
    )
    head = _heading(content, sheaf, shown, levels, f"{span.words} {sheaf.unit}".rstrip(), width, now)
    if all(value is None for line in sheaf.lines for value in line.values):
        words = _nothing(content, "nothing was measured")
        return [head, ((" " * MARGIN, ""), (words, "dim")), *[BLANK] * (height - 2)]
    columns = canvas_width(width)
    uprights = [Upright(cell_of(mark.at, window, columns), "rule") for mark in content.marks if mark.line]
    if shown.cursor is not None:
        uprights.append(Upright(cell_of(shown.cursor, window, columns), "strong"))
    whole = settled(window, now)
    strokes = [Stroke(line.values, whole, place) for place, line in enumerate(sheaf.lines)]
    return [head, *plot(strokes, width, height - 1, span, levels=levels, uprights=uprights)]


def _levels(content: MetricsContent, sheaf: Sheaf) -> list[Level]:
    """Of what is drawn, each once; those of several variants differ and would only confuse."""
    found = [content.levels.get((line.measure.id, line.who[2] or line.who[0]), ()) for line in sheaf.lines]
    return list(found[0]) if found and all(levels == found[0] for levels in found) else []


def _heading(
    content: MetricsContent, sheaf: Sheaf, shown: Shown, levels: Sequence[Level], words: str, width: int, now: Millis
) -> Line:
    at = index_of(shown.cursor, content.window) if shown.cursor is not None else None
    left: list[Piece] = [(" ", ""), (sheaf.title, "head")]
    whole, filling = settled(content.window, now), False
    for place, line in enumerate(sheaf.lines):
        name = _label(content, sheaf, line)
        mark = f"{LEGEND[place % len(LEGEND)]} " if len(sheaf.lines) > 1 else ""
        left += [("  ", ""), (f"{mark}{name}{' ' if name else ''}", INKS[place % len(INKS)])]
        told = _latest(line, content.window, now) if at is None else at
        provisional = told >= whole and told < len(line.values) and line.values[told] is not None
        left += _value(line, told, sheaf.unit, filling=provisional)
        filling |= provisional
    if filling:
        left.append((f"  {FILLING} {STILL_FILLING}", "warn"))
    for level in levels:
        left.append((f"  {'' if level.far else '─ '}{level.words} {number(level.value)}", "dim"))
    room = width - len(words) - 2
    return (*padded(tuple(left), room), ("  ", ""), (words, "dim"))


def _latest(line: Drawn, window: Window, now: Millis) -> int:
    """The newest value that is whole; without any the newest."""
    whole = settled(window, now)
    known = [n for n, value in enumerate(line.values) if value is not None]
    return next((n for n in reversed(known) if n < whole), known[-1] if known else 0)


def _value(line: Drawn, at: int, unit: str, *, filling: bool = False) -> list[Piece]:
    value = line.values[at] if at < len(line.values) else None
    if value is None:
        return [("–", "dim")]
    told: list[Piece] = [(f"{number(value)}", "dim" if filling else "strong")]
    n = line.n[at] if line.n and at < len(line.n) else None
    if n is not None and unit == "%":
        told.append((f" ({value * n / 100:,.0f} of {n:,.0f})", "dim"))
    return told


def _label(content: MetricsContent, sheaf: Sheaf, line: Drawn) -> str:
    if len({one.who for one in sheaf.lines}) == 1 and len(sheaf.lines) > 1:
        return line.measure.short or line.measure.title
    variant, config, component = line.who
    several = len({one.who[0] for one in sheaf.lines}) > 1
    if config:
        return safe(f"{short(config, content.endpoint)} {variant}" if several else short(config, content.endpoint))
    if component:
        return safe(component)
    return safe(variant) if several else ""


def happened(content: MetricsContent, shown: Shown, columns: int, now: Millis) -> list[Piece]:
    """The marks at the cursor, or the last one before it; without a cursor what happened last."""
    found = list(content.marks)
    if shown.cursor is not None:
        here = cell_of(shown.cursor, content.window, columns)
        near = [mark for mark in found if abs(cell_of(mark.at, content.window, columns) - here) <= 1]
        found = near or [mark for mark in found if mark.at <= shown.cursor][-1:]
    if not found:
        words = (
            "nothing is known to have happened before" if content.marks else "no deployment, alarm or scaling is known"
        )
        return [(f" {words} in this time", "dim")]
    told: list[Piece] = []
    for mark in reversed(found[-TOLD:]):
        told += [("  " if told else " ", ""), (f"{mark.glyph} ", mark.sign.value)]
        told += [(f"{clock_time(mark.at, now)} ", "dim"), (mark.words, "")]
    return told
