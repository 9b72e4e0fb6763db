"""Scrolling text on the line API: only lines on screen are made, and only cells that differ are sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from screens.blocks import Line, highlighted
from screens.moves import MoveKeys, led
from screens.pieces import Piece, lay_out
from screens.theme import style

_Cells = list[tuple[str, str]]


class LineView(Widget, can_focus=True):
    """`show` lines, or `feed` a function that makes the line of an index.

    With `cursor` one line is the current one and the moves move it; without it they scroll. `follow` keeps the end in
    sight as lines arrive.
    """

    DEFAULT_CSS = "LineView { height: 1fr; width: 1fr; }"
    ALLOW_SELECT = False
    FOCUS_ON_CLICK = False

    class Moved(Message):
        """The user has moved to another line or another part of the text."""

    def __init__(self, *, cursor: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.has_cursor = cursor
        self.follow = False
        self.needle = ""
        """What is looked for, case-folded: marked wherever it stands."""
        self.cursor = 0
        self.held: int | None = None
        """The other end of a selection, which reaches to the cursor."""
        self.top = 0
        self._count = 0
        self._line_at: Callable[[int], Line] = lambda index: ()
        self._painted: list[_Cells] = []
        self._keys = MoveKeys()

    @property
    def count(self) -> int:
        return self._count

    def line(self, index: int) -> Line:
        return self._line_at(index) if 0 <= index < self._count else ()

    def show(self, lines: Sequence[Line]) -> None:
        self.feed(len(lines), lines.__getitem__)

    def feed(self, count: int, line_at: Callable[[int], Line], *, shift: int = 0) -> None:
        """`shift`: by how many lines the text moved up because lines before it were let go."""
        self._count, self._line_at = count, line_at
        self.cursor -= shift
        self.top -= shift
        if self.held is not None:
            self.held = max(0, self.held - shift)
        if self.follow:
            self.cursor, self.top = count - 1, count
        self._settle()
        self.sync()

    def go(self, index: int) -> None:
        """To that line: the cursor, or the top where there is none."""
        if self.has_cursor:
            self.cursor = index
        else:
            self.top = index
        self._settle()
        self.sync()

    def reveal(self, index: int, lines: int = 1) -> None:
        """Scroll no more than is needed for `lines` from that one on to be seen."""
        height = max(1, self.size.height)
        self.top = min(max(self.top, index + lines - height), index)
        self._settle()
        self.sync()

    def move(self, step: str) -> None:
        now = self.cursor if self.has_cursor else self.top
        self.go(led(step, now, self.size.height, self._count))
        self.post_message(self.Moved())

    def press(self, event: events.Key) -> bool:
        """Do what a key means here; whether it means anything."""
        step = self._keys.read(event)
        if step:
            self.move(step)
        return step is not None

    @property
    def selected(self) -> range:
        """The lines selected; without a selection the one under the cursor."""
        first, last = sorted((self.cursor, self.cursor if self.held is None else self.held))
        return range(first, min(last + 1, self._count))

    @property
    def at_end(self) -> bool:
        if self.has_cursor:
            return self.cursor >= self._count - 1
        return self.top + self.size.height >= self._count

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._scroll(3, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._scroll(-3, event)

    def _scroll(self, by: int, event: events.MouseEvent) -> None:
        event.stop()
        self.go((self.cursor if self.has_cursor else self.top) + by)
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        if self.has_cursor and self.top + event.y < self._count:
            self.go(self.top + event.y)
            self.post_message(self.Moved())

    def on_resize(self) -> None:
        self._painted = []
        self._settle()
        self.sync()

    def _settle(self) -> None:
        height = max(1, self.size.height)
        self.cursor = max(0, min(self.cursor, self._count - 1))
        if self.has_cursor:
            self.top = max(min(self.top, self.cursor), self.cursor - height + 1)
        self.top = max(0, min(self.top, self._count - height))

    def sync(self) -> None:
        """Compare what is to be seen with what is painted; the cells between the first and last difference are sent."""
        if not self.is_mounted:
            return
        width, height = self.size
        fresh = len(self._painted) != height
        if fresh:
            self._painted = [[] for _ in range(height)]
        regions = []
        for y in range(height):
            new, old = self._cells(self.top + y, width), self._painted[y]
            if new == old:
                continue
            self._painted[y] = new
            differing = [x for x in range(width) if x >= len(old) or old[x] != new[x]]
            first, last = differing[0], differing[-1]
            if len(old) != width:
                first, last = 0, width - 1
            while first and not (old[first][0] and new[first][0]):  # never half a wide character
                first -= 1
            while last + 1 < width and not (old[last + 1][0] and new[last + 1][0]):
                last += 1
            regions.append(Region(first, y, last - first + 1, 1))
        if fresh:
            self.refresh()
        elif regions:
            self.refresh(*regions)

    def _cells(self, index: int, width: int) -> _Cells:
        if index >= self._count:
            return [(" ", "")] * width
        more: tuple[Piece, ...] = ()
        below = self._count - self.top - self.size.height
        if not self.has_cursor and below > 0 and index == self.top + self.size.height - 1:
            more = ((f" ↓ {below} more ", "chip"), (" ", ""))
        elif not self.has_cursor and self.top > 0 and index == self.top:
            more = ((f" ↑ {self.top} more ", "chip"), (" ", ""))
        cells = lay_out(highlighted(self._line_at(index), self.needle), more, width)
        if self.has_cursor and index == self.cursor:
            return [(char, "cursor") for char, _ in cells]
        if self.held is not None and index in self.selected:
            return [("┃", "mark"), *((char, "strong") for char, _ in cells[1:])]
        return cells

    def render_line(self, y: int) -> Strip:
        cells = self._painted[y] if y < len(self._painted) else []
        runs: list[tuple[list[str], str]] = []
        for char, ink in cells:
            if runs and runs[-1][1] == ink:
                runs[-1][0].append(char)
            else:
                runs.append(([char], ink))
        return Strip([Segment("".join(chars), style(ink)) for chars, ink in runs], len(cells))
