"""Log lines as they arrive, from `lastgood logs -f` as a subprocess that ends with the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from textual import events
from textual.app import ComposeResult

from console.clock import MINUTE, Millis
from console.errors import LastgoodError
from console.kinds.execution.record import Execution
from console.kinds.execution.view import ExecutionView
from console.text import count, shorten
from screens.base import ConsoleScreen
from screens.child import Child
from screens.commands import Command, Group
from screens.line_view import LineView
from screens.log_book import LogBook
from screens.pieces import Piece
from screens.reading import subject_feed

SINCE = ("15m", "1h", "6h", "1d", "7d")
LATE_MS = 2 * MINUTE
"""So long after a run's end CloudWatch may still show lines of it for the first time."""


class LogScreen(ConsoleScreen):
    """`step`: of a run, the log of that step; empty: of the one that tells most."""

    def __init__(self, kind_id: str, name: str, *, step: str = "") -> None:
        super().__init__()
        self.kind_id, self.name_, self._step = kind_id, name, step
        self.book = LogBook()
        self.text = LineView(cursor=True)
        self.text.follow = True
        self._child: Child | None = None
        self._since = 0
        self._search = ""
        """What CloudWatch searches for; empty: all lines come."""
        self._paused = False
        self._held_back: list[str] = []
        self._ended = ""
        self._heard = False
        self._over = False
        """It is of a run that ended a while ago: its log is read once, from the job's start, and no line follows."""

    def trail(self) -> Sequence[str]:
        plural = next(kind.plural for kind in self.feed.kinds if kind.id == self.kind_id)
        short = self.name_.rsplit("/", 1)[-1]
        return (plural, short, f"log of {self._step}" if self._step else "log")

    def notes(self) -> Sequence[Piece]:
        span = "of the whole job" if self._over else f"in {SINCE[self._since]}"
        notes: list[Piece] = [(f" {count(len(self.book), 'line')} {span}", "dim")]
        if self._search:
            notes += [(" with ", "dim"), (shorten(self._search, 30), "chip")]
        if self.book.needle:
            notes.append((f", {len({number for number, _ in self.book.rows}):,} match", "dim"))
        if self.book.errors:
            notes += [(" · ", "dim"), (f"✖ {count(self.book.errors, 'error')}", "bad")]
        state: Piece = ("following", "ok") if self.text.follow else ("not following: G", "warn")
        if self._paused:
            state = (f"paused, {len(self._held_back):,} wait", "warn")
        elif self._ended:
            state = (self._ended, "dim" if self._ended == "ended" else "warn")
        elif self._over:
            state = ("the run has ended: reading …", "dim")
        if self.text.held is not None:
            state = (f"{len(self.book.texts(self.text.selected)):,} selected: c copies", "strong")
        return [*notes, (" · ", "dim"), state]

    def body(self) -> ComposeResult:
        yield self.text

    # The subprocess.

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._begin(), group="begin")

    def on_unmount(self) -> None:
        if self._child is not None:
            self._child.kill()

    async def _begin(self) -> None:
        if self.kind_id == "execution":
            try:
                view = await asyncio.to_thread(subject_feed(self).view, self.kind_id, self.name_)
            except LastgoodError:
                view = None  # the command says why
            self._over = isinstance(view, ExecutionView) and over(view.execution, self.feed.now())
        if self.is_attached:
            self._start()

    def _start(self) -> None:
        if self._child is not None:
            self._child.kill()
        self.book.clear()
        self._held_back.clear()
        self._ended, self._heard, self._paused, self.text.follow, self.text.held = "", False, False, True, None
        arguments = ["logs", self.kind_id, self.name_, "--since", SINCE[self._since]]
        arguments += [] if self._over else ["-f"]
        arguments += ["--step", self._step] if self._step else []
        arguments += [f"--grep={self._search}"] if self._search else []
        self._child = Child(arguments, subject_feed(self).child_env)
        self._draw()
        self.run_worker(self._run(self._child), group="log", exclusive=True)

    async def _run(self, child: Child) -> None:
        code, said = await child.run(self._told)
        if not self.is_attached or child is not self._child:
            return
        self._ended = "ended" if code == 0 else "stopped"
        if code != 0:
            message, advice = said_by(said)
            self._ended = f"stopped: {message}"
            self.console.tell(message, advice=advice, title="Log", severity="warning")
        self._draw()

    def _told(self, lines: list[str]) -> None:
        if not self.is_attached:
            return
        self._heard = True
        if self._paused:
            self._held_back += lines
            self.refresh_chrome()
        else:
            self._draw(self.book.add(lines))

    def _draw(self, shift: int = 0) -> None:
        if not self.book.rows:
            words = (
                "no line matches the filter; f looks in CloudWatch"
                if self.book.needle and len(self.book)
                else "waiting for lines …"
            )
            if self._search and not len(self.book):
                words = f"nothing yet that matches {self._search}; s looks further back"
            if self._ended:
                words = self._ended
                if self._ended == "ended":
                    words = "the job wrote no line" if self._over else f"no line since {SINCE[self._since]} ago"
                    words = f"{words} that matches {self._search}" if self._search else words
            self.text.has_cursor = False
            self.text.show([((f" {words}", "dim"),)])
        else:
            self.text.has_cursor = True
            self.text.feed(len(self.book.rows), self.book.line, shift=shift)
        self.refresh_chrome()

    # Moving: at the end it follows, further up it stays.

    def body_key(self, event: events.Key) -> bool:
        return self.text.press(event)

    def on_line_view_moved(self, event: LineView.Moved) -> None:
        self.text.follow = self.text.at_end and self.text.held is None
        self.refresh_chrome()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        if self.book.width:
            self.call_after_refresh(self._rewrap)

    # Filter: the line under the cursor stays where it can.

    def filterable(self) -> bool:
        return True

    def chip(self) -> str:
        return self.book.needle

    def filter_typed(self, text: str) -> None:
        number = self.book.number(self.text.cursor)
        self.book.filter(text.strip())
        self.text.needle = self.book.needle
        self._keep(number)

    def _keep(self, number: int) -> None:
        self.text.held = None
        if not self.text.follow:
            self.text.cursor = self.book.row_of(number)
        self._draw()

    def go_back(self) -> None:
        if self.text.held is not None:
            self._select()
        elif self.book.needle:
            self.text.follow = False
            self.filter_typed("")
        elif self._search:
            self._find("")
        else:
            super().go_back()

    # Commands.

    def commands(self) -> Iterator[Command]:
        no_errors = "" if self.book.errors else "no error line yet"
        yield Command("error", "e", "next error", "Go to the next error line", self._next_error, off=no_errors)
        yield Command("before", "b", "error before", "Go to the error line before", lambda: self._next_error(-1),
                      off=no_errors, footer=False)  # fmt: skip
        yield Command("search", "f", "find", "Search in CloudWatch, further back than what is shown: text, or a filter"
                      " pattern; esc shows all lines again", self._ask_search, takes=self._find)  # fmt: skip
        yield Command("wrap", "w", "wrap", "Wrap long lines, or cut them", self._wrap)
        yield Command("pause", "p", "go on" if self._paused else "pause", "Hold new lines back, or let them in",
                      self._pause)  # fmt: skip
        yield Command("since", "s", f"since {SINCE[(self._since + 1) % len(SINCE)]}",
                      f"How far back: {', '.join(SINCE)}", self._since_next,
                      off="the whole job is shown" if self._over else "")  # fmt: skip
        yield Command("copy", "c", "copy", "Copy the line, or the lines selected, to the clipboard", self._copy)
        yield Command("select", "v", "select", "Begin to select lines; the moves extend it, esc ends it", self._select,
                      off="" if self.book.rows else "no line yet", footer=False)  # fmt: skip
        yield Command("streams", "i", "instances", "Say of each line which instance or container wrote it, or not",
                      self._streams, footer=False)  # fmt: skip
        yield Command(
            "next", "n", "next", "The next line that matches the filter", self._next, Group.MOVE, footer=False
        )
        yield Command("down", "j", "down", "Also ↓; k or ↑ up, gg first, G last and follow, ctrl-d and ctrl-u",
                      lambda: self.text.move("down"), Group.MOVE, footer=False)  # fmt: skip

    def _ask_search(self) -> None:
        """What was filtered for is what is looked for further back."""
        self.open_prompt(f":search {self.book.needle or self._search}")

    def _find(self, words: str) -> None:
        self._search = words.strip()
        if self._search and self.book.needle:
            self.filter_typed("")  # it would hide what is found
        self._start()

    def _select(self) -> None:
        self.text.held = self.text.cursor if self.text.held is None else None
        self.text.follow = self.text.follow and self.text.held is None
        self.text.sync()
        self.refresh_chrome()

    def _streams(self) -> None:
        number = self.book.number(self.text.cursor)
        self.book.name_streams(not self.book.streams)
        self._keep(number)

    def _next_error(self, way: int = 1) -> None:
        at = self.book.next_error(self.text.cursor, way) if self.book.rows else None
        if at is None:
            self.console.tell("No error line among those shown")
        else:
            self.text.follow = False
            self.text.go(at)
            self.refresh_chrome()

    def _next(self) -> None:
        number = self.book.number(self.text.cursor)
        at = self.book.row_of(number + 1)
        self.text.go(at if at < len(self.book.rows) else 0)
        self.on_line_view_moved(LineView.Moved())

    def _wrap(self) -> None:
        number = self.book.number(self.text.cursor)
        self.book.wrap(0 if self.book.width else self.text.size.width - 1)
        self._keep(number)

    def _rewrap(self) -> None:
        number = self.book.number(self.text.cursor)
        self.book.wrap(self.text.size.width - 1)
        self._keep(number)

    def _pause(self) -> None:
        self._paused = not self._paused
        if not self._paused:
            held, self._held_back = self._held_back, []
            self._draw(self.book.add(held))
        self.refresh_chrome()

    def _since_next(self) -> None:
        self._since = (self._since + 1) % len(SINCE)
        self._start()

    def _copy(self) -> None:
        if self.book.rows:
            self.console.copy("\n".join(self.book.texts(self.text.selected)))
        if self.text.held is not None:
            self._select()


def over(run: Execution, now: Millis) -> bool:
    """Whether no line of it can be on its way any more."""
    return run.ended and run.modified_at is not None and now - run.modified_at > LATE_MS


def said_by(stderr: str) -> tuple[str, str]:
    """(message, advice) from what a command said last on stderr: `lastgood: message — advice`."""
    lines = [line for line in stderr.split("\n") if line.strip()]
    message, _, advice = (lines[-1] if lines else "it ended without a word").removeprefix("lastgood: ").partition(" — ")
    return message, advice
