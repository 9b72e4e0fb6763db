"""The time axis below plots: what happened when, and the times themselves (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len

from console.clock import DAY, HOUR, MINUTE, Millis, clock_time
from console.fleet.marks import Mark
from console.kinds.vitals.spans import Window
from console.text import safe
from screens.blocks import Line
from screens.pieces import Piece

APART = 11
"""Cells between two times at least."""

_STEPS = (
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 5, 7, 14, 30, 90)),
)


def cell_of(at: Millis, window: Window, columns: int) -> int:
    """The cell in which a moment stands; those outside stand at the edge."""
    return max(0, min(columns - 1, (at - window.start) * columns // (window.end - window.start)))


def times(window: Window, columns: int, now: Millis, margin: int, cursor: Millis | None = None) -> Line:
    """Round times at their cells; the cursor's own time stands over them."""
    cells = [(" ", "")] * columns
    span = window.end - window.start
    step = next((step for step in _STEPS if step * columns >= APART * span), _STEPS[-1])
    chip = f" {clock_time(cursor, now)} " if cursor is not None else ""
    start = max(0, min(cell_of(cursor, window, columns), columns - len(chip))) if cursor is not None else columns
    at = -(-window.start // step) * step
    while at < window.end:
        cell, words = cell_of(at, window, columns), f"╵{_tick(at, step, now)}"
        if cell + len(words) <= start or cell >= start + len(chip):
            _write(cells, cell, words, "dim")
        at += step
    _write(cells, start, chip, "chip")
    return ((" " * margin, ""), *_pieces(cells))


def _tick(at: Millis, step: int, now: Millis) -> str:
    words = clock_time(at, now)
    return words.rpartition(" ")[0] or words if step >= DAY else words.rpartition(" ")[2]


def lane(marks: Sequence[Mark], window: Window, columns: int, margin: int) -> Line:
    """Each mark at its cell, or beside it where a worse one stands; its words behind it where there is room before the
    next one, else before it."""
    cells = [(" ", "")] * columns
    taken: dict[int, Mark] = {}
    for mark in sorted(marks, key=lambda mark: mark.sign.rank):
        here = cell_of(mark.at, window, columns)
        beside = (cell for cell in (here, here + 1, here - 1) if cell not in taken and 0 <= cell < columns)
        if (cell := next(beside, None)) is not None:
            taken[cell] = mark
    free = 0
    """From which cell on nothing is written yet."""
    for cell, after in pairwise([*sorted(taken), columns + 1]):
        mark, words = taken[cell], safe(taken[cell].words)
        _write(cells, cell, mark.glyph, mark.sign.value)
        behind, before = _fitted(words, after - cell - 3), _fitted(words, cell - free - 1)
        if len(before) > len(behind):
            _write(cells, cell - 1 - len(before), before, "dim")
            free = cell + 2
        else:
            _write(cells, cell + 2, behind, "dim")
            free = cell + 3 + len(behind)
    return ((" " * margin, ""), *_pieces(cells))


def _fitted(words: str, room: int) -> str:
    """As many whole words as fit: half a name tells another one."""
    while words and cell_len(words) > room:
        words = words.rpartition(" ")[0]
    return words


def _write(cells: list[Piece], start: int, words: str, ink: str) -> None:
    """Only what fits whole, and only plain cells: a wide character would move all that is behind it."""
    if start + len(words) <= len(cells) and cell_len(words) == len(words):
        for n, char in enumerate(words):
            cells[start + n] = (char, ink)


def _pieces(cells: Sequence[Piece]) -> list[Piece]:
    """Runs of one ink; spaces by themselves, because inside a text several are drawn as one."""
    pieces: list[Piece] = []
    for char, ink in cells:
        if pieces and pieces[-1][1] == ink and (pieces[-1][0][-1] == " ") == (char == " "):
            pieces[-1] = (pieces[-1][0] + char, ink)
        else:
            pieces.append((char, ink))
    return pieces
