"""How pipelines are listed: what is wrong, when it last ran, when it was last green."""

from __future__ import annotations

from console.clock import Millis, age_step, cell_time
from console.kinds.base import Cell, Column
from console.kinds.pipeline.view import PipelineView


def _sign(view: PipelineView, now: Millis) -> Cell:
    return Cell(view.sign.glyph, view.sign.value, view.sign.rank)


def _name(view: PipelineView, now: Millis) -> Cell:
    return Cell(view.name, "strong" if view.sign.rank <= 1 else "")


def _what(view: PipelineView, now: Millis) -> Cell:
    words = view.verdict.words
    return Cell(words, "dim" if words.startswith(("ok", "note")) else view.sign.value, (view.sign.rank, words))


def _last(view: PipelineView, now: Millis) -> Cell:
    at = (view.last.created_at if view.last else None) or view.pipeline.last_run_at
    return Cell(cell_time(at, now) if at else "–", "" if at else "dim", at or 0)


def _green(view: PipelineView, now: Millis) -> Cell:
    at = view.green.modified_at if view.green else None
    if not at:
        return Cell("–", "dim", 0)
    return Cell(f"{age_step(now - at) or '0 s'} ago", "", at)


def _week(view: PipelineView, now: Millis) -> Cell:
    good, ended = view.week(now)
    return Cell(f"{good}/{ended}", "warn" if good < ended else "", good / ended) if ended else Cell("–", "dim", -1)


def _team(view: PipelineView, now: Millis) -> Cell:
    return Cell(view.pipeline.tags.get("team", "–"))


COLUMNS = (
    Column("sign", "", 1, _sign),
    Column("name", "NAME", 20, _name),
    Column("what", "WHAT", 28, _what, flex=True),
    Column("last", "LAST RUN", 13, _last, priority=1, right=True),
    Column("green", "GREEN", 9, _green, priority=2, right=True, help="when a run succeeded last"),
    Column(
        "week", "OK 7 D", 6, _week, priority=3, right=True, help="runs of the last 7 days that succeeded / that ended"
    ),
    Column("team", "TEAM", 12, _team, priority=5),
)
