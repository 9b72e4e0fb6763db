"""The journal of actions in words: each step by one name everywhere, who did what, why, how it ended (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from console.clock import Millis, clock_time
from console.ledger.journal import Entry

TITLES = ("AT", "ACTION", "STEP", "WHAT")

STEPS = {
    "intent": "consent",
    "ready": "checked again",
    "call": "sent",
    "again": "not executed",
    "answer": "accepted",
}
"""What a step is called on screens, in `audit` and in `--wait`, where its own name says too little. JSON has the names
of the journal: scripts rely on them."""


class Row(NamedTuple):
    """Raw text in the order of `TITLES`: make it safe to draw."""

    at: str
    action: str
    step: str
    what: str


def step_name(step: str) -> str:
    return STEPS.get(step) or step.replace("_", " ")


def step_words(step: str, body: Mapping[str, Any]) -> str:
    """What a step says. Of a consent: to what, whose, why."""
    if plan := body.get("plan"):
        why = ", ".join(filter(None, (body.get("reason"), body.get("ticket"))))
        return f"{plan['title']} by {who(body)}{f' ({why})' if why else ''}"
    if step == "answer":
        return "AWS took it; what comes of it is watched"
    return str(body.get("words") or str(body.get("operation") or "").rpartition(":")[2])


def who(body: Mapping[str, Any]) -> str:
    """The last part of the identity that consented: the session or the user."""
    return str(body.get("by", "")).rsplit("/", 1)[-1]


def rows(entries: Iterable[Entry], now: Millis) -> list[Row]:
    """One for each step, in the order given. The first step of an action names its plan, who consented and why."""
    return [
        Row(clock_time(e.at, now, seconds=True), e.action_id, step_name(e.step), step_words(e.step, e.body))
        for e in entries
    ]
