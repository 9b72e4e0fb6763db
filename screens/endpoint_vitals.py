"""The last hour of an endpoint on its own screen: a bar every few minutes, and fleets side by side (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from console.clock import HOUR, Millis, clock_time
from console.fleet.marks import Mark
from console.kinds.endpoint.record import short
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.course import Course
from console.kinds.vitals.measures import MEASURES, RATIO, Drawn, Measure, drawn, measure_of
from console.kinds.vitals.record import Pulse, Signs
from console.kinds.vitals.spans import Window
from console.text import BARS
from screens.axis import cell_of
from screens.blocks import Line, aligned, width_of
from screens.pieces import Piece
from screens.plot import Scale, number, scale

SHAPES = ((30, False), (20, False), (15, False), (12, False), (12, True), (10, True), (8, True))
"""(bars, whether large counts are shortened), as the width allows: two to eight minutes a bar."""

TITLES = {"5xx": "5XX %", "failed": "FAILED %", "p99": "P99 MS", "requests": "REQ/S"}
"""In this order: what hurts users first."""

LEADS = TITLES | {
    "4xx": "4XX %", "overhead": "OVERHEAD MS", "hits": "LOADED %", "backlog": "WAITING", "oldest": "OLDEST S",
    "cpu": "CPU %", "gpu": "GPU %", "memory": "MEMORY %", "disk": "DISK %", "slots": "IN USE %",
    "unplaced": "NO COPY %",
}  # fmt: skip
"""What comes before them where it is what is wrong."""
SIDES_AT_MOST = 3


def hour_before(at: Millis) -> Window:
    return Window(at - HOUR, at, 60)


def vital_lines(
    view: EndpointView, courses: Sequence[Course], marks: Sequence[Mark], width: int, now: Millis
) -> list[Line]:
    """Nothing where no numbers of now are known. `courses` are of the hour before the pulse's end."""
    beat = view.pulse
    if beat is None or now >= beat.stale_at or not beat.variants:
        return []
    window, sides = hour_before(beat.at), _sides(view, beat)
    for cells, brief in SHAPES:
        rows = _rows(view, beat, courses, sides, cells, brief)
        if (
            sum(max(width_of(row[n : n + 1]) for row in rows) + 2 for n in range(max(map(len, rows), default=0)))
            < width
        ):
            break
    if not rows:
        return []
    divides = [mark for mark in marks if mark.line and window.start <= mark.at < window.end]
    indent = max(len(row[0][0]) for row in rows) + 3
    axis: list[Piece] = [
        (" " * indent, ""),
        (f"{_axis(divides, window, cells)}  to {clock_time(window.end, now)}", "dim"),
    ]
    if divides:
        last = max(divides)
        axis.append((f"   {last.glyph} {clock_time(last.at, now)} {last.words}", "dim"))
    return [*aligned(rows, width), tuple(axis)]


def _rows(
    view: EndpointView,
    beat: Pulse,
    courses: Sequence[Course],
    sides: Sequence[tuple[str, Signs]],
    cells: int,
    brief: bool,
) -> list[list[Piece]]:
    rows: list[list[Piece]] = []
    lead = measure_of(view.found)
    order = [id for id in dict.fromkeys((lead, *TITLES)) if id in LEADS]
    for measure in sorted((m for m in MEASURES if m.id in order), key=lambda m: order.index(m.id)):
        values = _values(measure, courses, view)
        told = [_number(measure, signs, brief) for _, signs in sides]
        if all(value is None for value in values) and not any(told):
            continue
        span = scale([values], whole=measure.whole)
        row: list[Piece] = [(LEADS[measure.id], "head"), (_bars(values, cells, span), ""), (span.words, "dim")]
        for (name, signs), words in zip(sides, told, strict=True):
            row.append((f"{name} {words or _absent(measure, signs)}".strip(), "strong" if words else "dim"))
        if len(sides) == 1 and (was := _was(measure, beat)):
            row.append((f"was {was}", "dim"))
        rows.append(row)
    return rows


