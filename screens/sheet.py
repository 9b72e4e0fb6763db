"""A page that knows how to draw itself for any width."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.cells import cell_len
from textual import events

from screens.blocks import Line, paragraph, plain
from screens.line_view import LineView


def labelled(
    label: str, text: str, width: int, ink: str = "", *, indent: int = 9, label_ink: str = "head", at_most: int = 0
) -> list[Line]:
    """` LABEL  text`, wrapped under itself in `at_most` lines."""
    pad = " " * (indent - 1 - cell_len(label))
    return paragraph(
        text, width - 1, ink, first=((" ", ""), (label, label_ink), (pad, "")), indent=indent, at_most=at_most
    )


class Sheet(LineView):
    """`draw(width)` gives the lines; `redraw` sends what differs from what stands there."""

    def __init__(self, draw: Callable[[int], Iterable[Line]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._draw = draw

    @property
    def text(self) -> str:
        """All of it, also what is out of sight."""
        return "\n".join(plain(self.line(n)) for n in range(self.count))

    def redraw(self) -> None:
        if self.size.width:
            self.show(list(self._draw(self.size.width)))

    def on_resize(self) -> None:
        self._painted = []
        self.redraw()

    def press_typing(self, event: events.Key) -> bool:
        """Scroll while a field is typed in: only by keys that type and edit nothing."""
        return event.key in ("up", "down", "pageup", "pagedown") and self.press(event)
