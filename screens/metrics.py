"""How an endpoint's vital signs went: from the ledger at once, then from `lastgood metrics` as a subprocess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from textual import events
from textual.app import ComposeResult

from console.clock import HOUR, MINUTE, Millis, duration, iso
from console.fleet.course import instances, kept
from console.fleet.marks import Mark, marks
from console.kinds.endpoint.view import EndpointView
from console.kinds.vitals.beat import PROVISIONAL
from console.kinds.vitals.course import INSTANCES, Course, Who, counted, together
from console.kinds.vitals.measures import OVERVIEW, measure_of
from console.kinds.vitals.spans import OLDEST, Window, window, zoomed
from console.ledger.samples import KEEP_MS
from screens.answers import LIMIT, Answers, understood
from screens.axis import cell_of
from screens.child import Child
from screens.commands import Command, Group
from screens.feed import SubjectFeed
from screens.line_view import LineView
from screens.logs import said_by
from screens.metrics_text import (
    FLEETS,
    GAP,
    STILL_FILLING,
    VARIANTS,
    WIDE,
    MetricsContent,
    Shown,
    groups,
    happened,
    levels_of,
    metrics_lines,
    plots,
    splits,
    thresholds_of,
)
from screens.pieces import Piece
from screens.places import Look
from screens.plot import FILLING, Level, canvas_width
from screens.reading import ReadingScreen, subject_feed

SETTLES_S = 0.3
"""So long after the last key CloudWatch is asked: every question costs."""

LATE = 3 * MINUTE
"""When the ledger's newest minute is older, nobody reads it for us, and we ask ourselves."""


class Known(NamedTuple):
    """What the ledger knows of a window."""

    view: EndpointView
    window: Window
    kept: tuple[Course, ...]
    instances: tuple[Course, ...]
    marks: tuple[Mark, ...]
    levels: Mapping[tuple[str, str], tuple[Level, ...]]
    thresholds: Mapping[tuple[str, Who], tuple[Level, ...]]


