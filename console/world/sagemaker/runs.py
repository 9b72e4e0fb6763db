"""Executions: start, stop, retry, update, describe and list them (facts: sagemaker 4.1-4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.world.errors import AwsError, not_found, validation
from console.world.identity import Caller
from console.world.operations import Answer, operation
from console.world.paging import ordered, page
from console.world.sagemaker.definitions import BadParameter, Definition
from console.world.sagemaker.pipelines import created_within
from console.world.sagemaker.records import (
    EXECUTING,
    FAILED,
    STOPPED,
    STOPPING,
    SUCCEEDED,
    Execution,
    Pipeline,
    StepRun,
    chance,
    short_id,
)
from console.world.sagemaker.store import Pipelines, execution_members, publish_pipeline, user_context

if TYPE_CHECKING:
    from console.world.world import Region, World

CONCURRENT = 20
"""Default quota of concurrent executions per account and region (facts: sagemaker 4.3)."""


@operation("StartPipelineExecution")
def start(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    state = region.of(Pipelines)
    if arn := state.repeated("StartPipelineExecution", request):
        return {"PipelineExecutionArn": arn}
    pipeline = state.find(request["PipelineName"])
    version = request.get("PipelineVersionId", len(pipeline.versions))
    if not 1 <= version <= len(pipeline.versions):
        raise not_found(f"Pipeline version '{version}' of '{pipeline.arn}' does not exist.")
    _check_quota(state)
    given = request.get("PipelineParameters", [])
    number = len(pipeline.executions)
    execution = Execution(
        pipeline,
        short_id(12, world.seed, pipeline.arn, number, pipeline.created),
        world.now,
        world.now,
        EXECUTING,
        user_context(caller),
        user_context(caller),
        version=version - 1,
        given=tuple((item["Name"], item["Value"]) for item in given),
        display_name=request.get("PipelineExecutionDisplayName", f"execution-{int(world.now * 1000)}"),
        description=request.get("PipelineExecutionDescription"),
        parallelism=request.get("ParallelismConfiguration"),
        script=pipeline.script,
        pace=next_pace(world, pipeline),
        steps={},
    )
    try:
        execution.values = execution.definition.bind(given)
    except BadParameter as error:
        raise validation(str(error)) from None
    if config := request.get("SelectiveExecutionConfig"):
        _select(state, execution, config)
    pipeline.executions.append(execution)
    state.by_execution[execution.id] = execution
    state.live.append(execution)
    state.remember("StartPipelineExecution", request, execution.arn)
    state.runtime.begin(execution, world.now)
    state.changed(execution)
    publish_pipeline(region, pipeline)
    return {"PipelineExecutionArn": execution.arn}


def next_pace(world: World, pipeline: Pipeline) -> float:
    """The pace of the execution that is started next."""
    return chance(0.85, 1.2, world.seed, pipeline.name, len(pipeline.executions))


def _check_quota(state: Pipelines) -> None:
    if len(state.active()) >= CONCURRENT:
        raise AwsError(
            "ResourceLimitExceeded",
            f"The account-level service limit 'Maximum number of concurrent pipeline executions' is {CONCURRENT}, with "
            f"current utilization of {len(state.active())} and a request delta of 1. Please contact AWS support to "
            "request an increase for this limit.",
        )


def _select(state: Pipelines, execution: Execution, config: dict[str, Any]) -> None:
    """Selective execution: unselected upstream steps are copied from the reference, unselected downstream ones do not
    run. Raises ValidationException as [DG: Selective execution of pipeline steps] restricts it."""
    definition, selected = execution.definition, {item["StepName"] for item in config["SelectedSteps"]}
    for name in sorted(selected - definition.steps.keys()):
        raise validation(f"Selected step [{name}] is not in the pipeline definition.")
    needed: set[str] = set().union(*(ancestors(definition, name) for name in selected)) - selected
    for name in sorted(needed):
        if ancestors(definition, name) & selected:
            raise validation(f"Selected steps must be connected: [{name}] lies between them and is not selected.")
    if arn := config.get("SourcePipelineExecutionArn"):
        execution.reference = state.execution(arn)
        if execution.reference.pipeline is not execution.pipeline:
            raise validation("The source execution belongs to another pipeline.")
        if execution.reference.status not in (SUCCEEDED, FAILED):
            raise validation(
                f"The source execution must be in Succeeded or Failed state, not {execution.reference.status}."
            )
    elif needed:
        raise validation("SourcePipelineExecutionArn is required: the selected steps depend on other steps.")
    execution.selected = tuple(sorted(selected))
    for name in [name for name in definition.steps if name in needed]:
        run = execution.reference.runs.get(name) if execution.reference else None
        if execution.reference is None or run is None or run.status != SUCCEEDED:
            raise validation(f"Step [{name}] did not succeed in the source execution.")
        execution.runs[name] = StepRun(run.step, SUCCEEDED, run.started, run.ended, source=(execution.reference, run))


def ancestors(definition: Definition, name: str) -> set[str]:
    """All steps that `name` waits for, directly or not."""
    found: set[str] = set()
    pending = [name]
    while pending:
        new = definition.steps[pending.pop()].upstream - found
        found |= new
        pending += new
    return found


@operation("StopPipelineExecution")
def stop(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    """Answers at once; the execution is Stopping until its running steps are done. What AWS answers for an execution
    that is over is not documented; ConflictException is the one modelled error that fits."""
    state = region.of(Pipelines)
    if arn := state.repeated("StopPipelineExecution", request):
        return {"PipelineExecutionArn": arn}
    execution = state.execution(request["PipelineExecutionArn"])
    if execution.status not in (EXECUTING, STOPPING):
        raise AwsError(
            "ConflictException",
            f"Pipeline execution '{execution.arn}' cannot be stopped: its status is {execution.status}.",
        )
    execution.modified_by = user_context(caller)
    state.runtime.stop(execution, world.now)
    state.remember("StopPipelineExecution", request, execution.arn)
    return {"PipelineExecutionArn": execution.arn}


@operation("RetryPipelineExecution")
def retry(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    """Resumes in place: same ARN, parameters and definition. Only of Failed and Stopped executions (the refusal's code
    is not documented either)."""
    state = region.of(Pipelines)
    if arn := state.repeated("RetryPipelineExecution", request):
        return {"PipelineExecutionArn": arn}
    execution = state.execution(request["PipelineExecutionArn"])
    if execution.status not in (FAILED, STOPPED):
        raise AwsError(
            "ConflictException",
            f"Pipeline execution '{execution.arn}' cannot be retried: its status is {execution.status}.",
        )
    _check_quota(state)
    execution.parallelism = request.get("ParallelismConfiguration", execution.parallelism)
    execution.modified_by = user_context(caller)
    state.live.append(execution)
    state.runtime.retry(execution, world.now)
    state.remember("RetryPipelineExecution", request, execution.arn)
    return {"PipelineExecutionArn": execution.arn}


@operation("UpdatePipelineExecution")
def update(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    state = region.of(Pipelines)
    execution = state.execution(request["PipelineExecutionArn"])
    execution.description = request.get("PipelineExecutionDescription", execution.description)
    execution.display_name = request.get("PipelineExecutionDisplayName", execution.display_name)
    execution.parallelism = request.get("ParallelismConfiguration", execution.parallelism)
    execution.modified, execution.modified_by = world.now, user_context(caller)
    state.changed(execution)
    return {"PipelineExecutionArn": execution.arn}


@operation("DescribePipelineExecution")
def describe(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    return execution_members(region.of(Pipelines).execution(request["PipelineExecutionArn"]))


@operation("DescribePipelineDefinitionForExecution")
def definition_for(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    execution = region.of(Pipelines).execution(request["PipelineExecutionArn"])
    return {"PipelineDefinition": execution.text, "CreationTime": execution.created}


@operation("ListPipelineParametersForExecution")
def parameters_for(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    """All parameters, defaults included, as strings."""
    execution = region.of(Pipelines).execution(request["PipelineExecutionArn"])
    given = dict(execution.given)
    rows = [{"Name": name, "Value": given.get(name, str(value))} for name, value in execution.values.items()]
    cut, token = page(rows, request, default=100)
    return {"PipelineParameters": cut, "NextToken": token}


@operation("ListPipelineExecutions")
def list_executions(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    pipeline: Pipeline = region.of(Pipelines).find(request["PipelineName"])
    keys = {"CreationTime": lambda e: e.created, "PipelineExecutionArn": lambda e: e.arn}
    found = ordered(pipeline.executions, request, keys)
    cut, token = page(found, request, filter_after=created_within(request))
    rows = [
        {
            "PipelineExecutionArn": execution.arn,
            "StartTime": execution.created,
            "PipelineExecutionStatus": execution.status,
            "PipelineExecutionDescription": execution.description,
            "PipelineExecutionDisplayName": execution.display_name,
            "PipelineExecutionFailureReason": execution.reason,
        }
        for execution in cut
    ]
    return {"PipelineExecutionSummaries": rows, "NextToken": token}
