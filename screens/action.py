"""An action as it goes: each step of its journal with its clock time, what its subject does now, and the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from textual.app import ComposeResult

from console.actions.model import Plan
from console.clock import SECOND, Millis, age_step, clock_time, duration
from console.errors import LastgoodError
from console.fleet.audit import step_name, step_words, who
from console.kinds.base import Verdict
from console.kinds.endpoint.motion import motion_words
from console.kinds.endpoint.record import Variant
from console.kinds.endpoint.traffic import percent, shares
from console.kinds.endpoint.view import EndpointView
from console.ledger.journal import TERMINAL, Entry
from screens.base import ConsoleScreen
from screens.blocks import BLANK, Line, paragraph, wrap
from screens.commands import Command, Group
from screens.deeds import ENDINGS, Following
from screens.fitting import fill
from screens.pieces import Piece
from screens.sheet import Sheet, labelled
from screens.signs import worded

_INDENT = 30
_INTEREST_MS = 10_000


class ActionScreen(ConsoleScreen):
    """Follows; never needed for the action to go on."""

    def __init__(self, following: Following) -> None:
        super().__init__()
        self.following = following
        self._view: Any = None
        self._reading = False
        self._told: Millis = 0

    @property
    def plan(self) -> Plan:
        return self.following.plan

    def trail(self) -> Sequence[str]:
        return (self.plan.title,)

    def notes(self) -> Sequence[Piece]:
        following = self.following
        if following.end:
            ending = ENDINGS[following.end]
            return (("  ", ""), (f"{ending.glyph} {ending.words}", ending.style))
        began = following.entries[0].at if following.entries else self.plan.created_at
        age = age_step(self.feed.now() - began)
        return (("  ", ""), (f"◐ under way{f' {age}' if age else ''}", "moving"))

    def body(self) -> ComposeResult:
        yield Sheet(self._draw)

    def on_mount(self) -> None:
        super().on_mount()
        self.data_changed()

    def progress(self) -> None:
        """The journal has news."""
        self.query_one(Sheet).redraw()
        self.refresh_chrome()
        self.data_changed()

    def data_changed(self) -> None:
        if not self._reading:
            self._reading = True
            self.run_worker(self._read(), group="load")

    async def _read(self) -> None:
        feed, plan = self.following.feed, self.plan
        try:
            self._view = await asyncio.to_thread(feed.view, plan.kind, plan.subject)
        except LastgoodError as error:
            self.console.tell_error(error)
        finally:
            self._reading = False
        if self.stands:
            self.query_one(Sheet).redraw()

    def tick(self, now: Millis) -> None:
        if now - self._told >= _INTEREST_MS:
            self._told = now
            self.following.feed.interest(self.plan.kind, [self.plan.subject])
        self.refresh_chrome()

    def commands(self) -> Iterator[Command]:
        leave = "The action goes on; a toast tells when it ends" if not self.following.end else "Back to where you were"
        label = "leave it running" if not self.following.end else "back"
        if name := started(self.following):
            yield Command("open", "enter", "open the run", f"Go to {name}",
                          lambda: self.console.open_subject("execution", name))  # fmt: skip
        yield Command("back", "escape", label, leave, self.go_back, Group.SHELL)
        yield Command("copy", "c", "copy", "Copy the command that tells this again",
                      lambda: self.console.copy(f"lastgood audit {self.plan.id}"))  # fmt: skip

    def body_key(self, event: Any) -> bool:
        return self.query_one(Sheet).press(event)

    # Drawing.

    def _draw(self, width: int) -> list[Line]:
        following, now = self.following, self.feed.now()
        lines: list[Line] = [BLANK]
        shown = _until_end(following.entries)
        for n, entry in enumerate(shown):
            lines += step_lines(entry, now, width, current=n == len(shown) - 1 and not following.end)
        if not shown and not following.end:
            lines.append(((" ◐ ", "moving"), ("starting …", "")))
        lines.append(BLANK)
        if following.end:
            lines += verdict_lines(following, self._view, now, width)
            return lines
        if following.silent:
            told = f"{following.silent}; if somebody stopped it, kill -CONT lets it go on"
            lines += [*paragraph(told, width - 1, "warn", first=((" ▲ ", "warn"),), indent=3), BLANK]
        if self._view is not None:
            lines += subject_lines(self._view, now, width)
        return lines


def started(following: Following) -> str:
    """The run that a done action began or let go on, by its name; or an empty text."""
    if following.end != "done":
        return ""
    answers = (e.body.get("answer") or {} for e in following.entries if e.step == "answer")
    arn = next((str(a["PipelineExecutionArn"]) for a in answers if a.get("PipelineExecutionArn")), "")
    pipeline, slash, id = arn.partition(":pipeline/")[2].partition("/execution/")
    return f"{pipeline}/{id}" if slash else ""


def _until_end(entries: Sequence[Entry]) -> list[Entry]:
    """What comes after the end (a failure told twice) says nothing new."""
    at = next((n for n, e in enumerate(entries) if e.step in TERMINAL), len(entries))
    return list(entries[: at + 1])


def step_lines(entry: Entry, now: Millis, width: int, *, current: bool) -> list[Line]:
    ending = ENDINGS.get(entry.step)
    if ending:
        glyph, ink = ending.glyph, ending.style
    elif entry.step == "unclear":
        glyph, ink = "▲", "warn"
    else:
        glyph, ink = ("◐", "moving") if current else ("·" if entry.step == "note" else "●", "dim")
    said = wrap(" ".join(_words(entry).split()), min(width, 120) - _INDENT - 1)
    strong = "strong" if current or ending else ""
    title = fill(step_name(entry.step), _INDENT - 15) + " "
    head: Line = ((f" {clock_time(entry.at, entry.at, seconds=True)}  ", "dim"), (f"{glyph} ", ink), (title, strong))
    plain = "" if current or ending else "dim"
    pad: Line = ((" " * _INDENT, ""),)
    return [(*(head if n == 0 else pad), (part, plain)) for n, part in enumerate(said)]


def _words(entry: Entry) -> str:
    """To what was consented stands above already."""
    body = entry.body
    if entry.step == "intent":
        why = [str(body.get("reason") or ""), str(body.get("ticket") or "")]
        return " · ".join(filter(None, [f"by {who(body)}", *why]))
    return step_words(entry.step, body)


def verdict_lines(following: Following, view: Any, now: Millis, width: int) -> Iterator[Line]:
    ending, plan, last = ENDINGS[following.end], following.plan, following.last
    words = f"{ending.words[0].upper()}{ending.words[1:]}"
    if following.end == "done" and last is not None:
        took = duration(last.at - following.entries[0].at)
        words = f"Done in {took}" if last.at - following.entries[0].at >= SECOND else "Done"
        if plan.verb == "rollback":
            words = f"Users are on {plan.target} since {clock_time(last.at, now)}; it took {took}"
    yield (f" {ending.glyph} ", ending.style), (words, "strong")
    if following.end != "done" or plan.verb != "rollback":
        advice = str(last.body.get("advice", "")) if last else ""
        for text in filter(None, (following.words, advice)):
            yield from paragraph(text, min(width, 120) - 1, indent=3)
    if following.end == "done" and (plan.verb == "rollback" or plan.basis.get("watched")):
        yield ("   ", ""), ("Watched for two days: if somebody undoes it, the list of endpoints says so.", "dim")
    if following.end == "lost":
        yield ("   ", ""), ("If it had begun it is still open: ", ""), (":resume", "key"), (" tells", "")
    yield BLANK
    if following.end == "done" and plan.inverse:
        yield from labelled("UNDO", plan.inverse, width)
    if following.entries:
        yield from labelled("AUDIT", f"lastgood audit {plan.id}", width)
    if view is not None:
        yield from subject_lines(view, now, width)


def subject_lines(view: Any, now: Millis, width: int) -> Iterator[Line]:
    """What is seen of it now; of an endpoint both fleets."""
    verdict = getattr(view, "verdict", None)
    if isinstance(verdict, Verdict):
        sign = verdict.sign
        yield (
            (" NOW      ", "head"),
            (f"{sign.glyph} ", sign.value),
            ("  ".join(filter(None, worded(verdict))), ""),
        )
    if not isinstance(view, EndpointView):
        return
    e = view.endpoint
    if e.pending is not None and isinstance(verdict, Verdict):
        phase = motion_words(e.pending.config, e, now)
        if phase not in verdict.words:
            yield ("          ", ""), (phase, "")
    fleets = [(e.config, e.variants), *([(e.pending.config, e.pending.variants)] if e.pending else [])]
    for config, variants in fleets:
        part = shares({variant.name: variant.weight or 0.0 for variant in variants})
        for variant in variants:
            yield (
                ("          ", ""),
                (config, ""),
                (f"  {variant.name}  ", "dim"),
                *_size(variant),
                (f"  {percent(part[variant.name])} of traffic" if len(variants) > 1 else "", ""),
            )


def _size(variant: Variant) -> list[Piece]:
    if variant.instances is None and variant.desired_instances is None:
        return [("serverless" if variant.serverless else "instances not told yet", "dim")]
    have, want = variant.instances or 0, variant.desired_instances or variant.instances or 0
    return [(f"{have}/{want} instances", "warn" if have < want else "")]
