"""The rows of a live table without a terminal: what changed, in which order, what is let through (pure state).

Ten thousand rows are kept, a few dozen are drawn: cells are computed for those, and for others only when a sort or a
filter asks. A view that equals the last one costs one comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from console.clock import Millis
from console.kinds.base import Cell, Column
from console.text import safe
from screens.filtering import Filter, fold

_BROKEN = Cell("✖ bug", "bad")
_MISSING: Any = object()


class Row(NamedTuple):
    """What a table is fed with: `key` names the row for good, `view` is frozen and compares by value."""

    key: str
    view: Any


class State:
    """A row as the table remembers it. `was` is the view before the change of generation `changed_in`."""

    __slots__ = ("changed_in", "folded", "key", "sort", "view", "was")

    def __init__(self, key: str, view: Any, generation: int) -> None:
        self.key = key
        self.view = view
        self.was: Any = _MISSING
        self.changed_in = generation
        self.folded: tuple[Any, Mapping[str, str]] | None = None
        """The view that was read, and its texts: written by a thread too, hence checked against `view` when used."""
        self.sort: Any = _MISSING


def cell_of(column: Column, view: Any, now: Millis) -> Cell:
    """A column that fails on an odd record costs its own cell, visibly, and not the console at 3 a.m."""
    try:
        return column.cell(view, now)
    except Exception:
        return _BROKEN


class Rows:
    """All rows of a table in the order they are shown (`order`), with sort, filter and marks that survive new data."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.states: dict[str, State] = {}
        self.order: list[str] = []
        self.marks: set[str] = set()
        self.filter = Filter()
        self.sort_column = ""
        self.descending = False
        self.generation = 0
        """Counts the updates that brought something new; cells changed by the last one are drawn as changed."""
        self._given: list[str] = []
        self._now: Millis = 0

    def __len__(self) -> int:
        """How many rows there are, shown or not."""
        return len(self.states)

    def update(self, rows: Sequence[Row], now: Millis) -> bool:
        """Take the new state of all rows, in their default order. Whether anything is different from before."""
        self._now = now
        states, generation, first = self.states, self.generation + 1, not self.states
        touched = False
        given = [key for key, _ in rows]
        for key, view in rows:
            state = states.get(key)
            if state is None:
                states[key] = State(key, view, 0 if first else generation)
                touched = True
            elif state.view is not view and state.view != view:
                state.was, state.changed_in = state.view, generation
                state.view, state.sort = view, _MISSING
                touched = True
        if len(states) != len(given):
            given = list(dict.fromkeys(given))  # a name twice would draw one row twice
            for key in states.keys() - set(given):
                del states[key]
                self.marks.discard(key)
                touched = True
        moved = given != self._given
        if not (touched or moved):
            return False
        self._given = given
        if touched:
            self.generation = generation
        if moved or self.filter or self.sort_column:
            self._arrange()
        return True

    def sort_by(self, column_id: str, descending: bool = False) -> None:
        """Sort by a column; an empty id is the default order, worst first."""
        if column_id != self.sort_column:
            for state in self.states.values():
                state.sort = _MISSING
        self.sort_column, self.descending = column_id, descending
        self._arrange()

    def filter_by(self, chosen: Filter) -> None:
        self.filter = chosen
        self._arrange()

    def changed_cell(self, state: State, column: Column, text: str) -> bool:
        """Whether the last update changed this cell's text. Both views are read at one `now`: an age is no change."""
        if state.changed_in != self.generation or not self.generation:
            return False
        return state.was is _MISSING or cell_of(column, state.was, self._now).text != text

    def neighbour(self, gone: str, before: Sequence[str], shown: Mapping[str, int]) -> str | None:
        """The row that takes the place of one no longer shown: the next that is left, else the one before it."""
        try:
            at = before.index(gone)
        except ValueError:
            return self.order[0] if self.order else None
        for key in (*before[at + 1 :], *reversed(before[:at])):
            if key in shown:
                return key
        return self.order[0] if self.order else None

    def _arrange(self) -> None:
        keys = self._given
        if self.filter:
            matches = self.filter.matches
            keys = [key for key in keys if matches(self._folded(self.states[key]))]
        column = next((column for column in self.columns if column.id == self.sort_column), None)
        if column is not None:
            keys = self._sorted(keys, column)
        self.order = list(keys)

    def _folded(self, state: State) -> Mapping[str, str]:
        view, folded = state.view, state.folded
        if folded is None or folded[0] is not view:
            cells = {column.id: safe(cell_of(column, view, self._now).text) for column in self.columns}
            state.folded = folded = (view, fold(cells))
        return folded[1]

    def fold_all(self) -> None:
        """Read ahead what a filter will ask for. Safe on a thread: it only fills what is checked when used."""
        for state in list(self.states.values()):
            self._folded(state)

    def _sorted(self, keys: list[str], column: Column) -> list[str]:
        """Stable, so that equals keep the default order; cells without a value come last in both directions.

        A column is sorted by `Cell.sort` where any of its cells has one (those that have none lack a value), else by
        its text.
        """
        for key in keys:
            state = self.states[key]
            if state.sort is _MISSING:
                cell = cell_of(column, state.view, self._now)
                state.sort = (cell.sort, cell.text.casefold())
        pairs = [(key, *self.states[key].sort) for key in keys]
        if any(value is not None for _, value, _ in pairs):
            present = [(key, value) for key, value, _ in pairs if value is not None and value == value]  # no NaN
        else:
            present = [(key, text) for key, _, text in pairs if text]
        try:
            present.sort(key=itemgetter(1), reverse=self.descending)
        except TypeError:  # a column that mixes numbers and words
            present.sort(key=lambda pair: str(pair[1]), reverse=self.descending)
        ordered = [key for key, _ in present]
        if len(ordered) < len(keys):
            valued = set(ordered)
            ordered += [key for key in keys if key not in valued]
        return ordered
