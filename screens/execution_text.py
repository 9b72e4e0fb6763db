"""One run as lines: why it failed and what helps, its steps, what changed since the last green run (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from console.clock import Millis, age_step, clock_time, duration
from console.fleet.timeline import by_whom
from console.kinds.base import Verdict
from console.kinds.change.record import Change
from console.kinds.execution.record import Cause, Execution, cause, repeats, what_now
from console.kinds.execution.view import ExecutionView
from screens.blocks import BLANK, Line, beside, flow, paragraph
from screens.endpoint_text import SIDE_BY_SIDE, verdict_lines
from screens.graph import StepState, drawn, listed
from screens.log_book import cut_short, level_of

_GAP = 3
_STOPPED_SHORT = frozenset({"Failed", "Stopped", "CompletedWithFailures"})
TAIL_AT_LEAST = 4


class ExecutionContent(NamedTuple):
    """What is read for the screen. `start` is the call that started it, where CloudTrail tells."""

    view: ExecutionView
    start: Change | None = None


class ExecutionText(NamedTuple):
    """The lines, and where the line of the selected step is."""

    lines: list[Line]
    selected_at: int


def telling(found: Sequence[StepState], e: Execution) -> str:
    """The step to look at first: that which failed, else which runs, else the last that began."""
    failed = e.failed_step
    if failed is not None:
        return failed.name
    running = [s.name for s in found if s.step and s.ink == "moving"]
    begun = [s for s in found if s.step]
    return running[0] if running else begun[-1].name if begun else found[0].name if found else ""


def execution_text(
    content: ExecutionContent,
    found: Sequence[StepState],
    width: int,
    height: int,
    now: Millis,
    *,
    selected: str = "",
    tail: Sequence[str] = (),
) -> ExecutionText:
    view = content.view
    wide = width >= SIDE_BY_SIDE
    half = (width - _GAP) // 2
    top = [*_verdict(view, width, now), *_started(content, width, now), BLANK]
    graph = drawn(found, view.nodes, width, selected)
    steps = graph if graph is not None else listed(found, view.nodes, half if wide else width, now, selected)
    if not steps:
        steps = [((" no step is known yet", "dim"),)]
    at = len(top)
    if graph is None:
        at += next((n for n, state in enumerate(found) if state.name == selected), 0)
    changes = _changes(view, half - 1 if wide else width, now)
    if wide and graph is None:
        body = [*top, *beside(steps, changes, half, _GAP)]
    elif wide:
        body = [*top, *steps, BLANK, *changes]
    else:
        body = [*top, *steps, BLANK, *changes]
    room = max(TAIL_AT_LEAST, height - len(body) - 2)
    return ExecutionText([*body, *_tail(tail, room)], at)


def _verdict(view: ExecutionView, width: int, now: Millis) -> list[Line]:
    """A failure: what failed when, its reason in full, and whether trying again helps."""
    e = view.execution
    if e.status not in _STOPPED_SHORT:
        return verdict_lines(view.verdict, width, now)
    kind, step = cause(e), e.failed_step
    ended = clock_time(e.modified_at, now) if e.modified_at else ""
    ago = age_step(now - e.modified_at) if e.modified_at else ""
    when = f" {ended}" + (f", {ago} ago" if ago else "")
    word = {"Stopped": "stopped", "CompletedWithFailures": "completed with failures"}.get(e.status, "failed")
    what = f"stopped by its gate{when}" if kind is Cause.GATE else f"{step.name if step else 'the run'} {word}{when}"
    note = "note: " if view.verdict.words.startswith("note: ") else ""
    lines = verdict_lines(Verdict(view.sign, note + what), width, now)
    reason = (step.failure_reason if step else "") or e.failure_reason
    if kind is Cause.GATE and step is not None:
        reason = step.detail.get("ErrorMessage") or reason
    if reason:
        lines += paragraph(reason, width - 1, "", indent=3)
    elif e.status != "Stopped":
        lines += paragraph("AWS gives no reason", width - 1, "dim", indent=3)
    lines += _gate(view, width) if kind is Cause.GATE else []
    arrow = {Cause.GATE: "", Cause.UNKNOWN: "→ read the log"}.get(kind, "→ fix, not retry" if repeats(e) else "→ retry")
    lines += flow([((what_now(kind), "strong"),), *([((arrow, "key"),)] if arrow else [])], width, indent=3)
    if step is not None:
        parts = [step.type, f"attempt {step.attempts}" if step.attempts else "", _instance(step.detail)]
        if step.started_at and step.ended_at:
            parts.append(f"after {duration(step.ended_at - step.started_at)}")
        lines += paragraph(" · ".join(filter(None, parts)), width - 1, "dim", indent=3)
    return [*lines, BLANK]


def _gate(view: ExecutionView, width: int) -> list[Line]:
    """The test that the candidate did not pass. AWS does not tell the number: it is in the report named."""
    wants, report = view.gate(view.stopped_by)
    lines = paragraph(f"{view.stopped_by} wants {wants}", width - 1, "", indent=3) if wants else []
    return lines + (
        paragraph(f"AWS does not tell the value; the report has it: {report}", width - 1, "dim", indent=3)
        if report
        else []
    )


def _instance(detail: dict[str, str]) -> str:
    return next((value for key, value in detail.items() if key.lower().endswith("instancetype")), "")


def _started(content: ExecutionContent, width: int, now: Millis) -> list[Line]:
    e, start = content.view.execution, content.start
    by = by_whom(start.by, start.actor) if start else e.by
    words = "started" + (f" by {by}" if by else "")
    if e.created_at:
        words += f" at {clock_time(e.created_at, now)}"
    groups: list[Line] = [((words, ""),)]
    if e.created_at and e.modified_at and e.ended:
        groups.append(((f"took {duration(e.modified_at - e.created_at)}", "dim"),))
    groups += [((text, "dim"),) for text in (e.display_name, e.description) if text]
    if content.view.hold is not None:
        hold = content.view.hold
        groups.append((("⏸ pipeline held: ", "held"), (f"{hold.reason} (by {hold.by})", "")))
    return flow(groups, width)


def _changes(view: ExecutionView, width: int, now: Millis) -> list[Line]:
    e, green = view.execution, view.green
    if green is None:
        return [((" CHANGED", "head"), ("  no green run before it is known", "dim")), *_parameters(e, width)]
    at = f"{green.id}, {clock_time(green.created_at, now)}" if green.created_at else green.id
    lines: list[Line] = [((" CHANGED SINCE THE LAST GREEN RUN", "head"), (f"  {at}", "dim"))]
    if not view.changed:
        sure = bool(e.definition and green.definition)
        what = "no parameter, and the same definition" if sure else "no parameter; the definitions were not compared"
        lines.append(((f"   {what}", "dim"),))
    for change in view.changed:
        before, after = told_apart(change.before, change.after)
        first: Line = ((f"   {change.what} ", "strong"),)
        indent = min(len(change.what) + 4, width // 3)
        if len(change.what) + 4 > indent:
            lines += paragraph(change.what, width - 1, "strong", indent=3)
            first = ((" " * indent, ""),)
        lines += paragraph(f"{before} → {after}", width - 1, "", first=first, indent=indent, at_most=4)
    if view.same:
        groups: list[Line] = [((f"{key} ", "dim"), (value, "")) for key, value in view.same.items()]
        lines += _labelled("SAME", groups, width)
    if view.cached:
        of = f"{len(view.cached)} of {len(view.nodes) or len(e.steps)} steps"
        lines += _labelled("CACHED", [((", ".join(view.cached), ""),), ((of, "dim"),)], width)
    return lines


def _labelled(label: str, groups: Sequence[Line], width: int) -> list[Line]:
    owned = flow(groups, width - 10, indent=0)
    return [((f" {label:<9}" if not n else " " * 10, "head"), *line) for n, line in enumerate(owned)]


def _parameters(e: Execution, width: int) -> list[Line]:
    if not e.parameters:
        return []
    return _labelled("WITH", [((f"{key} ", "dim"), (value, "")) for key, value in e.parameters.items()], width)


def told_apart(before: str, after: str) -> tuple[str, str]:
    """Two values with the folder they share said once: `s3://a/b/dt=1/` and `…/dt=2/`."""
    shared = 0
    for n, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            break
        if one == "/":
            shared = n + 1
    return (before, f"…/{after[shared:]}") if shared >= 12 and after[shared:] else (before, after)


def _tail(tail: Sequence[str], room: int) -> list[Line]:
    if not tail:
        return []
    lines: list[Line] = [BLANK, ((" LOG", "head"), ("  its last lines", "dim"))]
    return lines + [cut_short(line, level_of(line)) for line in tail[-room:]]


def step_lines(state: StepState, now: Millis, view: ExecutionView | None = None) -> list[tuple[str, str]]:
    """All that is known of one step, as (label, text); `view` for what a condition wants of this run."""
    step, node = state.step, state.node
    found = [("step", f"{state.glyph} {state.name}  {step.status if step else state.note or 'not started'}")]
    if state.type:
        found.append(("type", state.type))
    if node is not None:
        if node.after:
            found.append(("waits for", ", ".join(node.after)))
        if node.branch:
            condition, _, side = node.branch.rpartition(":")
            found.append(("branch", f"{'if' if side == 'if' else 'else'} of {condition}"))
        found.append(("caching", "on" if node.cached else "off"))
        wants, report = view.gate(node.name) if view else ("", "")
        found += [(label, text) for label, text in (("wants", wants), ("report", report)) if text]
    if step is None:
        return found
    if step.started_at:
        found.append(("started", clock_time(step.started_at, now, seconds=True)))
    if step.ended_at:
        found.append(("ended", clock_time(step.ended_at, now, seconds=True)))
    found += [(label, text) for label, text in (("took", state.took), ("attempts", str(step.attempts or "")),
              ("cached", step.cached_from), ("reason", step.failure_reason), ("arn", step.arn)) if text]  # fmt: skip
    return found + [(key, value) for key, value in sorted(step.detail.items())]