class MetricsScreen(ReadingScreen):
    """`end` None follows the clock."""

    STATUS = 1

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_ = name
        self.shown = Shown()
        self.text = LineView()
        self.span = 3 * HOUR
        self.end: Millis | None = None
        self.known: Known | None = None
        self.content: MetricsContent | None = None
        self._missing = False
        self._chosen = False
        """Whether somebody chose by what the lines are told apart."""
        self._lead: str | None = None
        """What was wrong when it came on screen: plots that change places meanwhile would be no help."""
        self.answers = Answers()
        self._child: Child | None = None

    def trail(self) -> Sequence[str]:
        return ("endpoints", self.name_, "metrics")

    def body(self) -> ComposeResult:
        yield self.text

    # Time.

    @property
    def window(self) -> Window:
        now = self.feed.now()
        return window(now if self.end is None else self.end, self.span, now)

    # Data.

    def on_mount(self) -> None:
        super().on_mount()
        self.feed.interest("endpoint", [self.name_])
        self.set_timer(0.01, self._ask)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.feed.interest("endpoint", [self.name_])

    def on_unmount(self) -> None:
        if self._child is not None:
            self._child.kill()

    def read(self, feed: SubjectFeed) -> Known | None:
        import textual_plotext  # noqa: F401  # here on the thread, so that the first plot does not wait for it

        view: EndpointView | None = feed.view("endpoint", self.name_)
        if view is None:
            return None
        snapshot, span = feed.snapshot(), self.window
        return Known(
            view,
            span,
            tuple(kept(snapshot, self.name_, span)),
            tuple(instances(snapshot, self.name_, span)),
            marks(snapshot, view, span),
            levels_of(view),
            thresholds_of(view, snapshot),
        )

    def show(self, content: Known | None) -> None:
        came = self._missing and content is not None
        self._missing = content is None
        if content is not None:
            self.known = content
            self._lead = measure_of(content.view.found) if self._lead is None else self._lead
        self._compose_content()
        if came:
            self._ask()

    def _compose_content(self) -> None:
        if (known := self.known) is not None:
            span, answer = known.window, self.answers.best(known.window)
            asked, at = (answer.courses, answer.at) if answer is not None else ((), 0)
            both = together([one for one in asked if one.metric != INSTANCES], known.kept, span, at)
            counts = counted(known.instances, [one for one in asked if one.metric == INSTANCES], span)
            reading = self.answers.asking is not None or answer is None
            said = self.answers.for_(span)
            self.content = MetricsContent(
                self.name_, span, (*both, *counts), known.marks, known.levels, known.thresholds,
                reading=reading, failed=said.failed if said is not None else "",
                lead=self._lead or "",
            )  # fmt: skip
            if not self._chosen:  # in a deployment the fleets are what counts
                moving = known.view.endpoint.pending is not None
                fleets = moving and FLEETS in splits(self.content.courses)
                self.shown = self.shown._replace(split=FLEETS if fleets else VARIANTS)
        self.redraw()

    def redraw(self) -> None:
        width, height = self.text.size
        if not width:
            return
        if self._missing:
            self.text.show([((f" there is no endpoint {self.name_}", "warn"),)])
        elif self.content is None:
            self.text.show([((" reading …", "dim"),)])
        else:
            self.text.show(metrics_lines(self.content, self.shown, width, height, self.feed.now()))
        self.refresh_chrome()

    def tick(self, now: Millis) -> None:
        """The next minute begins a new window; and where no collector reads this endpoint, we do."""
        if self.known is None or self.known.window != self.window:
            self.data_changed()
        if self.end is None and self.answers.asking is None and self._late(now):
            self._ask()

    def _late(self, now: Millis) -> bool:
        """Whether there is something new that nobody reads for us: minutes come by the ledger."""
        span = self.window
        answer = self.answers.for_(span)
        if answer is None or answer.off or now - answer.at < (MINUTE if answer.failed else max(MINUTE, span.period)):
            return False
        if answer.failed or not self.answers.covers(span):
            return True
        if span.period != MINUTE or self.known is None or now - answer.at > KEEP_MS - HOUR:
            return not self.answers.has(span)  # the ledger has no such periods, or not for so long
        newest = max((n for one in self.known.kept for n, v in enumerate(one.values) if v is not None), default=-1)
        return now - (self.known.window.start + (newest + 1) * MINUTE) > LATE

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.redraw)

    # The subprocess.

    def _ask(self) -> None:
        span = self.window
        if self._missing or self.answers.has(span) or span == self.answers.asking:
            return
        if self._child is not None:
            self._child.kill()
        since = f"{(span.end - span.start) // MINUTE}m"
        arguments = ["metrics", "endpoint", self.name_, "--since", since, "--at", iso(span.end), "-o", "json"]
        self.answers.asking = span
        self._child = Child(arguments, subject_feed(self).child_env, limit=LIMIT)
        self.run_worker(self._run(self._child, span), group="metrics", exclusive=True)
        self.refresh_chrome()

    async def _run(self, child: Child, span: Window) -> None:
        told: list[str] = []
        code, said = await child.run(told.extend, every_s=0.05)
        if not self.is_attached or child is not self._child:
            return
        answer = understood("".join(told), self.feed.now())
        if code != 0 or answer.failed:
            message, advice = said_by(said)
            if code != 0:
                answer = answer._replace(failed=message)
            before = self.answers.for_(span)
            if before is None or before.failed != answer.failed:  # it is asked again every minute, and told once
                self.console.tell(answer.failed, advice=advice, title="Metrics", severity="warning")
        self.answers.put(span, answer)
        self._compose_content()

    # What the lines around the plots say.

    def notes(self) -> Sequence[Piece]:
        span, now, dot = self.window, self.feed.now(), (" · ", "dim")
        told: list[Piece] = [(f" {span.words(now)}", "")]
        if self.shown.group != OVERVIEW:
            told += [dot, (self.shown.group, "strong")]
        if self.content is not None and len(splits(self.content.courses)) > 1:
            told += [dot, (f"by {self.shown.split}", "")]
        answer = self.answers.for_(span)
        if self.answers.asking is not None:
            told += [dot, ("asking …", "moving")]
        elif answer is not None and answer.failed:
            told += [dot, (answer.failed, "warn")]
        elif answer is not None:
            for words in reversed(answer.words.split(", ")):  # the price first: what is last goes first
                told += [dot, (words, "dim")]
        told += [dot, (f"by {duration(span.period)}", "dim")]
        if span.end > now - PROVISIONAL:
            told += [dot, (f"{FILLING} {STILL_FILLING}", "dim")]
        return told

    def status(self) -> Sequence[Piece]:
        return happened(self.content, self.shown, self._columns, self.feed.now()) if self.content is not None else ()

    @property
    def _columns(self) -> int:
        width = self.text.size.width
        two = width >= WIDE and self.content is not None and plots(self.content, self.shown) > 1
        return canvas_width((width - GAP) // 2 if two else width - 1)

    # Keys.

    def body_key(self, event: events.Key) -> bool:
        moves = {"left": -1, "right": 1, "shift+left": -10, "shift+right": 10}
        if event.key in moves:
            self._move_cursor(moves[event.key])
        elif event.key in ("j", "down", "k", "up"):
            self._scroll(1 if event.key in ("j", "down") else -1)
        elif event.key in ("tab", "shift+tab"):
            self._next_group(1 if event.key == "tab" else -1)
        elif event.key == "equals_sign":
            self._zoom(-1)
        else:
            return False
        return True

    def _look(self, **changes: Any) -> None:
        self.shown = self.shown._replace(**changes)
        self.redraw()

    def _move_cursor(self, cells: int) -> None:
        if self.content is None:
            return
        span, columns = self.content.window, self._columns
        here = columns if self.shown.cursor is None else cell_of(self.shown.cursor, span, columns)
        cell = here + cells
        if cell >= columns:
            self._look(cursor=None)
        else:
            at = span.start + (2 * max(0, cell) + 1) * (span.end - span.start) // (2 * columns)
            self._look(cursor=at - at % MINUTE if at - at % MINUTE >= span.start else at)

    def _scroll(self, by: int) -> None:
        if self.content is not None:
            self._look(first=max(0, min(self.shown.first + by, plots(self.content, self.shown) - 1)))

    def _next_group(self, by: int) -> None:
        if self.content is not None:
            there = groups(self.content, self.shown.split)
            at = there.index(self.shown.group) if self.shown.group in there else 0
            self._look(group=there[(at + by) % len(there)], first=0)

    def _next_split(self) -> None:
        if self.content is not None:
            there = splits(self.content.courses)
            at = there.index(self.shown.split) if self.shown.split in there else -1
            self._chosen = True
            self._look(split=there[(at + 1) % len(there)])

    def _zoom(self, step: int) -> None:
        """Around the cursor, which stays where it can."""
        span = zoomed(self.span, step)
        if span != self.span:
            if (cursor := self.shown.cursor) is not None:
                self._go(cursor + span // 2, span)
            else:
                self._go(self.end, span)

    def _shift(self, by: int) -> None:
        self._go((self.end or self.feed.now()) + by * self.span // 2, self.span)

    def _go(self, end: Millis | None, span: int) -> None:
        now = self.feed.now()
        if end is not None:
            end = None if end >= now - MINUTE else max(end, now - OLDEST + span)
        self.end, self.span = end, span
        if self.shown.cursor is not None and not self.window.start <= self.shown.cursor < self.window.end:
            self.shown = self.shown._replace(cursor=None)
        self.data_changed()
        self.set_timer(SETTLES_S, self._ask)

    def go_back(self) -> None:
        if self.shown.cursor is not None:
            self._look(cursor=None)
        else:
            super().go_back()

    def commands(self) -> Iterator[Command]:
        lines = len(splits(self.content.courses)) if self.content is not None else 0
        wider, nearer = (zoomed(self.span, step) for step in (1, -1))
        widest, nearest = wider == self.span, nearer == self.span
        yield Command("wider", "minus", "out" if widest else duration(wider), "A longer time", lambda: self._zoom(1),
                      off="this is the longest" if widest else "")  # fmt: skip
        yield Command("nearer", "plus", "in" if nearest else duration(nearer), "A shorter time, around the cursor",
                      lambda: self._zoom(-1), off="this is the shortest" if nearest else "")  # fmt: skip
        yield Command("earlier", "b", "back", "Half the time earlier", lambda: self._shift(-1))
        yield Command("later", "f", "forth", "Half the time later; n goes to now", lambda: self._shift(1),
                      off="" if self.end is not None else "this is now")  # fmt: skip
        yield Command("now", "n", "now", "To now, and follow", lambda: self._go(None, self.span), footer=False)
        yield Command("group", "tab", "group", "The next group of plots; shift-tab the one before",
                      lambda: self._next_group(1))  # fmt: skip
        yield Command("by", "v", "by", "Lines by variants, fleets of a deployment or inference components",
                      self._next_split, off="" if lines > 1 else "only variants here", footer=lines > 1)  # fmt: skip
        yield Command("cursor", "left", "cursor", "Also →, with shift further: the values and events at that time",
                      lambda: self._move_cursor(-1), Group.MOVE, footer=False)  # fmt: skip
        yield Command("scroll", "j", "scroll", "Also k: the plots that had no room", lambda: self._scroll(1),
                      Group.MOVE, footer=False)  # fmt: skip
        for look in self.console.places.looks_for("endpoint"):
            if look.id != "metrics":
                yield Command(look.id, look.key, look.label, look.effect, partial(self._open, look),
                              footer=look.id in ("logs", "events"))  # fmt: skip

    def _open(self, look: Look) -> None:
        self.app.push_screen(look.open(self.feed, "endpoint", self.name_))
