"""The console's shell: one stack of screens over a feed. It draws; it never calls a provider."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.notifications import Notify
from textual.screen import Screen
from textual.widgets import Input

from console.errors import (
    CredentialsError,
    LastgoodError,
    NotPermitted,
    Refused,
    Rejected,
    SourceError,
    Throttled,
    Unreachable,
    UsageError,
)
from console.text import safe
from screens.base import ConsoleScreen
from screens.clipboard import osc52
from screens.commands import Command, Group, Order
from screens.deeds import Deeds
from screens.exact import ExactApp
from screens.feed import Feed
from screens.help import Ask, HelpScreen
from screens.listing import ListScreen
from screens.places import Places
from screens.theme import THEME

POLL_S = 0.25
"""How often the ledger is asked for news, and so the most repaints a second that data can cause."""

TOAST_S = {"information": 3, "warning": 5, "error": 10}
"""How long a toast stays; the shortest gives way first."""
LASTING_S = 15
"""And one about what no screen shows: how an action ended. It outlives the screen that it came up on."""
TOASTS = 2

_ERRORS: tuple[tuple[type[LastgoodError], str, str], ...] = (
    (NotPermitted, "Not permitted", "warning"),
    (CredentialsError, "Credentials", "error"),
    (Throttled, "Throttled", "warning"),
    (Unreachable, "Unreachable", "warning"),
    (Rejected, "Rejected", "error"),
    (SourceError, "Source", "warning"),
    (Refused, "Refused", "warning"),
    (UsageError, "", "information"),
    (LastgoodError, "Failed", "error"),
)


class LastgoodApp(ExactApp, inherit_bindings=False):
    """`feed_for` makes the feed of another context for `:ctx`; it runs on a thread and may raise LastgoodError."""

    TITLE = "lastgood"
    CSS = """
    Screen { background: $background; color: $foreground; }
    ToastRack { width: 100%; align-horizontal: right; }
    Toast { width: auto; max-width: 72; padding: 0 1; margin-top: 0; background: $background; }
    Toast, Toast.-information { border: round $foreground; }
    Toast.-warning { border: round $warning; }
    Toast.-error { border: round $error; }
    ConsoleScreen.-tiny Toast { display: none; }
    CommandPalette SearchIcon { display: none; }
    """
    # ctrl-p is free in tmux and screen; ctrl-q, which Textual binds, is flow control.
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "interrupt", show=False, priority=True)]
    ALLOW_SELECT = False

    def __init__(
        self,
        feed: Feed,
        *,
        places: Places | None = None,
        start: str = "",
        filter: str = "",
        subject: str = "",
        feed_for: Callable[[str], Feed] | None = None,
    ) -> None:
        # Before the first style is computed: NO_COLOR then keeps the terminal's own foreground and background.
        super().__init__(ansi_color=True)
        self.register_theme(THEME)
        self.theme = THEME.name
        self.animation_level = "none"
        self.feed = feed
        self.places = places or Places()
        self.known_names: dict[str, Sequence[str]] = {}
        self.running: dict[str, str] = {}
        """Actions this console has under way: id of the plan, and what to call it."""
        self.deeds = Deeds(self)
        self._start, self._filter, self._subject = start, filter, subject
        self._feed_for = feed_for
        self._polls = 0
        self._terminal = os.isatty(0)
        self._unreadable = ""
        """Why the ledger cannot be read, as it was told; empty while it can."""
        self.info = feed.header(feed.now())
        """What the first line says: read once a second, on a thread after the first time."""

    def on_mount(self) -> None:
        self.feed.changed()  # what is new until now is read when the first screen comes up
        kinds = self.feed.kinds
        kind = next((kind for kind in kinds if kind.id == self._start), kinds[0])
        self.push_screen(ListScreen(kind, filter=self._filter))
        if self._subject:
            self.open_subject(kind.id, self._subject)
        self.set_interval(POLL_S, self._poll)
        self.deeds.watch()

    def _poll(self) -> None:
        """One timer for the whole console. Only what is on top is read; what lies below is read when it comes up."""
        if self._terminal and not os.isatty(0):
            self.exit(return_code=1)  # the terminal is gone, and nothing told us: reading its end would spin for ever
            return
        screen = self.screen
        if not isinstance(screen, ConsoleScreen) or not screen.stands:
            return
        try:
            if self.feed.changed():
                screen.data_changed()
            self._unreadable = ""
        except LastgoodError as error:
            self._cannot_read(error)
        self._polls += 1
        if self._polls % 4 == 0:
            screen.tick(self.feed.now())
            self.run_worker(self._look_at_header(), group="header", exclusive=True)

    def _cannot_read(self, error: LastgoodError) -> None:
        """The ledger was replaced, removed or damaged: what is drawn stays, and why is told once, with what to do."""
        self.info = replace(self.info, freshness="ledger unreadable", fresh="bad")
        if error.message != self._unreadable:
            self._unreadable = error.message
            self.tell_error(error)
            if isinstance(top := self._top(), ConsoleScreen):
                top.refresh_chrome()

    def _top(self) -> Screen[Any] | None:
        """The screen on top; None where the last one has gone while a worker was still reading."""
        return self.screen_stack[-1] if self.screen_stack else None

    async def _look_at_header(self) -> None:
        feed = self.feed
        try:
            info = await asyncio.to_thread(feed.header, feed.now())
        except LastgoodError as error:
            self._cannot_read(error)
        else:
            if feed is self.feed:
                self.info = info
        if isinstance(top := self._top(), ConsoleScreen):
            top.refresh_chrome()

    # Going somewhere.

    def open_subject(self, kind_id: str, name: str) -> None:
        """The screen of one thing. What registers itself in `places.subjects` can be opened."""
        opener = self.places.subjects.get(kind_id)
        if opener is None:
            self.tell(f"{name}: there is no screen for one {kind_id}")
        else:
            self.push_screen(opener(self.feed, name))

    def open_list(self, kind_id: str, filter: str = "") -> None:
        """A list takes the place of all that is open: `:` is a jump, esc after it does not lead through old rooms."""
        kind = next(kind for kind in self.feed.kinds if kind.id == kind_id)
        while len(self.screen_stack) > 2:
            self.pop_screen()
        self.switch_screen(ListScreen(kind, filter=filter))

    def back(self) -> None:
        if len(self.screen_stack) > 2:
            self.pop_screen()

    def obey(self, order: Order) -> None:
        """Do what was typed behind `:` or `/`."""
        screen = self.screen
        if not isinstance(screen, ConsoleScreen):
            return
        match order.what:
            case "kind":
                self.open_list(order.word, order.filter or "")
                if order.name:
                    self.open_subject(order.word, order.name)
            case "name":
                self.open_subject(order.word, order.name)
            case "filter":
                screen.filter_typed(order.filter or "")
                screen.filter_entered(order.filter or "")
            case "sort":
                screen.sort_by(order.name)
            case "ctx":
                self.change_context(order.name)
            case "command":
                if command := next((c for c in screen.all_commands() if c.id == order.word), None):
                    self.do(command, order.name)
            case "unknown":
                self.tell(f"No such command or name: {order.word}", advice="tab shows what there is")

    def change_context(self, name: str) -> None:
        if self._feed_for is None or name not in self.feed.contexts:
            known = ", ".join(self.feed.contexts) or "none"
            self.tell(f"No context {name}" if name else "Which context?", advice=f"contexts: {known}")
            return
        self.run_worker(self._change_context(self._feed_for, name), group="context", exclusive=True)

    async def _change_context(self, feed_for: Callable[[str], Feed], name: str) -> None:
        try:
            feed = await asyncio.to_thread(feed_for, name)
            info = await asyncio.to_thread(feed.header, feed.now())
        except LastgoodError as error:
            self.tell_error(error)
            return
        self.feed, self.info, self.known_names = feed, info, {}
        self.open_list(feed.kinds[0].id)

    def load_names(self) -> None:
        """For completion; names come from the ledger on a thread and are there a moment after the prompt opens."""
        self.run_worker(self._load_names(), group="names", exclusive=True)

    async def _load_names(self) -> None:
        feed = self.feed
        self.known_names = await asyncio.to_thread(lambda: {kind.id: feed.names(kind.id) for kind in feed.kinds})
        if isinstance(top := self._top(), ConsoleScreen):
            top.names_loaded()

    # Doing something.

    def do(self, command: Command, words: str = "") -> None:
        if command.off:
            self.tell(f"{command.label}: {command.off}")
        elif command.takes is not None and words:
            command.takes(words)
        else:
            command.run()

    def copy(self, text: str) -> None:
        self.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self.tell(f"Copied {text}" if lines == 1 else f"Copied {lines} lines")

    def copy_to_clipboard(self, text: str) -> None:
        self._clipboard = text
        if self._driver is not None:
            self._driver.write(osc52(text, os.environ))

    def show_help(self) -> None:
        if isinstance(screen := self.screen, ConsoleScreen):
            trail = " › ".join(screen.trail())
            self.push_screen(HelpScreen(trail, screen.all_commands(), screen.told_columns(), screen.why()))

    def on_command_palette_opened(self) -> None:
        """A blinking cursor would write to the line twice a second for nothing."""
        for field in self.screen.query(Input):
            field.cursor_blink = False

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette, from the same records as footer and help."""
        if not isinstance(screen, ConsoleScreen):
            return
        for command in screen.all_commands():
            if command.group is not Group.MOVE and command.id not in ("back", "palette"):
                note = f"off: {command.off}" if command.off else command.effect
                yield SystemCommand(f"{command.label} ({command.shown_key})", note, lambda c=command: self.do(c))
        for kind in self.feed.kinds:
            yield SystemCommand(kind.plural, f"List {kind.plural}", lambda k=kind.id: self.open_list(k))

    # Saying something.

    def tell(
        self, message: str, *, advice: str = "", title: str = "", severity: Any = "information", lasting: bool = False
    ) -> None:
        text = safe(message) + (f"\n{safe(advice)}" if advice else "")
        timeout = LASTING_S if lasting else TOAST_S[severity]
        self.notify(text, title=title, severity=severity, markup=False, timeout=timeout)

    def on_notify(self, event: Notify) -> None:
        """Before Textual's own handler: nothing is told twice, and two toasts at a time; errors stay longest."""
        new, shown = event.notification, list(self._notifications)
        if any((one.title, one.message) == (new.title, new.message) for one in shown):
            event.prevent_default()
            return
        for old in sorted(shown, key=lambda one: (one.timeout, one.raised_at))[: 1 - TOASTS or None]:
            self._unnotify(old, refresh=False)

    def hush(self, *, errors: bool = False) -> None:
        """Take away what was told about another screen; errors only where they are asked for."""
        for one in list(self._notifications):
            if one.timeout < LASTING_S and (errors or one.severity != "error"):
                self._unnotify(one, refresh=False)
        self._refresh_notifications()

    def tell_error(self, error: LastgoodError) -> None:
        """One toast: what kind of error, what happened, what to do."""
        title, severity = next((title, severity) for kind, title, severity in _ERRORS if isinstance(error, kind))
        self.tell(error.message, advice=error.advice, title=title, severity=severity)

    # Leaving.

    def action_interrupt(self) -> None:
        screen = self.screen
        if isinstance(screen, ConsoleScreen) and screen.has_class("-prompt"):
            screen.close_prompt()
        else:
            self.ask_quit()

    def ask_quit(self) -> None:
        """Leave, but never silently while an action of this console is under way."""
        if not self.running:
            self.exit()
        elif not isinstance(self.screen, Ask):
            what = ", ".join(self.running.values())
            question = f"Under way: {what}.\nIt goes on without this console, and any console shows it."
            self.push_screen(Ask(safe_lines(question), "leave"), lambda leave: self.exit() if leave else None)


def safe_lines(text: str) -> str:
    return "\n".join(safe(line) for line in text.split("\n"))
