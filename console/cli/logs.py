"""`lastgood logs`: CloudWatch log lines of an endpoint or of a run's telling step, merged by time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from console.cli.output import write
from console.cli.session import Session
from console.clock import SECOND, Millis, clock_time, now_ms
from console.errors import NotFound, SourceError, UsageError
from console.fleet.operations import LOGS
from console.kinds.base import Kind
from console.kinds.execution.record import Execution
from console.kinds.execution.view import views as execution_views
from console.text import echoed, safe

PAGES_AT_MOST = 50
FOLLOW_S = 3.0

GROUPS = {"TrainingJob": "TrainingJobs", "ProcessingJob": "ProcessingJobs", "TransformJob": "TransformJobs"}
"""Metadata key of a step to the end of its log group (facts/sagemaker.md section 5.8)."""


def show(session: Session, kind: Kind, name: str, *, follow: bool, since_ms: int, pattern: str, step: str = "") -> None:
    """Print lines, oldest first. Raises NotFound if there is no such group, UsageError for kinds without logs."""
    group, prefix, start = place(session, kind, name, since_ms, step)
    parent = os.getppid()
    client = session.cloud.client("logs", LOGS, urgent=True)
    seen: set[str] = set()
    latest = start
    while True:
        try:
            for event in read(client, group, prefix, latest, pattern):
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    latest = max(latest, event["timestamp"])
                    stream = event["logStreamName"].rsplit("/", 1)[-1]
                    at = clock_time(event["timestamp"], now_ms(), seconds=True)
                    write(f"{at} {safe(stream)} {safe(event['message'])}")
        except NotFound as error:
            if not follow:
                advice = "the container never started, or its role may not write logs"
                raise NotFound(f"no log group {group}", advice=advice) from error
        if not follow:
            if not seen:
                session.say(f"no line in {group} since {clock_time(start, now_ms())}")
            return
        time.sleep(FOLLOW_S)
        if os.getppid() != parent:
            return  # whoever read this was killed: a log without lines would never tell us by a closed pipe


def place(session: Session, kind: Kind, name: str, since_ms: int, step: str = "") -> tuple[str, str, Millis]:
    """(log group, stream prefix, from when): of an endpoint, or of a run's step (without one: that tells most)."""
    start = now_ms() - since_ms
    if kind.id == "endpoint":
        known = [fact.name for fact in session.snapshot().heads("endpoint")]
        if known and name not in known:
            raise NotFound(f"no endpoint {echoed(name)}", advice="lastgood get endpoints lists them")
        return f"/aws/sagemaker/Endpoints/{name}", "", start
    if kind.id != "execution":
        raise UsageError(f"{kind.plural} have no logs", advice="lastgood logs endpoint NAME, or execution NAME")
    found = execution_views(session.snapshot(), [name])
    if not found:
        raise NotFound(f"no execution {echoed(name)}", advice="lastgood get executions lists them")
    run = found[0].execution
    group, job, began = job_of(run, step)
    return group, stream_name(session, group, job), min(start, began or start)


def stream_name(session: Session, group: str, job: str) -> str:
    """The job's name as its log streams have it: ARNs are lower-cased, streams are not."""
    what = group.rsplit("/", 1)[-1].removesuffix("s")  # TrainingJobs → TrainingJob
    method = f"describe_{what.removesuffix('Job').lower()}_job"
    try:
        answer = getattr(session.cloud.client("sagemaker", LOGS, urgent=True), method)(**{f"{what}Name": job})
    except SourceError:
        return job  # gone or not permitted: the lower-cased name is right for jobs that were named so
    return str(answer[f"{what}Name"])


def job_of(run: Execution, named: str = "") -> tuple[str, str, Millis | None]:
    """(group, job name, start) of the step `named`, else of that which failed, else which runs, else the last one.

    Raises NotFound if that step, or without a name any step, has no job.
    """
    with_job = [s for s in run.steps if s.type in GROUPS and s.arn and named in ("", s.name)]
    if named and not with_job:
        known = ", ".join(s.name for s in run.steps if s.type in GROUPS and s.arn) or "none"
        raise NotFound(f"step {echoed(named)} of {run.name} has no job with logs", advice=f"steps that have: {known}")
    step = run.failed_step if run.failed_step in with_job else None
    step = step or next((s for s in with_job if s.status in {"Executing", "Starting"}), None)
    step = step or max(with_job, key=lambda s: s.started_at or 0, default=None)
    if step is None:
        raise NotFound(f"no step of {run.name} has a job with logs", advice=f"lastgood describe execution {run.name}")
    return f"/aws/sagemaker/{GROUPS[step.type]}", step.arn.rsplit("/", 1)[-1], step.started_at


def read(client: Any, group: str, prefix: str, start: Millis, pattern: str) -> Iterator[dict[str, Any]]:
    """Events since `start`; empty pages with a token are followed (facts section 5.8)."""
    request: dict[str, Any] = {"logGroupName": group, "startTime": start, "endTime": now_ms() + 60 * SECOND}
    if prefix:
        request["logStreamNamePrefix"] = prefix
    if pattern:
        request["filterPattern"] = pattern
    for _ in range(PAGES_AT_MOST):
        answer = client.filter_log_events(**request)
        yield from answer.get("events", ())
        if not answer.get("nextToken"):
            return
        request["nextToken"] = answer["nextToken"]
