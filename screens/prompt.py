"""The `:` and `/` line: one input whose first character says what it is, with its candidates in the line above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

_SHOWN = 12


class Prompt(Input, inherit_bindings=True):
    """Opens with `:` or `/`; esc or deleting that character closes it."""

    DEFAULT_CSS = """
    Prompt, Prompt:focus { height: 1; width: 1fr; border: none; padding: 0; background: $background; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("tab", "complete(1)", show=False),
        Binding("shift+tab", "complete(-1)", show=False),
    ]

    class Closed(Message):
        """`line` is what was entered, with its first character; None when it was given up."""

        def __init__(self, line: str | None) -> None:
            super().__init__()
            self.line = line

    class Typed(Message):
        """What stands there now, and what it may become."""

        def __init__(self, line: str, candidates: Sequence[str]) -> None:
            super().__init__()
            self.line, self.candidates = line, candidates

    def __init__(self, completer: Callable[[str], list[str]], *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._completer = completer
        self._cycle: list[str] = []
        self._at = -1

    def open(self, line: str) -> None:
        self._cycle, self._at = [], -1
        self.value = line
        self.cursor_position = len(line)
        self.focus()
        self._tell()

    def action_close(self) -> None:
        self.post_message(self.Closed(None))

    def action_complete(self, step: int) -> None:
        if not self.value.startswith(":"):
            return
        if not self._cycle:
            self._cycle, self._at = self._completer(self.value), -1
        if self._cycle:
            self._at = (self._at + step) % len(self._cycle) if self._at >= 0 else (0 if step > 0 else -1)
            with self.prevent(Input.Changed):
                self.value = ":" + self._cycle[self._at]
            self.cursor_position = len(self.value)
            self._tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.display:
            return
        if not self.value[:1] or self.value[0] not in ":/":
            self.action_close()
            return
        self._cycle, self._at = [], -1
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Closed(self.value))

    def _tell(self) -> None:
        candidates = self._cycle or (self._completer(self.value) if self.value.startswith(":") else [])
        at = max(0, self._at)
        self.post_message(self.Typed(self.value, candidates[at : at + _SHOWN]))
