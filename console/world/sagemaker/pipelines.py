"""The operations on pipelines themselves (facts: sagemaker 3, 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from console.world import moto_backends
from console.world.errors import AwsError, not_found, validation
from console.world.identity import Caller
from console.world.operations import Answer, operation
from console.world.paging import ordered, page
from console.world.sagemaker.definitions import BadDefinition, parse
from console.world.sagemaker.records import Pipeline
from console.world.sagemaker.search import SearchIndex
from console.world.sagemaker.store import (
    Pipelines,
    last_run,
    pipeline_members,
    publish_pipeline,
    summary,
    user_context,
)
from console.world.sagemaker.tags import Tags

if TYPE_CHECKING:
    from console.world.world import Region, World


def _definition(region: Region, request: Mapping[str, Any]) -> str | None:
    """The definition given inline or in S3; None when neither is. Raises ValidationException."""
    text: str | None = request.get("PipelineDefinition")
    if place := request.get("PipelineDefinitionS3Location"):
        try:
            text = moto_backends.s3_text(place["Bucket"], place["ObjectKey"])
        except KeyError:
            where = f"s3://{place['Bucket']}/{place['ObjectKey']}"
            raise validation(f"Unable to read the pipeline definition at {where}.") from None
    if text is not None:
        try:
            parse(text)
        except BadDefinition as error:
            raise validation(str(error)) from None
    return text


@operation("CreatePipeline")
def create(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    state, name = region.of(Pipelines), request["PipelineName"]
    if arn := state.repeated("CreatePipeline", request):
        return {"PipelineArn": arn}
    if name.lower() in state.by_name:
        raise validation(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )
    text = _definition(region, request)
    if text is None:
        raise validation("PipelineDefinition or PipelineDefinitionS3Location is required.")
    by = user_context(caller)
    home = region.arn("").removesuffix(":")
    pipeline = Pipeline(name, home, request["RoleArn"], [text], world.now, world.now, by, by)
    _set(pipeline, request)
    state.add(pipeline)
    state.remember("CreatePipeline", request, pipeline.arn)
    region.of(Tags).put(pipeline.arn, request.get("Tags"))
    publish_pipeline(region, pipeline)
    return {"PipelineArn": pipeline.arn}


def _set(pipeline: Pipeline, request: Mapping[str, Any]) -> None:
    pipeline.display_name = request.get("PipelineDisplayName", pipeline.display_name)
    pipeline.description = request.get("PipelineDescription", pipeline.description)
    pipeline.parallelism = request.get("ParallelismConfiguration", pipeline.parallelism)
    pipeline.role = request.get("RoleArn", pipeline.role)


@operation("UpdatePipeline")
def update(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    """A changed definition is a new version; executions keep the one they started with."""
    pipeline = region.of(Pipelines).find(request["PipelineName"])
    text = _definition(region, request)
    if text is not None and text != pipeline.versions[-1]:
        pipeline.versions.append(text)
    _set(pipeline, request)
    pipeline.modified, pipeline.modified_by = world.now, user_context(caller)
    publish_pipeline(region, pipeline)
    return {"PipelineArn": pipeline.arn, "PipelineVersionId": len(pipeline.versions)}


@operation("DeletePipeline")
def delete(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    """Refused while executions run. [BC: "Deletes a pipeline if there are no running instances of the pipeline"]"""
    state = region.of(Pipelines)
    if arn := state.repeated("DeletePipeline", request):
        return {"PipelineArn": arn}
    pipeline = state.find(request["PipelineName"])
    if any(execution.pipeline is pipeline for execution in state.active()):
        raise AwsError("ConflictException", f"Pipeline '{pipeline.arn}' has running executions.")
    del state.by_name[pipeline.name.lower()]
    index = region.of(SearchIndex)
    index.publish("Pipeline", pipeline.arn, None)
    for execution in pipeline.executions:
        del state.by_execution[execution.id]
        index.publish("PipelineExecution", execution.arn, None)
    region.of(Tags).drop(pipeline.arn)
    state.remember("DeletePipeline", request, pipeline.arn)
    return {"PipelineArn": pipeline.arn}


@operation("DescribePipeline")
def describe(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    pipeline = region.of(Pipelines).find(request["PipelineName"])
    version = request.get("PipelineVersionId", len(pipeline.versions))
    if not 1 <= version <= len(pipeline.versions):
        raise not_found(f"Pipeline version '{version}' of '{pipeline.arn}' does not exist.")
    return pipeline_members(pipeline) | {"PipelineDefinition": pipeline.versions[version - 1]}


@operation("ListPipelines")
def list_pipelines(world: World, region: Region, request: dict[str, Any], caller: Caller) -> Answer:
    prefix = request.get("PipelineNamePrefix", "")
    found = [p for p in region.of(Pipelines).by_name.values() if p.name.startswith(prefix)]
    if request.get("ManagedBy") == "AWS":
        found = []
    keys = {"Name": lambda p: p.name, "CreationTime": lambda p: p.created}
    cut, token = page(ordered(found, request, keys), request, filter_after=created_within(request))
    rows = [summary(p) | {"LastExecutionTime": last_run(p)} for p in cut]
    return {"PipelineSummaries": rows, "NextToken": token}


def created_within(request: Mapping[str, Any]) -> Callable[[Any], bool]:
    """CreatedAfter and CreatedBefore as a test of anything that has `created`."""
    after, before = (request.get(key) for key in ("CreatedAfter", "CreatedBefore"))
    low, high = float("-inf") if after is None else after, float("inf") if before is None else before
    return lambda item: low <= item.created <= high
