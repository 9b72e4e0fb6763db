"""Steps of executions, answers to Callback steps, and Describe of the jobs that steps make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.errors import not_found, validation
from console.world.identity import Caller
from console.world.operations import Answer, operation
from console.world.paging import page
from console.world.sagemaker import jobs, work
from console.world.sagemaker.records import EXECUTING, STOPPING, Attempt, Execution, StepRun
from console.world.sagemaker.store import Pipelines

if TYPE_CHECKING:
    from console.world.world import Region, World


@operation("ListPipelineExecutionSteps")
def list_steps(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    """Newest first by default, as the SDK's notebooks show; steps that have not started are absent."""
    if "PipelineExecutionArn" not in request:
        raise validation("PipelineExecutionArn is required.")
    execution = region.of(Pipelines).execution(request["PipelineExecutionArn"])
    runs = sorted(execution.runs.values(), key=lambda run: run.started)
    if request.get("SortOrder", "Descending") == "Descending":
        runs.reverse()
    cut, token = page(runs, request)
    return {"PipelineExecutionSteps": [_row(execution, run) for run in cut], "NextToken": token}


def _row(execution: Execution, run: StepRun) -> dict[str, Any]:
    reused = {"SourcePipelineExecutionArn": run.source[0].arn} if run.source else None
    copied = bool(execution.selected) and run.step.name not in execution.selected
    return {
        "StepName": run.step.name,
        "StepDisplayName": run.step.body.get("DisplayName"),
        "StepDescription": run.step.body.get("Description"),
        "StartTime": run.started,
        "EndTime": run.ended,
        "StepStatus": run.status,
        "CacheHitResult": None if copied else reused,
        "SelectiveExecutionResult": reused if copied else None,
        "FailureReason": run.reason,
        "AttemptCount": max(1, len(run.attempts)),
        "Metadata": work.metadata(execution, run),
    }


@operation("SendPipelineExecutionStepSuccess")
def send_success(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    given = {item["Name"]: item["Value"] for item in request.get("OutputParameters", ())}
    return _answer(world, region, "SendPipelineExecutionStepSuccess", request, given, None)


@operation("SendPipelineExecutionStepFailure")
def send_failure(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    reason = request.get("FailureReason", "The callback was answered with a failure.")
    return _answer(world, region, "SendPipelineExecutionStepFailure", request, {}, reason)


def _answer(
    world: World, region: Region, name: str, request: dict[str, Any], given: dict[str, str], failure: str | None
) -> Answer:
    state = region.of(Pipelines)
    if arn := state.repeated(name, request):
        return {"PipelineExecutionArn": arn}
    token = request["CallbackToken"]
    waiting = [
        (execution, run)
        for execution in state.active()
        for run in execution.runs.values()
        if run.token == token and run.status in (EXECUTING, STOPPING)
    ]
    if not waiting:
        raise not_found(f"No step is waiting for the callback token '{token}'.")
    execution, run = waiting[0]
    state.runtime.answer(execution, run, work.typed_outputs(run.step, given), failure, world.now)
    state.remember(name, request, execution.arn)
    return {"PipelineExecutionArn": execution.arn}


@operation("DescribeProcessingJob")
def processing_job(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    return _described(world, region, request["ProcessingJobName"], "processing-job")


@operation("DescribeTrainingJob")
def training_job(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    return _described(world, region, request["TrainingJobName"], "training-job")


@operation("DescribeTransformJob")
def transform_job(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    return _described(world, region, request["TransformJobName"], "transform-job")


@operation("DescribeHyperParameterTuningJob")
def tuning_job(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    answer = _described(world, region, request["HyperParameterTuningJobName"], "hyper-parameter-tuning-job")
    del answer["TrainingJobSummaries"]
    return answer


def _described(world: World, region: Region, name: str, kind: str) -> dict[str, Any]:
    execution, run, job = find_job(region.of(Pipelines), name, kind)
    return jobs.describe(execution, run, job, world.now)


def find_job(state: Pipelines, name: str, kind: str) -> tuple[Execution, StepRun, Attempt]:
    """By its name, in any case: callers take it from an ARN, where it is in lower case. A tuning job that is missing
    is ResourceNotFound, others are a ValidationException, on which botocore's waiters rely (facts: sagemaker 1.3)."""
    for part in name.lower().split("-")[:2]:
        execution = state.by_execution.get(part)
        if execution is None:
            continue
        for run in state.opened(execution).runs.values():
            for job in run.attempts:
                if job.job.lower() == name.lower() and jobs.KINDS.get(run.step.type, ("",))[0] == kind:
                    return execution, run, job
    if kind == "hyper-parameter-tuning-job":
        raise not_found("Requested resource not found.")
    raise validation("Requested resource not found.")
