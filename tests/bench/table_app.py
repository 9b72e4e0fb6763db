"""What `tests.bench.table` measures: one of two tables with 10,000 rows x 10 columns, fed 50 changed cells a second.

Usage: python -m tests.bench.table_app live|datatable random|visible|rest
"""

from __future__ import annotations

import random
import sys
from typing import Any, NamedTuple

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from console.kinds.base import Cell, Column
from screens.exact import ExactApp
from screens.live_table import LiveTable, Row
from screens.theme import THEME

ROWS, COLUMNS, CELLS = 10_000, 10, 50


class View(NamedTuple):
    name: str
    values: tuple[int, ...]


def name(row: int) -> str:
    return f"endpoint-{row:05d}"


def column(n: int) -> Column:
    if n == 0:
        return Column("name", "NAME", 16, lambda view, now: Cell(view.name))
    return Column(
        f"c{n}",
        f"METRIC {n}",
        9,
        lambda view, now: Cell(f"{view.values[n - 1]:,}", sort=view.values[n - 1]),
        right=True,
    )


def views() -> list[View]:
    dice = random.Random(7)
    return [View(name(row), tuple(dice.randrange(10_000) for _ in range(COLUMNS - 1))) for row in range(ROWS)]


class Bench(App[None]):
    """Both tables stand in the same app with the same theme, and hear the same news at the same moments."""

    CSS = "Screen { background: $background; } DataTable { background: $background; }"

    def __init__(self, mode: str) -> None:
        super().__init__(ansi_color=True)
        self.register_theme(THEME)
        self.theme = THEME.name
        self.animation_level = "none"
        self.mode, self.views, self.dice = mode, views(), random.Random(3)

    def on_ready(self) -> None:
        self.load()
        if self.mode != "rest":
            self.set_interval(1.0, self.news)

    def load(self) -> None:
        raise NotImplementedError

    def show(self, changed: list[tuple[int, int, int]]) -> None:
        raise NotImplementedError

    def news(self) -> None:
        rows = 35 if self.mode == "visible" else ROWS
        changed = [
            (self.dice.randrange(rows), self.dice.randrange(1, COLUMNS), self.dice.randrange(10_000))
            for _ in range(CELLS)
        ]
        self.show(changed)


class Live(Bench, ExactApp):
    def compose(self) -> ComposeResult:
        yield LiveTable([column(n) for n in range(COLUMNS)])

    def load(self) -> None:
        table = self.query_one(LiveTable)
        table.focus()
        self.rows = [Row(view.name, view) for view in self.views]
        table.set_rows(self.rows, 0)

    def show(self, changed: list[tuple[int, int, int]]) -> None:
        for row, at, value in changed:
            key, old = self.rows[row]
            self.rows[row] = Row(key, View(key, (*old.values[: at - 1], value, *old.values[at:])))
        self.query_one(LiveTable).set_rows(self.rows, 0)


class Data(Bench):
    def compose(self) -> ComposeResult:
        yield DataTable[Any](cursor_type="row")

    def load(self) -> None:
        table = self.query_one(DataTable)
        for n in range(COLUMNS):
            table.add_column(column(n).title, key=str(n), width=16 if n == 0 else 9)
        for row, view in enumerate(self.views):
            table.add_row(view.name, *(f"{value:,}" for value in view.values), key=str(row))
        table.focus()

    def show(self, changed: list[tuple[int, int, int]]) -> None:
        table = self.query_one(DataTable)
        for row, at, value in changed:
            table.update_cell(str(row), str(at), f"{value:,}")


if __name__ == "__main__":
    {"live": Live, "datatable": Data}[sys.argv[1]](sys.argv[2]).run()
