"""A verb's options as a form. For a new run: one field for each parameter of the definition, checked as it is typed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult

from console.actions.model import Level
from console.actions.verb import Verb
from console.clock import Millis
from console.errors import LastgoodError
from console.fleet.feed import LedgerFeed
from console.kinds.pipeline.record import Definition
from console.kinds.pipeline.view import PipelineView
from console.kinds.reading import decode
from console.text import safe, shorten
from screens.base import ConsoleScreen
from screens.blocks import BLANK, Line, paragraph
from screens.commands import Command, Group
from screens.fields import TextField, typing_keys
from screens.inputs import Input, option_input, parameter_input
from screens.pieces import Piece
from screens.plan import PlanScreen
from screens.plan_text import turn_lines
from screens.sheet import Sheet

_LABEL = 26
_INTEREST_MS = 10_000


class FormScreen(ConsoleScreen):
    """Enter makes the plan, which is shown before anything is done; esc leaves."""

    STATUS = 2

    def __init__(
        self,
        feed: LedgerFeed,
        verb: Verb,
        subjects: Sequence[str],
        number: int = 0,
        args: Mapping[str, Any] | None = None,
        *,
        origin: PlanScreen | None = None,
    ) -> None:
        """`origin`: the plan whose options these are; esc goes back to it, enter has it made with them."""
        super().__init__()
        self._of, self._verb, self._subjects, self._number = feed, verb, tuple(subjects), number
        self._origin = origin
        self._args = dict(args or {})
        self._wants_definition = any(option.kind == "map" for option in verb.options)
        self._inputs: list[Input] = []
        self._here = 0
        self._reading = False
        self._read_once = False
        self._told: Millis = 0
        self._green = ""
        self._tried = False
        """Somebody wanted to go on: from then on what is missing is said too."""

    @property
    def subject(self) -> str:
        return self._subjects[self._number]

    def trail(self) -> Sequence[str]:
        return (f"{self._verb.label} {self.subject}",)

    def notes(self) -> Sequence[Piece]:
        several = len(self._subjects) > 1
        return ((f"  {self._number + 1} of {len(self._subjects)}", "chip"),) if several else ()

    def body(self) -> ComposeResult:
        yield Sheet(self._draw)

    def on_mount(self) -> None:
        super().on_mount()
        self.data_changed()

    # What it asks.

    def data_changed(self) -> None:
        """Read until the definition is there; then no more: what is typed must not move."""
        if not self._reading and (not self._inputs or self._wants_definition):
            self._reading = True
            self.run_worker(self._read(), group="load")

    async def _read(self) -> None:
        try:
            view, definition = await asyncio.to_thread(self._look)
        except LastgoodError as error:
            self.console.tell_error(error)
            view, definition = None, None
        finally:
            self._reading = False
        if not self._inputs:
            self._inputs = list(self._option_inputs(view))
        if definition is not None and self._wants_definition:
            self._wants_definition = False
            green = view.green if isinstance(view, PipelineView) else None
            self._green = green.id if green else ""
            given = self._args.get("param") or {}
            before = green.parameters if green else {}
            parameters = [parameter_input(p, given.get(p.name), before.get(p.name)) for p in definition.parameters]
            self._inputs = [*parameters, *self._inputs]
            self._here = 0
        if not self._read_once:  # later something may have been typed
            self._choose()
        self._read_once = True
        self._redraw()

    def _choose(self) -> None:
        """What a field proposes is replaced by typing; an arrow key keeps it."""
        if self._inputs:
            for n, one in enumerate(self._inputs):
                one.text.chosen = n == self._here and one.group == "words" and bool(one.text.text)

    def _look(self) -> tuple[Any, Definition | None]:
        view = self._of.view(self._verb.kind, self.subject)
        if not isinstance(view, PipelineView) or not view.pipeline.definition:
            return view, None
        return view, next(decode(self._of.snapshot(), "definition", Definition, [view.pipeline.definition]), None)

    def _option_inputs(self, view: Any) -> Iterator[Input]:
        held = bool(getattr(view, "hold", None))
        if self._verb.level is Level.NOTE:
            reason = TextField("reason", "", str(self._args.get("reason") or ""))
            yield Input("reason", "reason", "reason", "what others should know; kept in the journal", reason,
                        check=self._no_reason)  # fmt: skip
        for option in self._verb.options:
            if option.kind != "map":
                release = self._verb.level is Level.NOTE and option.name == "release" and held
                yield option_input(option, self._args.get(option.name) or release or option.usual(view))

    def _no_reason(self, text: str) -> str:
        released = any(i.id == "release" and i.value == "yes" for i in self._inputs)
        return "" if text.strip() or released else "say why"

    def answers(self) -> dict[str, Any]:
        """The verb's arguments: a parameter only where it is not the definition's default."""
        found: dict[str, Any] = {}
        param = {i.id: i.value for i in self._inputs if i.group == "param" and i.value != (i.default or "")}
        if param:
            found["param"] = param
        for one in self._inputs:
            if one.group == "flag":
                found[one.id] = one.value == "yes"
            elif one.group != "param" and one.value.strip():
                found[one.id] = one.value.strip()
        return found

    def tick(self, now: Millis) -> None:
        if now - self._told >= _INTEREST_MS:
            self._told = now
            self._of.interest(self._verb.kind, [self.subject])

    # Drawing.

    def _redraw(self) -> None:
        if self.stands:
            self.query_one(Sheet).redraw()
            self.refresh_chrome()

    def _draw(self, width: int) -> list[Line]:
        lines: list[Line] = turn_lines(self._verb.kind, self._subjects, self._number, width) or [BLANK]
        if not self._read_once:
            return [*lines, ((" ◐ ", "moving"), ("reading …", ""))]
        if self._wants_definition:
            lines += [
                ((" ◐ ", "moving"), (f"The definition of {self.subject} is being read: half a minute at most.", "")),
                (("   ", ""), ("⏎", "key"), (" goes on with its defaults.", "dim")),
                BLANK,
            ]
        column = min(_LABEL, max((len(one.label) for one in self._inputs), default=0)) + 2
        room = max(12, min(44, width - column - 28))
        group = ""
        for n, one in enumerate(self._inputs):
            section = "PARAMETERS" if one.group == "param" else "OPTIONS"
            if section != group and any(i.group == "param" for i in self._inputs):
                lines += [*([BLANK] if group else []), self._heading(section)]
            group = section
            active = n == self._here
            label = shorten(one.label, column - 2)
            head = (
                (" ▸ " if active else "   ", "key"),
                (label, "strong" if active else ""),
                (" " * (column - len(label)), ""),
            )
            lines.append((*head, *self._value(one, room, active), ("  ", ""), *self._remark(one)))
            if one.differs and not one.wrong:
                lines += self._compared(one, column + 3, room, width)
        return lines

    def _compared(self, one: Input, indent: int, room: int, width: int) -> list[Line]:
        """What it was, whole and right below; what it is too, where the field has no room for it."""
        lines: list[Line] = []
        if cell_len(safe(one.value)) >= room:
            now: Line = ((" " * indent, ""), ("  now ", "dim"))
            lines += paragraph(one.value, width - 1, "strong", first=now, indent=indent + 6)
        was: Line = ((" " * indent, ""), ("▲ was ", "warn"))
        return [*lines, *paragraph(one.before or "empty", width - 1, "warn", first=was, indent=indent + 6)]

    def _heading(self, section: str) -> Line:
        green = f"  compared with the last green run {self._green}" if section == "PARAMETERS" and self._green else ""
        return (f" {section}", "head"), (green, "dim")

    def _value(self, one: Input, room: int, active: bool) -> list[Piece]:
        if one.choices:
            shown = shorten(one.value or "–", room - 3)
            return [(shown, "cursor" if active else "strong"), (" ‹›" + " " * (room - 3 - len(shown)), "dim")]
        return one.text.pieces(room, active=active, ink="bad" if one.wrong else "")

    def _remark(self, one: Input) -> list[Piece]:
        if one.wrong and (one.value or self._tried):
            return [("✖ ", "bad"), (one.wrong, "bad")]
        return [("same", "dim")] if one.before is not None and not one.differs else []

    def status(self) -> Sequence[Piece]:
        if not self._inputs:
            return ()
        one = self._inputs[self._here]
        return ((f" {one.label}", "strong"), ("  ", ""), (one.about, ""))

    def refresh_chrome(self) -> None:
        super().refresh_chrome()
        if self.stands:
            keys = [("⏎", "the plan"), ("tab", "next"), ("esc", self._leaving)]
            if self._inputs and self._inputs[self._here].choices:
                keys.insert(1, ("space ← →", "choose"))
            if self._inputs and self._inputs[self._here].text.chosen:
                keys[1:1] = [("typing", "replaces it"), ("←", "edits it")]
            typing_keys(self, keys)

    # Keys: all are typed, none is a command but those of the footer.

    def commands(self) -> Iterator[Command]:
        yield Command("plan", "enter", "the plan", "Make the plan of it; nothing is done yet", self._go_on)
        yield Command("back", "escape", self._leaving, "Leave; nothing is done", self.go_back, Group.SHELL)

    @property
    def _leaving(self) -> str:
        return "back to the plan" if self._origin else "nothing is done"

    def shell_commands(self) -> list[Command]:
        """`:`, `?` and `q` are letters here."""
        help = Command("help", "f1", "help", "What can be done here", self.console.show_help, Group.SHELL)
        return [help]

    def body_key(self, event: events.Key) -> bool:
        if event.key == "enter":
            self._go_on()
        elif event.key == "escape":
            self.go_back()
        elif event.key in ("tab", "down", "shift+tab", "up"):
            self._go(self._here + (1 if event.key in ("tab", "down") else -1))
        elif event.key in ("pagedown", "pageup"):
            self.query_one(Sheet).press(event)
        elif self._inputs:
            one = self._inputs[self._here]
            if one.choices:
                if event.key in ("space", "right", "left"):
                    one.choose(-1 if event.key == "left" else 1)
            else:
                one.text.press(event)
            self._redraw()
        return True

    def on_paste(self, event: events.Paste) -> None:
        if self._inputs and not self._inputs[self._here].choices:
            self._inputs[self._here].text.paste(event.text)
            self._redraw()

    def _go(self, at: int, *, choose: bool = True) -> None:
        if self._inputs:
            self._here = at % len(self._inputs)
            if choose:
                self._choose()
            self._redraw()
            # Its line on the sheet: the headings above it count too.
            lines = self.query_one(Sheet).text.split("\n")
            line = next((n for n, text in enumerate(lines) if text.startswith(" ▸")), 0)
            self.query_one(Sheet).reveal(line if self._here else 0)

    def _go_on(self) -> None:
        if not self._read_once:
            return
        self._tried = True
        bad = next((n for n, one in enumerate(self._inputs) if one.wrong), None)
        if bad is not None:
            self._go(bad, choose=False)  # it is mended, not typed again
            return
        args = self.answers()
        if self._wants_definition and self._args.get("param"):
            args["param"] = self._args["param"]
        if self._origin is not None:
            self.app.pop_screen()
            self._origin.make_with(args)
        else:
            self.app.switch_screen(PlanScreen(self._of, self._verb, self._subjects, self._number, args))

    def go_back(self) -> None:
        if self._origin is None:
            self.console.tell("Nothing was done")
        super().go_back()
