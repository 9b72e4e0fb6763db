"""The state of the pipelines service in one region, its records for Search, and what running pipelines reach."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from console.world import moto_backends
from console.world.errors import AwsError, not_found
from console.world.identity import Caller
from console.world.sagemaker.definitions import Step
from console.world.sagemaker.history import expand
from console.world.sagemaker.joblog import JobLogs
from console.world.sagemaker.records import SUCCEEDED, TERMINAL, Attempt, Execution, Pipeline, StepRun
from console.world.sagemaker.runtime import Runtime
from console.world.sagemaker.search import SearchIndex
from console.world.sagemaker.tags import Tags
from console.world.shapes import check_request, clean

if TYPE_CHECKING:
    from console.world.world import Region

_DAY_S = 86_400.0

# How a step's job is asked for, and the member that carries its name.
_CREATE = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "QualityCheck": ("CreateProcessingJob", "ProcessingJobName"),
    "ClarifyCheck": ("CreateProcessingJob", "ProcessingJobName"),
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Transform": ("CreateTransformJob", "TransformJobName"),
    "Tuning": ("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Model": ("CreateModel", "ModelName"),
    "RegisterModel": ("CreateModelPackage", ""),
}


class Pipelines:
    """One region's pipelines, and what their runtime reaches: SQS, caches of earlier executions, job logs."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.by_name: dict[str, Pipeline] = {}
        self.by_execution: dict[str, Execution] = {}
        self.live: list[Execution] = []
        """Executions that may still run."""
        self.runtime = Runtime(region.world.agenda, region.world.clock.real, self)
        self._tokens: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, pipeline: Pipeline) -> None:
        self.by_name[pipeline.name.lower()] = pipeline
        self.by_execution.update({execution.id: execution for execution in pipeline.executions})

    def find(self, name_or_arn: str) -> Pipeline:
        """By name, or by ARN, whose name SageMaker lower-cases. Raises ResourceNotFound."""
        pipeline = self.by_name.get(name_or_arn.rsplit("/", 1)[-1].lower())
        if pipeline is None or name_or_arn not in (pipeline.name, pipeline.arn):
            arn = name_or_arn if ":" in name_or_arn else self.region.arn(f"pipeline/{name_or_arn.lower()}")
            raise not_found(f"Pipeline '{arn}' does not exist.")
        return pipeline

    def execution(self, arn: str) -> Execution:
        """With its steps. Raises ResourceNotFound."""
        execution = self.by_execution.get(arn.rsplit("/", 1)[-1])
        if execution is None or execution.arn != arn:
            raise not_found(f"Pipeline execution '{arn}' does not exist.")
        return self.opened(execution)

    def opened(self, execution: Execution) -> Execution:
        """With its steps; whoever sees the job of a step for the first time also finds its log."""
        if execution.steps is None:
            for run in expand(execution).runs.values():
                for job in run.attempts:
                    self.region.of(JobLogs).follow(execution, run, job)
        return execution

    def active(self) -> list[Execution]:
        self.live = [execution for execution in self.live if execution.status not in TERMINAL]
        return self.live

    def repeated(self, name: str, request: Mapping[str, Any]) -> str | None:
        """The ARN answered before to this ClientRequestToken. Raises ConflictException if it came with others."""
        known = self._tokens.get((name, request.get("ClientRequestToken", "")))
        if known is None:
            return None
        if known[0] != _fingerprint(request):
            raise AwsError("ConflictException", "ClientRequestToken was used before with different parameters.")
        return known[1]

    def remember(self, name: str, request: Mapping[str, Any], arn: str) -> None:
        if token := request.get("ClientRequestToken"):
            self._tokens[name, token] = (_fingerprint(request), arn)

    # What the runtime reaches (runtime.Surroundings):

    def send(self, queue_url: str, message: Mapping[str, Any]) -> str | None:
        name = queue_url.rsplit("/", 1)[-1]
        try:
            moto_backends.queues(self.region.name).send_message(name, json.dumps(message))
        except Exception as error:  # moto's exceptions share no base but this; a missing queue fails the step
            return f"ClientError: Failed to send a message to {queue_url}: {type(error).__name__}"
        return None

    def cached(self, execution: Execution, step: Step, signature: str, now: float) -> tuple[Execution, StepRun] | None:
        """The newest successful run of the same step with the same signature within the cache's time."""
        oldest = now - (step.cache_s or 0.0)
        for earlier in reversed(execution.pipeline.executions):
            if earlier is execution or earlier.created < oldest - _DAY_S:
                continue
            run = self.opened(earlier).runs.get(step.name)
            fits = run and run.status == SUCCEEDED and run.source is None and run.signature == signature
            if run and fits and oldest <= (run.ended or 0.0) <= now:
                return earlier, run
        return None

    def refusal(self, run: StepRun, job: str) -> str | None:
        name, member = _CREATE.get(run.step.type, ("", ""))
        if not name:
            return None
        request = run.arguments["Arguments"]
        try:
            check_request("sagemaker", name, clean({member: job, **request} if member else request))
        except AwsError as error:
            # The wording of step failures that never became a job, as users quote it in issues.
            return f"ClientError: Failed to invoke sagemaker:{name}. Error Details: {error.message}"[:1024]
        return None

    def began(self, execution: Execution, run: StepRun, job: Attempt) -> None:
        self.region.of(JobLogs).follow(execution, run, job)

    def changed(self, execution: Execution) -> None:
        self.region.of(SearchIndex).publish("PipelineExecution", execution.arn, execution_record(execution))


