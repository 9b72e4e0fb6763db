"""One plot as lines of text: decimated to what its columns can show, drawn by textual-plotext, told without colour.

The library is imported with the first plot: 70 ms that no other screen pays. Its colours are only a carrier: a number
stands for the name of a style, so that the theme's sixteen colours and NO_COLOR hold here too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from screens.blocks import Line
from screens.pieces import Piece

FINE, FILLING = "braille", "·"
MARKERS = (FINE, "x", "o", "+", "*", "#")
"""By place in the plot: the first is a fine line, the others differ by their character."""
LEGEND = ("⠒", "x", "o", "+", "*", "#")
INKS = ("", "line2", "line3", "line4", "line2", "line3")

MARGIN = 8
"""Cells left of the canvas: the scale and its axis. The same for all plots, so that times stand above each other."""
DOTS, RISE = 2, 4
"""Columns and rows of dots in a cell of braille."""

Values = Sequence[float | None]


class Stroke(NamedTuple):
    """One line: values by period, oldest first; from `settled` on they are provisional: dim, and dots by themselves."""

    values: Values
    settled: int
    place: int = 0


class Level(NamedTuple):
    """A value that counts: a target, a bound, a threshold. One that is `far` is told and not drawn: it would press the
    plot flat."""

    value: float
    words: str
    far: bool = False
    ink: str = "rule"
    whose: str = ""
    """Of which line, where there are several."""


class Upright(NamedTuple):
    """A line across all values at a cell of the canvas, from 0 at its left."""

    column: int
    ink: str


class Scale(NamedTuple):
    low: float
    high: float

    @property
    def words(self) -> str:
        return f"{number(self.low)} – {number(self.high)}"


def canvas_width(width: int) -> int:
    """Cells of the canvas in a plot that is so wide."""
    return max(1, width - MARGIN)


def decimated(values: Values, columns: int) -> list[list[tuple[int, float]]]:
    """(column, value) in runs without a gap: of each column the least and the greatest, first the one that is nearer to
    the column before. The same cells as in their order in time, at half the strokes.

    Fewer values than columns stand in the middle of their share; missing ones end a run and are never bridged.
    """
    count, runs, run = len(values), list[list[tuple[int, float]]](), list[tuple[int, float]]()
    for column in range(min(count, columns)):
        if count <= columns:
            part, at = values[column : column + 1], (2 * column + 1) * columns // (2 * count)
        else:
            part, at = values[column * count // columns : (column + 1) * count // columns], column
        known = [value for value in part if value is not None]
        if not known:
            if run:
                runs.append(run)
            run = []
            continue
        low, high = min(known), max(known)
        if low == high:
            run.append((at, low))
        else:
            rising = abs(run[-1][1] - low) <= abs(run[-1][1] - high) if run else known.index(low) < known.index(high)
            run += [(at, low), (at, high)] if rising else [(at, high), (at, low)]
    return [*runs, run] if run else runs


def column_of(index: int, count: int, columns: int) -> int:
    """The column in which the value with that index is drawn."""
    return index * columns // count if count > columns else (2 * index + 1) * columns // (2 * max(1, count))


def scale(lines: Iterable[Values], levels: Iterable[float] = (), *, whole: float = 0.0) -> Scale:
    """From 0 to a round number; or from close below the least where all is far above 0 and differs by more than noise.
    `whole`: at least so far."""
    known = [value for values in lines for value in values if value is not None]
    known += levels
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    if whole or low < 0.6 * high or low <= 0 or high - low < 0.25 * high:
        return Scale(min(0.0, low), _above(max(high, whole)))
    step = _step(high - low)
    return Scale(math.floor(low / step) * step, math.ceil(high / step) * step)


def _above(value: float) -> float:
    """The next round number, or the value itself where it is one."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(part * power, 12) for part in _ROUND if value <= part * power * (1 + 1e-9))


