"""How changes are listed: newest first."""

from __future__ import annotations

from console.clock import Millis, clock_time
from console.kinds.base import Cell, Column
from console.kinds.change.record import tool
from console.kinds.change.view import ChangeView

COLUMNS = (
    Column("at", "AT", 13, lambda v, now: _at(v, now), right=True),
    Column("actor", "WHO", 8, lambda v, now: Cell(v.change.actor or "–", "strong")),
    Column("subject", "SUBJECT", 22, lambda v, now: Cell(v.change.subject)),
    Column("what", "WHAT", 30, lambda v, now: Cell(v.verdict.words, "warn" if v.change.error else ""), flex=True),
    Column("by", "BY", 24, lambda v, now: Cell(v.change.by, "dim"), priority=2),
    Column("agent", "WITH", 30, lambda v, now: Cell(tool(v.change.agent), "dim"), priority=5),
)


def _at(view: ChangeView, now: Millis) -> Cell:
    return Cell(clock_time(view.change.at, now), "", view.change.at)
