"""Ways back of an endpoint, best first, from the ledger alone: which config served, when, by whom, and what says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual import events
from textual.app import ComposeResult

from console.clock import Millis, cell_time, duration
from console.fleet.feed import LedgerFeed
from console.kinds.base import Cell, Column, Kind, Sign
from console.kinds.endpoint.advice import advice
from console.kinds.endpoint.known import known_ways
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.ways import Grade, Way, choose
from console.kinds.registry import kind_of
from screens.blocks import Line, paragraph
from screens.commands import Command, Group, of_verb
from screens.feed import SubjectFeed
from screens.live_table import LiveTable, Row
from screens.pieces import Piece, Rule, TextLine
from screens.plan import PlanScreen
from screens.reading import ReadingScreen
from screens.sheet import Sheet

_SIGNS = {
    Grade.SERVED: ("●", "ok"),
    Grade.SET: ("◌", ""),
    Grade.ALIKE: ("◌", "unknown"),
    Grade.BAD: ("✖", "bad"),
}
_INTEREST_MS = 10_000


def _served(way: Way, now: Millis) -> Cell:
    return Cell(duration(way.served_ms), "", way.served_ms) if way.served_ms else Cell("–", "dim", -1)


def _when(at: Millis | None, now: Millis) -> Cell:
    return Cell(cell_time(at, now), "", at) if at else Cell("–", "dim", 0)


COLUMNS = (
    Column("sign", "", 1, lambda way, now: Cell(*_SIGNS[way.grade], -way.grade)),
    Column(
        "config",
        "CONFIG",
        16,
        lambda way, now: Cell(way.config, "strong" if way.grade > Grade.ALIKE else ""),
        flex=True,
    ),
    Column(
        "grade",
        "WHAT IS KNOWN",
        20,
        lambda way, now: Cell(way.grade.words, _SIGNS[way.grade][1], -way.grade),
        help="served: seen in service; set: a call was accepted, nobody watched; bad: it failed or was left again",
    ),
    Column("served", "FOR", 8, _served, right=True, help="how long it served the last time"),
    Column("since", "FROM", 13, lambda way, now: _when(way.since, now), priority=1, right=True),
    Column("until", "UNTIL", 13, lambda way, now: _when(way.until, now), priority=3, right=True),
    Column("by", "BY", 10, lambda way, now: Cell(way.by or "–", "" if way.by else "dim"), priority=2, flex=True),
)


class WaysScreen(ReadingScreen):
    """What serves now, the candidates, and the evidence for the one under the cursor."""

    CSS = """
    WaysScreen Sheet { height: 3; }
    WaysScreen #warning { display: none; }
    """

    def __init__(self, feed: LedgerFeed, name: str) -> None:
        super().__init__()
        self._of, self._endpoint = feed, name
        self._view: EndpointView | None = None
        self._ways: list[Way] = []
        self._warning = ""
        self._placed = False
        self._told: Millis = 0

    @property
    def table(self) -> LiveTable:
        return self.query_one(LiveTable)

    @property
    def _kind(self) -> Kind:
        return kind_of("endpoint")

    def trail(self) -> Sequence[str]:
        return (self._kind.plural, self._endpoint, "ways back")

    def notes(self) -> Sequence[Piece]:
        good = sum(way.grade >= Grade.SET for way in self._ways)
        return ((f"  {good} of {len(self._ways)} served or were set", "dim"),) if self._ways else ()

    def body(self) -> ComposeResult:
        yield TextLine(id="now")
        yield TextLine(id="warning")
        yield LiveTable(COLUMNS, empty="reading …")
        yield Rule()
        yield Sheet(self._why)

    def told_columns(self) -> Sequence[Column]:
        return COLUMNS

    # Data.

    def read(self, feed: SubjectFeed) -> tuple[EndpointView | None, list[Way], str]:
        view = feed.view("endpoint", self._endpoint)
        if not isinstance(view, EndpointView):
            return None, [], ""
        snapshot = feed.snapshot()
        urgent = view.sign in {Sign.CRITICAL, Sign.WARNING}
        warning = advice(view, snapshot).warning("rollback", view.name) if urgent else ""
        return view, known_ways(view, snapshot), warning

    def show(self, content: tuple[EndpointView | None, list[Way], str]) -> None:
        self._view, self._ways, self._warning = content
        gone = self._view is None
        self.table.empty = f"no endpoint {self._endpoint} in the ledger" if gone else "no other config is known here"
        self.table.set_rows([Row(way.config, way) for way in self._ways], self._of.now())
        best = choose(self._ways)
        if not self._placed and best is not None:
            self._placed = self.table.move_to(best.config)
        self.query_one("#now", TextLine).set(self._now())
        warning = self.query_one("#warning", TextLine)
        warning.display = bool(self._warning)
        warning.set([(f" {Sign.WARNING.glyph} ", Sign.WARNING.value), (self._warning, "strong")])
        self.query_one(Sheet).redraw()

    def _now(self) -> list[Piece]:
        """The config that serves now, and what is wrong with that."""
        if self._view is None:
            return []
        e, verdict = self._view.endpoint, self._view.verdict
        pieces: list[Piece] = [(" serves now ", "dim"), (e.config, "strong")]
        if e.pending is not None:
            pieces += [(" → ", "dim"), (e.pending.config, "strong")]
        return [
            *pieces,
            ("   ", ""),
            (f"{verdict.sign.glyph} ", verdict.sign.value),
            (verdict.words, verdict.sign.value),
        ]

    def tick(self, now: Millis) -> None:
        self.table.tick(now)
        if now - self._told >= _INTEREST_MS:
            self._told = now
            self._of.interest("endpoint", [self._endpoint])

    def _why(self, width: int) -> list[Line]:
        """The evidence for the config under the cursor."""
        way = self.table.cursor_view
        if not isinstance(way, Way):
            return []
        sign, ink = _SIGNS[way.grade]
        best = choose(self._ways)
        first = "  (taken if none is named)" if best is not None and best.config == way.config else ""
        head: Line = ((f" {sign} ", ink), (way.config, "strong"), ("  ", ""), (way.grade.words, ink), (first, "dim"))
        evidence = "; ".join(way.evidence) or "known by its name alone"
        return [head, *paragraph(evidence, min(width, 120) - 1, indent=3)]

    # Keys.

    def on_live_table_moved(self, event: LiveTable.Moved) -> None:
        self.query_one(Sheet).redraw()
        self.refresh_chrome()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        self.console.do(self._rollback())

    def body_key(self, event: events.Key) -> bool:
        return event.key != "space" and self.table.press(event)

    def commands(self) -> Iterator[Command]:
        yield Command("open", "enter", "its plan", "The plan to roll back to this config; nothing is done yet",
                      lambda: self.console.do(self._rollback()))  # fmt: skip
        none = "" if self.table.cursor_key else "there is none"
        yield Command("copy", "c", "copy", "Copy the config's name",
                      lambda: self.console.copy(str(self.table.cursor_key)), off=none)  # fmt: skip
        yield Command(
            "down", "j", "down", "Also ↓; k or ↑ up", lambda: self.table.move("down"), Group.MOVE, footer=False
        )
        yield self._rollback()

    def _rollback(self) -> Command:
        verb = next(verb for verb in self._kind.verbs if verb.id == "rollback")
        key = self.table.cursor_key
        off = "no config is chosen" if key is None else verb.off(self._view) if self._view else "it is gone"
        if self.console.info.read_only:
            off = "this context is read-only"

        def plan() -> None:
            self.app.push_screen(PlanScreen(self._of, verb, (self._endpoint,), args={"to": key}))

        return of_verb(verb, plan, off=off)
