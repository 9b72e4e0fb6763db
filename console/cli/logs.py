"""`lastgood logs`: CloudWatch log lines of an endpoint or of a run's telling step, merged by time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import msgspec

from console.cli.output import Format, emit, envelope, only, write
from console.cli.session import Session
from console.cli.tailing import TAILED_AT_MOST, Event, Reader, Source, Tail, follow, wanted
from console.clock import Millis, clock_time, iso, now_ms
from console.errors import NotFound, Rejected, SourceError, UsageError
from console.fleet.operations import LOGS
from console.kinds.base import Kind
from console.kinds.endpoint.record import Endpoint
from console.kinds.execution.record import Execution
from console.kinds.execution.view import views as execution_views
from console.kinds.reading import decode
from console.kinds.vitals.asking import guests, shape_of
from console.text import echoed, safe

GROUPS = {"TrainingJob": "TrainingJobs", "ProcessingJob": "ProcessingJobs", "TransformJob": "TransformJobs"}
"""Metadata key of a step to the end of its log group (facts/sagemaker.md section 5.8)."""


def show(
    session: Session,
    kind: Kind,
    name: str,
    *,
    follow_: bool,
    since_ms: int,
    pattern: str,
    step: str = "",
    live: bool = True,
    output: Format = Format.TABLE,
) -> None:
    """Print lines, oldest first; as JSON one envelope, or what is followed an object a line. `pattern` is plain text,
    or a filter pattern of CloudWatch; `live` follows by Live Tail where it is offered.

    Raises NotFound if there is no such group, UsageError for kinds without logs and for what is no pattern.
    """
    only(output, Format.TABLE, Format.JSON)
    tell = _print if output is Format.TABLE else _print_json
    sources, start = place(session, kind, name, since_ms, step)
    search = wanted(pattern)
    if search.told:
        session.say(f"searches for the text: {echoed(search.text)}")
    client = session.cloud.client("logs", LOGS, urgent=True)
    reader = Reader(client, sources, search)
    try:
        if not follow_:
            if output is Format.JSON:
                items = [_item(event) for event in reader.read(start)]
                found = {"logs": {"ok": not reader.cut, "age_s": 0.0, "error": _cuts(reader) or None}}
                emit(envelope("logs", session.context.name, items, found, now_ms()), output)
            else:
                _back(session, reader, start, pattern)
            return
        parent = os.getppid()
        live = live and len(sources) <= TAILED_AT_MOST
        tail = (lambda: Tail(client, session.scope, sources, search)) if live else None
        for batch in follow(reader, start, tail, session.say):
            tell(batch)
            if os.getppid() != parent:
                return  # whoever read this was killed: a log without lines would never tell us by a closed pipe
    except Rejected as error:
        if not pattern:
            raise
        advice = """terms, "a phrase", ?one ?or another, -without, { $.field = value }, %regular expression%"""
        raise UsageError(f"--grep {echoed(pattern)}: {error.message}", advice=advice) from error


def _back(session: Session, reader: Reader, start: Millis, pattern: str) -> None:
    lines = 0
    for event in reader.read(start):
        _print([event])
        lines += 1
    now = now_ms()
    if cut := _cuts(reader):
        session.say(cut)
    if not lines:
        what = "no line matches" if pattern else "no line"
        where = ", ".join(source.group for source in reader.sources)
        session.say(f"{what} in {where} since {clock_time(start, now)}")


def _cuts(reader: Reader) -> str:
    found = (f"{cut.group} was not searched beyond {clock_time(cut.at, now_ms())}" for cut in reader.cut)
    said = "; ".join(found)
    return f"{said}: narrow --since or --grep" if said else ""


def _item(event: Event) -> dict[str, str]:
    return {"at": iso(event.at), "stream": event.stream, "message": event.message}


def _print_json(events: Iterable[Event]) -> None:
    for event in events:
        write(msgspec.json.encode(_item(event)).decode())


def _print(events: Iterable[Event]) -> None:
    for event in events:
        at = clock_time(event.at, now_ms(), seconds=True)
        write(f"{at} {_short(event.stream)} {safe(event.message)}")


def _short(stream: str) -> str:
    """`variant/instance` of an endpoint, with the container behind it where there is one; of a job its part alone."""
    parts = stream.split("/")
    return safe("/".join(parts[-2:]) if len(parts) > 1 and parts[1].startswith("i-") else parts[-1]).replace(" ", "_")


def place(session: Session, kind: Kind, name: str, since_ms: int, step: str = "") -> tuple[list[Source], Millis]:
    """(where, from when): of an endpoint and its inference components, or of a run's step (without one: that tells
    most)."""
    start = now_ms() - since_ms
    if kind.id == "endpoint":
        known = [fact.name for fact in session.snapshot().heads("endpoint")]
        if known and name not in known:
            raise NotFound(f"no endpoint {echoed(name)}", advice="lastgood get endpoints lists them")
        return [Source(f"/aws/sagemaker/Endpoints/{name}"), *_components(session, name)], start
    if kind.id != "execution":
        raise UsageError(f"{kind.plural} have no logs", advice="lastgood logs endpoint NAME, or execution NAME")
    found = execution_views(session.snapshot(), [name])
    if not found:
        raise NotFound(f"no execution {echoed(name)}", advice="lastgood get executions lists them")
    run = found[0].execution
    group, job, began = job_of(run, step)
    return [Source(group, stream_name(session, group, job))], min(start, began or start)


def _components(session: Session, name: str) -> Sequence[Source]:
    """Inference components log to groups of their own (facts/sagemaker.md section 5.8)."""
    client = session.cloud.client("sagemaker", LOGS, urgent=True)
    try:
        for e in decode(session.snapshot(), "endpoint", Endpoint, [name]):
            if any(one.flavour == "components" for one in shape_of(session.snapshot(), client, e).variants):
                return [Source(f"/aws/sagemaker/InferenceComponents/{c}") for c, _ in guests(client, name)]
    except SourceError as error:
        session.say(f"inference components are left out: {error.message}")
    return []


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
