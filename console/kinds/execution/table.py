"""How executions are listed: newest and worst first, with the reason in words."""

from __future__ import annotations

from console.clock import Millis, cell_time, duration
from console.kinds.base import Cell, Column
from console.kinds.execution.view import ExecutionView


def _sign(view: ExecutionView, now: Millis) -> Cell:
    return Cell(view.sign.glyph, view.sign.value, view.sign.rank)


def _pipeline(view: ExecutionView, now: Millis) -> Cell:
    return Cell(view.execution.pipeline, "strong" if view.sign.rank <= 1 else "")


def _id(view: ExecutionView, now: Millis) -> Cell:
    return Cell(view.execution.id, "dim")


def _what(view: ExecutionView, now: Millis) -> Cell:
    words = view.verdict.words
    return Cell(words, "dim" if words.startswith(("ok", "note")) else view.sign.value, (view.sign.rank, words))


def _started(view: ExecutionView, now: Millis) -> Cell:
    at = view.execution.created_at
    return Cell(cell_time(at, now) if at else "–", "", at or 0)


def _took(view: ExecutionView, now: Millis) -> Cell:
    e = view.execution
    if not (e.created_at and e.modified_at and e.ended):
        return Cell("–", "dim", 0)
    return Cell(duration(e.modified_at - e.created_at), "", e.modified_at - e.created_at)


def _steps(view: ExecutionView, now: Millis) -> Cell:
    done = sum(s.status == "Succeeded" for s in view.execution.steps)
    known = len(view.nodes) or len(view.execution.steps)
    return Cell(f"{done}/{known}", "", done) if known else Cell("–", "dim", -1)


def _by(view: ExecutionView, now: Millis) -> Cell:
    return Cell(view.execution.by or "–", "" if view.execution.by else "dim")


def _title(view: ExecutionView, now: Millis) -> Cell:
    return Cell(view.execution.display_name or "–")


COLUMNS = (
    Column("sign", "", 1, _sign),
    Column("pipeline", "PIPELINE", 20, _pipeline),
    Column("id", "RUN", 12, _id, priority=1),
    Column("what", "WHAT", 24, _what, flex=True),
    Column("started", "STARTED", 13, _started, priority=2, right=True),
    Column("took", "TOOK", 8, _took, priority=3, right=True),
    Column("steps", "STEPS", 5, _steps, priority=4, right=True, help="steps that succeeded / all"),
    Column("by", "BY", 12, _by, priority=5, help="who or what started it"),
    Column("title", "DISPLAY NAME", 24, _title, priority=6),
)
