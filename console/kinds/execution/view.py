"""An execution with its graph, the run it is compared with, and the verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from console.clock import DAY, Millis, clock_time, duration, iso
from console.kinds.base import Sign, Verdict
from console.kinds.change.record import ACTORS
from console.kinds.difference import NONE, Difference
from console.kinds.execution.record import Cause, Execution, cause, what_now
from console.kinds.hold.record import Hold
from console.kinds.pipeline.condition import filled
from console.kinds.pipeline.record import Definition, Node
from console.kinds.reading import decode
from console.text import HIDDEN

if TYPE_CHECKING:
    from console.ledger.snapshot import Snapshot

NEWS_FOR = 3 * DAY
"""How long a failed run stays a warning while no later run of its pipeline ended well."""

_decode = msgspec.json.Decoder(Execution).decode


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    execution: Execution
    observed_at: Millis
    verdict: Verdict
    nodes: tuple[Node, ...] = ()
    green: Execution | None = None
    """The newest succeeded run of the pipeline that began before this one."""
    hold: Hold | None = None
    defaults: dict[str, str] = {}
    """Of the definition's parameters, where it was read."""

    @property
    def name(self) -> str:
        return self.execution.name

    @property
    def sign(self) -> Sign:
        return self.verdict.sign

    @property
    def compared(self) -> bool:
        """Whether the parameters of both runs were read."""
        green = self.green
        return green is not None and all(e.parameters or e.detailed for e in (self.execution, green))

    @property
    def changed(self) -> tuple[Difference, ...]:
        """What differs from the last green run, parameters first. What nobody read is not called different."""
        if self.green is None:
            return ()
        # AWS lists some runs without the parameters that were left at their defaults.
        mine, theirs = self.defaults | self.execution.parameters, self.defaults | self.green.parameters
        if not self.compared:
            mine = theirs = {}
        found = [
            Difference(key, theirs.get(key, NONE), mine.get(key, NONE))
            for key in sorted({*mine, *theirs})
            if mine.get(key) != theirs.get(key)
        ]
        if self.execution.definition and self.green.definition and self.execution.definition != self.green.definition:
            found.append(Difference("definition", self.green.definition[:8], self.execution.definition[:8]))
        return tuple(found)

    @property
    def same(self) -> dict[str, str]:
        """Parameters as they were in the last green run; of hidden ones that cannot be told."""
        if self.green is None:
            return {}
        before = self.green.parameters
        return {k: v for k, v in self.execution.parameters.items() if before.get(k) == v and v != HIDDEN}

    @property
    def cached(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.execution.steps if s.cached_from)

    @property
    def tokens(self) -> dict[str, str]:
        """What stands for the tokens of a condition's texts in this run (console.kinds.pipeline.condition)."""
        e = self.execution
        outputs = ((s.name, key.removeprefix("output "), value) for s in e.steps for key, value in s.detail.items()
                   if key.startswith("output "))  # fmt: skip
        return {
            **{f"Parameters.{name}": value for name, value in (self.defaults | e.parameters).items()},
            **{f"Steps.{step}.OutputParameters['{name}']": value for step, name, value in outputs},
            "Execution.PipelineExecutionId": e.id,
            "Execution.PipelineExecutionArn": e.arn,
            "Execution.PipelineName": e.pipeline,
        }

    def gate(self, step: str) -> tuple[str, str]:
        """What that condition wants, with this run's values, and the address of the report that it reads; or empty."""
        node = next((node for node in self.nodes if node.name == step), None)
        if node is None or not node.wants:
            return "", ""
        return filled(node.wants, self.tokens, named=True), filled(node.report, self.tokens)

    @property
    def stopped_by(self) -> str:
        """The condition under which the Fail step stands that ended the run; empty where none did, or none is known."""
        gate = self.execution.gate
        node = next((node for node in self.nodes if gate is not None and node.name == gate.name), None)
        return node.branch.rpartition(":")[0] if node is not None else ""

    def to_json(self) -> dict[str, Any]:
        e = self.execution
        failed = e.failed_step
        return {
            "name": e.name,
            "arn": e.arn,
            "pipeline": e.pipeline,
            "display_name": e.display_name or None,
            "status": e.status,
            "sign": self.verdict.sign.value,
            "what": self.verdict.words,
            "by": e.by or None,
            "started_at": iso(e.created_at) if e.created_at else None,
            "ended_at": iso(e.modified_at) if e.ended and e.modified_at else None,
            "failure_reason": e.failure_reason or None,
            "cause": cause(e).value if e.ended and e.status != "Succeeded" else None,
            "failed_step": failed.name if failed else None,
            "parameters": e.parameters,
            "changed": [{"what": d.what, "before": d.before, "after": d.after} for d in self.changed],
            "steps": [
                {
                    "name": s.name,
                    "status": s.status,
                    "type": s.type or None,
                    "started_at": iso(s.started_at) if s.started_at else None,
                    "ended_at": iso(s.ended_at) if s.ended_at else None,
                    "failure_reason": s.failure_reason or None,
                    "attempts": s.attempts,
                    "cached_from": s.cached_from or None,
                    "arn": s.arn or None,
                }
                for s in e.steps
            ],
            "observed_at": iso(self.observed_at),
        }


