"""One pipeline: its runs as a live table under what is wrong, what it takes and who holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from textual import events
from textual.app import ComposeResult

from console.clock import Millis, age_step, clock_time, clocked
from console.kinds.base import Column
from console.kinds.execution.table import COLUMNS
from console.kinds.execution.view import views as execution_views
from console.kinds.pipeline.record import Definition, Parameter
from console.kinds.pipeline.view import PipelineView
from console.kinds.reading import decode
from console.text import count
from screens.blocks import BLANK, Line, flow, paragraph
from screens.commands import Command, Group
from screens.endpoint_text import verdict_lines
from screens.feed import SubjectFeed
from screens.filtering import compile_filter
from screens.line_view import LineView
from screens.live_table import LiveTable, Row
from screens.pieces import Piece
from screens.subject import SubjectScreen

RUNS = tuple(column for column in COLUMNS if column.id != "pipeline")
HEAD_AT_MOST = 10
"""Lines above the runs: more of the parameters is in `d`."""


class PipelineContent(NamedTuple):
    """`parameters` is None while nobody has read the definition."""

    view: PipelineView
    runs: tuple[Any, ...] = ()
    parameters: tuple[Parameter, ...] | None = None
    steps: int = 0


def pipeline_lines(content: PipelineContent, width: int, now: Millis) -> list[Line]:
    view = content.view
    told = {f"status {view.last.status}", view.last.failure_reason} if view.last else set()
    reasons = [clocked(reason, now) for reason in view.verdict.reasons if reason not in told]
    lines = verdict_lines(view.verdict, width, now, more=reasons if view.sign.rank <= 1 else ())
    good, ended = view.week(now)
    groups: list[Line] = []
    if (green := view.green) is not None and green.modified_at:
        ago = age_step(now - green.modified_at) or "just now"
        groups.append((("last green ", "dim"), (f"{clock_time(green.modified_at, now)}", ""), (f", {ago} ago", "dim")))
    else:
        groups.append((("no green run is known", "dim"),))
    groups.append((("7 days ", "dim"), (f"{good} of {count(ended, 'run')} green" if ended else "no run", "")))
    if content.steps:
        groups.append(((count(content.steps, "step"), "dim"),))
    lines += flow(groups, width)
    if view.hold is not None:
        words = f"{view.hold.reason} (by {view.hold.by}, {clock_time(view.hold.at, now)})"
        lines += paragraph(words, width - 1, "", first=((" ⏸ HELD   ", "held"),), indent=10)
    lines += _parameters(content.parameters, width, HEAD_AT_MOST - len(lines) - 1)
    return [*lines, BLANK]


def _parameters(parameters: Sequence[Parameter] | None, width: int, room: int) -> list[Line]:
    if parameters is None:
        return [((" TAKES    ", "head"), ("its definition is being read …", "dim"))]
    if not parameters:
        return [((" TAKES    ", "head"), ("no parameters", "dim"))]
    groups: list[Line] = []
    for p in parameters:
        value: Piece = ("must be given", "warn") if p.default is None else (p.default or "empty", "")
        groups.append(((f"{p.name} ", "dim"), value))
    lines = [
        ((" TAKES    " if not n else " " * 10, "head"), *line)
        for n, line in enumerate(flow(groups, width - 10, indent=0))
    ]
    if len(lines) > max(1, room):
        lines = [*lines[: max(1, room) - 1], (*lines[max(1, room) - 1], ("  …", "dim"))]
    return lines


class PipelineScreen(SubjectScreen):
    kind_id = "pipeline"
    DEFAULT_CSS = "PipelineScreen LineView { height: auto; }"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.text = LineView(classes="head")
        self.table = LiveTable(RUNS, empty="reading …")

    def body(self) -> ComposeResult:
        yield self.text
        yield self.table

    def read(self, feed: SubjectFeed) -> PipelineContent | None:
        view: PipelineView | None = feed.view("pipeline", self.name_)
        if view is None:
            return None
        snapshot = feed.snapshot()
        runs = execution_views(snapshot, [run.name for run in view.runs]) if view.runs else []
        runs.sort(key=lambda run: -(run.execution.created_at or 0))
        wanted = [view.pipeline.definition] if view.pipeline.definition else []
        definition = next(iter(decode(snapshot, "definition", Definition, wanted)), None) if wanted else None
        if definition is None:
            return PipelineContent(view, tuple(runs))
        return PipelineContent(view, tuple(runs), definition.parameters, len(definition.nodes))

    def lines(self, width: int, height: int, now: Millis) -> Sequence[Line]:
        return pipeline_lines(self.content, width, now)

    def redraw(self) -> None:
        if self.content is None:
            self.text.styles.height = 1
        else:
            width = self.text.size.width or self.app.size.width
            self.text.styles.height = len(self.lines(width, 0, self.feed.now()))
            self.table.empty = "no run matches the filter; esc clears it" if self.table.filter else "no run is known"
            self.table.set_rows([Row(run.name, run) for run in self.content.runs], self.feed.now())
        super().redraw()

    def tick(self, now: Millis) -> None:
        super().tick(now)
        self.table.tick(now)

    def notes(self) -> Sequence[Piece]:
        shown, every = self.table.counts
        return [(f" {shown:,} of {every:,} runs" if shown != every else f" {count(every, 'run')}", "dim")]

    def body_key(self, event: events.Key) -> bool:
        return self.table.press(event)

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        self.refresh_chrome()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        self._open()

    # Filter.

    def chip(self) -> str:
        return self.table.filter.source

    def filterable(self) -> bool:
        return True

    def filter_columns(self) -> Sequence[Column]:
        return RUNS

    def filter_typed(self, text: str) -> None:
        self.table.filter_by(compile_filter(text, RUNS))
        self.refresh_chrome()

    def go_back(self) -> None:
        if self.table.filter:
            self.filter_typed("")
        else:
            super().go_back()

    # Commands.

    def commands(self) -> Iterator[Command]:
        one = self.table.cursor_key
        off = "" if one else "no run is under the cursor"
        yield Command("open", "enter", "open", "Why this run is as it is", self._open, off=off)
        yield from self.looks(self.kind_id, self.name_)
        yield Command(
            "copy", "c", "copy", "Copy the run's name to the clipboard", self.copy_name, off=off, footer=False
        )
        yield Command("down", "j", "down", "Also ↓; k or ↑ up, gg first, G last, ctrl-d and ctrl-u half a page",
                      lambda: self.table.move("down"), Group.MOVE, footer=False)  # fmt: skip
        yield from self.verbs(self.kind, self.name_, self.view)
        execution = next(kind for kind in self.feed.kinds if kind.id == "execution")
        yield from self.verbs(execution, one or "", self.table.cursor_view, none=off)

    def copy_name(self) -> None:
        self.console.copy(self.table.cursor_key or self.name_)

    def _open(self) -> None:
        if (key := self.table.cursor_key) is not None:
            self.console.open_subject("execution", key)
