"""Retry and stop of a run: the same run goes on, or comes to an end. Both carry a token.

Facts/sagemaker.md sections 4.1-4.3: a retry keeps ARN, parameters and definition; a stop is not instant, and a Callback
step waits for its answer first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from console.actions.drafting import draft
from console.actions.model import Call, Check, Level, Plan, Sighting, Stage, Verdict
from console.actions.verb import Desk
from console.clock import clock_time
from console.errors import NotFound, Refused
from console.kinds.execution.record import (
    Cause,
    Execution,
    cause,
    from_search,
    repeats,
    step_from_api,
    what_now,
)
from console.kinds.execution.view import ExecutionView, views

RETRY = "sagemaker:RetryPipelineExecution"
STOP = "sagemaker:StopPipelineExecution"


class Retry:
    """The deed behind `lastgood retry`: right after capacity and service faults, refused where the error repeats."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        run = observe(desk, subject)
        if run.status not in {"Failed", "Stopped", "CompletedWithFailures"}:
            raise Refused(f"{run.name} is {run.status}", advice="only a failed or stopped run can be retried")
        done = [s.name for s in run.steps if s.status == "Succeeded"]
        failed = run.failed_step
        why = (failed.failure_reason if failed else "") or run.failure_reason
        return _plan(
            desk,
            run,
            verb="retry",
            operation=RETRY,
            title=f"Retry {run.name}",
            after={"status": "Executing", "goes_on_after": done},
            preflight=(_will_repeat(run, force=bool(args.get("force"))), _others(desk, run)),
            inverse=f"lastgood stop {run.name}",
            cost=f"failed at {failed.name}: {why}" if failed else why,
            how="the same run goes on: same parameters, same definition, finished steps stay",
            args=args,
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        return _unchanged(desk, plan)

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        return observe(desk, plan.subject).status == "Executing" or None

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        """Retried means: it runs again. A run that failed again within the look says so."""
        run = observe(desk, plan.subject)
        if str(run.modified_at) == mark and run.status == plan.basis["status"]:
            return Sighting(Stage.WAIT, "accepted, not visible yet")
        if run.status in {"Executing", "Succeeded"}:
            return Sighting(Stage.DONE, f"{run.name} is {run.status}")
        return Sighting(Stage.FAILED, f"{run.name} is {run.status}: {run.failure_reason or 'no reason given'}")

    def keep(self, desk: Desk, plan: Plan) -> None:
        """Nothing beyond what was observed."""


class Stop:
    """The deed behind `lastgood stop`: steps in motion come to their end first."""

    def plan(self, desk: Desk, subject: str, args: Mapping[str, Any]) -> Plan:
        run = observe(desk, subject)
        if run.status != "Executing":
            raise Refused(f"{run.name} is {run.status}", advice="only a run in motion can be stopped")
        waiting = [s.name for s in run.steps if s.type == "Callback" and s.status == "Executing"]
        slow = [s.name for s in run.steps if s.type == "Lambda" and s.status == "Executing"]
        checks = [Check("in motion", Verdict.PASS, "it runs")]
        if waiting:
            detail = f"{', '.join(waiting)} is a callback: the run stops only when somebody answers it"
            checks.insert(0, Check("callback", Verdict.WARN, detail))
        if slow:
            checks.insert(0, Check("lambda", Verdict.WARN, f"{', '.join(slow)} runs to its end or timeout first"))
        return _plan(
            desk,
            run,
            verb="stop",
            operation=STOP,
            title=f"Stop {run.name}",
            after={"status": "Stopped"},
            preflight=tuple(checks),
            inverse=f"lastgood retry {run.name}",
            cost="what its running steps did so far is lost",
            how="not at once: steps in motion come to an end first",
            args=args,
        )

    def ready(self, desk: Desk, plan: Plan) -> Sighting:
        return _unchanged(desk, plan)

    def took(self, desk: Desk, plan: Plan, call: Call) -> bool | None:
        return observe(desk, plan.subject).status in {"Stopping", "Stopped"} or None

    def verify(self, desk: Desk, plan: Plan, mark: str, answers: Sequence[Mapping[str, Any]]) -> Sighting:
        run = observe(desk, plan.subject)
        if run.status == "Stopped":
            return Sighting(Stage.DONE, f"{run.name} is Stopped")
        if run.status in {"Executing", "Stopping"}:
            moving = [s.name for s in run.steps if s.status in {"Executing", "Stopping", "Starting"}]
            return Sighting(Stage.WAIT, f"{run.status}, waits for {', '.join(moving)}" if moving else run.status)
        return Sighting(Stage.FAILED, f"{run.name} ended as {run.status} before it could be stopped")

    def keep(self, desk: Desk, plan: Plan) -> None:
        """Nothing beyond what was observed."""


def find(desk: Desk, subject: str) -> str:
    """The ARN behind `pipeline/id`, an id or an ARN. Raises NotFound, or Refused where an id is not unique."""
    if subject.startswith("arn:"):
        return subject
    known = views(desk.snapshot(), [subject])
    if len(known) == 1:
        return known[0].execution.arn
    if len(known) > 1:
        raise Refused(f"{subject} is not unique", advice=f"one of {', '.join(v.name for v in known)}")
    pipeline, _, run = subject.rpartition("/")
    if not pipeline:
        raise NotFound(f"no execution {subject} in the ledger", advice="name it as PIPELINE/ID or by its ARN")
    arn: str = desk.reader("sagemaker").describe_pipeline(PipelineName=pipeline)["PipelineArn"]
    return f"{arn}/execution/{run}"


def observe(desk: Desk, subject: str) -> Execution:
    """A fresh look at the run and its steps, kept as a fact."""
    sagemaker = desk.reader("sagemaker")
    arn = find(desk, subject)
    try:
        run = from_search(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
    except NotFound as error:
        raise NotFound(f"no execution {subject}", advice="lastgood get executions lists them") from error
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
    steps = tuple(step_from_api(item) for page in pages for item in page["PipelineExecutionSteps"])
    known = next((v.execution for v in views(desk.snapshot(), [run.name])), None)
    run = msgspec.structs.replace(
        run,
        steps=steps,
        detailed=bool(known and known.detailed),
        parameters=known.parameters if known else {},
        definition=known.definition if known else "",
    )
    desk.saw("execution", run.name, run, provider_at=run.modified_at)
    return run


def _plan(desk: Desk, run: Execution, *, verb: str, operation: str, **rest: Any) -> Plan:
    params = {"PipelineExecutionArn": run.arn, "ClientRequestToken": secrets.token_hex(20)}
    return draft(
        desk,
        verb,
        "execution",
        run.name,
        target=run.name,
        level=Level.CHANGE,
        before={"status": run.status},
        calls=(Call(operation, params, token=True),),
        basis={"status": run.status, "modified_at": run.modified_at},
        **{**rest, "args": {k: v for k, v in rest["args"].items() if v}},
    )


def _unchanged(desk: Desk, plan: Plan) -> Sighting:
    run = observe(desk, plan.subject)
    if run.status != plan.basis["status"]:
        at = clock_time(run.modified_at, desk.now(), seconds=True) if run.modified_at else "meanwhile"
        wanted = {"retry": "Executing", "stop": "Stopped"}[plan.verb]
        stage = Stage.NOT_NEEDED if run.status == wanted else Stage.OVERTAKEN
        return Sighting(stage, f"{run.name} is {run.status} since {at}, the plan was made on {plan.basis['status']}")
    return Sighting(Stage.GO, f"{run.name} is {run.status}", mark=str(run.modified_at))


def _will_repeat(run: Execution, *, force: bool) -> Check:
    if repeats(run):
        detail = f"{what_now(cause(run))}{'' if force else ' Retry all the same with --force.'}"
        return Check("cause", Verdict.WARN if force else Verdict.FAIL, detail)
    verdict = Verdict.UNKNOWN if cause(run) is Cause.UNKNOWN else Verdict.PASS
    return Check("cause", verdict, what_now(cause(run)))


def _others(desk: Desk, run: Execution) -> Check:
    """A younger run of the same pipeline: the retried one would finish later with older inputs."""
    known: list[ExecutionView] = [v for v in views(desk.snapshot()) if v.execution.pipeline == run.pipeline]
    younger = [v.execution for v in known if (v.execution.created_at or 0) > (run.created_at or 0)]
    if running := [e.id for e in younger if not e.ended]:
        return Check("other runs", Verdict.WARN, f"{', '.join(running)} of this pipeline runs already")
    if green := [e.id for e in younger if e.status == "Succeeded"]:
        return Check(
            "other runs",
            Verdict.WARN,
            f"{green[-1]} succeeded since: this one would finish with older inputs",
        )
    return Check("other runs", Verdict.PASS, "none younger")
