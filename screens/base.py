"""The frame of every screen: header, breadcrumbs, body, footer, prompt; and one table of keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from console.clock import Millis
from console.kinds.base import Column, Verdict
from console.text import safe
from screens import chrome
from screens.blocks import wrapped
from screens.commands import Command, Group, complete, parse
from screens.feed import Feed
from screens.filtering import unknown_columns
from screens.pieces import Piece, Rule, TextLine
from screens.places import Everywhere
from screens.prompt import Edit, Prompt

if TYPE_CHECKING:
    from screens.app import LastgoodApp

_LEAST = (30, 8)
_SHOWN = 12
_ROOM = 20
"""Lines of a terminal that has room for one line of status; two more for each other one."""


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """Subclasses give `trail`, `body`, `commands`, and react to `data_changed` and `tick`."""

    # Not CSS: that is scoped to the subclass by its name.
    DEFAULT_CSS = """
    ConsoleScreen { layers: base over; overflow: hidden; }
    ConsoleScreen #tiny { layer: over; width: 100%; height: 100%; display: none; background: $background; }
    ConsoleScreen.-tiny #tiny { display: block; }
    ConsoleScreen #candidates, ConsoleScreen #prompt { display: none; }
    ConsoleScreen .absent { display: none; }
    ConsoleScreen.-prompt .gives-way, ConsoleScreen.-prompt #footer { display: none; }
    ConsoleScreen.-prompt #candidates, ConsoleScreen.-prompt #prompt { display: block; }
    """
    ALLOW_SELECT = False
    STATUS: ClassVar[int] = 0
    """How many lines above the footer are about what the cursor is on, where the terminal has room for them."""
    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self) -> None:
        super().__init__()
        self._filter_before = ""
        self._cycle: list[str] = []
        self._at = 0

    @property
    def console(self) -> LastgoodApp:
        return cast("LastgoodApp", self.app)

    @property
    def feed(self) -> Feed:
        return self.console.feed

    # What a subclass gives.

    def trail(self) -> Sequence[str]:
        """Breadcrumbs, the last of which is here."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        raise NotImplementedError

    def commands(self) -> Iterable[Command]:
        """What can be done here beyond `shell_commands`."""
        return ()

    def notes(self) -> Sequence[Piece]:
        """What is counted, behind the breadcrumbs."""
        return ()

    def chip(self) -> str:
        return ""

    def data_changed(self) -> None:
        """The ledger has news."""

    def status(self) -> Sequence[Piece]:
        """What the lines above the footer say (where `STATUS` is set)."""
        return ()

    def tick(self, now: Millis) -> None:
        """Once a second: ages."""

    def filter_typed(self, text: str) -> None:
        """The filter while it is being typed."""

    def filter_columns(self) -> Sequence[Column]:
        """What `column:value` of a filter may name."""
        return ()

    def told_columns(self) -> Sequence[Column]:
        """Of its table, for the help."""
        return self.filter_columns()

    def why(self) -> tuple[str, Verdict] | None:
        """The row under the cursor and what decided how it is shown, for the help."""
        return None

    def filter_entered(self, text: str) -> None:
        """The filter as it was left with enter: what was meant for a column and is none is said, once."""
        if columns := self.filter_columns():
            for prefix in unknown_columns(text, columns):
                known = ", ".join(column.id for column in columns)
                self.console.tell(f"No column {prefix}: looked for as a word", advice=f"columns: {known}")

    def sort_columns(self) -> Sequence[str]:
        return ()

    def sort_by(self, words: str) -> None:
        self.console.tell("Nothing to sort here")

    def filterable(self) -> bool:
        return False

    def go_back(self) -> None:
        self.console.back()

    # The frame.

    def compose(self) -> ComposeResult:
        yield TextLine(id="where")
        yield TextLine(id="crumbs")
        yield Rule()
        yield from self.body()
        yield Rule(classes="" if self.STATUS else "gives-way")
        for row in range(self.STATUS):
            yield TextLine(id=f"status{row or ''}", classes="status gives-way")
        yield TextLine(id="footer")
        yield TextLine(id="candidates")
        yield Prompt(id="prompt")
        yield Static("terminal too small", id="tiny", markup=False)

    def on_mount(self) -> None:
        self.console.hush()
        self.refresh_chrome()

    def on_screen_resume(self) -> None:
        self.refresh_chrome()
        self.data_changed()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < _LEAST[0] or event.size.height < _LEAST[1], "-tiny")
        self.refresh_chrome()

    @property
    def stands(self) -> bool:
        """Whether there is anything to draw on: a screen that is being closed loses its widgets first."""
        return self.is_mounted and self.is_attached and bool(self.query("#where"))

    def refresh_chrome(self) -> None:
        """Header, breadcrumbs and footer; each sends only what differs."""
        if not self.stands:
            return
        now, width = self.feed.now(), self.app.size.width
        self.query_one("#where", TextLine).set(*chrome.header(self.console.info, now, width))
        hints = [("/", "filter")] if self.filterable() and not self.chip() else []
        hints += [(":", "command"), ("?", "help"), *self.console.deeds.hints()]
        line = chrome.crumbs(self.trail(), self.notes(), safe(self.chip()), hints, width)
        self.query_one("#crumbs", TextLine).set(*line)
        self._show_status(width)
        self.query_one("#footer", TextLine).set(*chrome.footer(self.all_commands(), width))

    def _show_status(self, width: int) -> None:
        lines = list(self.query(".status").results(TextLine))
        rows = min(len(lines), 1 + max(0, self.app.size.height - _ROOM) // 2)
        told = wrapped(self.status(), width, indent=3, at_most=rows) if rows > 1 else [self.status()]
        for row, line in enumerate(lines):
            line.set_class(row >= rows, "absent")
            line.set(told[row] if row < len(told) else ())

    # Keys.

    def all_commands(self) -> list[Command]:
        return [*self.commands(), *self.shell_commands()]

    def shell_commands(self) -> list[Command]:
        filters = [
            Command("filter", "slash", "filter", "Show the rows that match: text, !not, column:value", self.ask_filter,
                    Group.SHELL, footer=False)
        ]  # fmt: skip
        everywhere = [
            Command(place.id, "", place.id, place.effect, partial(self._go_to, place), Group.SHELL, footer=False)
            for place in self.console.places.everywhere
        ]
        return [
            *(filters if self.filterable() else []),
            *everywhere,
            *self.console.deeds.commands(),
            Command("command", "colon", "command", "Go to a list, a context or a name, or do what has no key; tab"
                    " completes", self._ask_command, Group.SHELL, footer=False),
            Command("palette", "ctrl+p", "palette", "All that can be done here and all lists, found by a part of the"
                    " name", self.console.action_command_palette, Group.SHELL, footer=False),
            Command("help", "question_mark", "help", "What can be done here; f1 where letters are typed",
                    self.console.show_help, Group.SHELL, footer=False),
            Command("back", "escape", "back", "Clear the filter or the marks, or go back", self.go_back, Group.SHELL,
                    footer=False),
            Command("quit", "q", "quit", "Leave the console; actions go on", self.console.ask_quit, Group.SHELL,
                    footer=False),
        ]  # fmt: skip

    def _go_to(self, place: Everywhere) -> None:
        self.app.push_screen(place.open(self.feed))

    def body_key(self, event: events.Key) -> bool:
        """Keys of the body that are no commands (moving about). Whether it was one."""
        return False

    def on_key(self, event: events.Key) -> None:
        """All keys arrive here, in their order, because nothing of this screen takes the focus by itself."""
        if event.is_forwarded and self.focused is not None:
            return  # a form of a subclass has let it through: not ours
        event.stop()
        if not (self.is_current and self.is_mounted):
            return  # typed ahead before another screen came up: it must not act on what was not seen
        if self.has_class("-prompt"):
            self._prompt_key(event)
        elif event.key == "f1":  # also where `?` is a letter that is typed
            self.console.show_help()
        elif not self.body_key(event):
            command = next((command for command in self.all_commands() if command.key == event.key), None)
            if command is not None:
                self.console.do(command)

    # The prompt.

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def open_prompt(self, line: str) -> None:
        self._filter_before = self.chip()
        self.add_class("-prompt")
        self.prompt.put(Edit(line, len(line)))
        self._cycle = []
        self._show_candidates()
        self.console.load_names()

    def names_loaded(self) -> None:
        if self.has_class("-prompt") and not self._cycle:
            self._show_candidates()

    def _ask_command(self) -> None:
        self.open_prompt(":")

    def ask_filter(self) -> None:
        """Empty: the filter that holds is on the chip until a letter is typed, and enter on nothing clears it."""
        self.open_prompt("/")

    def on_paste(self, event: events.Paste) -> None:
        if self.has_class("-prompt") and event.text:
            self._edited(self.prompt.edit.insert(event.text.splitlines()[0]))

    def _prompt_key(self, event: events.Key) -> None:
        edit = self.prompt.edit
        if event.key == "escape":
            self.close_prompt()
        elif event.key == "enter":
            self.close_prompt(edit.value)
        elif event.key in ("tab", "shift+tab"):
            self._next_candidate(1 if event.key == "tab" else -1)
        elif event.is_printable and event.character:
            self._edited(edit.insert(event.character))
        elif (edited := edit.press(event.key)) is not None and edited != edit:
            self._edited(edited)

    def _edited(self, edit: Edit) -> None:
        self.prompt.put(edit)
        self._cycle = []
        if edit.value[:1] not in (":", "/"):
            self.close_prompt()
            self.filter_typed(self._filter_before)
            return
        self._show_candidates()
        if edit.value.startswith("/"):
            self.filter_typed(edit.value[1:])

    def _next_candidate(self, step: int) -> None:
        if not self._cycle:
            self._cycle, self._at = self._complete(self.prompt.edit.value), -1 if step > 0 else 0
        if self._cycle:
            self._at = (self._at + step) % len(self._cycle)
            line = ":" + self._cycle[self._at]
            self.prompt.put(Edit(line, len(line)))
            self._show_candidates()

    def _show_candidates(self) -> None:
        candidates = self._cycle[self._at :] if self._cycle else self._complete(self.prompt.edit.value)
        pieces: list[Piece] = [(" ", "")]
        for number, candidate in enumerate(candidates[:_SHOWN]):
            pieces += [(candidate, "" if number else "strong"), ("  ", "")]
        self.query_one("#candidates", TextLine).set(pieces, [("tab", "key"), (" ", "")] if candidates else [])

    def close_prompt(self, line: str | None = None) -> None:
        """Obey `line`; None gives it up, and the filter is again what it was."""
        was_filter = self.prompt.edit.value.startswith("/")
        self.remove_class("-prompt")
        if line is not None:
            ids = [command.id for command in self.all_commands()]
            self.console.obey(parse(line, self.feed.kinds, ids, self.console.known_names))
        elif was_filter:
            self.filter_typed(self._filter_before)
        self.refresh_chrome()

    def _complete(self, line: str) -> list[str]:
        if not line.startswith(":"):
            return []
        app, ids = self.console, [command.id for command in self.all_commands()]
        return complete(line, self.feed.kinds, ids, app.known_names, self.feed.contexts, self.sort_columns())
