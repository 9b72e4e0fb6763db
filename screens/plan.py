"""The plan: what would be done, why it is safe and how to undo it, and the one place where consent is given.

Consent is no command: neither Enter, nor the palette, nor a key typed into a field can give it, only `y` or the last
letter of the context's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult

from console.actions.model import Level, Plan, Verdict
from console.actions.orphans import Orphan
from console.actions.verb import Verb
from console.clients.identity import short
from console.clock import MINUTE, Millis, age_step, clock_time
from console.errors import LastgoodError
from console.fleet.feed import LedgerFeed
from console.kinds.registry import verbs
from screens.action import ActionScreen
from screens.blocks import BLANK, Line
from screens.commands import Command, Group
from screens.consent import DIGITS, Typed
from screens.fields import TextField, typing_keys
from screens.making import command_line, wants_code
from screens.pieces import Piece, Rule, TextLine
from screens.plan_text import WIDE, error_lines, orphan_lines, plan_lines, turn_lines
from screens.planning import MadeScreen
from screens.sheet import Sheet

AGED_MS = MINUTE
STALE_MS = 5 * MINUTE


class PlanScreen(MadeScreen):
    """A plan as it is shown, with what is typed under it."""

    def __init__(
        self,
        feed: LedgerFeed,
        verb: Verb,
        subjects: Sequence[str],
        number: int = 0,
        args: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(feed, verb, subjects, number, args)
        self._unfolded = self._consented = False
        self._as_of = ""
        # A note is its reason: its form has asked for it already.
        self._typed = Typed(why=verb.level is not Level.NOTE)

    @classmethod
    def of_orphan(cls, feed: LedgerFeed, orphan: Orphan) -> PlanScreen:
        """The plan of a queued action whose process died: consent lets it go on."""
        plan = orphan.plan
        verb = next(v for v in verbs() if (v.id, v.kind) == (plan.verb, plan.kind))
        screen = cls(feed, verb, (plan.subject,), args=plan.args)
        screen._orphan, screen._typed = orphan, Typed(why=False)
        return screen

    @property
    def by_name(self) -> bool:
        """Whether consent is the context's name."""
        return self.plan is not None and self.plan.level is Level.DANGER and self._of.context.guarded

    @property
    def blocked(self) -> bool:
        return self.plan is None or bool(self._against())

    def _against(self) -> str:
        """Why nobody may consent to this plan, or an empty text. A queued one is checked again when it goes on."""
        if self.plan is None or self._orphan is not None:
            return ""
        forbid = ", ".join(check.check for check in self.plan.refused)
        return forbid or ("it was made of what is no more" if self._changed else "")

    @property
    def _folds(self) -> bool:
        passed = self.plan is not None and any(c.verdict is Verdict.PASS for c in self.plan.preflight)
        return passed and self.size.width < WIDE

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
        yield Rule()
        yield TextLine(id="notice", classes="absent")
        yield TextLine(id="why")
        yield TextLine(id="code", classes="absent")
        yield TextLine(id="consent")

    # Made anew or no longer true: no letter goes anywhere until it is shown again.

    def remade(self) -> None:
        self._typed.close()
        self._redraw()

    def shown(self, plan: Plan) -> None:
        free = not self.blocked
        self._typed.ask(plan.context if self.by_name and free else "", wants_code(self._of, plan) if free else "")
        self._redraw()

    def changed(self) -> None:
        if self._changed and self._orphan is None:
            self._typed.close()
        self._redraw()

    def tick(self, now: Millis) -> None:
        super().tick(now)
        self._draw_notice()

    # Drawing.

    def _redraw(self) -> None:
        if self.stands:
            self.query_one(Sheet).redraw()
            self._draw_notice()
            self._draw_consent()
            self.refresh_chrome()

    def _draw(self, width: int) -> list[Line]:
        turns = turn_lines(self._verb.kind, self._subjects, self._number, width)
        if self._error is not None:
            return [*turns, *error_lines(self._error, width)]
        if self.plan is None:
            return [*turns, BLANK, ((" ◐ ", "moving"), ("making the plan …", ""))]
        head = [*turns, *(orphan_lines(self._orphan, self._of.now(), width) if self._orphan else [])]
        height = self.query_one(Sheet).size.height - len(head)
        shown = plan_lines(self.plan, width, height, unfolded=self._unfolded, as_of=self._as_of, last=self._last_values)
        return [*head, *shown]

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
        key = "ctrl-r" if self._typed.active else "r"
        as_of = self._aged(key)
        if as_of != self._as_of:
            self._as_of = as_of
            self.query_one(Sheet).redraw()
        line.set([(" ▲ ", "warn"), (said, "warn"), ("   ", ""), (key, "key"), (" makes it again", "")] if said else ())

    def _aged(self, key: str) -> str:
        """Its clock times were worked out when it was made: from a minute on that is said."""
        now = self._of.now()
        if self.plan is None or self._orphan is not None or now - self.plan.created_at < AGED_MS:
            return ""
        return f"as of {clock_time(self.plan.created_at, now)}, {key} makes it again"

    def _draw_consent(self) -> None:
        line = self.query_one("#consent", TextLine)
        typed = {"why": self._typed.why_line(self.size.width), "code": self._typed.code_line()}
        for id, pieces in typed.items():
            self.query_one(f"#{id}", TextLine).set_class(self.blocked or not pieces, "absent").set(pieces)
        if self.plan is None:
            line.set(())
        elif self.blocked:
            line.set([(" ✖ ", "bad"), ("It cannot be done now: ", "strong"), (self._against(), "")])
        elif self.by_name:
            line.set(*self._typed.name_line())
        else:
            whom = f" to {self.subject}" if len(self._subjects) > 1 else ""
            what = " to let it go on" if self._orphan else f" to do it{whom}"
            line.set([(" Press ", ""), ("y", "key"), (what, "")])

    def refresh_chrome(self) -> None:
        super().refresh_chrome()
        if self.stands and self._typed.active is not None and not self.has_class("-prompt"):
            keys = [("tab", "reason, ticket"), ("↑↓", "scroll"), ("esc", "done here")]
            if self._typed.in_name:
                fold = [("space", "fold" if self._unfolded else "all checks")] if self._folds else []
                keys[2:] = [*fold, ("esc", "nothing is done")]
            typing_keys(self, keys)

    # Keys.

    def commands(self) -> Iterator[Command]:
        if self.plan is not None:
            unfold = "fold" if self._unfolded else "all checks"
            told = "All checks in full, or what passed as one line; ⏎ too"
            if self._folds:
                yield Command("unfold", "space", unfold, told, self._unfold)
            yield Command("copy", "c", "copy", "Copy the command line that makes this plan", self._copy)
            if self._typed.ring() and not self.blocked:
                yield Command("fields", "tab", "say why", "Reason and ticket; kept in the journal", self._tab)
        if self._orphan is None and (self.plan or self._error):
            yield Command("again", "r", "make again", "Look again and make the plan anew", self.make)
            if self._verb.options:
                yield Command("options", "o", "options", "Change what the plan is made with", self._options)
        if self._number + 1 < len(self._subjects):
            yield Command("next", "n", "leave out", "Do nothing here and go on to the next one", self._next)
        yield Command("back", "escape", "nothing is done", "Leave; nothing is done", self.go_back, Group.SHELL)

    def body_key(self, event: events.Key) -> bool:
        sheet = self.query_one(Sheet)
        if self._consented:
            return event.key != "escape"
        if event.key == "ctrl+r" and self._orphan is None:
            self.make()
        elif self._typed.active is not None:
            self._field_key(self._typed.active, event, sheet)
        elif event.key == "y" and not self.by_name:
            self._consent()
        elif event.key == "enter":
            self._unfold()
        elif event.key == "shift+tab":
            self._tab(-1)
        else:
            return sheet.press(event)
        return True

    def _field_key(self, field: TextField, event: events.Key, sheet: Sheet) -> None:
        name = self._typed.in_name
        if event.key in ("tab", "shift+tab"):
            self._tab(1 if event.key == "tab" else -1)
        elif event.key == "escape" and name:
            self.go_back()
        elif event.key == "escape" or (event.key == "enter" and not name):
            self._typed.leave()
            self._typing_moved()
        elif self._typed.in_code and event.is_printable:
            self._typed.dial(event.character or "")
            self._typing_moved()
        elif event.key in ("space", "enter"):
            self._unfold() if name else field.press(event)
            self._draw_consent()
        elif not sheet.press_typing(event) and field.press(event):
            self._draw_consent()
            if name and self._typed.agreed:
                self._consent()

    def on_paste(self, event: events.Paste) -> None:
        """A name pasted is not typed: it could come along with something else."""
        if self._typed.in_code:
            self._typed.dial(event.text)
            self._typing_moved()
        elif self._typed.active is not None and not self._typed.in_name:
            self._typed.active.paste(event.text)
            self._draw_consent()
        else:
            super().on_paste(event)

    def _tab(self, step: int = 1) -> None:
        if not self.blocked:
            self._typed.tab(step)
            self._typing_moved()

    def _typing_moved(self) -> None:
        self._draw_notice()
        self._draw_consent()
        self.refresh_chrome()

    def _unfold(self) -> None:
        self._unfolded = not self._unfolded
        self._redraw()

    def _copy(self) -> None:
        if self.plan is not None:
            why, ticket = self._typed.text("reason"), self._typed.text("ticket")
            self.console.copy(command_line(self._verb, self.plan, reason=why, ticket=ticket))

    def _options(self) -> None:
        from screens.form import FormScreen

        form = FormScreen(self._of, self._verb, self._subjects, self._number, self._args, origin=self)
        self.app.push_screen(form)

    # Consent.

    def _consent(self) -> None:
        """Once: a second `y` that was on its way changes nothing."""
        if self._consented or self.blocked:
            return
        if self._typed.code_short:
            self.console.tell("The MFA code is not whole", advice=f"{DIGITS} digits, or none", severity="warning")
            return
        self._consented = True
        self.console.hush(errors=True)
        # The app's worker: leaving this screen the next instant must not lose sight of what was started.
        self.app.run_worker(self._begin(), group="consent")

    async def _begin(self) -> None:
        plan, deeds = self.plan, self.console.deeds
        assert plan is not None
        reason = self._typed.text("reason") or str(self._args.get("reason") or "")
        ticket, confirm, code = self._typed.text("ticket"), self._typed.agreed, self._typed.code
        try:
            if self._orphan is not None:
                following = await deeds.resume(self._of, plan, confirm=confirm, code=code)
            else:
                following = await deeds.apply(self._of, plan, reason=reason, ticket=ticket, confirm=confirm, code=code)
        except LastgoodError as error:
            self._consented = False
            self.console.tell_error(error)
            return
        if self._number + 1 < len(self._subjects):
            self._next()
        elif self.is_current:
            self.app.switch_screen(ActionScreen(following))

    def _next(self) -> None:
        from screens.acting import plan_or_form

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
