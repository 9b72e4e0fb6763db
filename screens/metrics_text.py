"""The metrics of one endpoint as lines: plots above each other on one time axis (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from console.clock import Millis, clock_time
from console.fleet.marks import Mark
from console.kinds.alarm.aim import aims
from console.kinds.endpoint.record import short
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.course import Course, Who
from console.kinds.vitals.measures import GROUPS, OVERVIEW, Drawn, Sheaf, sheaves
from console.kinds.vitals.spans import Window
from console.text import safe
from screens.axis import cell_of, lane, times
from screens.blocks import BLANK, Line, beside, padded, width_of
from screens.pieces import Piece
from screens.plot import FILLING, INKS, LEGEND, MARGIN, Level, Scale, Stroke, Upright, canvas_width, number, plot, scale

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

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
    thresholds: Mapping[tuple[str, Who], tuple[Level, ...]] = {}
    """Of the alarms that watch exactly this, by measure and whose it is."""
    reading: bool = False
    failed: str = ""
    """Why CloudWatch was not heard: then a gap does not mean that nothing was measured."""
    lead: str = ""
    """The measure that tells what is wrong: it is drawn first."""


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


def thresholds_of(view: EndpointView, snapshot: Snapshot) -> dict[tuple[str, Who], tuple[Level, ...]]:
    """Of its alarms, where what they read is what is plotted: the same statistic, of the same subject."""
    watching = [one.alarm for one in view.alarms or () if not one.alarm.scaling]
    if not watching:
        return {}
    beat = view.pulse
    parts = [(one.component, one.variant) for one in beat.components] if beat else []
    found: dict[tuple[str, Who], list[Level]] = {}
    for one in aims(watching, snapshot, view.endpoint, parts):
        if one.level is not None:
            measure, value = one.level
            level = Level(value, f"alarm {'>' if one.above else '<'}", ink="warn")
            if level not in (known := found.setdefault((measure, one.who), [])):
                known.append(level)
    return {key: tuple(levels) for key, levels in found.items()}


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
    if content.lead:
        found.sort(key=lambda sheaf: all(line.measure.id != content.lead for line in sheaf.lines))
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
    levels, values = _levels(content, sheaf), [line.values for line in sheaf.lines]
    span = scale(values, [level.value for level in levels if not level.far], whole=sheaf.whole)
    if thresholds := _thresholds(content, sheaf, span):
        levels += thresholds
        span = scale(values, [level.value for level in levels if not level.far], whole=sheaf.whole)
    head = _heading(content, sheaf, shown, levels, span, width, now)
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


def _thresholds(content: MetricsContent, sheaf: Sheaf, span: Scale) -> list[Level]:
    """Those of all lines, each once; one that would press the curves into less than half of the plot is only told."""
    every = [content.thresholds.get((line.measure.id, line.who), ()) for line in sheaf.lines]
    found: list[Level] = []
    for line, levels in zip(sheaf.lines, every, strict=True):
        for level in levels:
            whose = "" if all(level in one for one in every) else _label(content, sheaf, line)
            low, high = min(span.low, level.value), max(span.high, level.value)
            far = high - low > 2 * (span.high - span.low)
            told = level._replace(far=far, whose=whose)
            if told not in found:
                found.append(told)
    return found


def _heading(
    content: MetricsContent, sheaf: Sheaf, shown: Shown, levels: Sequence[Level], span: Scale, width: int, now: Millis
) -> Line:
    words = f"{span.words} {sheaf.unit}".rstrip()
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
    room = width - len(words) - 2
    for brief in range(3):
        told_levels = [(f"  {_told(level, span, brief)}", "dim") for level in levels]
        if width_of(left + told_levels) <= room:
            break
    left += told_levels
    return (*padded(tuple(left), room), ("  ", ""), (words, "dim"))


def _told(level: Level, span: Scale, brief: int) -> str:
    """`─ target 600`, `p99 alarm > 250, above this scale`; where there is less room `alarm > 250 ↑`, then `> 250 ↑`."""
    whose, words = "" if brief else level.whose, level.words.removeprefix("alarm ") if brief > 1 else level.words
    said = " ".join(filter(None, ["" if level.far else "─", whose, words, number(level.value)]))
    if not level.far or span.low <= level.value <= span.high or level.words == "quota":
        return said
    above = level.value > span.high
    return f"{said} {'↑' if above else '↓'}" if brief else f"{said}, {'above' if above else 'below'} this scale"


def _latest(line: Drawn, window: Window, now: Millis) -> int:
    """The newest value that is whole; without any the newest."""
    whole = settled(window, now)
    known = [n for n, value in enumerate(line.values) if value is not None]
    return next((n for n in reversed(known) if n < whole), known[-1] if known else 0)


def _value(line: Drawn, at: int, unit: str, *, filling: bool = False) -> list[Piece]:
    value = line.values[at] if at < len(line.values) else None
    if value is None:
        # At the cursor a gap is seen; a line of gaps alone is none to see.
        return [("–" if any(v is not None for v in line.values) else "– no data", "dim")]
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
