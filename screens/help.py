"""The help: the commands of the screen below, by group, from the same records as footer and palette."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from console.clock import clocked, now_ms
from console.kinds.base import Column, Sign, Verdict
from console.text import safe
from screens.commands import Command, Group
from screens.moves import MoveKeys, led
from screens.theme import style

_TITLES = {
    Group.LOOK: "LOOK",
    Group.MOVE: "MOVE",
    Group.SHELL: "CONSOLE",
    Group.ACT: "ACT",
}
_SIGNS = {
    Sign.CRITICAL: "users are hurt, or soon will be",
    Sign.WARNING: "it may come to that",
    Sign.MOVING: "changing as asked for",
    Sign.UNKNOWN: "not watched, not permitted or no data: not the same as well",
    Sign.HELD: "somebody holds it on purpose",
    Sign.OK: "serves well; an underlined cell was changed by the last news",
}


_HEADER = {
    "as": "whose credentials it reads with; unconfirmed until AWS has said so; left: until they end",
    "calls/min": "AWS API calls of all consoles of yours on this host in the last minute",
    "live": "how old what you see is; a source that fails is named",
}
"""What stands in the first line."""


def help_table(commands: Sequence[Command], columns: Sequence[Column] = ()) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for group in Group:
        members = [command for command in commands if command.group is group]
        if members:
            table.add_row()
            table.add_row(Text(_TITLES[group], style("head")))
        for command in members:
            effect = Text(command.effect, style("dim"))
            if command.off:
                effect.append(f" (off: {command.off})", style("warn"))
            table.add_row(Text(f"  {command.shown_key}", style("key")), Text(command.label), effect)
    told = {column.title: column.help for column in columns if column.help}
    for heading, words in (("COLUMNS", told), ("FIRST LINE", _HEADER)):
        if words:
            table.add_row()
            table.add_row(Text(heading, style("head")))
        for word, what in words.items():
            table.add_row(Text(""), Text(word), Text(what, style("dim")))
    table.add_row()
    table.add_row(Text("SIGNS", style("head")))
    for sign in Sign:
        table.add_row(Text(f"  {sign.glyph}", style(sign.value)), Text(sign.value), Text(_SIGNS[sign], style("dim")))
    return table


def why_text(name: str, verdict: Verdict) -> Text:
    """What decided how a row is shown: its words, then each reason with its numbers."""
    text = Text("WHY  ", style("head"))
    text.append(f"{safe(name)}\n", style("strong"))
    text.append(f"  {verdict.sign.glyph} {verdict.sign.value}  ", style(verdict.sign.value))
    text.append(f"{safe(verdict.words)}\n")
    for reason in verdict.reasons:
        text.append(f"    {safe(clocked(reason, now_ms()))}\n", style("dim"))
    return text


class HelpScreen(ModalScreen[None], inherit_bindings=False):
    CSS = """
    HelpScreen { align: center middle; background: $background; }
    HelpScreen VerticalScroll { width: 100%; height: 100%; padding: 0 1; scrollbar-size-vertical: 1; }
    """
    ALLOW_SELECT = False

    def __init__(
        self,
        title: str,
        commands: Sequence[Command],
        columns: Sequence[Column] = (),
        why: tuple[str, Verdict] | None = None,
    ) -> None:
        super().__init__()
        self._title = Text(title, style("strong"), no_wrap=True, overflow="ellipsis")
        self._table = help_table(commands, columns)
        self._why = why_text(*why) if why else None
        self._moves = MoveKeys()

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            if self._why is not None:
                yield Static(self._why)
            yield Static(self._title)  # not in the table: its first column is as wide as a key
            yield Static(self._table)

    def on_key(self, event: events.Key) -> None:
        scroll = self.query_one(VerticalScroll)
        if event.key in ("escape", "question_mark", "f1", "q", "enter"):
            self.dismiss()
        elif (step := self._moves.read(event)) is None:
            return
        elif step:
            at = led(step, round(scroll.scroll_target_y), scroll.size.height, scroll.max_scroll_y + 1)
            # At once: of several keys read together each counts.
            scroll.scroll_to(y=max(0, min(at, scroll.max_scroll_y)), animate=False, immediate=True)
        event.stop()


class Ask(ModalScreen[bool], inherit_bindings=False):
    """One question, `y` or esc. Enter is no answer: it is too easily pressed."""

    CSS = """
    Ask { align: center middle; background: transparent; }
    Ask Static { width: auto; max-width: 90%; height: auto; padding: 0 1; }
    Ask Static { border: round $foreground; background: $background; }
    """
    ALLOW_SELECT = False

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        text = Text(f"{self._question}\n\n")
        text.append("y", style("key"))
        text.append(f" {self._yes}    ")
        text.append("esc", style("key"))
        text.append(" stay")
        yield Static(text, markup=False)

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key == "y":
            self.dismiss(True)
        elif event.key in ("escape", "n", "q"):
            self.dismiss(False)
