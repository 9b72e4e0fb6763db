"""One thing, whole, as labelled lines: what `lastgood describe` prints and the key `d` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from console.clock import Millis, clock_time, duration
from console.fleet.alarms import alarm_lines, alarm_rows
from console.fleet.scaling import scaling_lines, scaling_rows
from console.fleet.vitals import finding_rows, fleet_rows, vital_rows
from console.kinds.base import Kind, Sign
from console.kinds.change.record import Change
from console.kinds.change.view import ChangeView, words
from console.kinds.config.view import Changed
from console.kinds.deployment.record import SKEW, Deployment, Outcome
from console.kinds.endpoint.advice import advice
from console.kinds.endpoint.known import known_ways
from console.kinds.endpoint.motion import going_back, motion_words
from console.kinds.endpoint.view import EndpointView
from console.kinds.endpoint.view import views as endpoint_views
from console.kinds.execution.record import Step, cause, what_now
from console.kinds.execution.view import ExecutionView
from console.kinds.pipeline.view import PipelineView
from console.ledger.snapshot import Snapshot
from console.text import count, safe, shorten

Line = tuple[str, str]
"""(label, text); an empty label continues the one above, both empty are a blank line."""

Cells = tuple[str, ...]
"""A label, then raw cells: those of lines that follow each other under one label stand in columns."""

GLYPHS = {
    Outcome.SUCCEEDED: "●",
    Outcome.FAILED: "✖",
    Outcome.ROLLED_BACK: "✖",
    Outcome.IN_PROGRESS: "◐",
    Outcome.UNKNOWN: "◌",
}
OUTCOMES = {Outcome.ROLLED_BACK: "rolled back", Outcome.IN_PROGRESS: "in progress", Outcome.UNKNOWN: "not watched"}

FELL = (Outcome.FAILED, Outcome.ROLLED_BACK)
DEPLOYMENTS_AT_MOST = 12
RUNS_AT_MOST = 10
BLANK = ("", "")


def lines(kind: Kind, view: Any, snapshot: Snapshot, now: Millis) -> list[Line]:
    """Safe to draw as it is; runs of spaces align columns."""
    tellers: dict[str, Callable[[Any, Snapshot, Millis], Iterator[Cells]]] = {
        "endpoint": _endpoint,
        "pipeline": _pipeline,
        "execution": _execution,
        "change": _change,
        "alarm": alarm_lines,
        "scaling": scaling_lines,
    }
    told: list[Line] = []
    block: list[Cells] = []
    for cells in tellers[kind.id](view, snapshot, now):
        if cells[0] or cells == BLANK:
            told += _aligned(block)
            block = []
        if cells == BLANK:
            if told and told[-1] != BLANK:
                told.append(BLANK)
        else:
            block.append((cells[0], *(_safe(cell) for cell in cells[1:])))
    told += _aligned(block)
    while told and told[-1] == BLANK:
        told.pop()
    return told


def _aligned(block: list[Cells]) -> Iterator[Line]:
    """Pad all cells but the last of each line; a line of one cell (a remark) takes no part."""
    columns = max((len(cells) - 1 for cells in block), default=0)
    widths = [max((len(c[n]) for c in block if len(c) > max(n, 1) + 1), default=0) for n in range(1, columns)]
    for label, *cells in block:
        padded = [cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)]
        yield label, "  ".join([*padded, cells[-1]]).rstrip()


def _safe(cell: str) -> str:
    return f"{' ' * (len(cell) - len(cell.lstrip(' ')))}{safe(cell)}"


def _section(label: str, rows: Sequence[Cells]) -> Iterator[Cells]:
    yield from ((label if not n else "", *row) for n, row in enumerate(rows))


def _endpoint(view: EndpointView, snapshot: Snapshot, now: Millis) -> Iterator[Cells]:
    e = view.endpoint
    yield "endpoint", f"{view.sign.glyph} {e.name}", view.verdict.words
    way = "out" if going_back(e) else "in"
    moving = f", {e.pending.config} on its way {way}" if e.pending and e.pending.config != e.config else ""
    yield "status", f"{e.status} on {e.config}{moving}"
    if e.pending is not None:
        yield "phase", motion_words(e.pending.config, e, now)
    if e.failure_reason:
        yield "reason", f"of the last failed update: {e.failure_reason}"
    if view.hold is not None:
        yield "held", f"{view.hold.reason} (by {view.hold.by}, {clock_time(view.hold.at, now)})"
    yield "owner", _owner(view)
    yield from _section("variants", [_variant(v, [x.weight for x in e.variants]) for v in e.variants])
    yield from _section("scaling", list(scaling_rows(view.scaling)))
    if not view.scaling and snapshot.covered("scaling"):
        yield "scaling", "not autoscaled"
    yield from _section("alarms", alarm_rows(view.alarms or (), e.name))
    yield from _section("found", list(finding_rows(view)))
    if view.sign in {Sign.CRITICAL, Sign.WARNING}:
        yield from advice(view, snapshot).lines
    yield from _section("fleets", list(fleet_rows(view)))
    yield from _section("vitals", list(vital_rows(view, now)))
    if e.capture is not None:
        yield "capture", f"{e.capture.percent} % of requests ({e.capture.status})" if e.capture.enabled else "off"
    if e.tags:
        yield "tags", ", ".join(f"{key}={value}" for key, value in sorted(e.tags.items()))
    if view.typical_ms:
        yield "usually", f"a deployment takes {duration(view.typical_ms)}"
    yield BLANK
    told = [_deployment(d, now) for d in view.deployments[:DEPLOYMENTS_AT_MOST]]
    yield from _section("deployments", told)
    if told and (since := snapshot.since("changes")):
        more = len(view.deployments) - len(told)
        yield "", f"({f'{more} more; ' if more else ''}known since {clock_time(since, now)})"
    if view.changed is not None:
        yield BLANK
        yield from _section("changed", changed_rows(view.changed, view.deployments))
    yield BLANK
    ways = [(w.config, w.grade.words, "; ".join(_news(w.evidence))) for w in known_ways(view, snapshot)]
    yield from _section("ways back", ways)


def changed_rows(changed: Changed, deployments: Sequence[Deployment] = ()) -> list[Cells]:
    """What the last deployment changed, or would have, a line each."""
    last = next((d.outcome for d in deployments if d.target == changed.target), None)
    lost = f" ({OUTCOMES.get(last, last.value)}: would have changed)" if last in FELL else ""
    rows: list[Cells] = [(f"{changed.source} → {changed.target}{lost}",)]
    if changed.what is None:
        return [(f"{rows[0][0]}: {changed.why or 'not read yet, look again in a minute'}",)]
    rows += [(f"  {what}", words) for what, words in (one.told for one in changed.what)]
    if changed.unread:
        rows.append((f"  not known: {', '.join(changed.unread)} cannot be looked at",))
    elif len(rows) == 1:
        rows = [(f"{rows[0][0]}: nothing but the names",)]
    return rows


def _owner(view: EndpointView) -> str:
    by = next((d.by for d in view.deployments if d.actor), "")
    if not view.owner:
        return "nobody is known to deploy it"
    return f"{view.owner} ({by})" if by and by != view.owner else view.owner


def _variant(v: Any, weights: list[float | None]) -> Cells:
    total = sum(w or 0 for w in weights)
    share = f"{100 * (v.weight or 0) / total:.0f} % of traffic" if total else "no traffic"
    short = v.instances is not None and (v.desired_instances or 0) > v.instances
    size = "serverless" if v.instances is None else count(v.instances, "instance")
    image = f"image {v.images[0].rsplit('@', 1)[-1][:19]}" if v.images else ""
    return (v.name, share, f"{size} of {v.desired_instances}" if short else size, image)


def _deployment(d: Deployment, now: Millis) -> Cells:
    """One line: when, what, by whom, how it ended."""
    took = f" in {duration(d.ended_at - d.started_at)}" if d.started_at and d.ended_at else ""
    outcome = OUTCOMES.get(d.outcome, d.outcome.value)
    end = f"{outcome}{took if d.outcome is not Outcome.UNKNOWN else ''}{f': {d.reason}' if d.reason else ''}"
    what = f"{d.source} → {d.target}" if d.source else d.target or "an update"
    if d.left:
        end = f"{end}, left by the roll back of {clock_time(d.left, now)}"
    return (f"{'✖' if d.left else GLYPHS[d.outcome]} {clock_time(d.at, now) if d.at else '?'}", what, d.by or "–", end)


def _news(evidence: tuple[str, ...]) -> list[str]:
    """Evidence without what its grade says already."""
    return [said.removesuffix("its outcome was not watched").rstrip("; ") for said in evidence]


def _pipeline(view: PipelineView, snapshot: Snapshot, now: Millis) -> Iterator[Cells]:
    yield "pipeline", f"{view.sign.glyph} {view.name}", view.verdict.words
    if view.hold is not None:
        yield "held", f"{view.hold.reason} (by {view.hold.by}, {clock_time(view.hold.at, now)})"
    good, ended = view.week(now)
    if ended:
        yield "7 days", f"{good} of {count(ended, 'run')} green"
    if view.green and view.green.modified_at:
        yield "last green", f"{view.green.id}, ended {clock_time(view.green.modified_at, now)}"
    yield BLANK
    yield from _section("runs", [_run(run, now) for run in view.runs[:RUNS_AT_MOST]])
    if (more := len(view.runs) - RUNS_AT_MOST) > 0:
        yield "", f"({more} more: lastgood get executions)"


def _run(run: Any, now: Millis) -> Cells:
    took = f" in {duration(run.modified_at - run.created_at)}" if run.ended and run.modified_at else ""
    glyph = {"Succeeded": "●", "Failed": "✖", "Executing": "◐", "Stopping": "◐"}.get(run.status, "◌")
    when = clock_time(run.created_at, now) if run.created_at else "?"
    return (f"{glyph} {when}", run.id, run.by or "–", f"{run.status}{took}")


def _execution(view: ExecutionView, snapshot: Snapshot, now: Millis) -> Iterator[Cells]:
    e = view.execution
    yield "execution", f"{view.sign.glyph} {e.name}", view.verdict.words
    if e.display_name:
        yield "called", e.display_name
    yield "started", f"{clock_time(e.created_at, now) if e.created_at else '?'}{f' by {e.by}' if e.by else ''}"
    if e.status in {"Failed", "Stopped", "CompletedWithFailures"}:
        yield "cause", what_now(cause(e))
    changed: list[Cells] = [(d.what, f"{d.before} → {d.after}") for d in view.changed]
    if view.green is None:
        changed = [("no green run before it is known",)]
    elif not view.compared:
        changed = [("not read yet: open it in the console, or look again in a minute",)]
    elif not changed:
        changed = [(f"nothing since the last green run {view.green.id}",)]
    yield from _section("changed", changed)
    if view.same:
        yield "same", ", ".join(f"{key}={value}" for key, value in view.same.items())
    if view.cached:
        yield "cached", ", ".join(view.cached)
    yield BLANK
    steps = {s.name: s for s in e.steps}
    order = [n.name for n in view.nodes] or list(steps)
    names = [*order, *(s for s in steps if s not in order)]
    yield from _section("steps", [cells for name in names for cells in _step(name, steps.get(name))])


def _step(name: str, step: Step | None) -> Iterator[Cells]:
    if step is None:
        yield (f"○ {name}", "not started")
        return
    glyph = {"Succeeded": "●", "Failed": "✖", "Executing": "◐", "Starting": "◐"}.get(step.status, "◌")
    took = f" in {duration(step.ended_at - step.started_at)}" if step.started_at and step.ended_at else ""
    note = "from the cache" if step.cached_from else (f"attempt {step.attempts}" if step.attempts > 1 else "")
    yield (f"{glyph} {name}", f"{step.status}{took}", note)
    if step.failure_reason:
        yield (f"    {shorten(step.failure_reason, 300)}",)


def _deployed(c: Change, snapshot: Snapshot) -> list[Deployment]:
    """What became of the deployment that the call began: CloudTrail knows only that it was accepted."""
    if c.kind != "endpoint" or not c.target or c.error:
        return []
    found = [d for view in endpoint_views(snapshot, [c.subject]) for d in view.deployments]
    return [d for d in found if d.target == c.target and d.started_at and abs(d.started_at - c.at) <= SKEW][:1]


def _change(view: ChangeView, snapshot: Snapshot, now: Millis) -> Iterator[Cells]:
    c = view.change
    yield "change", f"{words(c)} on {c.kind} {c.subject}"
    yield "at", clock_time(c.at, now, seconds=True)
    if c.by:
        yield "by", f"{c.by} ({c.actor})" if c.actor and c.actor != c.by else c.by
    if c.agent:
        yield "with", c.agent
    if c.error:
        yield "refused", f"{c.error}: {c.why}" if c.why else c.error
    if c.asked:
        yield "call", c.event
    for d in _deployed(c, snapshot):
        took = f" after {duration(d.ended_at - d.started_at)}" if d.started_at and d.ended_at else ""
        end = OUTCOMES.get(d.outcome, d.outcome.value)
        yield "deployment", f"{GLYPHS[d.outcome]} {end}{took}{f': {d.reason}' if d.reason else ''}"
    if c.made:
        yield "made", c.made
