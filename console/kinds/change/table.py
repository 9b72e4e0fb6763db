"""How changes are listed: newest first."""

from __future__ import annotations

from console.clock import Millis, cell_time
from console.kinds.base import Cell, Column
from console.kinds.change.record import ACTORS, tool
from console.kinds.change.view import ChangeView

COLUMNS = (
    Column("at", "AT", 13, lambda v, now: _at(v, now), right=True),
    Column("actor", "WHO", 12, lambda v, now: Cell(ACTORS.get(v.change.actor, v.change.actor) or "–", "strong")),
    Column("subject", "SUBJECT", 22, lambda v, now: Cell(v.change.subject)),
    Column("what", "WHAT", 30, lambda v, now: Cell(v.verdict.words, "warn" if v.change.error else ""), flex=True),
    Column("by", "BY", 24, lambda v, now: Cell(v.change.by, "dim"), priority=2),
    Column("agent", "WITH", 30, lambda v, now: Cell(tool(v.change.agent), "dim"), priority=5),
)


def _at(view: ChangeView, now: Millis) -> Cell:
    return Cell(cell_time(view.change.at, now), "", view.change.at)