def execution_record(execution: Execution) -> dict[str, Any]:
    """DescribePipelineExecution's members, and the parameters that Search adds."""
    given = [{"Name": name, "Value": value} for name, value in execution.given]
    members = execution_members(execution) | {"PipelineParameters": given}
    return {name: value for name, value in members.items() if value is not None}


def execution_members(execution: Execution) -> dict[str, Any]:
    names = {"ExperimentName": execution.pipeline.name, "TrialName": execution.id}
    selective: dict[str, Any] = {"SelectedSteps": [{"StepName": name} for name in execution.selected]}
    if execution.reference:
        selective["SourcePipelineExecutionArn"] = execution.reference.arn
    return {
        "PipelineArn": execution.pipeline.arn,
        "PipelineExecutionArn": execution.arn,
        "PipelineExecutionDisplayName": execution.display_name,
        "PipelineExecutionStatus": execution.status,
        "PipelineExecutionDescription": execution.description,
        "PipelineExperimentConfig": names,
        "FailureReason": execution.reason,
        "CreationTime": execution.created,
        "LastModifiedTime": execution.modified,
        "CreatedBy": execution.created_by,
        "LastModifiedBy": execution.modified_by,
        "ParallelismConfiguration": execution.parallelism or execution.pipeline.parallelism,
        "SelectiveExecutionConfig": selective if execution.selected else None,
        "PipelineVersionId": execution.version + 1,
    }


def _fingerprint(request: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in request.items() if key != "ClientRequestToken"}
    return json.dumps(kept, sort_keys=True)


@cache
def user_context(caller: Caller) -> dict[str, Any]:
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": caller.principal_id}}


def pipeline_record(region: Region, pipeline: Pipeline) -> dict[str, Any]:
    """What Search holds of it."""
    return clean(pipeline_members(pipeline) | {"Tags": region.of(Tags).of(pipeline.arn)})  # type: ignore[no-any-return]


def publish_pipeline(region: Region, pipeline: Pipeline) -> None:
    region.of(SearchIndex).publish("Pipeline", pipeline.arn, pipeline_record(region, pipeline))


def pipeline_members(pipeline: Pipeline) -> dict[str, Any]:
    return summary(pipeline) | {
        "PipelineStatus": "Active",
        "LastRunTime": last_run(pipeline),
        "CreatedBy": pipeline.created_by,
        "LastModifiedBy": pipeline.modified_by,
        "ParallelismConfiguration": pipeline.parallelism,
    }


def summary(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "PipelineArn": pipeline.arn,
        "PipelineName": pipeline.name,
        "PipelineDisplayName": pipeline.display_name or pipeline.name,
        "PipelineDescription": pipeline.description,
        "RoleArn": pipeline.role,
        "CreationTime": pipeline.created,
        "LastModifiedTime": pipeline.modified,
    }


def last_run(pipeline: Pipeline) -> float | None:
    return pipeline.executions[-1].created if pipeline.executions else None