def judge(e: Execution, *, now: Millis, superseded: bool = False) -> Verdict:
    """A failed training run does not hurt users: a warning at most, a note when the gate did its job."""
    ended = clock_time(e.modified_at, now) if e.modified_at else ""
    reasons = tuple(filter(None, (f"status {e.status}", e.failure_reason)))
    if e.status in {"Failed", "CompletedWithFailures"}:
        kind, step = cause(e), e.failed_step
        where = f"{step.name}: " if step else ""
        why = (step.failure_reason if step else "") or e.failure_reason or "no reason given"
        if kind is Cause.GATE:
            message = (step.detail.get("ErrorMessage") if step else "") or why
            return Verdict(Sign.OK, f"note: stopped by its gate {ended}: {message}", reasons, e.modified_at)
        quiet = superseded or (e.modified_at or 0) < now - NEWS_FOR
        sign = Sign.OK if quiet else Sign.WARNING
        words = f"failed {ended}: {where}{why}"
        return Verdict(sign, f"note: {words}" if quiet else words, (*reasons, what_now(kind)), e.modified_at)
    if e.status == "Stopped":
        return Verdict(Sign.OK, f"note: stopped {ended}", reasons, e.modified_at)
    if e.status == "Succeeded":
        took = duration(e.modified_at - e.created_at) if e.modified_at and e.created_at else ""
        told = [f"took {took}"] if took else []
        told += [f"{s.name} was false" for s in e.steps if s.type == "Condition" and s.detail.get("Outcome") == "False"]
        return Verdict(Sign.OK, ", ".join(["ok", *told]), reasons, e.modified_at)
    if e.status == "Stopping":
        return Verdict(Sign.MOVING, f"stopping since {ended}", reasons, e.modified_at)
    if e.status == "Executing":
        running = [s.name for s in e.steps if s.status in {"Starting", "Executing"}]
        waiting = [s.name for s in e.steps if s.type == "Callback" and s.status == "Executing"]
        if waiting:
            return Verdict(Sign.MOVING, f"waits for a callback: {', '.join(waiting)}", reasons, e.created_at)
        words = f"running {', '.join(running)}" if running else "running"
        return Verdict(Sign.MOVING, words, reasons, e.created_at)
    return Verdict(Sign.UNKNOWN, f"status {e.status or 'missing'} is not known here", reasons)


def views(snapshot: Snapshot, names: Sequence[str] | None = None) -> list[ExecutionView]:
    """Executions of a snapshot, all or those named; each with the last green run before it."""
    facts = snapshot.heads("execution", None)
    wanted = set(names) if names is not None else None
    if wanted is not None:
        # The run before it belongs to the view; the runs of other pipelines need not be decoded.
        ids = {name.rsplit("/", 1)[-1] for name in wanted}
        pipelines = {f.name.rsplit("/", 1)[0] for f in facts if f.name.rsplit("/", 1)[-1] in ids}
        facts = [f for f in facts if f.name.rsplit("/", 1)[0] in pipelines]
    by = _starters(snapshot) if facts else {}
    decoded = {}
    for fact in facts:
        run = _decode(fact.body)
        if run.arn in by:
            run = msgspec.structs.replace(run, by=by[run.arn])
        decoded[fact.name] = (fact.observed_at, run)
    holds = {h.subject: h for h in decode(snapshot, "hold", Hold) if h.kind == "pipeline"}
    by_pipeline: dict[str, list[Execution]] = defaultdict(list)
    for _, execution in decoded.values():
        by_pipeline[execution.pipeline].append(execution)
    found = []
    for runs in by_pipeline.values():
        runs.sort(key=lambda e: e.created_at or 0)
        green: Execution | None = None
        last_good = max((e.created_at or 0 for e in runs if e.status == "Succeeded"), default=0)
        for e in runs:
            if wanted is None or e.name in wanted or e.arn in wanted or e.id in wanted:
                found.append(
                    ExecutionView(
                        execution=e,
                        observed_at=decoded[e.name][0],
                        verdict=judge(e, now=snapshot.moment, superseded=(e.created_at or 0) < last_good),
                        green=green,
                        hold=holds.get(e.pipeline),
                    )
                )
            if e.status == "Succeeded":
                green = e
    if wanted is not None:
        known = definitions(snapshot, {v.execution.definition for v in found})
        found = [_with(v, known.get(v.execution.definition)) for v in found]
    return found


def _with(view: ExecutionView, definition: Definition | None) -> ExecutionView:
    if definition is None:
        return view
    defaults = {p.name: p.default for p in definition.parameters if p.default is not None}
    return msgspec.structs.replace(view, nodes=definition.nodes, defaults=defaults)


class _Start(msgspec.Struct, frozen=True, gc=False):
    """What of a StartPipelineExecution tells who it was."""

    made: str = ""
    by: str = ""
    actor: str = ""


_start = msgspec.json.Decoder(_Start).decode


def _starters(snapshot: Snapshot) -> dict[str, str]:
    """Who started which run (by ARN), as CloudTrail tells it: sessions of EventBridge have names nobody knows."""
    starts = (_start(fact.body) for fact in snapshot.heads("change") if b'"made"' in fact.body)
    return {s.made: ACTORS["events"] if s.actor == "events" else s.by for s in starts if s.by}


def definitions(snapshot: Snapshot, names: Iterable[str]) -> dict[str, Definition]:
    """Definitions by name. Only where they are drawn: they are the largest facts there are."""
    wanted = sorted(filter(None, names))
    return {d.name: d for d in decode(snapshot, "definition", Definition, wanted)} if wanted else {}


def order(view: ExecutionView) -> tuple[int, int]:
    """Worst first, then the newest."""
    return (view.verdict.sign.rank, -(view.execution.created_at or 0))
