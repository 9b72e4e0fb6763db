"""One table for every kind: ten thousand live rows, and only changed, visible cells are sent to the terminal.

Textual's DataTable repaints itself whole for a cell that is not even on screen (25 kB/s against 66 B/s, measured). Here
a line is computed as data, compared with what was painted, and only the spans that differ become dirty regions. It is a
plain line-API widget with an offset of its own and no `virtual_size`: setting that lays out the whole screen again each
time a row comes or goes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from console.clock import Millis
from console.kinds.base import Column
from console.text import safe
from screens.blocks import wrap
from screens.filtering import Filter
from screens.fitting import Placed, fill, place
from screens.lines import INDENT, Line, Piece, difference, paint, paint_titles
from screens.moves import MoveKeys, led
from screens.rows import Row, Rows, State, cell_of

__all__ = ["LiveTable", "Row"]

_GUTTER = 1
"""Cells left of the first column, for the mark."""
_STRIPS = 512


class LiveTable(Widget, can_focus=True):
    """Feed it with `set_rows` and `tick`; read `cursor_key`, `cursor_view`, `chosen`, `marks`, `counts`."""

    DEFAULT_CSS = "LiveTable { height: 1fr; width: 1fr; }"
    ALLOW_SELECT = False
    FOCUS_ON_CLICK = False

    class Selected(Message):
        """Enter or a double click on a row."""

        def __init__(self, table: LiveTable, key: str, view: Any) -> None:
            super().__init__()
            self.table, self.key, self.view = table, key, view

        @property
        def control(self) -> LiveTable:
            return self.table

    class Moved(Message):
        """The row under the cursor, its data or the marks are others than before. `key` is None in an empty table."""

        def __init__(self, table: LiveTable, key: str | None) -> None:
            super().__init__()
            self.table, self.key = table, key

        @property
        def control(self) -> LiveTable:
            return self.table

    def __init__(
        self, columns: Sequence[Column], *, empty: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.empty = empty
        """What an empty table says in place of its rows, wrapped, in `empty_ink`."""
        self.empty_ink = "dim"
        self._rows = Rows(self.columns)
        self._now: Millis = 0
        self._cursor: str | None = None
        self._steered = False
        """Whether a key was pressed: until then the cursor stays on the first row, which is the worst."""
        self._index = 0
        self._top = 0
        self._keys = MoveKeys()
        self._placed: tuple[Placed, ...] = ()
        self._need: dict[str, int] = {}
        """The longest text seen cut in each column: it only grows, so that columns do not wander."""
        self._painted: list[Line | None] = []
        self._strips: OrderedDict[Line | None, Strip] = OrderedDict()

    # What others read.

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None in an empty table."""
        return self._cursor

    @property
    def cursor_view(self) -> Any:
        return None if self._cursor is None else self.view_of(self._cursor)

    def view_of(self, key: str) -> Any:
        """The view of a row, None if there is no such row."""
        state = self._rows.states.get(key)
        return None if state is None else state.view

    @property
    def marks(self) -> frozenset[str]:
        return frozenset(self._rows.marks)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The keys an action is about: the marked rows in their order on screen, else the row under the cursor."""
        if self._rows.marks:
            shown = [key for key in self._rows.order if key in self._rows.marks]
            return (*shown, *sorted(self._rows.marks.difference(shown)))
        return () if self._cursor is None else (self._cursor,)

    @property
    def counts(self) -> tuple[int, int]:
        """Rows let through by the filter, and all rows."""
        return len(self._rows.order), len(self._rows)

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the rows in the order they are shown."""
        return self._rows.order

    @property
    def visible_keys(self) -> tuple[str, ...]:
        """What is on screen now: the collector looks at it more often."""
        return tuple(self._rows.order[self._top : self._top + self._body])

    @property
    def filter(self) -> Filter:
        return self._rows.filter

    @property
    def sort(self) -> tuple[str, bool]:
        """The id of the column sorted by (empty: the default order), and whether descending."""
        return self._rows.sort_column, self._rows.descending

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        return tuple(placed.column for placed in self._placed)

    # What changes it.

    def set_rows(self, rows: Sequence[Row], now: Millis) -> None:
        """Show these rows, in this order unless sorted. Nothing is repainted where nothing looks different."""
        self._now = now
        before = self._rows.order
        if self._rows.update(rows, now):
            self._after(before)
        else:
            self._sync()

    def tick(self, now: Millis) -> None:
        """Ages have moved on: repaint the visible cells whose text is another now."""
        self._now = now
        self._sync()

    def sort_by(self, column_id: str, *, descending: bool = False) -> None:
        before = self._rows.order
        self._rows.sort_by(column_id, descending)
        self._after(before)
        self._refresh_header()

    def filter_by(self, chosen: Filter) -> None:
        before = self._rows.order
        self._rows.filter_by(chosen)
        self._after(before)

    def prepare_filter(self) -> None:
        """Read the texts that a filter looks at; may run on a thread (a quarter of a second for ten thousand rows)."""
        self._rows.fold_all()

    def move_to(self, key: str) -> bool:
        """Put the cursor on that row. False if it is not shown."""
        try:
            index = self._rows.order.index(key)
        except ValueError:
            return False
        self._go(index)
        return True

    def move(self, step: str) -> None:
        """One of the moves of `MOVES`."""
        self._go(led(step, self._index, self._body, len(self._rows.order)))

    def next_row(self) -> None:
        """The next row let through by the filter, from the last to the first again."""
        self._go((self._index + 1) % max(1, len(self._rows.order)))

    def toggle_mark(self) -> None:
        """Mark or unmark the row under the cursor and go on to the next."""
        if self._cursor is not None:
            self._rows.marks ^= {self._cursor}
            self._sync({self._index - self._top})
            self._go(self._index + 1)
            self.post_message(self.Moved(self, self._cursor))

    def clear_marks(self) -> None:
        self._rows.marks.clear()
        self._sync()
        self.post_message(self.Moved(self, self._cursor))

    # Keys and mouse.

    def press(self, event: events.Key) -> bool:
        """Do what a key means here; whether it means anything. A screen that reads all keys itself calls this."""
        self._steered = True
        step = self._keys.read(event)
        if step:
            self.move(step)
        elif step is not None:
            pass  # the first `g`
        elif event.character == " ":
            self.toggle_mark()
        elif event.key == "enter" and self._cursor is not None:
            self.post_message(self.Selected(self, self._cursor, self.cursor_view))
        else:
            return False
        return True

    def on_key(self, event: events.Key) -> None:
        if self.press(event):
            event.stop()

    def on_click(self, event: events.Click) -> None:
        if event.y > 0 and self._top + event.y - 1 < len(self._rows.order):
            self._go(self._top + event.y - 1)
            if event.chain == 2 and self._cursor is not None:
                self.post_message(self.Selected(self, self._cursor, self.cursor_view))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._go(self._index + 3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._go(self._index - 3)
        event.stop()

    def on_resize(self) -> None:
        self._keep_cursor_visible()
        self._place(place(self.columns, self.size.width - 1, self._need, start=_GUTTER))
        self._sync()

    def _place(self, placed: tuple[Placed, ...]) -> None:
        self._placed = placed
        self._strips.clear()
        self._painted = []

    # Cursor and offset.

    @property
    def _body(self) -> int:
        return max(0, self.size.height - 1)

    def _after(self, before: Sequence[str]) -> None:
        """The rows are others or stand elsewhere: the cursor stays with its row, or goes to the neighbour."""
        order = self._rows.order
        if not order:
            self._cursor, self._index = None, 0
        elif self._index >= len(order) or order[self._index] != self._cursor:
            shown = {key: index for index, key in enumerate(order)}
            if self._cursor is None or not self._steered:
                self._cursor = order[0]
            elif self._cursor not in shown:
                self._cursor = self._rows.neighbour(self._cursor, before, shown)
            self._index = shown.get(self._cursor or "", 0)
        self._keep_cursor_visible()
        self._sync()
        self.post_message(self.Moved(self, self._cursor))

    def _go(self, index: int) -> None:
        self._steered = True
        order = self._rows.order
        if not order:
            return
        old, self._index = self._index, max(0, min(index, len(order) - 1))
        if old == self._index and self._cursor == order[self._index]:
            return
        self._cursor = order[self._index]
        top = self._top
        self._keep_cursor_visible()
        self._sync(None if self._top != top else {old - top, self._index - top})
        self.post_message(self.Moved(self, self._cursor))

    def _keep_cursor_visible(self) -> None:
        body = max(1, self._body)
        top = max(min(self._top, self._index), self._index - body + 1)
        self._top = max(0, min(top, len(self._rows.order) - body))

    # Painting.

    def _sync(self, only: set[int] | None = None) -> None:
        """Compare the lines of the body (all, or those) with what is painted; what differs becomes dirty."""
        if not self.is_mounted or not self._placed:
            return
        body = self._body
        if len(self._painted) != body:
            self._painted = [None] * body
            only = None
            self.refresh()
        regions: list[Region] = []
        needed = dict(self._need)
        for y in range(body) if only is None else sorted(y for y in only if 0 <= y < body):
            line, old = self._line(y), self._painted[y]
            if line != old:
                self._painted[y] = line
                regions.extend(difference(self._placed, self.size.width, y + 1, old, line))
        placed = (
            place(self.columns, self.size.width - 1, self._need, start=_GUTTER)
            if self._need != needed
            else self._placed
        )
        if placed != self._placed:
            self._place(placed)
            self._sync()
        elif regions:
            self.refresh(*regions)

    def _line(self, y: int) -> Line | None:
        order = self._rows.order
        if self._top + y >= len(order):
            said = self._said() if not order and self.empty else ()
            return Line(words=said[y], ink=self.empty_ink) if y < len(said) else None
        state = self._rows.states[order[self._top + y]]
        pieces = tuple(self._piece(placed, state) for placed in self._placed)
        return Line(pieces, cursor=state.key == self._cursor, marked=state.key in self._rows.marks)

    def _said(self) -> list[str]:
        width = self.size.width - INDENT - 1
        return [part for line in self.empty.split("\n") for part in wrap(line, width)]

    def _piece(self, placed: Placed, state: State) -> Piece:
        column, _, width = placed
        cell = cell_of(column, state.view, self._now)
        changed = self._rows.changed_cell(state, column, cell.text)
        text = fill(cell.text, width, column.right)
        if text.endswith("…"):
            self._need[column.id] = max(self._need.get(column.id, 0), cell_len(safe(cell.text)))
        return Piece(text, cell.style, changed)

    def _refresh_header(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return paint_titles(self._placed, self.size.width, *self.sort)
        line = self._painted[y - 1] if y <= len(self._painted) else None
        strip = self._strips.get(line)
        if strip is None:
            strip = self._strips[line] = paint(line, self._placed, self.size.width)
            if len(self._strips) > _STRIPS:
                self._strips.popitem(last=False)
        return strip
