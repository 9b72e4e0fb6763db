"""One thing, whole, as labelled lines: what `lastgood describe` prints and the key `d` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from console.clock import Millis, clock_time, duration
from console.kinds.base import Kind
from console.kinds.change.view import ChangeView, words
from console.kinds.deployment.record import Outcome
from console.kinds.endpoint.known import known_ways
from console.kinds.endpoint.view import EndpointView, current_phase, phase_words
from console.kinds.execution.record import cause, what_now
from console.kinds.execution.view import ExecutionView
from console.kinds.pipeline.view import PipelineView
from console.ledger.snapshot import Snapshot
from console.text import count, safe, shorten

Line = tuple[str, str]
"""(label, text); an empty label continues the one above, both empty are a blank line."""

GLYPHS = {
    Outcome.SUCCEEDED: "●",
    Outcome.FAILED: "✖",
    Outcome.ROLLED_BACK: "✖",
    Outcome.IN_PROGRESS: "◐",
    Outcome.UNKNOWN: "◌",
}

DEPLOYMENTS_AT_MOST = 12
RUNS_AT_MOST = 10


def lines(kind: Kind, view: Any, snapshot: Snapshot, now: Millis) -> list[Line]:
    """Raw text: callers make it safe where it is drawn."""
    tellers: dict[str, Callable[[Any, Snapshot, Millis], Iterator[Line]]] = {
        "endpoint": _endpoint,
        "pipeline": _pipeline,
        "execution": _execution,
        "change": _change,
    }
    return [(label, safe(text)) for label, text in tellers[kind.id](view, snapshot, now)]


def _endpoint(view: EndpointView, snapshot: Snapshot, now: Millis) -> Iterator[Line]:
    e = view.endpoint
    yield "endpoint", f"{view.sign.glyph} {e.name}  {view.verdict.words}"
    yield "status", f"{e.status}, config {e.config}" + (f" → {e.pending.config}" if e.pending else "")
    if e.pending is not None:
        yield "phase", phase_words(e.pending.config, current_phase(e), now)
    if e.failure_reason:
        yield "reason", f"of the last failed update: {e.failure_reason}"
    if view.hold is not None:
        yield "held", f"{view.hold.reason} (by {view.hold.by}, {clock_time(view.hold.at, now)})"
    for n, v in enumerate(e.variants):
        share = _share(v.weight, [x.weight for x in e.variants])
        size = f"{v.instances}/{v.desired_instances} instances" if v.instances is not None else "serverless"
        image = f"  image {v.images[0].rsplit('@', 1)[-1][:19]}" if v.images else ""
        yield "variants" if not n else "", f"{v.name}  {share}  {size}{image}"
    if e.capture is not None:
        yield "capture", f"{e.capture.percent} % {e.capture.status}" if e.capture.enabled else "off"
    if e.tags:
        yield "tags", "  ".join(f"{k}={v}" for k, v in sorted(e.tags.items()))
    yield "owner", view.owner or "nobody is known to deploy it"
    usual = f"; a deployment usually takes {duration(view.typical_ms)}" if view.typical_ms else ""
    yield "observed", f"{clock_time(view.observed_at, now, seconds=True)}{usual}"
    yield "", ""
    for n, d in enumerate(view.deployments[:DEPLOYMENTS_AT_MOST]):
        when = clock_time(d.at, now) if d.at else "?"
        took = f" in {duration(d.ended_at - d.started_at)}" if d.started_at and d.ended_at else ""
        by = f" by {d.by}" if d.by else ""
        glyph = GLYPHS[d.outcome]
        yield "deployments" if not n else "", f"{glyph} {when:<14} {d.source or '?'} → {d.target}{by}"
        yield "", f"  {d.outcome.value.replace('_', ' ')}{took}{f': {d.reason}' if d.reason else ''}"
    if since := snapshot.since("changes"):
        yield "", f"  (history since {clock_time(since, now)})"
    yield "", ""
    for n, way in enumerate(known_ways(view, snapshot)):
        yield "ways back" if not n else "", f"{way.config}  {way.grade.words}: {'; '.join(way.evidence)}"


def _share(weight: float | None, weights: list[float | None]) -> str:
    total = sum(w or 0 for w in weights)
    return f"{100 * (weight or 0) / total:.0f} %" if total else "–"


def _pipeline(view: PipelineView, snapshot: Snapshot, now: Millis) -> Iterator[Line]:
    yield "pipeline", f"{view.sign.glyph} {view.name}  {view.verdict.words}"
    if view.hold is not None:
        yield "held", f"{view.hold.reason} (by {view.hold.by}, {clock_time(view.hold.at, now)})"
    good, ended = view.week(now)
    yield "7 days", f"{good} of {count(ended, 'run')} green" if ended else "no run"
    if view.green and view.green.modified_at:
        yield "last green", f"{view.green.id} {clock_time(view.green.modified_at, now)}"
    yield "", ""
    for n, run in enumerate(view.runs[:RUNS_AT_MOST]):
        when = clock_time(run.created_at, now) if run.created_at else "?"
        by = f" by {run.by}" if run.by else ""
        yield "runs" if not n else "", f"{run.id}  {when:<14} {run.status}{by}"


def _execution(view: ExecutionView, snapshot: Snapshot, now: Millis) -> Iterator[Line]:
    e = view.execution
    yield "execution", f"{view.sign.glyph} {e.name}  {view.verdict.words}"
    if e.display_name:
        yield "called", e.display_name
    yield "started", f"{clock_time(e.created_at, now) if e.created_at else '?'}{f' by {e.by}' if e.by else ''}"
    if e.status in {"Failed", "Stopped", "CompletedWithFailures"}:
        yield "cause", what_now(cause(e))
    for n, d in enumerate(view.changed):
        yield "changed" if not n else "", f"{d.what}: {d.before} → {d.after}"
    if view.green is None:
        yield "changed", "no green run before it is known"
    elif not view.changed:
        yield "changed", f"nothing since the last green run {view.green.id}"
    if view.same:
        yield "same", "  ".join(f"{k}={v}" for k, v in view.same.items())
    if view.cached:
        yield "cached", ", ".join(view.cached)
    yield "", ""
    steps = {s.name: s for s in e.steps}
    order = [n.name for n in view.nodes] or list(steps)
    for n, name in enumerate([*order, *(s for s in steps if s not in order)]):
        step = steps.get(name)
        label = "steps" if not n else ""
        if step is None:
            yield label, f"○ {name}  not started"
            continue
        glyph = {"Succeeded": "●", "Failed": "✖", "Executing": "◐", "Starting": "◐"}.get(step.status, "◌")
        took = f"  {duration(step.ended_at - step.started_at)}" if step.started_at and step.ended_at else ""
        note = "  from the cache" if step.cached_from else (f"  attempt {step.attempts}" if step.attempts > 1 else "")
        yield label, f"{glyph} {name}  {step.status}{took}{note}"
        if step.failure_reason:
            yield "", f"    {shorten(step.failure_reason, 300)}"


def _change(view: ChangeView, snapshot: Snapshot, now: Millis) -> Iterator[Line]:
    c = view.change
    yield "change", f"{words(c)} on {c.kind} {c.subject}"
    yield "at", clock_time(c.at, now, seconds=True)
    yield "by", f"{c.by} ({c.actor})" if c.actor and c.actor != c.by else c.by
    yield "with", c.agent
    if c.made:
        yield "made", c.made
