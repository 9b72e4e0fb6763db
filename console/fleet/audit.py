"""The journal of actions as rows: who did what, why, how it ended (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from console.clock import Millis, clock_time
from console.ledger.journal import Entry

TITLES = ("AT", "ACTION", "STEP", "WHAT")


class Row(NamedTuple):
    """Raw text in the order of `TITLES`: make it safe to draw."""

    at: str
    action: str
    step: str
    what: str


def rows(entries: Iterable[Entry], now: Millis) -> list[Row]:
    """One for each step, in the order given. The first step of an action names its plan, who consented and why."""
    return [Row(clock_time(e.at, now, seconds=True), e.action_id, e.step.replace("_", " "), _words(e)) for e in entries]


def _words(entry: Entry) -> str:
    body = entry.body
    if plan := body.get("plan"):
        why = ", ".join(filter(None, (body.get("reason"), body.get("ticket"))))
        by = str(body.get("by", "")).rsplit("/", 1)[-1]
        return f"{plan['title']} by {by}{f' ({why})' if why else ''}"
    return str(body.get("words") or body.get("operation") or "")
