"""Actions whose process died before they ended: what the next console observes, closes, or offers to resume; and those
whose process lives and is not heard of (stopped by a signal, or caught in a call that does not end)."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import msgspec

from console.actions.model import Plan
from console.actions.progress import progress
from console.clock import Millis, duration
from console.ledger.locks import Locks, action_lock
from console.ledger.store import Ledger

SILENT_S = 60.0
"""Looks come every five seconds; one that meets throttling or a slow network may take half a minute."""


def silence(locks: Locks, action: str) -> str:
    """`the process that acts (pid 4711) has not reported for 2 m`, or an empty text: it does, or there is none."""
    name = action_lock(action)
    if (silent_s := locks.silent_s(name)) < SILENT_S or (holder := locks.holder(name)) is None:
        return ""
    return f"the process that acts (pid {holder.pid}) has not reported for {duration(round(silent_s) * 1000)}"


class Orphan(NamedTuple):
    """`words` is the last that was heard of it, at `at`. What was not `sent` still waits for its turn."""

    plan: Plan
    words: str
    sent: bool
    at: Millis


def orphans(ledger: Ledger, scope: str) -> list[Orphan]:
    """Unfinished actions whose executor's lock is free, oldest first."""
    found = []
    for action in ledger.journal.unfinished(scope):
        if not ledger.locks.is_free(action_lock(action)):
            continue
        entries = ledger.journal.entries(scope, action_id=action)
        come = progress((e.step, e.body) for e in entries)
        intent = next((e.body["plan"] for e in entries if e.step == "intent" and "plan" in e.body), None)
        # Read again after its lock was seen free: it may have ended between the two looks.
        if intent is not None and not come.ended:
            with contextlib.suppress(msgspec.ValidationError):  # a newer lastgood's plan: its to resume, not ours
                found.append(Orphan(msgspec.convert(intent, Plan), come.words, bool(come.sent), entries[-1].at))
    return found
