"""How alarms are listed: what is red and whom it concerns first."""

from __future__ import annotations

from console.clock import Millis, cell_time
from console.kinds.alarm.view import AlarmView
from console.kinds.alarm.words import threshold
from console.kinds.base import Cell, Column


def _sign(view: AlarmView, now: Millis) -> Cell:
    return Cell(view.sign.glyph, view.sign.value, view.sign.rank)


def _name(view: AlarmView, now: Millis) -> Cell:
    return Cell(view.name, "strong" if view.sign.rank <= 1 else "")


def _what(view: AlarmView, now: Millis) -> Cell:
    words = view.verdict.words
    style = view.sign.value if words != "ok" and not words.startswith(("note", "ok,")) else "dim"
    return Cell(words, style, (view.sign.rank, words))


def _when(view: AlarmView, now: Millis) -> Cell:
    return Cell(threshold(view.alarm))


def _about(view: AlarmView, now: Millis) -> Cell:
    found = view.endpoints or view.guards
    return Cell(", ".join(found) or "–", "" if found else "dim")


def _role(view: AlarmView, now: Millis) -> Cell:
    if view.guards:
        return Cell("guard")
    if view.alarm.scaling:
        return Cell(f"scales {view.alarm.scaling}", "dim")
    return Cell("?" if view.undescribed else "–", "dim")


def _tells(view: AlarmView, now: Millis) -> Cell:
    a = view.alarm
    if not a.enabled:
        return Cell("disabled", "warn")
    return Cell(", ".join(a.told) or "nobody", "" if a.actions else "dim")


def _since(view: AlarmView, now: Millis) -> Cell:
    at = view.alarm.since
    return Cell(cell_time(at, now) if at else "–", "dim", -(at or 0))


def _state(view: AlarmView, now: Millis) -> Cell:
    return Cell(view.alarm.state)


COLUMNS = (
    Column("sign", "", 1, _sign),
    Column("name", "NAME", 24, _name),
    Column("what", "WHAT", 24, _what, flex=True),
    Column("about", "ENDPOINT", 16, _about, priority=1, help="what it is about, by its dimensions or its math"),
    Column("role", "ROLE", 10, _role, priority=2,
           help="guard: reverts deployments when red; scales out / in: a scaling policy's sensor; ?: not read yet"),
    Column("when", "RED WHEN", 46, _when, priority=3, flex=True, help="what makes it red, in people's units"),
    Column("tells", "TELLS", 12, _tells, priority=4, help="what its ALARM actions reach"),
    Column("since", "SINCE", 13, _since, priority=5, right=True, help="when it came to this state"),
    Column("state", "STATE", 17, _state, priority=6),
)  # fmt: skip
