"""The handover: what happened on a shift, from the journal and the ledger, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console.actions.progress import progress
from console.clock import Millis, clock_time
from console.fleet.audit import step_name, step_words
from console.kinds.base import Sign
from console.kinds.deployment.record import Outcome
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.view import views as endpoint_views
from console.kinds.execution.view import ExecutionView
from console.kinds.execution.view import views as execution_views
from console.kinds.hold.record import Hold
from console.kinds.reading import decode
from console.kinds.vitals.reading import episodes
from console.ledger.journal import TERMINAL, Entry
from console.ledger.locks import action_lock
from console.ledger.snapshot import Snapshot
from console.text import safe
from console.triage.needs import needs


def sections(snapshot: Snapshot, since: Millis) -> list[dict[str, Any]]:
    """`[{title, lines}]`: what needs somebody, trouble, actions, deployments, failed runs, holds."""
    now = snapshot.moment
    return [
        {"title": "Needs somebody", "lines": [f"{n.subject}: {n.words}" for n in needs(snapshot)]},
        {"title": "Trouble", "lines": _trouble(snapshot, since)},
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


def _trouble(snapshot: Snapshot, since: Millis) -> list[str]:
    """When users of which endpoint were hurt on this shift; deleted ones are nobody's."""
    there = {fact.name for fact in snapshot.heads("endpoint")}
    lately = [one for one in episodes(snapshot) if one.endpoint in there and (one.until is None or one.until >= since)]
    return [
        f"{one.endpoint}: {one.span(snapshot.moment)}: {one.words}" for one in sorted(lately, key=lambda one: one.since)
    ]


def _actions(snapshot: Snapshot, since: Millis) -> list[str]:
    """One sentence an action: what, who, why, how it ended. What was begun on an earlier shift is told where it is
    still under way, or where it ended or was undone on this one."""
    journal, scope = snapshot.ledger.journal, snapshot.scope
    lately = journal.entries(scope, since=since)
    telling = [e.action_id for e in lately if "plan" in e.body or e.step in TERMINAL or "reversal" in e.body]
    told: list[tuple[Millis, str]] = []
    for action in dict.fromkeys([*journal.unfinished(scope), *telling]):
        entries = journal.entries(scope, action_id=action)
        if intent := next((e for e in entries if "plan" in e.body), None):
            plan = intent.body["plan"]
            what = f"{clock_time(intent.at, snapshot.moment)} {step_words(intent.step, intent.body)}"
            before = _before(snapshot, plan, intent.at)
            told.append((intent.at, f"{what}: {_end(snapshot, action, entries, plan)}{before}"))
    return [words for _, words in sorted(told)]


def _before(snapshot: Snapshot, plan: Mapping[str, Any], at: Millis) -> str:
    """What was wrong when somebody acted: it may be well by now."""
    then, name = Snapshot(snapshot.ledger, snapshot.scope, at, snapshot.now), [str(plan.get("subject"))]
    found: Sequence[EndpointView | ExecutionView] = ()
    if plan.get("kind") == "endpoint":
        found = endpoint_views(then, name)
    elif plan.get("kind") == "execution":
        found = execution_views(then, name)
    wrong = [view.verdict.words for view in found if view.sign in (Sign.CRITICAL, Sign.WARNING)]
    return f"; it was: {wrong[0]}" if wrong else ""


def _end(snapshot: Snapshot, action: str, entries: Sequence[Entry], plan: Mapping[str, Any]) -> str:
    """How an action ended, and what became of it; how far it is where it has not."""
    undone = "; ".join(str(e.body["words"]) for e in entries if "reversal" in e.body)
    if end := next((e for e in entries if e.step in TERMINAL), None):
        words = f", {end.body['words']}" if end.body.get("words") else ""
        done = f"{step_name(end.step)} {clock_time(end.at, snapshot.moment)}{words}"
        return "; ".join(filter(None, (done, undone)))
    come = progress((e.step, e.body) for e in entries)
    if come.sent:
        far = f"under way{f', {come.words}' if come.words else ''}"
    else:
        behind = str(plan.get("settle") or "").removeprefix("InService on ")
        far = f"queued behind {behind}" if behind and behind != "InService" else "queued, nothing sent"
    dead = snapshot.ledger.locks.is_free(action_lock(action))
    return f"{far}; its process died: lastgood resume {action}" if dead else far


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