_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def _step(size: float) -> float:
    """A round number, of which the size has between 4 and 10."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * part for part in (0.1, 0.2, 0.25, 0.5, 1.0) if size / (power * part) <= 10)


def number(value: float) -> str:
    """In six cells at most: `0.02`, `12.5`, `1,904`, `12.3k`."""
    size = abs(value)
    for limit, by, unit in ((1e4, 1.0, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"), (math.inf, 1e9, "G")):
        if size < limit:
            value, size = value / by, size / by
            digits = 0 if size >= 1000 or value == round(value) else 1 if size >= 10 else 2 if size >= 0.095 else 3
            text = f"{value:,.{digits}f}"
            return (text.rstrip("0").rstrip(".") if "." in text else text) + unit
    return str(value)


def plot(
    strokes: Sequence[Stroke],
    width: int,
    height: int,
    span: Scale,
    *,
    levels: Sequence[Level] = (),
    uprights: Sequence[Upright] = (),
) -> list[Line]:
    """Exactly `height` lines of `width` cells: the scale at the left, then the canvas."""
    from textual_plotext.plot import Plot

    columns, top = canvas_width(width), height * RISE - 1
    high = span.high if span.high > span.low else span.low + 1.0

    def dot(value: float) -> float:
        return top * (value - span.low) / (high - span.low)

    drawing: Any = Plot()
    drawing.plotsize(width, height)
    drawing._set_size(width, height)  # what its own widget does too: plotsize alone forgets the size it had
    drawing.theme("clear")
    drawing.frame(False)
    drawing.xaxes(False, False)
    drawing.yaxes(True, False)
    drawing.xlim(0, columns * DOTS - 1)
    drawing.xticks([])
    drawing.ylim(0, top)  # in dots: what is dense is put together from them
    ticks = [span.low, (span.low + high) / 2, high] if height >= 7 else [span.low, high]
    drawing.yticks([dot(tick) for tick in ticks], [f"{_tick(tick):>{MARGIN - 1}}" for tick in ticks])
    inks = _Inks()
    for at, ink in uprights:
        drawing.vline(at * DOTS, inks.code(ink))
    for level in levels:
        if span.low <= level.value <= high:
            drawing.hline(dot(level.value), inks.code(level.ink))
    drawing.scatter([-1], [0], marker=" ")  # without data it draws neither axis nor lines
    for stroke in strokes:
        for x, value in (point for run in decimated(_filling(stroke), columns) for point in run):
            drawing.scatter([x * DOTS], [dot(value)], marker=FILLING, color=inks.code("dim"))
    for stroke in strokes:  # last: where both meet in a cell, what is settled is seen
        marker, ink = MARKERS[stroke.place % len(MARKERS)], INKS[stroke.place % len(INKS)]
        fine, values = marker == FINE, _settled(stroke)
        found = decimated(values, columns * DOTS if fine else columns)
        runs = [[(x, dot(value)) for x, value in run] for run in found]
        if fine and len(values) > columns * DOTS:
            cells = dense(runs)
            signs = [cell.sign for cell in cells]
            drawing.scatter([c.x for c in cells], [c.y for c in cells], marker=signs, color=inks.code(ink))
            continue
        for run in runs:
            xs = [x if fine else x * DOTS for x, _ in run]
            drawing.plot(xs, [y for _, y in run], marker=marker, color=inks.code(ink))
    return list(inks.lines(drawing.build(), height))


def _settled(stroke: Stroke) -> Values:
    return [*stroke.values[: stroke.settled], *[None] * (len(stroke.values) - stroke.settled)]


def _filling(stroke: Stroke) -> Values:
    return [*[None] * min(stroke.settled, len(stroke.values)), *stroke.values[stroke.settled :]]


class Cell(NamedTuple):
    """A character, by its middle in dots."""

    x: float
    y: float
    sign: str


def dense(runs: Iterable[Sequence[tuple[int, float]]]) -> list[Cell]:
    """The cells of braille: the library takes 9 µs for each point, and a cell has eight of them.
    Neighbours of a run touch each other."""
    spans: dict[int, tuple[int, int]] = {}
    for run in runs:
        before = -1
        for x, y in run:
            at = math.floor(y + 0.5)
            low, high = spans.get(x, (at, at))
            if before >= 0 and x != before:
                was_low, was_high = spans[before]
                low, high = min(low, was_high + 1) if low > was_high else low, max(high, was_low - 1)
            spans[x], before = (min(low, at), max(high, at)), x
    cells: dict[tuple[int, int], int] = {}
    for x, (low, high) in spans.items():
        dots = _DOTS[x % DOTS]
        for row in range(low // RISE, high // RISE + 1):
            first, last = max(0, low - row * RISE), min(RISE - 1, high - row * RISE)
            cell = x // DOTS, row
            cells[cell] = cells.get(cell, 0) | sum(dots[first : last + 1])
    half, middle = (DOTS - 1) / 2, (RISE - 1) / 2
    return [Cell(x * DOTS + half, y * RISE + middle, chr(_BRAILLE + mask)) for (x, y), mask in cells.items()]


_BRAILLE = 0x2800
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""By column and, from below, row of a cell: what Unicode adds to `_BRAILLE` for its dot."""


def _tick(value: float) -> str:
    """Exactly, where it is a round number: half of 0.25 is not 0.12."""
    text = f"{round(value, 9):,g}"
    return text if abs(value) < 1e4 and len(text) < MARGIN - 1 and "e" not in text else number(value)


class _Inks:
    """Names of styles as colour numbers of the library, and back."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def code(self, ink: str) -> int:
        if ink not in self._names:
            self._names.append(ink)
        return self._names.index(ink) + 1

    def lines(self, built: str, height: int) -> Iterator[Line]:
        rows = built.split("\n")
        for row in [*rows, *[""] * height][:height]:
            pieces: list[Piece] = []
            ink = ""
            for n, part in enumerate(_SGR.split(row)):
                if n % 2:
                    found = _CODE.search(part)
                    ink = self._names[int(found[1]) - 1] if found and int(found[1]) <= len(self._names) else ""
                elif part:
                    pieces += [(run, ink if run.strip() else "") for run in _SPACES.split(part) if run]
            yield tuple(pieces)


_SGR = re.compile(r"\x1b\[([\d;]*)m")
_CODE = re.compile(r"38;5;(\d+)")
_SPACES = re.compile(r"(\s+)")
"""A run of spaces is a piece of its own: inside a text it would be drawn as one."""