def _sides(view: EndpointView, beat: Pulse) -> list[tuple[str, Signs]]:
    """(name, signs) of what is compared: the fleets of a deployment, what comes in first; else the variants."""
    e = view.endpoint
    fleets = [one for one in beat.fleets if e.pending is not None and one.invocations]
    if fleets and e.pending is not None:
        coming = e.pending.config
        fleets.sort(key=lambda one: one.config != coming)
        several = len({one.variant for one in fleets}) > 1
        named = [(short(one.config, e.name) + (f" {one.variant}" if several else ""), one) for one in fleets]
        return named[:SIDES_AT_MOST]
    alone = len(beat.variants) == 1
    return [("" if alone else one.variant, one) for one in beat.variants][:SIDES_AT_MOST]


def _values(measure: Measure, courses: Sequence[Course], view: EndpointView) -> list[float | None]:
    """Of all variants together; from where a fleet comes in, of that fleet: it is what the deployment is about."""
    known = {one.key: one for one in courses}
    e = view.endpoint
    serving = [v.name for v in e.variants]
    whole = [line for name in serving if (line := drawn(measure, known, (name, "", ""))) is not None]
    values = _joined(measure, whole)
    if e.pending is not None and measure.id != "requests":
        coming = [line for n in serving if (line := drawn(measure, known, (n, e.pending.config, ""))) is not None]
        fresh = _joined(measure, coming)
        values = [new if new is not None else old for new, old in zip(fresh, values, strict=False)] or values
    return values


def _joined(measure: Measure, lines: Sequence[Drawn]) -> list[float | None]:
    """Requests add up, shares are of all requests, and of percentiles the slowest counts."""
    joined: list[float | None] = []
    for n in range(max((len(line.values) for line in lines), default=0)):
        known = [(value, line.n[n] if line.n else None) for line in lines if (value := line.values[n]) is not None]
        if not known:
            joined.append(None)
        elif measure.over:
            of = sum(n or 0.0 for _, n in known)
            joined.append(sum(value * (n or 0.0) for value, n in known) / of if of else None)
        else:
            joined.append(sum(v for v, _ in known) if measure.id == "requests" else max(v for v, _ in known))
    return joined


def _bars(values: Sequence[float | None], cells: int, span: Scale) -> str:
    """The greatest of each few minutes; `·` where nothing was measured."""
    bars: list[str] = []
    for n in range(cells):
        part = values[n * len(values) // cells : (n + 1) * len(values) // cells]
        known = [value for value in part if value is not None]
        size = (max(known) - span.low) / (span.high - span.low) if known and span.high > span.low else 0.0
        bars.append(BARS[round(7 * max(0.0, min(1.0, size)))] if known else "·")
    return "".join(bars)


def _axis(marks: Sequence[Mark], window: Window, cells: int) -> str:
    """`─────▲───`: when the marks were; the hour ends at its right."""
    line = ["─"] * cells
    for mark in marks:
        line[cell_of(mark.at, window, cells)] = mark.glyph
    return "".join(line)


def _number(measure: Measure, signs: Signs, brief: bool) -> str:
    if measure.id == "requests":
        rate = signs.invocations_per_min
        return number(rate / 60) if rate is not None else ""
    value: float | None = getattr(signs, measure.field)
    if not measure.over:
        return number(100 * value if measure.by == RATIO else value) if value is not None else ""
    if value is None or not signs.invocations:
        return ""
    n = number(signs.invocations) if brief else f"{signs.invocations:,.0f}"
    return f"{number(100 * min(1.0, value / signs.invocations))} ({value:,.0f} of {n})"


def _absent(measure: Measure, signs: Signs) -> str:
    """Why there is no number, as far as that is known."""
    if measure.id == "requests":
        return "–"
    return "– no data" if signs.invocations else "– idle"


def _was(measure: Measure, beat: Pulse) -> str:
    was = beat.was_of(beat.variants[0].variant)
    if was is None:
        return ""
    values = {
        "requests": was.invocations_per_min / 60 if was.invocations_per_min is not None else None,
        "5xx": 100 * was.error_rate if was.error_rate is not None else None,
        "4xx": 100 * was.error_4xx_rate if was.error_4xx_rate is not None else None,
        "p99": was.latency_p99_ms,
        "overhead": was.overhead_avg_ms,
        "cpu": was.cpu_percent,
    }
    value = values.get(measure.id)
    return number(value) if value is not None else ""
