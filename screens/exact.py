"""Sends the spans that are dirty and nothing else.

Textual 8.2's ChopsUpdate honours only the end of a dirty span: it writes the line from the left edge of the widget up
to there, once for each span (_compositor.py, ChopsUpdate.render_segments). A changed cell at the right of a wide table
would cost the whole line; here it costs a cursor move and the cell.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console, RenderableType
from rich.control import Control
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.screen import Screen


class ExactUpdate(ChopsUpdate):
    """The same update, cut at both ends of each span."""

    def render_segments(self, console: Console) -> str:
        written: list[str] = []
        for y, x1, x2 in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x1, x), min(x2, end)
                if strip is not None and left < right:
                    part = strip if (left, right) == (x, end) else strip.crop(left - x, right - x)
                    written += (Control.move_to(left, y).segment.text, part.render(console))
        return "".join(written)


class ExactApp(App[None], inherit_bindings=False):
    """An app whose partial updates are exact. `_display` is the one place that every update passes."""

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if type(renderable) is ChopsUpdate:
            renderable = ExactUpdate(renderable.chops, renderable.spans, renderable.chop_ends)
        super()._display(screen, renderable)
