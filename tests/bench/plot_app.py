"""One plot of 10,000 values that all change with each key `n`: what tests/bench/plot.py measures."""

from __future__ import annotations

import math
import random

from textual import events
from textual.app import App, ComposeResult

from console.clock import MINUTE
from console.kinds.vitals.course import Course
from console.kinds.vitals.spans import Window
from screens.line_view import LineView
from screens.metrics_text import MetricsContent, Shown, metrics_lines

COUNT = 10_000
START = 1_795_489_200_000
SHAPES = 7


def values(phase: int, noise: list[float]) -> tuple[float, ...]:
    return tuple(120 + 80 * math.sin((n + 997 * phase) / 700) + 40 * noise[n] for n in range(COUNT))


def word(draw: int) -> str:
    """Of which each letter differs from that of the draw before: only cells that differ are sent."""
    return chr(ord("A") + draw % 26) * 5


class PlotApp(App[None]):
    def __init__(self) -> None:
        super().__init__(ansi_color=True)
        self.text = LineView()
        self._draws = 0
        chance = random.Random(1)
        noise = [chance.random() for _ in range(COUNT)]
        self._values = [values(phase, noise) for phase in range(SHAPES)]

    def compose(self) -> ComposeResult:
        yield self.text

    def on_mount(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """As the metrics screen does with an answer: the values are new, and so is almost every cell."""
        width, height = self.text.size
        span = Window(START, START + COUNT * MINUTE, 60)
        course = Course("v", "", "", "latency_p99_ms", span.start, 60, self._values[self._draws % SHAPES])
        lines = metrics_lines(MetricsContent("e", span, (course,)), Shown(), width, height, span.end + 10 * MINUTE)
        self.text.show([((f" {word(self._draws)}", ""),), *lines[1:]])
        self._draws += 1

    def on_key(self, event: events.Key) -> None:
        if event.key == "n":
            self.draw()
        elif event.key == "q":
            self.exit()


if __name__ == "__main__":
    PlotApp().run()
