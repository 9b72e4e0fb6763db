"""The handover: what happened on a shift, from the journal and the ledger, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from console.clock import Millis, clock_time
from console.kinds.deployment.record import Outcome
from console.kinds.endpoint.view import views as endpoint_views
from console.kinds.execution.view import views as execution_views
from console.kinds.hold.record import Hold
from console.kinds.reading import decode
from console.ledger.journal import TERMINAL
from console.ledger.snapshot import Snapshot
from console.text import safe
from console.triage.needs import needs


def sections(snapshot: Snapshot, since: Millis) -> list[dict[str, Any]]:
    """`[{title, lines}]`: what needs somebody, actions, deployments, failed runs, holds."""
    now = snapshot.moment
    return [
        {"title": "Needs somebody", "lines": [f"{n.subject}: {n.words}" for n in needs(snapshot)]},
        {"title": "Actions", "lines": _actions(snapshot, since)},
        {"title": "Deployments", "lines": _deployments(snapshot, since)},
        {"title": "Failed runs", "lines": _runs(snapshot, since)},
        {
            "title": "Holds",
            "lines": [
                f"{h.kind} {h.subject}: {h.reason} (by {h.by}, {clock_time(h.at, now)})"
                for h in decode(snapshot, "hold", Hold)
            ],
        },
    ]


def _actions(snapshot: Snapshot, since: Millis) -> list[str]:
    """One sentence an action: what, who, why, how it ended."""
    entries = snapshot.ledger.journal.entries(snapshot.scope, since=since)
    told: dict[str, str] = {}
    ends: dict[str, str] = {}
    for entry in entries:
        body = entry.body
        if plan := body.get("plan"):
            why = ", ".join(filter(None, (body.get("reason"), body.get("ticket"))))
            by = str(body.get("by", "")).rsplit("/", 1)[-1]
            told[entry.action_id] = (
                f"{clock_time(entry.at, snapshot.moment)} {plan['title']} by {by}{f' ({why})' if why else ''}"
            )
        if entry.step in TERMINAL:
            ends[entry.action_id] = f"{entry.step.replace('_', ' ')} {clock_time(entry.at, snapshot.moment)}"
            if words := body.get("words"):
                ends[entry.action_id] += f", {words}"
        if "reversal" in body:
            ends[entry.action_id] = "; ".join(filter(None, (ends.get(entry.action_id), str(body["words"]))))
            if entry.action_id not in told:  # done on an earlier shift, undone on this one
                (intent, *_) = snapshot.ledger.journal.entries(snapshot.scope, action_id=entry.action_id)
                told[entry.action_id] = (
                    f"{clock_time(intent.at, snapshot.moment)} {intent.body.get('plan', {}).get('title', '')}"
                )
    return [f"{words}: {ends.get(action, 'not finished')}" for action, words in told.items()]


def _deployments(snapshot: Snapshot, since: Millis) -> list[str]:
    now = snapshot.moment
    found = []
    for view in endpoint_views(snapshot):
        for d in view.deployments:
            if d.at >= since:
                by = f" by {d.by}" if d.by else ""
                reason = f": {d.reason}" if d.reason else ""
                end = "in progress" if d.outcome is Outcome.IN_PROGRESS else d.outcome.value.replace("_", " ")
                end += f", left by the roll back of {clock_time(d.left, now)}" if d.left else ""
                line = f"{clock_time(d.at, now)} {view.name}: {d.source or '?'} → {d.target}{by}, {end}{reason}"
                found.append((d.at, line))
    return [line for _, line in sorted(found)]


def _runs(snapshot: Snapshot, since: Millis) -> list[str]:
    runs = [v for v in execution_views(snapshot) if v.execution.status == "Failed"]
    lately = [v for v in runs if (v.execution.modified_at or 0) >= since]
    lately.sort(key=lambda v: v.execution.modified_at or 0)
    return [f"{v.name}: {v.verdict.words}" for v in lately]


def text(found: list[dict[str, Any]], snapshot: Snapshot, context: str, since: Millis) -> Iterator[str]:
    """As a page to paste: what is empty takes one line at the end."""
    now = snapshot.moment
    yield f"# Handover of {context}, {clock_time(since, now)} to {clock_time(now, now)}"
    for section in found:
        if section["lines"]:
            yield ""
            yield f"## {section['title']}"
            for line in section["lines"]:
                yield f"- {safe(line)}"
    if empty := [section["title"].lower() for section in found if not section["lines"]]:
        yield ""
        yield f"Nothing to say of: {', '.join(empty)}"
