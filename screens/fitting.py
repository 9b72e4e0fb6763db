"""Which columns a width has room for, and text cut or padded to exactly so many cells (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from console.kinds.base import Column
from console.text import safe

_GROWTH = 3
"""A column grows to at most three times its width for text that is cut: further, the eye loses the line."""
_SLACK = 1.5
"""And flex columns to this much without need, so that a longer name does not move the columns at once."""
_LEAST = 4
_GIVES_WAY = 6
"""From this priority on a column is left out where a flex column's text would be cut: words first."""


class Placed(NamedTuple):
    """A column with where it starts and how wide it is, in cells."""

    column: Column
    x: int
    width: int


def gap(column: Column) -> int:
    """Cells left free after a column: one after a sign, else two."""
    return 1 if column.width <= 1 else 2


def _natural(column: Column) -> int:
    return max(column.width, cell_len(column.title))


def _total(columns: Sequence[Column], widths: dict[str, int]) -> int:
    if not columns:
        return 0
    return sum(widths[column.id] + gap(column) for column in columns) - gap(columns[-1])


def fit(columns: Sequence[Column], width: int, need: Mapping[str, int] | None = None) -> list[tuple[Column, int]]:
    """The columns that `width` cells have room for, with their widths, gaps (`gap`) not included.

    The highest priority number goes first, the rightmost of equals before the others; then priority 0 shrinks, flex
    columns first, and at last goes too. What is left over goes to columns whose text (`need`, in cells by column id) is
    cut, flex columns first, then to all flex columns alike. The sum never exceeds `width`.
    """
    widths = {column.id: _natural(column) for column in columns}
    kept = list(columns)
    while kept and _total(kept, widths) > width:
        worst = max(range(len(kept)), key=lambda i: (kept[i].priority, i))
        if kept[worst].priority > 0:
            del kept[worst]
            continue
        over = _total(kept, widths) - width
        for candidates in ([c for c in kept if c.flex], kept):
            while over > 0:
                widest = max(candidates, key=lambda c: widths[c.id], default=None)
                if widest is None or widths[widest.id] <= _LEAST:
                    break
                widths[widest.id] -= 1
                over -= 1
        if over > 0:
            del kept[-1]
    most = {column.id: _GROWTH * _natural(column) for column in kept}
    wanted = {id: min(cells, (need or {}).get(id, 0)) for id, cells in most.items()}
    cut = sum(max(0, wanted[column.id] - widths[column.id]) for column in kept if column.flex)
    for column in sorted((c for c in kept if c.priority >= _GIVES_WAY), key=lambda c: -c.priority):
        if cut <= width - _total(kept, widths):
            break
        kept.remove(column)
    flex = [column.id for column in kept if column.flex]
    for limits in (
        {id: wanted[id] for id in flex},
        {column.id: wanted[column.id] for column in kept},
        {id: max(widths[id], int(most[id] / _GROWTH * _SLACK)) for id in flex},
    ):
        _grow(widths, limits, width - _total(kept, widths))
    return [(column, widths[column.id]) for column in kept]


def _grow(widths: dict[str, int], limits: Mapping[str, int], spare: int) -> None:
    """Share `spare` cells evenly among the columns of `limits`, none beyond its limit."""
    growing = [id for id, limit in limits.items() if limit > widths[id]]
    while spare > 0 and growing:
        share = max(1, spare // len(growing))
        for id in list(growing):
            more = min(share, spare, limits[id] - widths[id])
            widths[id] += more
            spare -= more
            if widths[id] >= limits[id]:
                growing.remove(id)


def place(
    columns: Sequence[Column], width: int, need: Mapping[str, int] | None = None, *, start: int = 0
) -> tuple[Placed, ...]:
    """`fit`, with the x of each column; the first begins at `start` and all end at or before `width`."""
    placed, x = [], start
    for column, cells in fit(columns, width - start, need):
        placed.append(Placed(column, x, cells))
        x += cells + gap(column)
    return tuple(placed)


@lru_cache(16_384)
def fill(text: str, width: int, right: bool = False) -> str:
    """Safe text of exactly `width` cells: what is cut ends in `…`, wide characters are never halved."""
    text = safe(text)
    cells = len(text) if text.isascii() else cell_len(text)
    if cells > width:
        if width <= 0:
            return ""
        text = set_cell_size(text, width - 1).rstrip() + "…"
        cells = cell_len(text)
    pad = " " * (width - cells)
    return pad + text if right else text + pad
