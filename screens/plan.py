"""The plan: what would be done, why it is safe and how to undo it, and the one place where consent is given.

Consent is no command: neither Enter, nor the palette, nor a key typed into a field can give it, only `y` or the last
letter of the context's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult

from console.actions.model import Level, Plan
from console.actions.orphans import Orphan
from console.actions.verb import Verb
from console.clients.identity import short
from console.clock import MINUTE, Millis, age_step, clock_time
from console.errors import LastgoodError
from console.fleet.feed import LedgerFeed
from console.kinds.registry import verbs
from screens.action import ActionScreen
from screens.base import ConsoleScreen
from screens.blocks import BLANK, Line
from screens.commands import Command, Group
from screens.fields import TextField
from screens.making import command_line, make_plan
from screens.pieces import Piece, TextLine
from screens.plan_text import WIDE, plan_lines
from screens.sheet import Sheet, labelled

STALE_MS = 5 * MINUTE
_STATE = ("status", "config", "pending_config", "held")
"""What of a subject a plan is made from, by its JSON names: phases of one deployment are no other plan."""


class PlanScreen(ConsoleScreen):
    """`subjects[number]` is the one it is about; the others come after it, each with a plan of its own."""

    def __init__(
        self, feed: LedgerFeed, verb: Verb, subjects: Sequence[str], number: int = 0, args: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._of, self._verb, self._subjects, self._number = feed, verb, tuple(subjects), number
        self._args = dict(args or {})
        self.plan: Plan | None = None
        self._error: LastgoodError | None = None
        self._orphan: Orphan | None = None
        self._unfolded = self._consented = False
        self._basis: dict[str, Any] | None = None
        self._changed = ""
        # A note is its reason: its form has asked for it already.
        asked = verb.level is Level.NOTE
        self._fields = [] if asked else [TextField("reason", "Reason"), TextField("ticket", "Ticket")]
        self._active: TextField | None = None

    @classmethod
    def of_orphan(cls, feed: LedgerFeed, orphan: Orphan) -> PlanScreen:
        """The plan of a queued action whose process died: consent lets it go on."""
        plan = orphan.plan
        verb = next(v for v in verbs() if (v.id, v.kind) == (plan.verb, plan.kind))
        screen = cls(feed, verb, (plan.subject,), args=plan.args)
        screen._orphan, screen._fields = orphan, []
        return screen

    @property
    def subject(self) -> str:
        return self._subjects[self._number]

    @property
    def typed(self) -> bool:
        """Whether consent is the context's name."""
        return self.plan is not None and self.plan.level is Level.DANGER and self._of.context.guarded

    @property
    def blocked(self) -> bool:
        """Nothing can be consented to: no plan, or a check forbids it. A queued one is checked again when it goes on."""
        return self.plan is None or (bool(self.plan.refused) and self._orphan is None)

    # What the frame shows.

    def trail(self) -> Sequence[str]:
        return (self.plan.title if self.plan else f"{self._verb.label} {self.subject}",)

    def notes(self) -> Sequence[Piece]:
        notes: list[Piece] = []
        if len(self._subjects) > 1:
            notes += [(f"  {self._number + 1} of {len(self._subjects)}", "chip")]
        if self.plan:
            notes += [("  ", ""), (self.plan.context, ""), (" as ", "dim"), (short(self.plan.identity), "")]
        return notes

    def body(self) -> ComposeResult:
        yield Sheet(self._draw)
        yield TextLine(id="notice", classes="absent")
        yield TextLine(id="why")
        yield TextLine(id="consent")

    def on_mount(self) -> None:
        super().on_mount()
        if self._orphan is not None:
            self._show(self._orphan.plan)
            self.run_worker(self._compare(), group="compare")
        else:
            self._make()

    # Making it.

    def _make(self) -> None:
        self.plan, self._error, self._changed, self._basis = None, None, "", None
        self._active = None
        self.run_worker(self._made(), group="plan", exclusive=True)
        self._redraw()

    async def _made(self) -> None:
        try:
            plan = await make_plan(self._of, self._verb, self.subject, self._args)
        except LastgoodError as error:
            self._error = error
            self._redraw()
        else:
            self._show(plan)
            await self._compare()

    def _show(self, plan: Plan) -> None:
        self.plan = plan
        self._fields = [field for field in self._fields if field.id != "consent"]
        if self.typed and not self.blocked:
            self._fields.append(TextField("consent", f"Type {plan.context} to do it:"))
            self._active = self._fields[-1]
        self._redraw()

    def data_changed(self) -> None:
        if self.plan is not None:
            self.run_worker(self._compare(), group="compare")

    async def _compare(self) -> None:
        """Whether the subject is still as it was when the plan was made."""
        try:
            view = await asyncio.to_thread(self._of.view, self._verb.kind, self.subject)
        except LastgoodError:
            return  # not seeing is not knowing; the executor looks again before it writes
        if view is None:
            self._changed = "is gone from the ledger"
        else:
            told = view.to_json()
            basis = {name: told.get(name) for name in _STATE}
            self._basis = self._basis or basis
            other = [f"{n.replace('_', ' ')} {self._basis[n] or 'none'} → {v or 'none'}" for n, v in basis.items() if v != self._basis[n]]
            self._changed = f"changed: {', '.join(other)}" if other else ""
        self._redraw()

    def tick(self, now: Millis) -> None:
        self._draw_notice()

    # Drawing.

    def _redraw(self) -> None:
        if self.is_mounted:
            self.query_one(Sheet).redraw()
            self._draw_notice()
            self._draw_consent()
            self.refresh_chrome()

    def _draw(self, width: int) -> list[Line]:
        if self._error is not None:
            error = self._error
            lines = labelled("✖", f"No plan: {error.message}", min(width, 110), "", indent=3, label_ink="bad")
            lines += labelled("", error.advice, min(width, 110), "dim", indent=3) if error.advice else []
            return [BLANK, *lines]
        if self.plan is None:
            return [BLANK, ((" ◐ ", "moving"), ("making the plan …", ""))]
        head: list[Line] = []
        if self._orphan is not None:
            heard = clock_time(self._orphan.at, self._of.now())
            said = f"unfinished: {self._orphan.words or 'queued'}; its process died, last heard of {heard}"
            head = [*labelled("▲", said, width, indent=3, label_ink="warn"), BLANK]
        return [*head, *plan_lines(self.plan, width, unfolded=self._unfolded)]

    def _draw_notice(self) -> None:
        """Why not to trust it any more, right above the consent."""
        line, said = self.query_one("#notice", TextLine), ""
        if self.plan is not None and self._orphan is None:
            age = self._of.now() - self.plan.created_at
            if self._changed:
                said = f"{self.subject} {self._changed}"
            elif age >= STALE_MS:
                said = f"made {age_step(age)} ago"
        line.set_class(not said, "absent")
        line.set([(" ▲ ", "warn"), (said, "warn"), ("   ", ""), ("r", "key"), (" makes it again", "")] if said else ())

    def _draw_consent(self) -> None:
        plan, width = self.plan, self.size.width
        why, line = self.query_one("#why", TextLine), self.query_one("#consent", TextLine)
        texts = {field.id: field for field in self._fields}
        why.set_class("reason" not in texts or self.blocked, "absent")
        if "reason" in texts:
            room = min(width - 42, 70)
            why.set([(" Reason ", "dim"), *self._piece(texts["reason"], room), ("   Ticket ", "dim"),
                     *self._piece(texts["ticket"], 20)])  # fmt: skip
        if plan is None:
            line.set(())
        elif self.blocked:
            forbid = ", ".join(check.check for check in plan.refused)
            line.set([(" ✖ ", "bad"), ("It cannot be done now: ", "strong"), (forbid, "")])
        elif consent := texts.get("consent"):
            fits = plan.context.startswith(consent.text)
            left: list[Piece] = [(" Type ", ""), (plan.context, "key"), (" to do it: ", "")]
            left += self._piece(consent, min(40, len(plan.context) + 6), "" if fits else "warn")
            line.set(left, () if fits else [("not the context's name ", "warn")])
        else:
            line.set([(" Press ", ""), ("y", "key"), (" to let it go on" if self._orphan else " to do it", "")])

    def _piece(self, field: TextField, room: int, ink: str = "") -> list[Piece]:
        return field.pieces(max(8, room), active=field is self._active, ink=ink)

    def refresh_chrome(self) -> None:
        super().refresh_chrome()
        if self.is_mounted and self._active is not None and not self.has_class("-prompt"):
            keys = [("tab", "reason, ticket, keys"), ("↑↓", "scroll")]
            if self._active.id == "consent":
                keys += [("space", "all checks")] if self.size.width < WIDE else []
                keys += [("esc", "nothing is done")]
            else:
                keys += [("esc", "done here")]
            pieces = [piece for key, label in keys for piece in ((key, "key"), (f" {label}", ""), ("   ", ""))]
            self.query_one("#footer", TextLine).set([(" ", ""), *pieces])

    # Keys.

    def commands(self) -> Iterator[Command]:
        none = "" if self.plan else "there is no plan yet"
        unfold = "fold" if self._unfolded else "all checks"
        yield Command("unfold", "space", unfold, "All checks in full, or what passed as one line; ⏎ too", self._unfold, off=none)
        if self._orphan is None:
            yield Command("again", "r", "make again", "Look again and make the plan anew", self._make)
            if self._verb.options:
                yield Command("options", "o", "options", "Change what the plan is made with", self._options)
        yield Command("copy", "c", "copy", "Copy the command line that makes this plan", self._copy, off=none)
        if self._number + 1 < len(self._subjects):
            yield Command("next", "n", "leave out", "Do nothing here and go on to the next one", self._next)
        yield Command("fields", "tab", "reason, ticket", "Say why; kept in the journal", self._tab,
                      off="" if self._ring() else none or "nothing to type")  # fmt: skip
        yield Command("back", "escape", "nothing is done", "Leave; nothing is done", self.go_back, Group.SHELL)

    def body_key(self, event: events.Key) -> bool:
        sheet = self.query_one(Sheet)
        if self._active is not None:
            self._field_key(self._active, event, sheet)
            return True
        if event.key == "y" and not self.typed:
            self._consent()
        elif event.key == "enter":
            self._unfold()
        elif event.key == "shift+tab":
            self._tab(-1)
        else:
            return sheet.press(event)
        return True

    def _field_key(self, field: TextField, event: events.Key, sheet: Sheet) -> None:
        consent = field.id == "consent"
        if event.key in ("tab", "shift+tab"):
            self._tab(1 if event.key == "tab" else -1)
        elif event.key == "escape" and consent:
            self.go_back()
        elif event.key == "escape" or (event.key == "enter" and not consent):
            self._leave_field()
        elif event.key in ("space", "enter") and consent:
            self._unfold()
        elif not sheet.press_typing(event) and field.press(event):
            self._draw_consent()
            if consent and self.plan is not None and field.text == self.plan.context:
                self._consent()

    def on_paste(self, event: events.Paste) -> None:
        """A name pasted is not typed: it could come along with something else."""
        if self._active is not None and self._active.id != "consent":
            self._active.paste(event.text)
            self._draw_consent()
        else:
            super().on_paste(event)

    def _ring(self) -> list[TextField | None]:
        """The order of tab, from the consent on: reason, ticket, and no field at all (keys are keys)."""
        if self.blocked or not self._fields:
            return []
        ends = [field for field in self._fields if field.id == "consent"]
        return [*ends, *(field for field in self._fields if field.id != "consent"), None]

    def _tab(self, step: int = 1) -> None:
        if ring := self._ring():
            self._active = ring[(ring.index(self._active) + step) % len(ring)]
            self._draw_consent()
            self.refresh_chrome()

    def _leave_field(self) -> None:
        self._active = next(iter(self._ring()), None) if self.typed else None
        self._draw_consent()
        self.refresh_chrome()

    def _unfold(self) -> None:
        self._unfolded = not self._unfolded
        self._redraw()

    def _copy(self) -> None:
        if self.plan is not None:
            text = {field.id: field.text for field in self._fields}
            why, ticket = text.get("reason", ""), text.get("ticket", "")
            self.console.copy(command_line(self._verb, self.plan, reason=why, ticket=ticket))

    def _options(self) -> None:
        from screens.form import FormScreen

        self.app.switch_screen(FormScreen(self._of, self._verb, self._subjects, self._number, self._args))

    # Consent.

    def _consent(self) -> None:
        """Once: a second `y` that was on its way changes nothing."""
        if self._consented or self.blocked:
            return
        self._consented = True
        self.run_worker(self._begin(), group="consent")

    async def _begin(self) -> None:
        plan, deeds = self.plan, self.console.deeds
        assert plan is not None
        text = {"reason": str(self._args.get("reason") or ""), "ticket": ""}
        text |= {field.id: field.text.strip() for field in self._fields}
        try:
            if self._orphan is not None:
                following = await deeds.resume(self._of, plan, confirm=text.get("consent", ""))
            else:
                following = await deeds.apply(
                    self._of, plan, reason=text["reason"], ticket=text["ticket"], confirm=text.get("consent", "")
                )
        except LastgoodError as error:
            self._consented = False
            self.console.tell_error(error)
            return
        if self._number + 1 < len(self._subjects):
            self._next()
        elif self.is_current:
            self.app.switch_screen(ActionScreen(following))

    def _next(self) -> None:
        if self.is_current:
            args = self._args if self._verb.level is Level.NOTE else None
            self.app.switch_screen(plan_or_form(self._of, self._verb, self._subjects, self._number + 1, args))

    def go_back(self) -> None:
        if self._consented:
            super().go_back()
            return
        left = self._subjects[self._number :]
        self.console.tell("Nothing was done" if len(left) == 1 else f"Nothing was done to {', '.join(left)}")
        super().go_back()


def plan_or_form(
    feed: LedgerFeed, verb: Verb, subjects: Sequence[str], number: int = 0, args: Mapping[str, Any] | None = None
) -> ConsoleScreen:
    """Straight to the plan, but for verbs that are about values: a new run's parameters, a note's reason."""
    from screens.form import FormScreen, asks_first

    if asks_first(verb):
        return FormScreen(feed, verb, subjects, number, args)
    return PlanScreen(feed, verb, subjects, number, args)
