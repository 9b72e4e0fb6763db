"""Plots as text: decimation, gaps, scales, marks that read without colour. What is drawn is read back from its dots."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.clock import DAY, HOUR, MINUTE, Millis
from console.fleet.marks import Mark
from console.kinds.base import Sign
from console.kinds.vitals.spans import Window
from screens.axis import cell_of, lane, times
from screens.blocks import Line, plain
from screens.plot import (
    MARGIN,
    Level,
    Scale,
    Stroke,
    Upright,
    canvas_width,
    column_of,
    decimated,
    number,
    plot,
    scale,
)

NOW: Millis = 1_795_489_920_000  # 2026-11-24T03:12:00Z
FULL = Scale(0.0, 100.0)


def drawn(
    *values: float | None, width: int = 28, height: int = 5, settled: int = 1 << 20, **more: object
) -> list[Line]:
    return plot([Stroke(values, settled)], width, height, FULL, **more)  # type: ignore[arg-type]


def canvas(lines: list[Line]) -> list[str]:
    """The rows of the canvas, without the scale."""
    return ["".join(text for text, _ in line)[MARGIN:] for line in lines]


def dots(lines: list[Line]) -> dict[int, tuple[int, int]]:
    """By column of dots, the lowest and the highest dot that is set, counted from below."""
    found: dict[int, list[int]] = {}
    rows = canvas(lines)
    for y, row in enumerate(rows):
        for x, char in enumerate(row):
            bits = ord(char) - 0x2800 if 0x2800 <= ord(char) < 0x2900 else 0
            for bit, (dx, dy) in enumerate(((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))):
                if bits >> bit & 1:
                    found.setdefault(2 * x + dx, []).append(4 * (len(rows) - y) - 1 - dy)
    return {x: (min(ys), max(ys)) for x, ys in found.items()}


# Decimation.


def test_each_column_keeps_its_least_and_its_greatest_on_the_shortest_way() -> None:
    values = [5.0, 1.0, 9.0, 5.0, 1.0, 9.0, 5.0, 5.0, 7.0, 7.0, 7.0, 7.0]
    assert decimated(values, 3) == [[(0, 1.0), (0, 9.0), (1, 9.0), (1, 1.0), (2, 7.0)]]


def test_a_gap_ends_a_run_and_nothing_bridges_it() -> None:
    assert decimated([1.0, None, 3.0, 4.0], 8) == [[(1, 1.0)], [(5, 3.0), (7, 4.0)]]
    assert decimated([1.0, 2.0, None, None, None, None, 7.0, 8.0], 4) == [[(0, 1.0), (0, 2.0)], [(3, 7.0), (3, 8.0)]]
    assert decimated([None, None], 4) == [] == decimated([], 4)


@given(
    values=st.lists(st.none() | st.floats(0, 1e6), max_size=300),
    columns=st.integers(1, 80),
)
def test_no_extreme_is_lost_whatever_the_width(values: list[float | None], columns: int) -> None:
    runs = decimated(values, columns)
    known = [value for value in values if value is not None]
    told = [value for run in runs for _, value in run]
    assert (min(told), max(told)) == (min(known), max(known)) if known else not told
    xs = [x for run in runs for x, _ in run]
    assert xs == sorted(xs) and all(0 <= x < columns for x in xs)
    assert len(told) <= 2 * columns
    for index, value in enumerate(values):
        if value is not None:
            column = column_of(index, len(values), columns)
            assert any(x == column for x in xs) or len(values) > columns


# Scales and numbers.


@given(st.lists(st.just(0.0) | st.floats(1e-6, 1e7), min_size=1, max_size=20))
def test_a_scale_holds_all_values_and_is_round(values: list[float]) -> None:
    found = scale([values])
    assert found.low <= min(values) and max(values) <= found.high * (1 + 1e-9) and found.low < found.high
    assert found.low > 0 or float(f"{found.high:.2g}") == pytest.approx(found.high)


def test_a_scale_begins_at_nothing_unless_all_is_far_above_it() -> None:
    assert scale([[0.0, 2.9]]) == Scale(0, 3)
    assert scale([[90.0, 240.0]]) == Scale(0, 250)
    assert scale([[150.0, 240.0]]).low == 150 and scale([[150.0, 178.0]]).low == 0
    assert scale([[42.0, 42.0]]) == scale([[41.9, 42.1]]) == Scale(0, 50), "noise is not made a mountain range"
    assert scale([[12.0, None]], whole=100.0) == Scale(0, 100), "a percentage of what is full"
    assert scale([[12.0]], [300.0]).high >= 300, "what it aims at is on the plot"
    assert scale([[]]) == scale([[None]]) == Scale(0, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.004, "0.004"), (0.02, "0.02"), (0.31, "0.31"), (2.9, "2.9"), (240, "240"), (1904, "1,904"),
     (12_345, "12.3k"), (1_234_567, "1.23M"), (99.96, "100")],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text and len(text) <= 6


# What is drawn.


def test_values_stand_at_their_height_and_the_scale_is_written() -> None:
    lines = drawn(*[0.0] * 10, *[100.0] * 10, width=28, height=5)
    assert [sum(len(t) for t, _ in line) for line in lines] == [28] * 5
    assert plain(lines[0]).lstrip().startswith("100┤") and plain(lines[-1]).lstrip().startswith("0┤")
    found = dots(lines)
    assert found[1][0] == 0 and found[39][1] == 19
    assert all(plain(lines[n])[MARGIN - 1] in "│┤" for n in range(5))


def test_missing_is_not_zero() -> None:
    found = dots(drawn(*[50.0] * 8, *[None] * 4, *[50.0] * 8))
    middle = [x for x in found if 16 < x < 24]
    assert not middle, "nothing is drawn where nothing was measured, neither a line across nor one at the bottom"
    assert {low for low, _ in found.values()} == {high for _, high in found.values()} and len(found) > 25


def test_a_spike_of_one_in_ten_thousand_is_seen() -> None:
    values = [10.0] * 10_000
    values[4_321] = 95.0
    found = dots(drawn(*values, width=80, height=10))
    spike = column_of(4_321, 10_000, 2 * canvas_width(80))
    assert found[spike][1] >= 36 and max(high for x, (_, high) in found.items() if abs(x - spike) > 2) < 10


def test_several_lines_differ_by_their_marks_not_by_colour_alone() -> None:
    strokes = [Stroke([20.0] * 20, 99, 0), Stroke([80.0] * 20, 99, 1), Stroke([50.0] * 20, 99, 2)]
    rows = canvas(plot(strokes, 28, 9, FULL))
    assert "x" * 10 in rows[2] + rows[1] and "o" * 10 in rows[4]
    assert any(0x2800 < ord(char) < 0x2900 for char in rows[6] + rows[7])


def test_what_is_provisional_has_another_mark_not_only_another_ink() -> None:
    lines = drawn(*[50.0] * 20, settled=16)
    inked = {(ink, char) for line in lines for text, ink in line for char in text if char == "·" or char > "⠀"}
    assert ("dim", "·") in inked and {ink for ink, char in inked if char > "⠀"} == {""}
    assert "·" not in "".join(canvas(drawn(*[50.0] * 20, settled=20)))


def test_levels_and_events_are_drawn_behind_the_values() -> None:
    lines = drawn(*[20.0] * 20, width=28, height=9, levels=[Level(80.0, "target"), Level(400.0, "max")],
                  uprights=[Upright(5, "rule")])  # fmt: skip
    rows = canvas(lines)
    assert sum("─" * 5 in row for row in rows) == 1, "a level beyond the scale is not drawn at its edge"
    assert sum(row[5] in "│┼" for row in rows) >= 8


def test_nothing_at_all_still_has_its_size() -> None:
    lines = drawn(None, None)
    assert len(lines) == 5 and not dots(lines)


@pytest.mark.parametrize("size", [(30, 2), (20, 1), (10, 3)])
def test_little_room(size: tuple[int, int]) -> None:
    lines = drawn(1.0, 2.0, 3.0, width=size[0], height=size[1])
    assert len(lines) == size[1] and all(sum(len(t) for t, _ in line) <= size[0] for line in lines)


def test_the_library_is_not_imported_before_a_plot_is_drawn() -> None:
    script = (
        "import sys, screens.registry, screens.app, screens.metrics, screens.endpoint, screens.plot as p;"
        "print(*[m for m in sys.modules if 'plotext' in m]);"
        "p.plot([p.Stroke([1.0, 2.0], 2)], 40, 5, p.Scale(0, 2));"
        "print('plotext' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\nTrue False\n"


# The axis below.


def window(span: int, period_s: int = 60) -> Window:
    return Window(NOW - span, NOW, period_s)


@pytest.mark.parametrize("span", [15 * MINUTE, HOUR, 3 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY])
@pytest.mark.parametrize("columns", [60, 71, 191])
def test_times_are_round_and_apart_at_every_zoom(span: int, columns: int) -> None:
    text = "".join(t for t, _ in times(window(span), columns, NOW, MARGIN))
    assert len(text) == MARGIN + columns
    ticks = [n for n, char in enumerate(text) if char == "╵"]
    assert 2 <= len(ticks) <= columns // 9
    assert min(b - a for a, b in pairwise(ticks)) >= 10
    if span == 3 * HOUR and columns == 71:
        assert text.split() == ["╵00:30Z", "╵01:00Z", "╵01:30Z", "╵02:00Z", "╵02:30Z"], "what has no room is left out"
    if span == 30 * DAY:
        assert "╵" in text and "Nov" in text and "Z" not in text


def test_the_cursors_time_is_written_where_it_stands() -> None:
    line = times(window(HOUR), 60, NOW, MARGIN, NOW - 30 * MINUTE)
    assert (" 02:42Z ", "chip") in [(t, ink) for t, ink in _joined(line)]


def _joined(line: Line) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for text, ink in line:
        if found and found[-1][1] == ink:
            found[-1] = (found[-1][0] + text, ink)
        else:
            found.append((text, ink))
    return found


def test_marks_stand_at_their_time_with_words_where_there_is_room() -> None:
    marks = [
        Mark(NOW - 50 * MINUTE, "◐", Sign.MOVING, "deploy v8 by ci", True),
        Mark(NOW - 20 * MINUTE, "!", Sign.CRITICAL, "risk-5xx in ALARM"),
        Mark(NOW - 18 * MINUTE, "✖", Sign.WARNING, "v8 was rolled back", True),
    ]
    text = "".join(t for t, _ in lane(marks, window(HOUR), 60, MARGIN))
    assert text[MARGIN:].startswith(" " * 10 + "◐ deploy v8 by ci ")
    assert text[MARGIN + 40] == "!" and text[MARGIN + 42 :].startswith("✖ v8 was rolled")


def test_what_has_no_room_behind_its_mark_stands_before_it() -> None:
    marks = [
        Mark(NOW - 55 * MINUTE, "◐", Sign.MOVING, "deploy v8", True),
        Mark(NOW - 4 * MINUTE, "●", Sign.OK, "v8 took over", True),
    ]
    text = "".join(t for t, _ in lane(marks, window(HOUR), 60, 0))
    assert text == f"{'     ◐ deploy v8':<43}v8 took over ●   "


def test_of_marks_in_one_cell_the_worst_keeps_it_and_no_wide_name_moves_the_rest() -> None:
    marks = [
        Mark(NOW - 2 * DAY, "●", Sign.OK, "ok", True),
        Mark(NOW - 2 * DAY, "✖", Sign.WARNING, "推荐 failed", True),
    ]
    text = "".join(t for t, _ in lane(marks, window(30 * DAY, 3600), 60, 0))
    cell = cell_of(NOW - 2 * DAY, window(30 * DAY, 3600), 60)
    assert text[cell : cell + 2] == "✖●" and len(text) == 60 and "推" not in text


def test_cells_are_within_the_canvas() -> None:
    span = window(HOUR)
    assert cell_of(span.start, span, 60) == 0 and cell_of(span.end, span, 60) == 59 == cell_of(span.end + DAY, span, 60)
    assert math.isclose(cell_of(span.start + 30 * MINUTE, span, 60), 30)
