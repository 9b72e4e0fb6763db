"""One line of a live table as data and as segments (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from screens.fitting import Placed, fill
from screens.theme import cursor_style, style

MARK = "◆"
INDENT = 3
"""Where names begin."""


class Piece(NamedTuple):
    """One cell: text filled to the column's width, style name, and whether the last news changed it."""

    text: str
    style: str
    changed: bool


class Line(NamedTuple):
    """What one line shows; equal lines look the same, whatever row they belong to."""

    pieces: tuple[Piece, ...] = ()
    cursor: bool = False
    marked: bool = False
    words: str = ""
    """What an empty table says instead, in `ink`."""
    ink: str = "dim"


def difference(placed: Sequence[Placed], width: int, y: int, old: Line | None, new: Line | None) -> list[Region]:
    """The parts of line `y` that look different. A change of cursor or mark is the whole line."""
    same_shape = old is not None and new is not None and old[1:] == new[1:]
    if old is None or new is None or not same_shape or not len(old.pieces) == len(new.pieces) == len(placed):
        return [Region(0, y, width, 1)]
    regions = []
    for (column, x, cells), was, piece in zip(placed, old.pieces, new.pieces, strict=True):
        if was != piece:
            # The padding looks the same before and after (the underline skips it): it need not be sent again.
            used = max(cell_len(text.text.strip(" ")) for text in (was, piece))
            if used:
                regions.append(Region(x + cells - used if column.right else x, y, used, 1))
    return regions


def paint(line: Line | None, placed: Sequence[Placed], width: int) -> Strip:
    """The line as a strip of exactly `width` cells."""
    if line is None:
        return Strip.blank(width)
    if line.words:
        indent = min(width, INDENT)
        return Strip([Segment(" " * indent + fill(line.words, width - indent), style(line.ink))], width)
    painter = _Painter()
    base = cursor_style(marked=line.marked) if line.cursor else style("", marked=line.marked)
    painter.add(MARK if line.marked else " ", base if line.cursor or not line.marked else style("mark"))
    for at, piece in zip(placed, line.pieces, strict=True):
        if line.cursor:
            ink = cursor_style(changed=piece.changed, marked=line.marked)
        else:
            ink = style(piece.style, changed=piece.changed, marked=line.marked)
        painter.add(" " * (at.x - painter.width), base)
        if ink is base:
            painter.add(piece.text, base)
            continue
        # Padding is always plain: no underlined blanks, and fewer changes of style.
        body = piece.text.strip(" ")
        left = piece.text.find(body)
        painter.add(piece.text[:left], base)
        painter.add(body, ink)
        painter.add(piece.text[left + len(body) :], base)
    painter.add(" " * (width - painter.width), base)
    return Strip(painter.segments(), width)


def paint_titles(placed: Sequence[Placed], width: int, sorted_by: str, descending: bool) -> Strip:
    """The heading. The arrow stands right behind the title of the column that sorts, if need be in the gap."""
    chars = [" "] * width
    for column, x, cells in placed:
        chars[x : x + cells] = list(fill(column.title, cells, column.right))
        if column.id == sorted_by:
            at = x + cells if column.right else x + min(cells, len(column.title))
            chars[min(at, width - 1)] = "↓" if descending else "↑"
    return Strip([Segment("".join(chars)[:width], style("head"))], width)


class _Painter:
    """Joins neighbours of one style (the theme returns one object for each): half the bytes of a segment a cell."""

    def __init__(self) -> None:
        self.width = 0
        self._runs: list[tuple[list[str], Style]] = []

    def add(self, text: str, ink: Style) -> None:
        if not text:
            return
        self.width += len(text) if text.isascii() else cell_len(text)
        if self._runs and self._runs[-1][1] is ink:
            self._runs[-1][0].append(text)
        else:
            self._runs.append(([text], ink))

    def segments(self) -> list[Segment]:
        return [Segment("".join(texts), ink) for texts, ink in self._runs]
