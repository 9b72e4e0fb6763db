"""Lists about one thing: what happened to it (`t`, or `:timeline` of everything) and what belongs to it (`x`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult

from console.clock import Millis
from console.fleet.related import COLUMNS as RELATED
from console.fleet.related import related
from console.fleet.timeline import COLUMNS as EVENTS
from console.fleet.timeline import timeline
from console.kinds.base import Column
from screens.commands import Command, Group
from screens.feed import SubjectFeed
from screens.filtering import compile_filter
from screens.live_table import LiveTable, Row
from screens.pieces import Piece
from screens.reading import ReadingScreen


class AboutScreen(ReadingScreen):
    """A table of things that lead on; ⏎ opens what the row `opens`."""

    title_ = ""
    columns: Sequence[Column] = ()

    def __init__(self, kind_id: str, name: str) -> None:
        super().__init__()
        self.kind_id, self.name_ = kind_id, name
        self.table = LiveTable(self.columns, empty="reading …")

    def read(self, feed: SubjectFeed) -> list[Any]:
        raise NotImplementedError

    def trail(self) -> Sequence[str]:
        if not self.kind_id:
            return (self.title_,)
        plural = next(kind.plural for kind in self.feed.kinds if kind.id == self.kind_id)
        return (plural, self.name_, self.title_)

    def notes(self) -> Sequence[Piece]:
        shown, every = self.table.counts
        return [(f" {shown:,} of {every:,}" if shown != every else f" {every:,}", "")]

    def body(self) -> ComposeResult:
        yield self.table

    def show(self, content: list[Any]) -> None:
        self.table.empty = "no row matches the filter; esc clears it" if self.table.filter else "nothing known"
        self.table.set_rows([Row(row.name, row) for row in content], self.feed.now())

    def tick(self, now: Millis) -> None:
        self.table.tick(now)

    def body_key(self, event: events.Key) -> bool:
        return self.table.press(event)

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        self.refresh_chrome()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        self.console.do(next(command for command in self.commands() if command.id == "open"))

    # Filter.

    def chip(self) -> str:
        return self.table.filter.source

    def filterable(self) -> bool:
        return True

    def filter_columns(self) -> Sequence[Column]:
        return self.columns

    def filter_typed(self, text: str) -> None:
        self.table.filter_by(compile_filter(text, self.columns))
        self.table.empty = "no row matches the filter; esc clears it"
        self.refresh_chrome()

    def go_back(self) -> None:
        if self.table.filter:
            self.filter_typed("")
        else:
            super().go_back()

    # Commands.

    def commands(self) -> Iterator[Command]:
        view, nowhere = self.table.cursor_view, ""
        if view is None:
            nowhere = "no row is under the cursor"
        elif view.opens[0] not in self.console.places.subjects or view.opens == (self.kind_id, self.name_):
            nowhere = "no more is known of it"
        yield Command("open", "enter", "open", "Go to what the row is about", self._open, off=nowhere)
        yield Command("copy", "c", "copy", "Copy the row's words", self._copy, off="" if view else nowhere)
        yield Command("down", "j", "down", "Also ↓; k or ↑ up, gg first, G last, ctrl-d and ctrl-u half a page",
                      lambda: self.table.move("down"), Group.MOVE, footer=False)  # fmt: skip
        yield Command("next", "n", "next", "Next row that matches the filter", self.table.next_row, Group.MOVE,
                      footer=False)  # fmt: skip

    def _open(self) -> None:
        if (view := self.table.cursor_view) is not None:
            self.console.open_subject(*view.opens)

    def _copy(self) -> None:
        if (view := self.table.cursor_view) is not None:
            self.console.copy(view.words)


class TimelineScreen(AboutScreen):
    title_ = "timeline"
    columns: Sequence[Column] = EVENTS

    def __init__(self, kind_id: str = "", name: str = "") -> None:
        self.columns = [column for column in EVENTS if not kind_id or column.id != "subject"]
        super().__init__(kind_id, name)

    def read(self, feed: SubjectFeed) -> list[Any]:
        return list(timeline(feed.snapshot(), self.kind_id, self.name_))


class RelatedScreen(AboutScreen):
    title_ = "related"
    columns: Sequence[Column] = RELATED

    def read(self, feed: SubjectFeed) -> list[Any]:
        return list(related(feed.snapshot(), self.kind_id, self.name_))
