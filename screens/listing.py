"""The list of any kind: its table, what is counted, why the row under the cursor is as it is, and its verbs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from textual import events
from textual.app import ComposeResult

from console.actions.verb import Verb
from console.clock import Millis, clocked
from console.fleet.header import Unread
from console.kinds.base import Column, Kind, Sign, Verdict
from screens.commands import Command, Group, of_verb
from screens.feed import Feed, name_of
from screens.filtering import compile_filter
from screens.live_table import LiveTable, Row
from screens.pieces import Piece
from screens.places import Look
from screens.reading import ReadingScreen
from screens.signs import worded

_FIRST = ("endpoint", "pipeline", "alarm")
"""Kinds whose trouble is told on the lists of the others too."""
_URGENT = (Sign.CRITICAL, Sign.WARNING)
_INTEREST_MS = 10_000
"""What is on screen is told again this often; the collector forgets it after 30 s."""


def verdict_of(view: Any) -> Verdict | None:
    found = getattr(view, "verdict", None)
    return found if isinstance(found, Verdict) else None


def signs_of(views: Iterable[Any]) -> Counter[Sign]:
    return Counter(verdict.sign for view in views if (verdict := verdict_of(view)))


class ListScreen(ReadingScreen):
    """`filter` is a text of the filter language to begin with."""

    STATUS = 3

    def __init__(self, kind: Kind, *, filter: str = "") -> None:
        super().__init__()
        self.kind = kind
        self.table = LiveTable(kind.columns, empty="reading …")
        self._filter = filter
        self._signs: Counter[Sign] = Counter()
        self._elsewhere: list[tuple[str, Counter[Sign]]] = []
        """(plural, signs) of the other kinds that are told of here."""
        self._unread: Unread | None = Unread()
        """Why nothing was read yet; None once it was."""
        self._told: tuple[tuple[str, ...], Millis] = ((), 0)

    def trail(self) -> Sequence[str]:
        return (self.kind.plural,)

    def body(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        super().on_mount()
        if self._filter:
            self._use_filter(self._filter)

    def read(self, feed: Feed) -> tuple[list[Row], Counter[Sign], Unread | None]:
        views = sorted(feed.views(self.kind.id), key=self.kind.order)
        return (
            [Row(name_of(view), view) for view in views],
            signs_of(views),
            None if views else feed.unread(self.kind.id),
        )

    def show(self, content: tuple[list[Row], Counter[Sign], Unread | None]) -> None:
        rows, self._signs, self._unread = content
        self._say_emptiness()
        self.table.set_rows(rows, self.feed.now())

    def read_beside(self, feed: Feed) -> list[tuple[str, Counter[Sign]]]:
        others = [kind for kind in feed.kinds if kind.id in _FIRST and kind.id != self.kind.id]
        return [(kind.plural, signs_of(feed.views(kind.id))) for kind in others]

    def show_beside(self, content: list[tuple[str, Counter[Sign]]]) -> None:
        self._elsewhere = content

    def tick(self, now: Millis) -> None:
        self.table.tick(now)
        if self._unread is not None:  # a first look that finds nothing is no news
            self.data_changed()
        visible, (told, at) = self.table.visible_keys, self._told
        if visible and (visible != told or now - at >= _INTEREST_MS):
            self._told = (visible, now)
            self.feed.interest(self.kind.id, visible)

    # What the lines around the table say.

    def notes(self) -> Sequence[Piece]:
        if self._unread is not None:
            return [(" cannot be read", "warn") if self._unread.why else (" reading …", "dim")]
        shown, every = self.table.counts
        notes: list[Piece] = [(f" {shown:,} of {every:,}" if shown != every else f" {every:,}", "")]
        urgent = self._signs[Sign.CRITICAL] + self._signs[Sign.WARNING]
        parts = [
            (
                f"{urgent:,} {'needs' if urgent == 1 else 'need'} you",
                "bad" if self._signs[Sign.CRITICAL] else "warn",
                urgent,
            ),
            (f"{self._signs[Sign.MOVING]:,} moving", "moving", self._signs[Sign.MOVING]),
            (f"{self._signs[Sign.UNKNOWN]:,} unknown", "unknown", self._signs[Sign.UNKNOWN]),
            (f"{len(self.table.marks):,} marked", "mark", len(self.table.marks)),
        ]
        for words, ink, number in parts:
            if number:
                notes += [(" · ", "dim"), (words, ink)]
        for plural, signs in self._elsewhere:
            if any(signs[sign] for sign in _URGENT):
                notes += [(" · ", "dim"), (f":{plural}", "key")]
                notes += [(f" {signs[sign]:,} {sign.glyph}", sign.value) for sign in _URGENT if signs[sign]]
        return notes

    def status(self) -> Sequence[Piece]:
        verdict = verdict_of(self.table.cursor_view)
        if verdict is None:
            return ()
        now, sign, (word, words) = self.feed.now(), verdict.sign, worded(verdict)
        pieces: list[Piece] = [(f" {sign.glyph} {word}{'  ' if word else ''}", sign.value), (words, "strong")]
        for reason in verdict.reasons:
            pieces += [(" · ", "dim"), (clocked(reason, now), "")]
        return pieces

    def why(self) -> tuple[str, Verdict] | None:
        view = self.table.cursor_view
        return (view.name, verdict) if (verdict := verdict_of(view)) is not None else None

    def _say_emptiness(self) -> None:
        table, plural, unread = self.table, self.kind.plural, self._unread
        table.empty_ink = "warn" if unread and unread.why else "dim"
        if unread is not None:
            table.empty = f"{plural} cannot be read: {unread.why}\n→ {unread.advice}" if unread.why else "reading …"
        else:
            table.empty = f"no {plural} match the filter; esc clears it" if table.filter else f"no {plural} here"

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        self.refresh_chrome()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        self.console.open_subject(self.kind.id, event.key)

    # Filter and sort.

    def chip(self) -> str:
        return self.table.filter.source

    def filterable(self) -> bool:
        return True

    def filter_columns(self) -> Sequence[Column]:
        return self.kind.columns

    def ask_filter(self) -> None:
        self.run_worker(asyncio.to_thread(self.table.prepare_filter), group="filter", exclusive=True)
        super().ask_filter()

    def filter_typed(self, text: str) -> None:
        self._use_filter(text)

    def _use_filter(self, text: str) -> None:
        chosen = compile_filter(text, self.kind.columns)
        if chosen != self.table.filter:
            self.table.filter_by(chosen)
            self._say_emptiness()
            self.refresh_chrome()

    def sort_columns(self) -> Sequence[str]:
        return [column.id for column in self.kind.columns]

    def sort_by(self, words: str) -> None:
        wanted, _, direction = words.casefold().partition(" ")
        known = {column.title.casefold(): column.id for column in self.kind.columns if column.title}
        known |= {column.id: column.id for column in self.kind.columns}
        if wanted and wanted not in known:
            self.console.tell(f"No column {wanted}", advice="columns: " + ", ".join(self.sort_columns()))
        else:
            self.table.sort_by(known.get(wanted, ""), descending=direction.startswith("desc"))

    def _sort_next(self) -> None:
        columns = ["", *(column.id for column in self.table.shown_columns)]
        now = self.table.sort[0]
        at = columns.index(now) + 1 if now in columns else 0
        self.table.sort_by(columns[at % len(columns)])

    def _sort_other_way(self) -> None:
        column, descending = self.table.sort
        if column:
            self.table.sort_by(column, descending=not descending)

    # Commands.

    def body_key(self, event: events.Key) -> bool:
        return self.table.press(event)

    def commands(self) -> Iterator[Command]:
        table, places, one = self.table, self.console.places, self.table.cursor_key
        nothing = "" if one is not None else "no row is under the cursor"
        if self.kind.id in places.subjects:
            yield Command("open", "enter", "open", f"Why this {self.kind.id} is as it is", self._open, off=nothing)
        for look in places.looks_for(self.kind.id):
            yield Command(look.id, look.key, look.label, look.effect,
                          partial(self._look, look), off=nothing)  # fmt: skip
        chosen = f"the {len(table.marks):,} marked names" if table.marks else "the name"
        yield Command("copy", "c", "copy", f"Copy {chosen} to the clipboard", self._copy, off=nothing, footer=False)
        yield from self._moves()
        if places.plan is not None:
            for verb in self.kind.verbs:
                yield of_verb(verb, partial(self._plan, verb), off=nothing or self._off(verb))

    def _moves(self) -> Iterable[Command]:
        def move(id: str, key: str, label: str, effect: str, run: Any) -> Command:
            return Command(id, key, label, effect, run, Group.MOVE, footer=False)

        table = self.table
        return (
            move("down", "j", "down", "Also ↓; k or ↑ up, gg first, G last, ctrl-d and ctrl-u half a page",
                 lambda: table.move("down")),
            move("mark", "space", "mark", "Mark rows: copying and plans are then about all of them", table.toggle_mark),
            move("next", "n", "next", "Next row that matches the filter", table.next_row),
            move("order", "o", "sort", "Sort by the next column, at last worst first again", self._sort_next),
            move("invert", "i", "invert", "Sort the other way round", self._sort_other_way),
        )  # fmt: skip

    def _off(self, verb: Verb) -> str:
        if verb.writes and self.console.info.read_only:
            return "this context is read-only"
        views = {key: self.table.view_of(key) for key in self.table.chosen}
        reasons = ((key, verb.off(view)) for key, view in views.items() if view is not None)
        return next((f"{key}: {why}" if len(views) > 1 else why for key, why in reasons if why), "")

    def _open(self) -> None:
        if (key := self.table.cursor_key) is not None:
            self.console.open_subject(self.kind.id, key)

    def _look(self, look: Look) -> None:
        if (key := self.table.cursor_key) is not None:
            self.app.push_screen(look.open(self.feed, self.kind.id, key))

    def _plan(self, verb: Verb) -> None:
        plan = self.console.places.plan
        if plan is not None and self.table.chosen:
            self.app.push_screen(plan(self.feed, verb, self.table.chosen))

    def _copy(self) -> None:
        self.console.copy("\n".join(self.table.chosen))

    def go_back(self) -> None:
        if self.table.filter:
            self._use_filter("")
        elif self.table.marks:
            self.table.clear_marks()
        else:
            super().go_back()
